/* The plugins of the extension. Each does one thing, and can be disabled by its id (Settings, Plugin Manager). */

/** @import { Application, NotebookTracker } from "./application_types.js" */

import { followKernel } from "./cell_edits.js";
import { addCodeButtons } from "./code_buttons.js";
import { colourCells } from "./colouring.js";
import { addCommands } from "./commands.js";
import { describeRequests } from "./execute_metadata.js";
import { useLanguage } from "./extension_words.js";
import { addFixButton } from "./failed_cells.js";
import { forEachNotebook } from "./notebooks.js";
import { recoverAnswers } from "./records.js";
import { addStatus } from "./status.js";

// The second one is how answers look while they are streamed; with it, those of a file that is opened again do, too.
const STYLES = ["style.css", "answer.css"];

/**
 * @param {(name: string) => Promise<any>} load gives a module of the application by its package name
 * @returns {Promise<object[]>} the plugins
 */
export async function pluginsOf(load) {
  const { ICommandPalette, Notification } = await load("@jupyterlab/apputils");
  const { IEditorLanguageRegistry } = await load("@jupyterlab/codemirror");
  const { INotebookTracker, NotebookActions } = await load("@jupyterlab/notebook");
  const { OutputArea, OutputAreaModel } = await load("@jupyterlab/outputarea");
  const { IStatusBar } = await load("@jupyterlab/statusbar");
  const { ITranslator } = await load("@jupyterlab/translation");
  const { LabIcon } = await load("@jupyterlab/ui-components");
  const { Panel, Widget } = await load("@lumino/widgets");
  STYLES.forEach(addStyle);

  const plugin = pluginMaker(INotebookTracker, ITranslator);
  return [
    plugin("colouring", "Colours %%qwen cells as markdown.", IEditorLanguageRegistry, (tracker, languages) => {
      if (languages) forEachNotebook(tracker, (panel) => colourCells(panel, languages));
    }),
    plugin("execute-metadata", "Sends the kernel the order of the cells.", null, (tracker) => {
      forEachNotebook(tracker, describeRequests);
    }),
    plugin("code-buttons", "Insert below and Copy on the code of answers, Apply on diffs.", null, (tracker) => {
      forEachNotebook(tracker, (panel) => addCodeButtons(panel, Notification));
    }),
    plugin("cell-edits", "Puts the code of answers into cells.", null, (tracker) => {
      forEachNotebook(tracker, (panel) => followKernel(panel, Notification));
    }),
    plugin("records", "Answers that came while no page was open.", null, (tracker) => {
      forEachNotebook(tracker, (panel) => recoverAnswers(panel, NotebookActions.executed));
    }),
    plugin("commands", "Commands, buttons, shortcuts, the chat.", ICommandPalette, (tracker, palette, app) => {
      const { executed } = NotebookActions;
      addCommands(app, tracker, { LabIcon, OutputArea, OutputAreaModel, Panel }, palette);
      executed.connect(() => app.commands.notifyCommandChanged());
      forEachNotebook(tracker, (panel) => addFixButton(app, panel, executed));
    }),
    plugin("status", "The last model and the tokens, in the status bar.", IStatusBar, (tracker, statusBar) => {
      if (statusBar) addStatus(tracker, { NotebookActions, Widget }, statusBar);
    }),
  ];
}

/**
 * What makes a plugin.
 *
 * @param {object} tracker its token
 * @param {object} translator its token
 */
function pluginMaker(tracker, translator) {
  /**
   * @param {string} name
   * @param {string} description
   * @param {object | null} service the token of what `activate` gets beside the tracker
   * @param {(tracker: NotebookTracker, found: any, app: Application) => void} activate `found` is `null` in an
   *   application without this service
   */
  return (name, description, service, activate) => ({
    id: `qwen-magic:${name}`,
    description,
    autoStart: true,
    requires: [tracker, translator],
    optional: service ? [service] : [],
    /**
     * @param {Application} app
     * @param {NotebookTracker} notebooks
     * @param {{ languageCode: string }} language
     * @param {any} found
     */
    activate(app, notebooks, language, found) {
      useLanguage(language.languageCode);
      activate(notebooks, found, app);
    },
  });
}

/** @param {string} name */
function addStyle(name) {
  const link = document.createElement("link");
  document.head.append(Object.assign(link, { rel: "stylesheet", href: new URL(name, import.meta.url).href }));
}
