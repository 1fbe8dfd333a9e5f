/** @import { EditMessage } from "./written_cells.js" */

/* The parts of JupyterLab's and Notebook 7's objects that the extension uses: types only.
 *
 * Of JupyterLab 4 (https://jupyterlab.readthedocs.io/en/stable/api/). What may be missing is optional.
 */

/**
 * @template [S=unknown]
 * @template [T=unknown]
 * @typedef {object} Signal
 * @property {(slot: (sender: S, value: T) => void) => void} connect
 * @property {(slot: (sender: S, value: T) => void) => void} disconnect
 */
/**
 * @typedef {object} Comm
 * @property {boolean} isDisposed
 * @property {(data: object) => void} open
 * @property {(data: object) => void} send
 * @property {(message: { content: { data: any } }) => void} onMsg
 */
/** @typedef {Record<string, unknown> & { cellId?: string }} RequestMetadata */
/**
 * @typedef {{ header: { msg_type: string }, parent_header: { session?: string }, content: any }} IOPubMessage
 */
/** @typedef {{ warning: (message: string, options: { autoClose: number }) => void }} Notifications */
/**
 * @typedef {object} Kernel
 * @property {string} clientId
 * @property {(content: { code: string, store_history?: boolean }, disposeOnDone?: boolean,
 *   metadata?: RequestMetadata) => object} requestExecute
 * @property {() => Promise<void>} interrupt
 * @property {(content: { target_name: string }) => Promise<{ content: { comms?: object } }>} requestCommInfo
 * @property {(target: string) => Comm} createComm
 */
/**
 * @typedef {object} SessionContext
 * @property {{ kernel?: Kernel | null } | null} session
 * @property {Promise<void>} ready
 * @property {Signal} kernelChanged
 * @property {Signal<unknown, IOPubMessage>} iopubMessage
 */
/**
 * @typedef {{ request_id?: string, model?: string, endpoint?: string, usage?: Usage,
 *   diff?: { cell: string, old: string, new: string } }} AnswerFacts
 */
/** @typedef {{ input?: number, output?: number }} Usage */
/** @typedef {{ type?: string, metadata?: { qwen?: AnswerFacts, qwen_magic?: EditMessage } }} Output */
/**
 * @typedef {object} SharedCell
 * @property {() => string} getId
 * @property {() => string} getSource
 * @property {(source: string) => void} setSource
 * @property {(key: string, value: object) => void} setMetadata
 * @property {Signal<unknown, { sourceChange?: unknown }>} changed
 * @property {(start: number, end: number, outputs: object[]) => void} [updateOutputs] of a code cell
 * @property {(outputs: object[]) => void} [setOutputs] of a code cell
 * @property {number | null} [execution_count] of a code cell
 */
/**
 * @typedef {object} CellModel
 * @property {string} id
 * @property {string} type
 * @property {string} mimeType
 * @property {Signal} mimeTypeChanged
 * @property {SharedCell} sharedModel
 * @property {(key: string) => any} getMetadata
 * @property {{ length: number, get: (index: number) => Output }} [outputs] of a code cell
 * @property {number | null} [executionCount] of a code cell
 */
/** @typedef {Iterable<CellModel> & { changed: Signal<unknown, { newValues?: CellModel[] }> }} CellList */
/**
 * @typedef {object} NotebookModel
 * @property {CellList} cells
 * @property {boolean} readOnly
 * @property {SharedNotebook} sharedModel
 */
/** @typedef {{ cell_type: string, source: string, id?: string, metadata?: object }} NewCell */
/**
 * @typedef {object} SharedNotebook
 * @property {SharedCell[]} cells
 * @property {(index: number, cell: NewCell) => void} insertCell
 * @property {(index: number) => void} deleteCell
 * @property {(change: () => void) => void} transact
 * @property {{ stopCapturing: () => void }} [undoManager] Yjs's
 */
/**
 * @typedef {object} NotebookContext
 * @property {string} path
 * @property {boolean} isReady
 * @property {Promise<void>} ready
 * @property {NotebookModel} model
 * @property {{ writable: boolean } | null} [contentsModel]
 * @property {Signal<unknown, string>} saveState
 */
/**
 * @typedef {object} NotebookContent
 * @property {HTMLElement} node
 * @property {{ node: HTMLElement, model: CellModel,
 *   outputArea?: { node: HTMLElement, widgets: { node: HTMLElement }[] } }[]} widgets
 * @property {number} activeCellIndex
 * @property {{ model: CellModel } | null} activeCell
 * @property {string} codeMimetype
 * @property {object} rendermime
 */
/**
 * @typedef {object} NotebookPanel
 * @property {string} id
 * @property {boolean} isDisposed
 * @property {Signal} disposed
 * @property {NotebookContext} context
 * @property {NotebookContent} content
 * @property {SessionContext} sessionContext
 */
/**
 * @typedef {object} NotebookTracker
 * @property {NotebookPanel | null} currentWidget
 * @property {(visit: (panel: NotebookPanel) => void) => void} forEach
 * @property {Signal<unknown, NotebookPanel>} widgetAdded
 * @property {Signal<unknown, NotebookPanel | null>} currentChanged
 * @property {Signal} activeCellChanged
 */
/** @typedef {Signal<unknown, { notebook: NotebookContent }>} ExecutedSignal a cell of `notebook` has run */
/**
 * @typedef {object} Shell
 * @property {(widget: SideWidget, area: string, options: { rank: number }) => void} add
 * @property {(id: string) => void} activateById
 */
/**
 * @typedef {object} Application
 * @property {Shell} shell
 * @property {{ addCommand: (id: string, options: object) => void, execute: (id: string) => Promise<unknown>,
 *   notifyCommandChanged: () => void }} commands
 */
/** @typedef {{ addItem: (item: { command: string, category: string }) => void }} CommandPalette */
/** @typedef {{ getLanguage: (mimeType: string) => Promise<unknown> }} LanguageRegistry */
/** @typedef {{ registerStatusItem: (id: string, options: object) => void }} StatusBar */
/**
 * A widget of lumino.
 *
 * @typedef {object} SideWidget
 * @property {string} id
 * @property {{ label: string, caption: string, closable: boolean }} title
 * @property {boolean} isDisposed
 * @property {boolean} isHidden
 * @property {Signal} disposed
 * @property {HTMLElement} node
 * @property {(name: string) => void} addClass
 * @property {(child: object) => void} addWidget
 * @property {(hidden: boolean) => void} setHidden
 * @property {() => void} dispose
 */
/**
 * The classes of the application that the chat at the side is made of.
 *
 * @typedef {object} ChatModules
 * @property {new (options: { model: object, rendermime: object }) => { future: object }} OutputArea
 * @property {new (options: { trusted: boolean }) => object} OutputAreaModel
 * @property {new () => SideWidget} Panel
 */

/** @typedef {ChatModules & { LabIcon: new (icon: { name: string, svgstr: string }) => object }} Modules */

export {};
