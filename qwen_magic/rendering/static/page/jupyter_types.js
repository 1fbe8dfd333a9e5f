/* The parts of JupyterLab's, Notebook 7's and anywidget's objects that are used here: types only.
 *
 * Front-ends differ: whatever may be missing in one of them is optional.
 */

/**
 * @template T
 * @typedef {object} Signal
 * @property {(slot: (sender: unknown, value: T) => void) => void} connect
 * @property {(slot: (sender: unknown, value: T) => void) => void} disconnect
 */
/**
 * @typedef {object} Kernel
 * @property {string} [status]
 * @property {() => Promise<void>} [interrupt]
 * @property {Signal<string>} [statusChanged]
 */
/**
 * @typedef {object} SessionContext
 * @property {Signal<string>} [statusChanged]
 * @property {Signal<unknown>} [kernelChanged]
 */
/**
 * @typedef {object} Output
 * @property {Record<string, any>} data
 * @property {Record<string, any> & { qwen?: { view?: string, panel?: string } }} metadata
 * @property {(bundle: { data?: Record<string, any>, metadata?: Record<string, any> }) => void} setData
 */
/**
 * @typedef {object} Cell
 * @property {{ length: number, get: (index: number) => Output }} [outputs]
 * @property {{ updateOutputs?: (start: number, end: number, outputs: object[], origin: string) => void }} [sharedModel]
 */
/** @typedef {{ length: number, get: (index: number) => Cell }} CellList */
/**
 * @typedef {object} NotebookContext
 * @property {SessionContext} [sessionContext]
 * @property {{ cells?: CellList }} [model]
 * @property {Signal<string>} [saveState]
 */
/**
 * @typedef {object} WidgetManager
 * @property {NotebookContext} [context]
 * @property {Kernel | null} [kernel]
 * @property {{ latexTypesetter?: { typeset: (node: HTMLElement) => void } }} [_rendermime]
 */
/**
 * @typedef {object} WidgetModel
 * @property {(trait: string) => any} get
 * @property {(event: "msg:custom" | `change:${string}`, listener: (message: any) => void) => void} on
 * @property {(event: `change:${string}`, listener: () => void) => void} off
 * @property {(content: object, callbacks?: undefined, buffers?: ArrayBuffer[]) => void} send
 * @property {WidgetManager} [widget_manager]
 */
/** @typedef {{ model: WidgetModel, el: HTMLElement }} RenderProps */

export {};
