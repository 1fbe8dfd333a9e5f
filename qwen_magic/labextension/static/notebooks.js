/* Notebooks and their cells, as they come. */

// IPython ignores empty lines before a cell magic.
const QUESTION = /^\s*%%qwen(?![\w-])/;

/** Call `begin(panel)` for each notebook that is open, and for each that is opened later, when its cells are there. */
export function forEachNotebook(tracker, begin) {
  const start = (panel) => void panel.context.ready.then(() => panel.isDisposed || begin(panel));
  tracker.forEach(start);
  tracker.widgetAdded.connect((_, panel) => start(panel));
}

/** Call `begin(model)` for each code cell of a notebook, and for each that is added later. */
export function forEachCodeCell(panel, begin) {
  const { cells } = panel.context.model;
  const start = (models) => models.filter(({ type }) => type === "code").forEach(begin);
  start([...cells]);
  cells.changed.connect((_, { newValues }) => start(newValues ?? []));
}

/** Whether a cell is a question to Qwen. */
export function isQuestion(model) {
  return model.type === "code" && QUESTION.test(model.sharedModel.getSource());
}
