/* Notebooks and their cells, as they come. */

/** @import { CellModel, NotebookPanel, NotebookTracker } from "./application_types.js" */

// IPython ignores empty lines before a cell magic.
const QUESTION = /^\s*%%qwen(?![\w-])/;

/**
 * Call `begin` for each notebook that is open, and for each that is opened later, when its cells are loaded.
 *
 * @param {NotebookTracker} tracker
 * @param {(panel: NotebookPanel) => void} begin
 */
export function forEachNotebook(tracker, begin) {
  /** @param {NotebookPanel} panel */
  const start = (panel) => void panel.context.ready.then(() => panel.isDisposed || begin(panel));
  tracker.forEach(start);
  tracker.widgetAdded.connect((_, panel) => start(panel));
}

/**
 * Call `begin` for each code cell of a notebook, and for each that is added later.
 *
 * @param {NotebookPanel} panel
 * @param {(model: CellModel) => void} begin
 */
export function forEachCodeCell(panel, begin) {
  const { cells } = panel.context.model;
  /** @param {CellModel[]} models */
  const start = (models) => models.filter(({ type }) => type === "code").forEach(begin);
  start([...cells]);
  cells.changed.connect((_, { newValues }) => start(newValues ?? []));
}

/**
 * Whether a cell is a question to Qwen.
 *
 * @param {CellModel} model
 */
export function isQuestion(model) {
  return model.type === "code" && QUESTION.test(model.sharedModel.getSource());
}
