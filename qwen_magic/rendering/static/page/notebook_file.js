/* What a notebook's file holds of a widget while the page shows it: a static record.
 *
 * A widget that is saved in a notebook is an error message when the notebook is opened again without its kernel. So
 * where the page lets us (JupyterLab, Notebook 7), what is saved is the record alone, and a page that is loaded while
 * the kernel still has the widget puts it back into its place. Elsewhere the saved output has what the kernel sent.
 */

const WIDGET = "application/vnd.jupyter.widget-view+json";
// The file follows a widget at this distance, in milliseconds; saving waits for nothing.
const LATER = 500;

/**
 * The file's half of one widget. `shows(output)` says whether an output shows it, `data()` is what to save of it.
 *
 * Returns `changed()`; `wake(id)`, which shows the widget of this id where only its record was loaded;
 * `replace(bundle)`, which puts a static display into its place for good; `shown()`, whether there is such a place.
 */
function fileOf(model, { shows, data }) {
  const context = model.widget_manager?.context;
  const cells = context?.model?.cells;
  if (typeof cells?.get !== "function") return { changed() {}, wake() {}, replace() {}, shown: () => false, close() {} };
  let timer = 0;

  function write() {
    clearTimeout(timer);
    timer = 0;
    for (const { cell, number, output } of outputsOf(cells, shows)) {
      const saved = { output_type: "display_data", data: data(), metadata: output.metadata };
      // So the page does not draw the output anew: the widget stays where it is.
      cell.sharedModel?.updateOutputs?.(number, number + 1, [saved], "silent-change");
    }
  }

  function saving(_, phase) {
    if (phase === "started") write();
  }

  function set(change) {
    for (const { output } of outputsOf(cells, shows)) change(output);
  }

  context.saveState?.connect(saving);
  return {
    changed() {
      timer ||= setTimeout(write, LATER);
    },
    wake(id) {
      const view = { version_major: 2, version_minor: 0, model_id: id };
      set((output) => {
        if (!(WIDGET in output.data)) output.setData({ data: { ...output.data, [WIDGET]: view }, metadata: output.metadata });
      });
    },
    replace: (bundle) => set((output) => output.setData(bundle)),
    shown: () => !outputsOf(cells, shows).next().done,
    close() {
      clearTimeout(timer);
      context.saveState?.disconnect(saving);
    },
  };
}

/** The outputs of a notebook for which `shows` holds: the cell, the number of the output, the output. */
function* outputsOf(cells, shows) {
  for (let at = 0; at < cells.length; at++) {
    const cell = cells.get(at);
    for (let number = 0; number < (cell.outputs?.length ?? 0); number++) {
      const output = cell.outputs.get(number);
      if (shows(output)) yield { cell, number, output };
    }
  }
}

/** The text of some HTML, for the plain text of a record. Nothing in it is fetched or run. */
function textOf(html) {
  return new DOMParser().parseFromString(html, "text/html").body.textContent.trim();
}
