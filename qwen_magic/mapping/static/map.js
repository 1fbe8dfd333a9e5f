/* The widget of a map: the browser's progress bar, a line of facts, the first answers, Stop. */

const WORDS = {
  en: { stop: "Stop", rows: "The first answers" },
  zh: { stop: "停止", rows: "最先得到的回答" },
};

/** The words in the page's language. */
function pageWords() {
  return (document.documentElement.lang || navigator.language || "en").startsWith("zh") ? WORDS.zh : WORDS.en;
}

/** What stops the map: the kernel's interrupt, where the page can reach it. */
function interruptOf(model) {
  const kernel = () => model.widget_manager?.kernel;
  return typeof kernel()?.interrupt === "function" ? () => kernel().interrupt() : undefined;
}

/** A new element with a class and a text. */
function element(tag, name, text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

/** The rows of the table of first answers. */
function answerRows(rows) {
  return rows.map(([row, text]) => {
    const line = element("tr", "");
    line.append(element("td", "qwen-map-row", String(row)), element("td", "qwen-map-answer", text));
    return line;
  });
}

/** Draws the widget, and keeps it up to date. */
function render({ model, el }) {
  const words = pageWords();
  const bar = /** @type {HTMLProgressElement} */ (element("progress", "qwen-map-bar"));
  const line = element("span", "qwen-map-line");
  const head = element("div", "qwen-map");
  const table = element("table", "qwen-map-first");
  const stop = interruptOf(model);
  head.append(bar, line);
  if (stop) {
    const button = element("button", "qwen-map-stop", words.stop);
    button.addEventListener("click", () => stop());
    head.append(button);
  }
  table.setAttribute("aria-label", words.rows);

  function draw() {
    const progress = model.get("progress");
    bar.max = progress.total;
    bar.value = progress.done;
    bar.setAttribute("aria-label", progress.model);
    line.textContent = progress.line;
    table.replaceChildren(...answerRows(progress.rows));
  }

  model.on("change:progress", draw);
  draw();
  el.append(head, table);
  return () => model.off("change:progress", draw);
}

export default { render };
