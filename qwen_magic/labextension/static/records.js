/* Answers that came while no page was open, put into their cells when the notebook is opened again.
 *
 * The kernel keeps each answer until a page has saved it (`qwen_magic.magics.unsaved_answers`). An answer is known by
 * the id of its request, which is in the metadata of its output.
 */

/** @import { CellModel, Comm, ExecutedSignal, NotebookModel, NotebookPanel } from "./application_types.js" */

import { isQuestion } from "./notebooks.js";

/** @typedef {{ data: object, metadata: { qwen: { request_id: string } } }} Bundle the MIME bundle of an answer */

const TARGET = "qwen_magic.answers";

/**
 * Put in what is missing, and report to the kernel what has been saved.
 *
 * @param {NotebookPanel} panel
 * @param {ExecutedSignal} executed
 */
export function recoverAnswers(panel, executed) {
  const { context, sessionContext } = panel;
  /** @type {Set<string>} */
  const shown = new Set(); // the ids of the answers that this page has had in its outputs
  /** @type {Comm | undefined} */
  let comm;

  function look() {
    for (const cell of context.model.cells) for (const { id } of answersIn(cell)) shown.add(id);
  }

  /**
   * @param {unknown} _
   * @param {string} phase
   */
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
      /** @type {[string, Bundle[]][]} */
      const answers = Object.entries(data.answers);
      for (const [cell, bundles] of answers) putIn(context.model, cell, bundles);
      look();
    };
    comm.open({});
  }

  look();
  context.saveState.connect(saved);
  sessionContext.kernelChanged.connect(connect);
  // A cell may have loaded the package only now.
  /** @type {Parameters<ExecutedSignal["connect"]>[0]} */
  const after = (_, { notebook }) => {
    if (notebook === panel.content && (!comm || comm.isDisposed)) void connect();
  };
  executed.connect(after);
  panel.disposed.connect(() => executed.disconnect(after));
  void sessionContext.ready.then(connect);
}

/**
 * The outputs of a cell that are answers: their number and the id of their request; of an unfinished one "".
 *
 * @param {CellModel} cell
 */
function* answersIn({ outputs }) {
  for (let number = 0; number < (outputs?.length ?? 0); number++) {
    const facts = outputs?.get(number).metadata?.qwen;
    if (facts) yield { number, id: facts.request_id ?? "" };
  }
}

/**
 * Give the cell of this id the answers of its last run, in the place of older or unfinished ones.
 *
 * @param {NotebookModel} model
 * @param {string} id
 * @param {Bundle[]} bundles
 */
function putIn(model, id, bundles) {
  const cell = [...model.cells].find((each) => each.id === id);
  const update = cell?.sharedModel.updateOutputs?.bind(cell.sharedModel);
  if (!cell || !update) return;
  const found = [...answersIn(cell)];
  const have = new Set(found.map((answer) => answer.id));
  if (bundles.every(({ metadata }) => have.has(metadata.qwen.request_id))) return;
  for (const { number } of found.reverse()) update(number, number + 1, []);
  const first = found.at(-1)?.number ?? cell.outputs?.length ?? 0;
  const outputs = bundles.map((bundle) => ({ output_type: "display_data", ...bundle }));
  update(first, first, outputs);
}
