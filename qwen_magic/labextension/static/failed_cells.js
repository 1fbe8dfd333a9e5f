/* The cell that failed last, and a question on it: "%qwen fix" in a cell below, whose answer is a diff. */

/** @import { Application, CellModel, ExecutedSignal, NotebookPanel, NotebookTracker } from "./application_types.js" */

import { say } from "./extension_words.js";

const QUESTION = "%qwen fix";
// Questions on code that fail are not what is to be corrected.
const ASKS = /^\s*%qwen\s+(fix|explain|edit)\b/;
const BUTTON = "qwen-fix";

/**
 * The command "Fix this error", but for its icon.
 *
 * @param {Application} app
 * @param {NotebookTracker} tracker
 */
export function fixCommand(app, tracker) {
  const failed = () => (tracker.currentWidget ? lastFailed(tracker.currentWidget) : -1);
  return {
    label: say("fixError"),
    caption: say("fixErrorLong"),
    isEnabled: () => failed() >= 0,
    // In the toolbar of a cell it is about this cell.
    isVisible: (/** @type {{ ofCell?: boolean }} */ { ofCell }) =>
      !ofCell || (failed() >= 0 && failed() === tracker.currentWidget?.content.activeCellIndex),
    execute: () => {
      if (tracker.currentWidget) fixError(app, tracker.currentWidget);
    },
  };
}

/**
 * The place of the cell that failed last; -1 where none has failed, or the notebook never names this package.
 *
 * @param {NotebookPanel} panel
 * @returns {number}
 */
function lastFailed({ context }) {
  const cells = [...context.model.cells];
  if (!cells.some(({ sharedModel }) => sharedModel.getSource().includes("qwen"))) return -1;
  const counts = cells.map((cell) => (hasFailed(cell) ? (cell.executionCount ?? 0) : -1));
  const latest = Math.max(-1, ...counts);
  return latest < 0 ? -1 : counts.lastIndexOf(latest);
}

/** @param {CellModel} cell */
function hasFailed({ outputs, sharedModel }) {
  if (!outputs || ASKS.test(sharedModel.getSource())) return false;
  return Array.from({ length: outputs.length }, (_, number) => outputs.get(number).type).includes("error");
}

/**
 * Ask for the cell that failed last, corrected, in the cell below it; one that asks already is run again.
 *
 * @param {Application} app
 * @param {NotebookPanel} panel
 */
function fixError(app, panel) {
  const { content, context } = panel;
  const failed = lastFailed(panel);
  if (failed < 0) return;
  const below = [...context.model.cells][failed + 1];
  if (!below?.sharedModel.getSource().trimStart().startsWith(QUESTION)) {
    context.model.sharedModel.insertCell(failed + 1, { cell_type: "code", source: QUESTION });
  }
  content.activeCellIndex = failed + 1;
  void app.commands.execute("notebook:run-cell");
}

/**
 * Keep a button below the output of the cell that failed last.
 *
 * @param {Application} app
 * @param {NotebookPanel} panel
 * @param {ExecutedSignal} executed
 */
export function addFixButton(app, panel, executed) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: `qwen-insert ${BUTTON}`, textContent: say("fixError") });
  made.title = say("fixErrorLong");
  made.addEventListener("click", () => fixError(app, panel));

  const show = () => {
    const failed = panel.context.model.readOnly ? -1 : lastFailed(panel);
    const area = failed < 0 ? undefined : panel.content.widgets[failed]?.outputArea;
    if (area) area.node.append(made);
    else made.remove();
  };
  /** @type {Parameters<ExecutedSignal["connect"]>[0]} */
  const after = (_, { notebook }) => {
    if (notebook === panel.content) show();
  };
  executed.connect(after);
  panel.disposed.connect(() => executed.disconnect(after));
  show();
}
