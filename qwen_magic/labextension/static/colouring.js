/* %%qwen cells are coloured as markdown: their words are no Python. */

/** @import { LanguageRegistry, NotebookPanel } from "./application_types.js" */

import { forEachCodeCell, isQuestion } from "./notebooks.js";

// GitHub's markdown with TeX, the type that JupyterLab gives to markdown cells.
const MARKDOWN = "text/x-ipythongfm";

/**
 * Colour the questions of a notebook, while they are typed and whenever the application sets another type.
 *
 * @param {NotebookPanel} panel the notebook
 * @param {LanguageRegistry} languages
 */
export function colourCells(panel, languages) {
  forEachCodeCell(panel, (model) => {
    function colour() {
      if (isQuestion(model)) model.mimeType = MARKDOWN;
      else if (model.mimeType === MARKDOWN) model.mimeType = panel.content.codeMimetype;
    }
    // A kernel that starts sets the type of its language in every cell, and editors load that language. One that is
    // still being loaded would win against the one that is set meanwhile.
    async function colourWhenLoaded() {
      await languages.getLanguage(model.mimeType);
      setTimeout(colour);
    }
    model.sharedModel.changed.connect((_, { sourceChange }) => sourceChange && colour());
    model.mimeTypeChanged.connect(colourWhenLoaded);
    void colourWhenLoaded();
  });
}
