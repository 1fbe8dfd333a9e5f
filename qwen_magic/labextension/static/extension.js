/* The plugins of the extension. Each does one thing, and can be disabled by its id (Settings, Plugin Manager). */

import { addCodeButtons } from "./code_buttons.js";
import { colourCells } from "./colouring.js";
import { addCommands } from "./commands.js";
import { describeRequests } from "./execute_metadata.js";
import { forEachNotebook } from "./notebooks.js";
import { recoverAnswers } from "./records.js";
import { addStatus } from "./status.js";
import { useLanguage } from "./extension_words.js";

// The second one is how answers look while they are streamed; with it, those of a file that is opened again do, too.
const STYLES = ["style.css", "answer.css"];

/**
 * @param {(name: string) => Promise<any>} load gives a module of the application by its package name
 * @returns {Promise<object[]>} the plugins
 */
export async function pluginsOf(load) {
  const { ICommandPalette } = await load("@jupyterlab/apputils");
  const { IEditorLanguageRegistry } = await load("@jupyterlab/codemirror");
  const { INotebookTracker, NotebookActions } = await load("@jupyterlab/notebook");
  const { OutputArea, OutputAreaModel } = await load("@jupyterlab/outputarea");
  const { IStatusBar } = await load("@jupyterlab/statusbar");
  const { ITranslator } = await load("@jupyterlab/translation");
  const { LabIcon } = await load("@jupyterlab/ui-components");
  const { Panel, Widget } = await load("@lumino/widgets");
  STYLES.forEach(addStyle);

  /** `activate(app, tracker, service)`; the service may be `null`: not every application has every one. */
  const plugin = (name, description, service, activate) => ({
    id: `qwen-magic:${name}`,
    description,
    autoStart: true,
    requires: [INotebookTracker, ITranslator],
    optional: service ? [service] : [],
    activate(app, tracker, translator, found) {
      useLanguage(translator.languageCode);
      activate(app, tracker, found);
    },
  });

  return [
    plugin("colouring", "Colours %%qwen cells as markdown.", IEditorLanguageRegistry, (app, tracker, languages) => {
      if (languages) forEachNotebook(tracker, (panel) => colourCells(panel, languages));
    }),
    plugin("execute-metadata", "Tells the kernel the order of the cells.", null, (app, tracker) => {
      forEachNotebook(tracker, describeRequests);
    }),
    plugin("code-buttons", "Insert below and Copy on the code of answers.", null, (app, tracker) => {
      forEachNotebook(tracker, addCodeButtons);
    }),
    plugin("records", "Answers that came while no page was open.", null, (app, tracker) => {
      forEachNotebook(tracker, (panel) => recoverAnswers(panel, NotebookActions.executed));
    }),
    plugin("commands", "Commands, buttons, shortcuts; the chat at the side.", ICommandPalette, (app, tracker, menu) => {
      addCommands(app, tracker, { LabIcon, OutputArea, OutputAreaModel, Panel }, menu);
    }),
    plugin("status", "The last model and the tokens, in the status bar.", IStatusBar, (app, tracker, statusBar) => {
      if (statusBar) addStatus(tracker, { NotebookActions, Widget }, statusBar);
    }),
  ];
}

function addStyle(name) {
  const link = document.createElement("link");
  document.head.append(Object.assign(link, { rel: "stylesheet", href: new URL(name, import.meta.url).href }));
}
