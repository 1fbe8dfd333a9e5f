/* What a person can do: commands of the palette and the menu, buttons and shortcuts
 * (schemas/qwen-magic/commands.json).
 */

/** @import { Application, CommandPalette, Modules, NotebookTracker } from "./application_types.js" */

import { say } from "./extension_words.js";
import { fixCommand } from "./failed_cells.js";
import { isQuestion } from "./notebooks.js";
import { openChat } from "./side_panel.js";

const CHAT = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16">
  <path class="jp-icon3" fill="#616161" d="M3 2h10a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H8l-4 3v-3H3a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zm1.500 3v1.200h7V5zm0 2.600v1.200h5V7.600z"/>
</svg>`;
const AGAIN = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16">
  <path class="jp-icon3" fill="#616161" d="M8 2a6 6 0 1 0 6 6h-1.500A4.500 4.500 0 1 1 8 3.500V6l4-3.250L8-.500z"/>
</svg>`;

const FIX = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16">
  <path class="jp-icon3" fill="#616161" d="M13.800 4.200l-2.300 2.300-2-2 2.300-2.300a4 4 0 0 0-5.300 5L2.200 11.500a1.600 1.600 0 0 0 2.300 2.300l4.300-4.300a4 4 0 0 0 5-5.300z"/>
</svg>`;

/**
 * Add the commands.
 *
 * @param {Application} app
 * @param {NotebookTracker} tracker has the current notebook
 * @param {Modules} modules
 * @param {CommandPalette | null} palette
 */
export function addCommands(app, tracker, { LabIcon, ...modules }, palette) {
  const notebook = () => tracker.currentWidget;
  const active = () => notebook()?.content.activeCell;
  const kernel = () => notebook()?.sessionContext.session?.kernel;
  const asks = () => {
    const cell = active();
    return Boolean(cell && isQuestion(cell.model));
  };

  const commands = {
    "ask-again": {
      label: say("askAgain"),
      caption: say("askAgainLong"),
      icon: new LabIcon({ name: "qwen-magic:again", svgstr: AGAIN }),
      isEnabled: asks,
      isVisible: asks,
      execute: () => app.commands.execute("notebook:run-cell"),
    },
    stop: {
      label: say("stop"),
      caption: say("stopLong"),
      isEnabled: () => Boolean(kernel()),
      execute: () => kernel()?.interrupt(),
    },
    "fix-error": { icon: new LabIcon({ name: "qwen-magic:fix", svgstr: FIX }), ...fixCommand(app, tracker) },
    "open-chat": {
      label: say("openChat"),
      caption: say("openChatLong"),
      icon: new LabIcon({ name: "qwen-magic:chat", svgstr: CHAT }),
      isEnabled: () => Boolean(kernel()),
      execute: () => {
        const panel = notebook();
        if (panel) openChat(app.shell, panel, modules);
      },
    },
  };
  for (const [name, command] of Object.entries(commands)) {
    app.commands.addCommand(`qwen:${name}`, { describedBy: { args: {} }, ...command });
    palette?.addItem({ command: `qwen:${name}`, category: "Qwen" });
  }
  // What is possible depends on the cell. The application reads `isEnabled` again only after this call.
  const changed = () => app.commands.notifyCommandChanged();
  tracker.activeCellChanged.connect(changed);
  tracker.currentChanged.connect(changed);
}
