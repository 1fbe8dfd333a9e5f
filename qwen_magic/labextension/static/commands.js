/* What a person can do: commands of the palette and the menu, buttons and shortcuts
 * (schemas/qwen-magic/commands.json).
 */

import { isQuestion } from "./notebooks.js";
import { openChat } from "./side_panel.js";
import { words } from "./extension_words.js";

const CHAT = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16">
  <path class="jp-icon3" fill="#616161" d="M3 2h10a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H8l-4 3v-3H3a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zm1.500 3v1.200h7V5zm0 2.600v1.200h5V7.600z"/>
</svg>`;
const AGAIN = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16">
  <path class="jp-icon3" fill="#616161" d="M8 2a6 6 0 1 0 6 6h-1.500A4.500 4.500 0 1 1 8 3.500V6l4-3.250L8-.500z"/>
</svg>`;

/**
 * Add the commands.
 *
 * @param {object} app the application
 * @param {object} tracker knows the current notebook
 * @param {object} modules what of the application is used, see `openChat` and the icons
 * @param {object | null} palette the command palette, where there is one
 */
export function addCommands(app, tracker, { LabIcon, ...modules }, palette) {
  const notebook = () => tracker.currentWidget;
  const active = () => notebook()?.content.activeCell;
  const asks = () => Boolean(active() && isQuestion(active().model));

  const commands = {
    "ask-again": {
      label: words.askAgain,
      caption: words.askAgainLong,
      icon: new LabIcon({ name: "qwen-magic:again", svgstr: AGAIN }),
      isEnabled: asks,
      isVisible: asks,
      execute: () => app.commands.execute("notebook:run-cell"),
    },
    stop: {
      label: words.stop,
      caption: words.stopLong,
      isEnabled: () => Boolean(notebook()?.sessionContext.session?.kernel),
      execute: () => notebook().sessionContext.session.kernel.interrupt(),
    },
    "open-chat": {
      label: words.openChat,
      caption: words.openChatLong,
      icon: new LabIcon({ name: "qwen-magic:chat", svgstr: CHAT }),
      isEnabled: () => Boolean(notebook()?.sessionContext.session?.kernel),
      execute: () => openChat(app.shell, notebook(), modules),
    },
  };
  for (const [name, command] of Object.entries(commands)) {
    app.commands.addCommand(`qwen:${name}`, { describedBy: { args: {} }, ...command });
    palette?.addItem({ command: `qwen:${name}`, category: "Qwen" });
  }
  // What is possible depends on the cell, which the application asks about only when it is told to.
  const changed = () => app.commands.notifyCommandChanged();
  tracker.activeCellChanged.connect(changed);
  tracker.currentChanged.connect(changed);
}
