/* Does what the kernel's messages say on cells: code of an answer below the cell that asked, a change of a cell.
 *
 * Nothing is run. All of a message is one step of the notebook's own undo.
 */

/** @import { NotebookContext, NotebookModel, NotebookPanel } from "./application_types.js" */
/** @import { Notifications, SharedCell } from "./application_types.js" */
/** @import { Cell, EditMessage, Step } from "./written_cells.js" */

import { say } from "./extension_words.js";
import { codeOf, described, planned } from "./written_cells.js";

const MESSAGE = "qwen_magic.cells";
const OURS = "qwen_magic";
const ASKS = /%qwen(?![\w-])/;
const SHOWN = 10_000; // milliseconds for which a notification is shown

const PROBLEMS = {
  changed: () => say("changed"),
  outdated: () => say("outdated"),
  locked: () => say("locked"),
  missing: () => say("missing"),
};

/** @type {WeakSet<NotebookContext>} */
const followed = new WeakSet();

/**
 * Do what a notebook's kernel says, where this page has run the cell that says it.
 *
 * @param {NotebookPanel} panel
 * @param {Notifications} notifications
 */
export function followKernel({ context, sessionContext }, notifications) {
  // Two views of one notebook are one notebook.
  if (followed.has(context)) return;
  followed.add(context);
  sessionContext.iopubMessage.connect((_, { header, parent_header: parent, content }) => {
    if (header.msg_type !== MESSAGE || parent.session !== sessionContext.session?.kernel?.clientId) return;
    editCells(context, content, notifications);
  });
}

/**
 * Do what a message says, or notify the person of why it cannot be done.
 *
 * @param {NotebookContext} context
 * @param {EditMessage} message
 * @param {Notifications} notifications
 */
export function editCells(context, message, notifications) {
  const { problem, steps } = planned(cellsOf(context.model), message);
  if (isReadOnly(context)) notifications.warning(say("readOnly"), { autoClose: SHOWN });
  else if (problem) notifications.warning(PROBLEMS[problem](), { autoClose: SHOWN });
  else perform(context.model, steps, message.asking);
}

/**
 * What the kernel is sent with a request.
 *
 * @param {NotebookContext} context
 * @param {string} id of the cell that runs
 * @param {boolean} all whether the code of every cell is needed
 */
export function codeFacts(context, id, all) {
  const cells = cellsOf(context.model);
  const asking = all ? cells.map((cell) => cell.id) : [id];
  const found = asking.map((each) => /** @type {const} */ ([each, described(codeOf(cells, each))]));
  return { read_only: isReadOnly(context), cells: Object.fromEntries(found.filter(([, code]) => code.length)) };
}

/** @param {NotebookContext} context */
function isReadOnly({ model, contentsModel }) {
  return Boolean(model.readOnly || contentsModel?.writable === false);
}

/**
 * @param {NotebookModel} model
 * @returns {Cell[]}
 */
function cellsOf(model) {
  return [...model.cells].map((cell) => ({
    id: cell.id,
    source: cell.sharedModel.getSource(),
    facts: cell.getMetadata(OURS),
    locked: cell.getMetadata("editable") === false,
    asks: ASKS.test(cell.sharedModel.getSource()),
  }));
}

/**
 * @param {NotebookModel} model
 * @param {Step[]} steps
 * @param {string} asking
 */
function perform({ sharedModel: notebook }, steps, asking) {
  // Within a transaction `notebook.cells` stays as it was.
  const cells = new Map(notebook.cells.map((cell) => [cell.getId(), cell]));
  const order = [...cells.keys()];
  // Changes that follow one another within half a second would be one step.
  notebook.undoManager?.stopCapturing();
  // Inside of one transaction everything belongs to the notebook's undo, also what changes inside of a cell.
  notebook.transact(() => {
    for (const { id, source, facts, below } of steps) {
      const index = order.indexOf(below ?? id) + (below ? 1 : 0);
      if (source === null) notebook.deleteCell(index);
      else if (below) notebook.insertCell(index, { cell_type: "code", id, source, metadata: { [OURS]: facts } });
      else replace(cells.get(id), source, facts);
      if (source === null) order.splice(index, 1);
      else if (below) order.splice(index, 0, id);
    }
    if (steps.some(({ facts }) => facts)) cells.get(asking)?.setMetadata(OURS, { id: asking });
  });
}

/**
 * Give a cell another source; what the old one put out is not of the new one.
 *
 * @param {SharedCell | undefined} cell
 * @param {string} source
 * @param {object} [facts]
 */
function replace(cell, source, facts) {
  if (!cell) return;
  if (facts) cell.setMetadata(OURS, facts);
  if (cell.getSource() === source) return;
  cell.setSource(source);
  cell.setOutputs?.([]);
  if ("execution_count" in cell) cell.execution_count = null;
}
