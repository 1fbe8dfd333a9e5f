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
 * A row of the table of first answers.
 *
 * @param {"td" | "th"} tag
 * @param {string} first
 * @param {string[]} cells
 */
function tableRow(tag, first, cells) {
  const line = element("tr", "");
  line.append(
    element(tag, "qwen-map-row", first),
    ...cells.map((text) => element(tag, "qwen-map-answer", text)),
  );
  return line;
}

/**
 * The rows of the table of first answers, under the names of their fields.
 *
 * @param {string[]} fields
 * @param {MapRow[]} rows
 */
function answerRows(fields, rows) {
  const head = fields.length && rows.length ? [tableRow("th", "", fields)] : [];
  return [...head, ...rows.map(({ row, cells }) => tableRow("td", String(row), cells))];
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
    table.replaceChildren(...answerRows(progress.fields, progress.rows));
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
