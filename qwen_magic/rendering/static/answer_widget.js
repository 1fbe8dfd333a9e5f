/* The widget of one answer in a cell's output. Python puts answer.js and saved.js in front of this file. */

// The file gets an answer anew when so much more of it has come: all of it together costs as much as a few answers.
const GROWTH = 1.5;
// After so many milliseconds the record has come in the usual way, if the page knows where the output is.
const RECORD_COMES = 1500;

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

/** What a file holds of an answer that may still grow. */
function unfinished({ answer, saved, progress }) {
  const [before, after] = saved.around;
  const open = element("p", "", answer.append).innerHTML;
  const html = before + answer.blocks.join("") + answer.tail + open + (progress.phase === "done" ? "</div>" : after);
  return { "text/html": html, "text/plain": textOf(html) };
}

/** Follows one answer: `state` is brought up to date by what the kernel says, and `views` draw it. */
function answerOf(model, views) {
  const state = model.get("shown");
  const file = fileOf(model, {
    shows: (output) => Boolean(state.saved) && output.metadata?.qwen?.view === state.saved.view,
    data: () => unfinished(state),
  });
  let written = 0;
  let arrived = 0;

  function begin() {
    state.arrived = performance.now();
    announce(filled(words.answering, { who: state.heading.model }));
    for (const view of views) view.begin();
  }

  function grow(patch) {
    applyPatch(state, patch);
    for (const view of views) view.changed(patch);
    arrived += patch.answer ? lengthOf(patch.answer) : 0;
    if (state.progress.phase === "done") end();
    else if (arrived > GROWTH * written) {
      written = arrived;
      file.changed();
    }
  }

  function end() {
    announce(words[state.progress.outcome] ?? words.done);
    for (const view of views) view.ended();
    // A page that was loaded again does not hear of the record.
    setTimeout(() => {
      if (file.shown()) model.send({ do: "record" });
    }, RECORD_COMES);
  }

  /** The kernel that answers is gone, and the answer with it. */
  function lost() {
    if (!state.heading || state.progress.phase === "done") return;
    grow({ progress: { ...clock(state), phase: "done", outcome: "failed" } });
  }

  model.on("msg:custom", ({ begin: whole, record, ...patch }) => {
    if (whole) begin(Object.assign(state, whole));
    else if (record) file.replace(record);
    else grow(patch);
  });
  const stopWatching = whenKernelEnds(model, lost);
  state.arrived = performance.now();
  if (state.record) file.replace(state.record);
  else if (state.saved) file.wake(state.saved.model);
  return {
    state,
    close() {
      stopWatching();
      file.close();
    },
  };
}

function lengthOf({ blocks, tail, append }) {
  return (tail ?? "").length + append.length + blocks.reduce((sum, html) => sum + html.length, 0);
}

export default () => {
  const views = new Set();
  let answer;

  function initialize({ model }) {
    answer = answerOf(model, views);
    return () => answer.close();
  }

  function render({ model, el }) {
    let drawn;
    const view = {
      begin() {
        drawn = answerView(answer.state, { stop: interruptOf(model), typeset: typesetterOf(model) });
        el.replaceChildren(drawn.root);
      },
      changed: (patch) => drawn.changed(patch),
      ended: () => enhanceRecord(drawn.root),
    };
    views.add(view);
    if (answer.state.heading) view.begin();
    return () => {
      views.delete(view);
      drawn?.remove();
    };
  }

  return { initialize, render };
};
