/* The panel in the notebook's file: a static record, while the page shows the widget.
 *
 * A widget that is saved in a notebook is an error message when the notebook is opened again without its kernel. So
 * where the page lets us (JupyterLab, Notebook 7), what is saved is the transcript alone, and a page that is loaded
 * while the kernel still has the panel puts the widget back in its place. Elsewhere the saved output has both.
 */

const WIDGET = "application/vnd.jupyter.widget-view+json";
// The file follows the transcript at this distance, in milliseconds; saving waits for nothing.
const LATER = 500;

function fileOf(model, chat) {
  const context = model.widget_manager?.context;
  const cells = context?.model?.cells;
  if (typeof cells?.get !== "function") return { changed() {}, wake() {} };
  let timer = 0;

  /** The outputs that show this panel: the cell, the number of the output, the output. */
  function* shown() {
    for (let at = 0; at < cells.length; at++) {
      const cell = cells.get(at);
      for (let number = 0; number < (cell.outputs?.length ?? 0); number++) {
        const output = cell.outputs.get(number);
        if (output.metadata?.qwen?.panel === chat.state.id) yield { cell, number, output };
      }
    }
  }

  function write() {
    clearTimeout(timer);
    timer = 0;
    for (const { cell, number, output } of shown()) {
      const saved = { output_type: "display_data", data: transcript(chat.state), metadata: output.metadata };
      // So the page does not draw the output anew: the widget stays where it is.
      cell.sharedModel?.updateOutputs?.(number, number + 1, [saved], "silent-change");
    }
  }

  context.saveState?.connect((_, phase) => phase === "started" && write());

  return {
    changed() {
      timer ||= setTimeout(write, LATER);
    },
    /** Show the widget again where only its record was loaded. */
    wake() {
      for (const { output } of shown()) {
        if (WIDGET in output.data) continue;
        const view = { version_major: 2, version_minor: 0, model_id: output.metadata.qwen.view };
        output.setData({ data: { ...output.data, [WIDGET]: view }, metadata: output.metadata });
      }
    },
  };
}

/** The record of the transcript, as record.py makes it; a running answer as far as it has come. */
function transcript({ order, turns, around }) {
  const shown = order.map((key) => turns[key]).filter((turn) => turn.head);
  const html = shown.map(({ head, answer, foot }) => head + answer.blocks.join("") + answer.tail + foot.en);
  const text = shown.map((turn) => `> ${turn.question}\n\n${turn.text}`);
  return { "text/html": around[0] + html.join("") + around[1], "text/plain": text.join("\n\n") };
}
