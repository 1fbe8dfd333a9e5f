/* Sends the kernel, with each cell that runs, the order of the notebook's cells as they stand on the page, and those
 * with the code that this cell asked for before.
 *
 * JupyterLab sends the id of the cell that runs. Its place among the others is in the file only, as it was saved last.
 */

/** @import { Kernel, NotebookPanel } from "./application_types.js" */

import { codeFacts } from "./cell_edits.js";

// `%qwen apply` may be about the code that any cell asked for.
const APPLIES = /%qwen\b.*\bapply\b/;

/** @type {WeakSet<Kernel>} */
const wrapped = new WeakSet();

/**
 * Add the facts of the cells to the metadata of execute requests.
 *
 * @param {NotebookPanel} panel
 */
export function describeRequests(panel) {
  const { sessionContext } = panel;
  const wrap = () => wrapKernel(sessionContext.session?.kernel, panel);
  sessionContext.kernelChanged.connect(wrap);
  wrap();
}

/**
 * @param {Kernel | null | undefined} kernel
 * @param {NotebookPanel} panel
 */
function wrapKernel(kernel, panel) {
  if (!kernel || wrapped.has(kernel)) return;
  wrapped.add(kernel);
  const requestExecute = kernel.requestExecute.bind(kernel);
  kernel.requestExecute = (content, disposeOnDone, metadata) =>
    requestExecute(
      content,
      disposeOnDone,
      metadata?.cellId ? { ...metadata, ...factsFor(panel, metadata.cellId, APPLIES.test(content.code)) } : metadata,
    );
}

/**
 * The metadata for this package: nothing for a notebook that never names it.
 *
 * @param {NotebookPanel} panel
 * @param {string} id of the cell that runs
 * @param {boolean} all whether the code of every cell is needed
 */
function factsFor({ context }, id, all) {
  const cells = [...context.model.cells];
  if (!cells.some(({ sharedModel }) => sharedModel.getSource().includes("qwen"))) return {};
  return { qwen_magic: { cells: cells.map((cell) => cell.id), code: codeFacts(context, id, all) } };
}
