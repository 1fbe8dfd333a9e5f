/* The status item: who answered last in the current notebook, and how many tokens its saved answers took. */

/** @import { ExecutedSignal, NotebookContext, NotebookModel, NotebookTracker } from "./application_types.js" */
/** @import { SideWidget, StatusBar } from "./application_types.js" */

import { say } from "./extension_words.js";

/**
 * Add the item to the status bar.
 *
 * @param {NotebookTracker} tracker has the current notebook
 * @param {{ NotebookActions: { executed: ExecutedSignal }, Widget: new (options: object) => SideWidget }} modules
 * @param {StatusBar} statusBar
 */
export function addStatus(tracker, { NotebookActions, Widget }, statusBar) {
  const item = new Widget({ node: document.createElement("span") });
  ["qwen-status", "jp-StatusBar-TextItem"].forEach((name) => item.addClass(name));
  const update = () => show(item, tracker.currentWidget?.context);
  tracker.currentChanged.connect((_, panel) => {
    update();
    void panel?.context.ready.then(update);
  });
  NotebookActions.executed.connect(update);
  const place = { item, align: "right", rank: 100, isActive: () => !item.isHidden };
  statusBar.registerStatusItem("qwen-magic:status", place);
  update();
}

/**
 * @param {SideWidget} item
 * @param {NotebookContext | undefined} context
 */
function show(item, context) {
  const answers = context?.isReady ? [...answersIn(context.model)] : [];
  const last = answers.at(-1);
  item.setHidden(!last);
  if (!last) return;
  const tokens = answers.reduce((sum, { usage }) => sum + (usage?.input ?? 0) + (usage?.output ?? 0), 0);
  const who = [last.model, last.endpoint].filter(Boolean).join(" @ ");
  item.node.textContent = say("status", { who, tokens: tokens.toLocaleString() });
  item.node.title = say("statusLong");
}

/**
 * The facts of the answers that the outputs of a notebook hold, in the order of its cells.
 *
 * @param {NotebookModel} model
 */
function* answersIn(model) {
  for (const { outputs } of model.cells) {
    for (let number = 0; number < (outputs?.length ?? 0); number++) {
      const facts = outputs?.get(number).metadata?.qwen;
      if (facts?.model) yield facts;
    }
  }
}
