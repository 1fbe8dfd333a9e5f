/* What a notebook's file holds of a widget while the page shows it: a static record.
 *
 * A widget that is saved in a notebook is an error message when the notebook is opened again without its kernel. So
 * where the page lets us (JupyterLab, Notebook 7), what is saved is the record alone, and a page that is loaded while
 * the kernel still has the widget puts it back into its place. Elsewhere the saved output has what the kernel sent.
 */

/** @import { CellList, Output, WidgetModel } from "./jupyter_types.js" */

const WIDGET = "application/vnd.jupyter.widget-view+json";
// The file follows a widget at this distance, in milliseconds; saving waits for nothing.
const LATER = 500;

/** The file's half of one widget. */
export class NotebookFile {
  /**
   * @param {WidgetModel} model
   * @param {object} content
   * @param {(output: Output) => boolean} content.shows whether an output shows the widget
   * @param {() => Record<string, string>} content.data what to save of it
   */
  constructor(model, { shows, data }) {
    this._context = model.widget_manager?.context;
    const cells = this._context?.model?.cells;
    this._cells = typeof cells?.get === "function" ? cells : undefined;
    this._shows = shows;
    this._data = data;
    this._timer = 0;
    this._saving = (/** @type {unknown} */ _, /** @type {string} */ phase) => {
      if (phase === "started") this._write();
    };
    if (this._cells) this._context?.saveState?.connect(this._saving);
  }

  /** There is something new to save. */
  changed() {
    if (this._cells) this._timer ||= setTimeout(() => this._write(), LATER);
  }

  /**
   * Show the widget `id` where only its record was loaded.
   *
   * @param {string} id
   */
  wake(id) {
    const view = { version_major: 2, version_minor: 0, model_id: id };
    for (const { output } of this._outputs()) {
      if (WIDGET in output.data) continue;
      output.setData({ data: { ...output.data, [WIDGET]: view }, metadata: output.metadata });
    }
  }

  /**
   * Put a static display into the widget's place for good.
   *
   * @param {{ data: Record<string, any>, metadata: Record<string, any> }} bundle
   */
  replace(bundle) {
    for (const { output } of this._outputs()) output.setData(bundle);
  }

  /** Whether some output shows the widget. */
  shown() {
    return !this._outputs().next().done;
  }

  close() {
    clearTimeout(this._timer);
    if (this._cells) this._context?.saveState?.disconnect(this._saving);
  }

  _outputs() {
    return outputsOf(this._cells, this._shows);
  }

  _write() {
    clearTimeout(this._timer);
    this._timer = 0;
    for (const { cell, number, output } of this._outputs()) {
      const saved = { output_type: "display_data", data: this._data(), metadata: output.metadata };
      // So the page does not draw the output anew: the widget stays where it is.
      cell.sharedModel?.updateOutputs?.(number, number + 1, [saved], "silent-change");
    }
  }
}

/**
 * The outputs of a notebook for which `shows` holds: the cell, the number of the output, the output.
 *
 * @param {CellList | undefined} cells
 * @param {(output: Output) => boolean} shows
 */
export function* outputsOf(cells, shows) {
  for (let at = 0; cells && at < cells.length; at++) {
    const cell = cells.get(at);
    for (let number = 0; number < (cell.outputs?.length ?? 0); number++) {
      const output = cell.outputs?.get(number);
      if (output && shows(output)) yield { cell, number, output };
    }
  }
}
