/* The widget of one answer in a cell's output. Python puts answer.js in front of this file. */

/** What stops the answer: the kernel's interrupt, where the page can reach it. */
function interruptOf(model) {
  const kernel = () => model.widget_manager?.kernel;
  return typeof kernel()?.interrupt === "function" ? () => kernel().interrupt() : undefined;
}

/** When the record has taken the view's place, give its code the Copy buttons that the view's code had. */
function enhanceRecord(root) {
  const area = root.closest(".jp-OutputArea, .jp-OutputArea-child")?.closest(".jp-OutputArea");
  if (!area) return;
  const observer = new MutationObserver(() => addCopyButtons(area.querySelectorAll(".qwen-record")));
  observer.observe(area, { childList: true, subtree: true });
  setTimeout(() => observer.disconnect(), 10_000);
}

export default () => {
  const views = new Set();
  let state;

  function initialize({ model }) {
    // The model's own objects, changed in place: a view that is made later finds everything in them.
    state = Object.fromEntries(["heading", "thinking", "answer", "progress"].map((name) => [name, model.get(name)]));
    state.arrived = performance.now();
    if (state.progress.phase !== "done") announce(words.answering(state.heading.model));
    model.on("msg:custom", (patch) => {
      applyPatch(state, patch);
      for (const view of views) view.changed(patch);
      if (state.progress.phase !== "done") return;
      announce(words[state.progress.outcome] ?? words.done);
      for (const view of views) enhanceRecord(view.root);
    });
  }

  function render({ model, el }) {
    const view = answerView(state, { stop: interruptOf(model), typeset: typesetterOf(model) });
    views.add(view);
    el.append(view.root);
    return () => {
      views.delete(view);
      view.remove();
    };
  }

  return { initialize, render };
};
