/* Math, typeset by the page's own typesetter (JupyterLab, Notebook 7). */

/** @import { WidgetModel } from "./jupyter_types.js" */

import { selectIn } from "./elements.js";

/** @typedef {(nodes: Node[]) => void} Typeset */

/**
 * What typesets the math in some nodes, in which Python has marked it.
 *
 * @param {WidgetModel} model
 * @returns {Typeset | undefined} nothing where the page has no typesetter
 */
export function typesetterOf(model) {
  const typesetter = model.widget_manager?._rendermime?.latexTypesetter;
  if (!typesetter) return undefined;
  return (nodes) => {
    for (const math of selectIn(nodes, ".math")) typesetter.typeset(math);
  };
}
