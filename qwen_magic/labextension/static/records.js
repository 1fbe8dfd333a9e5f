/* Answers that came while no page was open, put into their cells when the notebook is opened again.
 *
 * The kernel keeps each answer until a page has saved it (`qwen_magic.magics.unsaved_answers`). An answer is known by
 * the id of its request, which is in the metadata of its output.
 */

import { isQuestion } from "./notebooks.js";

const TARGET = "qwen_magic.answers";

/**
 * Put in what is missing, and tell the kernel what has been saved.
 *
 * @param {object} panel the notebook
 * @param {object} executed the application's signal that a cell has run
 */
export function recoverAnswers(panel, executed) {
  const { context, sessionContext } = panel;
  const shown = new Set(); // the ids of the answers that this page has had in its outputs
  let comm;

  function look() {
    for (const cell of context.model.cells) for (const { id } of answersIn(cell)) shown.add(id);
  }

  function saved(_, phase) {
    if (phase === "started") look();
    if (phase === "completed" && shown.size) comm?.send({ saved: [...shown] });
  }

  async function connect() {
    comm = undefined;
    const kernel = sessionContext.session?.kernel;
    if (!kernel || ![...context.model.cells].some(isQuestion)) return;
    const { content } = await kernel.requestCommInfo({ target_name: TARGET });
    if (!Object.keys(content.comms ?? {}).length) return;
    comm = kernel.createComm(TARGET);
    comm.onMsg = ({ content: { data } }) => {
      for (const [cell, bundles] of Object.entries(data.answers)) putIn(context.model, cell, bundles);
      look();
    };
    comm.open({});
  }

  look();
  context.saveState.connect(saved);
  sessionContext.kernelChanged.connect(connect);
  // A cell may have loaded the package only now.
  const after = (_, { notebook }) => notebook === panel.content && (!comm || comm.isDisposed) && void connect();
  executed.connect(after);
  panel.disposed.connect(() => executed.disconnect(after));
  void sessionContext.ready.then(connect);
}

/** The outputs of a cell that are answers: their number and the id of their request; of an unfinished one "". */
function* answersIn({ outputs }) {
  for (let number = 0; number < (outputs?.length ?? 0); number++) {
    const facts = outputs.get(number).metadata?.qwen;
    if (facts) yield { number, id: facts.request_id ?? "" };
  }
}

/** Give the cell of this id the answers of its last run, in the place of older or unfinished ones. */
function putIn(model, id, bundles) {
  const cell = [...model.cells].find((each) => each.id === id);
  if (!cell?.sharedModel.updateOutputs) return;
  const found = [...answersIn(cell)];
  const have = new Set(found.map((answer) => answer.id));
  if (bundles.every(({ metadata }) => have.has(metadata.qwen.request_id))) return;
  for (const { number } of found.reverse()) cell.sharedModel.updateOutputs(number, number + 1, []);
  const first = found.length ? found.at(-1).number : cell.outputs.length;
  const outputs = bundles.map((bundle) => ({ output_type: "display_data", ...bundle }));
  cell.sharedModel.updateOutputs(first, first, outputs);
}
