/* The widget of a map: the browser's progress bar, a line of facts, the first answers, Stop. */

/** @import { RenderProps, WidgetModel } from "./page/jupyter_types.js" */
/** @import { MapRow, MapState } from "./page_messages.js" */

import { interruptOf } from "./page/kernel.js";
import { language, say, useWords } from "./page/words.js";

/**
 * A new element with a class and a text.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} name
 * @param {string} [text]
 */
function element(tag, name, text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

/**
 * The rows of the table of first answers.
 *
 * @param {MapRow[]} rows
 */
function answerRows(rows) {
  return rows.map(({ row, text }) => {
    const line = element("tr", "");
    line.append(element("td", "qwen-map-row", String(row)), element("td", "qwen-map-answer", text));
    return line;
  });
}

/**
 * The button that interrupts the kernel, where the page can reach it.
 *
 * @param {WidgetModel} model
 */
function stopButton(model) {
  const stop = interruptOf(model);
  if (!stop) return [];
  const button = element("button", "qwen-map-stop", say("stop"));
  button.addEventListener("click", () => stop());
  return [button];
}

/**
 * Draws the widget, and keeps it up to date.
 *
 * @param {RenderProps} props
 * @returns {() => void} removes the view
 */
function showMap({ model, el }) {
  const bar = element("progress", "qwen-map-bar");
  const line = element("span", "qwen-map-line");
  const head = element("div", "qwen-map");
  const table = element("table", "qwen-map-first");
  head.append(bar, line, ...stopButton(model));
  table.setAttribute("aria-label", say("firstAnswers"));

  function draw() {
    /** @type {MapState} */
    const progress = model.get("progress");
    bar.max = progress.total;
    bar.value = progress.done;
    bar.setAttribute("aria-label", progress.model);
    line.textContent = progress.line[language];
    table.replaceChildren(...answerRows(progress.rows));
  }

  model.on("change:progress", draw);
  draw();
  el.append(head, table);
  return () => model.off("change:progress", draw);
}

/** @param {Record<string, Record<string, string>>} words */
export default (words) => {
  useWords(words);
  return {
    initialize() {},
    render: showMap,
  };
};
