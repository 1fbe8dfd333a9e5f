/* Cells with code of answers: which cell asked for them, and what is done when the kernel sends others.
 *
 * Nothing of the application is used here. The kernel's half is `qwen_magic/code_cells/page_cells.py`. A copy of a
 * cell with code has another id than its facts, and belongs to no question. A cell that asked has its own id in its
 * facts, so that the parts of one that was split are known.
 */

/**
 * What is in a cell's metadata under `qwen_magic`: its own id, and of a cell with code that of the cell that asked, its
 * place among the cells of one answer, and a hash of what was written.
 *
 * @typedef {{ id: string, code_of?: string, number?: number, written?: string }} CellFacts
 */
/** @typedef {{ id: string, source: string, facts?: CellFacts, locked?: boolean, asks?: boolean }} Cell */
/**
 * A cell gets a source (`null`: it goes), if it has one of those that are expected, or is made.
 *
 * @typedef {{ cell: string, source: string | null, expected: string[], facts?: object }} Edit
 */
/** @typedef {{ asking: string, edits: Edit[] }} EditMessage */
/**
 * One step of doing so: `below` is the cell below which a new one is made.
 *
 * @typedef {{ id: string, source: string | null, facts?: object, below?: string }} Step
 */
/** @typedef {"changed" | "outdated" | "locked" | "missing"} Problem */

/**
 * The cells with the code that one cell asked for, in order.
 *
 * @param {Cell[]} cells the notebook's
 * @param {string} id that of the asking cell
 */
export function codeOf(cells, id) {
  const names = [id, formerId(cells, id)].filter(Boolean);
  const own = cells.filter(({ id: cell, facts }) => facts?.id === cell && names.includes(facts.code_of ?? ""));
  return own.sort((one, other) => (one.facts?.number ?? 0) - (other.facts?.number ?? 0));
}

/**
 * The id that an asking cell had before it was split, else "". JupyterLab leaves it to the last part, which does not
 * ask; the first part that asks goes on for it.
 *
 * @param {Cell[]} cells
 * @param {string} id
 */
function formerId(cells, id) {
  const former = cells.find((cell) => cell.id === id)?.facts?.id;
  if (!former || cells.some((cell) => cell.id === former && cell.asks)) return "";
  const heir = cells.find((cell) => cell.facts?.id === former && cell.asks);
  return heir?.id === id ? former : "";
}

/**
 * What the kernel is sent of cells with code.
 *
 * @param {Cell[]} cells
 */
export function described(cells) {
  return cells.map(({ id, source, facts, locked }) => ({ id, source, written: facts?.written, locked }));
}

/**
 * What to do for a message of the kernel: all of it, or nothing.
 *
 * @param {Cell[]} cells the notebook's
 * @param {EditMessage} message
 * @returns {{ problem?: Problem, steps: Step[] }} `problem` is why nothing can be done
 */
export function planned(cells, { asking, edits }) {
  /** @type {Step[]} */
  const steps = [];
  let below = asking;
  for (const edit of edits) {
    const { cell: id, source, facts } = edit;
    const found = cells.find((cell) => cell.id === id);
    const problem = found ? obstacle(found, edit) : source !== null && absent(cells, asking);
    if (problem) return { problem, steps: [] };
    const step = { id, source, facts: facts && { ...facts, id } };
    if (found) steps.push(step);
    else if (source !== null) steps.push({ ...step, below });
    if (source !== null) below = id;
  }
  return { steps };
}

/**
 * @param {Cell} found
 * @param {Edit} edit
 * @returns {Problem | ""}
 */
function obstacle(found, { source, expected, facts }) {
  if (found.locked) return "locked";
  if (found.source === source || expected.includes(found.source.replace(/\n+$/, ""))) return "";
  return facts || source === null ? "changed" : "outdated";
}

/**
 * @param {Cell[]} cells
 * @param {string} asking
 * @returns {Problem | ""}
 */
function absent(cells, asking) {
  return cells.some((cell) => cell.id === asking) ? "" : "missing";
}
