/* One answer on the page: who answers, the thinking, the blocks, a cursor, Stop.
 *
 * Not a module of its own: Python puts this file in front of the one that uses it (cell.js shows one answer).
 * An answer is a plain object, `{ heading, thinking, answer, progress }`, that `applyPatch` keeps complete;
 * `answerView` draws it, and draws only what is new. The HTML of the blocks comes sanitised from Python; every
 * other text goes in as text.
 */

// WORDS is data: what a page says, in each language. Python makes it of its catalogues and puts it in front of this file.
/* global WORDS */
const language = /^zh\b/i.test(navigator.language) ? "zh" : "en";
const words = WORDS[language];

// For so long the page stands still under a pointer that is about to press Stop, in milliseconds.
const HOLD = 1500;

// A kernel with one of these is not the one that answered.
const KERNEL_ENDED = ["restarting", "autorestarting", "terminating", "dead"];

const SECTIONS = ["thinking", "answer"];

// What holds text to which more can be added, or holds such things.
const FLOW = "p, ul, ol, li, blockquote, h1, h2, h3, h4, h5, h6, div, pre, pre > code, table, tbody, tr, td, th";

/** An element with a class and a text; `attributes` are set as they are. */
function element(name, className, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** A word with its `{places}` filled in. */
function filled(word, values) {
  return word.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

/** Bring `state` up to date. A patch replaces each section's blocks from `base` on, and its tail or adds to it. */
function applyPatch(state, patch) {
  for (const name of SECTIONS) {
    const change = patch[name];
    if (!change) continue;
    const section = state[name];
    section.blocks.length = change.base;
    for (const html of change.blocks) section.blocks.push(html);
    section.append = (change.tail === null ? section.append : "") + change.append;
    section.tail = change.tail ?? section.tail;
  }
  Object.assign(state.progress, patch.progress);
  state.arrived = performance.now();
}

/** Seconds since the question was sent, and seconds of thinking: the kernel's count, and what has passed since. */
function clock({ progress, arrived }) {
  const since = progress.phase === "done" ? 0 : (performance.now() - arrived) / 1000;
  return {
    seconds: Math.round(progress.seconds + since),
    thought: Math.max(1, Math.round(progress.thought + (progress.phase === "thinking" ? since : 0))),
  };
}

/** Say `text` to a screen reader, from a place on the page that outlives the answer's view. */
function announce(text) {
  let region = document.querySelector("body > .qwen-said");
  if (!region) {
    region = element("div", "qwen-said", "", { role: "status", "aria-live": "polite" });
    document.body.append(region);
  }
  region.textContent = text;
}

/** Call `act` when the kernel of the widget is gone; returns a function that ends this. */
function whenKernelEnds(model, act) {
  const session = model.widget_manager?.context?.sessionContext;
  const source = session ?? model.widget_manager?.kernel;
  const look = (_, status) => KERNEL_ENDED.includes(status) && act();
  source?.statusChanged?.connect(look);
  session?.kernelChanged?.connect(act);
  return () => {
    source?.statusChanged?.disconnect(look);
    session?.kernelChanged?.disconnect(act);
  };
}

/** Give each code block under `nodes` its Copy button. */
function addCopyButtons(nodes) {
  for (const node of nodes) {
    if (node.nodeType !== Node.ELEMENT_NODE) continue;
    const found = node.matches("pre") ? [node] : node.querySelectorAll("pre");
    for (const code of found) addCopyButton(code);
  }
}

function addCopyButton(code) {
  const frame = code.closest(".highlight") ?? code;
  if (frame.querySelector(".qwen-copy")) return;
  const source = code.textContent;
  const button = element("button", "qwen-copy", words.copy, { type: "button", "aria-label": words.copyCode });
  button.addEventListener("click", async () => {
    button.textContent = (await copy(source, code)) ? words.copied : words.notCopied;
    announce(button.textContent);
    setTimeout(() => (button.textContent = words.copy), 1500);
  });
  frame.append(button);
}

/** Copy `text`; over plain HTTP a page has no clipboard, but may copy what is selected: the content of `node`. */
async function copy(text, node) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return document.execCommand("copy");
  }
}

/** The page's own typesetter for math (JupyterLab, Notebook 7), for nodes in which Python has marked math. */
function typesetterOf(model) {
  const typesetter = model.widget_manager?._rendermime?.latexTypesetter;
  if (!typesetter) return undefined;
  return (nodes) => {
    for (const node of nodes) {
      if (node.nodeType !== Node.ELEMENT_NODE) continue;
      const found = node.matches(".math") ? [node] : node.querySelectorAll(".math");
      for (const math of found) typesetter.typeset(math);
    }
  };
}

/**
 * A function that draws one section into `host`: its blocks from number `base` on, and its open end.
 *
 * The open end is HTML, the tail, and text that came after it and belongs to the last thing in it.
 */
function sectionDrawer(host, typeset) {
  const ends = []; // how many nodes the first i + 1 blocks have made
  let drawn = { tail: "", append: "" };

  function drawBlocks(blocks, first) {
    const kept = ends[first - 1] ?? 0;
    while (host.childNodes.length > kept) host.lastChild.remove();
    ends.length = first;
    for (const html of blocks.slice(first)) {
      placeOf(html, host).insertAdjacentHTML("beforeend", html);
      ends.push(host.childNodes.length);
    }
    const added = [...host.childNodes].slice(kept);
    addCopyButtons(added);
    typeset?.(added);
  }

  return ({ blocks, tail, append }, base) => {
    const first = Math.min(base, ends.length);
    const grown = first === blocks.length && first === ends.length && tail === drawn.tail;
    if (!grown) {
      drawBlocks(blocks, first);
      host.insertAdjacentHTML("beforeend", tail);
    }
    const added = append.slice(grown ? drawn.append.length : 0);
    if (added) (tail ? lastPlace(host) : host).append(added);
    drawn = { tail, append };
  };
}

/** Where a block belongs: a row of data into the table that is open. */
function placeOf(html, host) {
  return (html.startsWith("<tr") && host.querySelector(":scope > table:last-child > tbody")) || host;
}

/** The innermost element at the very end of `host`. */
function lastPlace(host) {
  for (let place = host; ; ) {
    let last = place.lastChild;
    while (last?.nodeType === Node.TEXT_NODE && !last.data.trim()) last = last.previousSibling;
    if (last?.nodeType !== Node.ELEMENT_NODE || !last.matches(FLOW)) return place;
    place = last;
  }
}

/**
 * The view of one answer.
 *
 * `stop` stops the answer and may fail (absent: there is no button); `typeset` typesets the math in a list of nodes.
 * Returns the element, `changed(patch)` to be called after `applyPatch`, and `remove()`.
 */
function answerView(state, { stop, typeset } = {}) {
  const who = [state.heading.model, state.heading.endpoint].filter(Boolean).join(" @ ");
  const root = element("div", "qwen-live", "", { role: "group", "aria-label": filled(words.answerOf, { who }) });
  const answer = element("div", "qwen-answer jp-RenderedHTMLCommon");
  const thinking = element("details", "qwen-thinking");
  const summary = element("summary", "");
  const thoughts = element("div", "qwen-thoughts jp-RenderedHTMLCommon", "", { tabindex: "0" });
  const bar = element("div", "qwen-bar");
  const button = element("button", "qwen-stop", words.stop, { type: "button" });
  const time = element("span", "qwen-time");
  const notice = element("span", "qwen-notice");
  const cursor = element("span", "qwen-cursor", "", { "aria-hidden": "true" });
  thinking.append(summary, thoughts);
  if (stop) bar.append(button);
  bar.append(element("span", "qwen-who", who), time, notice);
  // In the same order as in the record, and as open, so that nothing jumps.
  thinking.open = Boolean(state.heading.thinking_stays);
  const notes = state.heading.notes[language].flatMap(quietLine);
  root.append(...quietLine(attachmentLine(state.heading)), thinking, answer, ...notes, bar);

  const draw = { thinking: sectionDrawer(thoughts, typeset), answer: sectionDrawer(answer, typeset) };
  const dirty = { thinking: 0, answer: 0 }; // the first block to draw; absent: nothing has changed
  let frame = 0;
  let hovered = 0;

  function tick() {
    if (state.progress.phase === "done") clearInterval(timer);
    const { seconds, thought } = clock(state);
    setText(time, `${seconds} s`);
    const word = state.progress.phase === "thinking" ? words.thinking : words.thought;
    setText(summary, filled(word, { seconds: thought }));
  }

  function redraw() {
    frame = 0;
    const { phase } = state.progress;
    if (phase !== "done" && button.matches(":hover") && performance.now() - hovered < HOLD) return;
    cursor.remove();
    for (const name of SECTIONS) {
      if (dirty[name] === undefined) continue;
      draw[name](state[name], dirty[name]);
      delete dirty[name];
    }
    thinking.hidden = !thoughts.hasChildNodes();
    root.dataset.phase = phase;
    if (phase !== "done") lastPlace(answer).append(cursor);
    else button.remove();
    setText(notice, noticeText(state.progress));
    tick();
  }

  function schedule() {
    frame ||= requestAnimationFrame(redraw);
  }

  button.addEventListener("pointerenter", () => (hovered = performance.now()));
  button.addEventListener("pointerleave", schedule);
  button.addEventListener("click", async () => {
    button.disabled = true;
    const stopped = await Promise.resolve().then(stop).then(() => true, () => false);
    if (!stopped) button.replaceWith(element("span", "qwen-notice", words.cannotStop));
  });
  const timer = setInterval(tick, 250);
  redraw();

  return {
    root,
    changed(patch) {
      for (const name of SECTIONS) {
        if (patch[name]) dirty[name] = Math.min(dirty[name] ?? Infinity, patch[name].base);
      }
      schedule();
    },
    remove() {
      clearInterval(timer);
      cancelAnimationFrame(frame);
    },
  };
}

/** What was sent beside the question. */
function attachmentLine({ attachments }) {
  return attachments.map(({ name, note }) => (note ? `${name} (${note})` : name)).join(" · ");
}

/** A line of small print, as the record has it, or nothing. */
function quietLine(text) {
  if (!text) return [];
  const line = element("p", "");
  line.append(element("small", "", text));
  const frame = element("div", "qwen-note jp-RenderedHTMLCommon");
  frame.append(line);
  return [frame];
}

function noticeText({ phase, outcome, notice }) {
  if (phase === "done") return outcome === "done" ? "" : words[outcome];
  if (notice?.kind === "retrying") {
    return filled(words.retrying, { seconds: Math.ceil(notice.delay), reason: notice.reason[language] });
  }
  if (notice?.kind === "calling") return filled(words.calling, { name: notice.name });
  return "";
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
