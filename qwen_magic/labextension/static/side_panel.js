/* The chat panel of a notebook's kernel, at the side of the application. */

/** @import { ChatModules, NotebookPanel, Shell, SideWidget } from "./application_types.js" */

import { say } from "./extension_words.js";

const CODE = "__import__('qwen_magic').chat()";

/** @type {WeakMap<NotebookPanel, SideWidget>} */
const opened = new WeakMap();

/**
 * Show the chat of a notebook at the right; it is made at the first time, and closed together with the notebook.
 *
 * @param {Shell} shell
 * @param {NotebookPanel} notebook
 * @param {ChatModules} modules
 */
export function openChat(shell, notebook, modules) {
  const side = opened.get(notebook);
  if (side && !side.isDisposed) {
    shell.activateById(side.id);
    return;
  }
  const made = sideWidget(notebook, modules);
  opened.set(notebook, made);
  shell.add(made, "right", { rank: 1000 });
  notebook.disposed.connect(() => made.dispose());
  shell.activateById(made.id);
}

/**
 * @param {NotebookPanel} notebook
 * @param {ChatModules} modules
 */
function sideWidget({ id, context, content, sessionContext }, { OutputArea, OutputAreaModel, Panel }) {
  const area = new OutputArea({ model: new OutputAreaModel({ trusted: true }), rendermime: content.rendermime });
  const side = new Panel();
  side.id = `qwen-chat-${id}`;
  side.title.label = say("chat");
  side.title.caption = say("chatOf", { path: context.path });
  side.title.closable = true;
  side.addClass("qwen-side");
  side.addWidget(area);
  // A new kernel has no panel yet.
  const ask = () => {
    const kernel = sessionContext.session?.kernel;
    if (!kernel || side.isDisposed) return;
    const metadata = { qwen_magic: { place: "side" } };
    area.future = kernel.requestExecute({ code: CODE, store_history: false }, true, metadata);
  };
  sessionContext.kernelChanged.connect(ask);
  side.disposed.connect(() => sessionContext.kernelChanged.disconnect(ask));
  ask();
  return side;
}
