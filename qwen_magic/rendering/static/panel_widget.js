/* The chat panel. Python puts answer.js and the other panel_*.js in front of this file.
 *
 * `chatOf` is what all views of one panel share: the state, as the kernel keeps it, the draft, and what has been sent
 * and not been heard yet. A view is a frame around the transcript (panel_turns.js) and the composer.
 */

// For so long a message may be on its way before the panel says what it waits for, in milliseconds.
const PATIENCE = 400;

function chatOf(model) {
  const chat = {
    state: model.get("panel"),
    draft: emptyDraft(),
    sent: new Map(), // questions that the kernel has not taken up yet, by their keys
    views: new Set(),
    gone: false,
    order: () => orderOf(chat.state, chat.sent),
    turn: (key) => chat.state.turns[key] ?? chat.sent.get(key),
    running: () => chat.order().find((key) => chat.turn(key).progress.phase !== "done"),
    tellViews: () => chat.views.forEach((view) => view.changed()),
    send: (what, content = {}, buffers = []) => model.send({ do: what, ...content }, undefined, buffers),
    ask(text, attachments, again) {
      const key = newKey();
      const plain = attachments.map(({ kind, value, name }) => ({ kind, value, name }));
      chat.sent.set(key, { ...unsent(text, plain), again });
      chat.send("ask", { key, text, attachments: plain, again });
      setTimeout(() => chat.sent.has(key) && chat.say(key, busy() ? words.busy : words.waiting), PATIENCE);
      for (const view of chat.views) view.asked(key);
    },
    stop() {
      const key = chat.running();
      chat.send("stop", { key });
      const still = () => chat.running() === key && busy() && chat.say(key, words.busyStop);
      setTimeout(still, PATIENCE);
    },
    say: (key, text) => chat.views.forEach((view) => view.say(key, text)),
  };
  const manager = model.widget_manager;
  const busy = () => manager?.kernel?.status === "busy";

  function hear(message) {
    if (message.whole) replace(message.whole);
    else if (message.seq === undefined) aside(message);
    else if (message.seq === chat.state.seq + 1) apply(message);
    else if (message.seq > chat.state.seq) chat.send("hello", { seen: chat.state.seq });
    // Saving takes the rest; a long transcript is too much to be written with each word.
    if (!message.patch || message.patch.progress.phase === "done") chat.file.changed();
  }

  function replace(whole) {
    for (const name of Object.keys(chat.state)) delete chat.state[name];
    Object.assign(chat.state, whole);
    arrive(Object.values(whole.turns));
    for (const view of chat.views) view.sync();
    chat.tellViews();
  }

  function aside(message) {
    if (message.models) Object.assign(chat, { models: message.models, defaultModel: message.default });
    for (const view of chat.views) view.said(message);
  }

  function apply({ seq, order, turns, known, key, patch, set }) {
    chat.state.seq = seq;
    if (order) take(order, turns);
    if (known) Object.assign(chat.state, known);
    if (key) change(chat.state.turns[key], key, patch, set);
    if (order || known || set || patch?.progress.phase === "done") chat.tellViews();
  }

  function take(order, turns) {
    arrive(Object.values(turns));
    Object.assign(chat.state.turns, turns);
    for (const key of Object.keys(chat.state.turns)) if (!order.includes(key)) delete chat.state.turns[key];
    chat.state.order = order;
    const taken = Object.keys(turns).filter((key) => chat.sent.delete(key));
    for (const view of chat.views) view.sync();
    for (const key of taken) for (const view of chat.views) view.asked(key);
  }

  function change(turn, key, patch, set) {
    if (!turn) return;
    if (set?.heading) announce(filled(words.answering, { who: set.heading.model }));
    Object.assign(turn, set);
    if (patch) applyPatch(turn, patch);
    if (patch?.progress.phase === "done") announce(words[turn.progress.outcome] ?? words.done);
    if (set?.error) announce(set.error[language]);
    for (const view of chat.views) view.grown(key, patch, set);
  }

  /** The kernel is not the one that has this panel any more; nothing that is open will end. */
  function end() {
    if (chat.gone) return;
    chat.gone = true;
    for (const key of chat.order()) {
      const turn = chat.turn(key);
      if (turn.progress.phase === "done") continue;
      const progress = { ...turn.progress, phase: "done", outcome: "failed" };
      change(turn, key, { progress });
      chat.say(key, words.failed);
    }
    announce(words.gone);
    chat.tellViews();
    chat.file.changed();
  }

  chat.file = fileOf(model, {
    shows: (output) => output.metadata?.qwen?.panel === chat.state.id,
    data: () => transcript(chat.state),
  });
  arrive(Object.values(chat.state.turns));
  model.on("msg:custom", hear);
  whenKernelEnds(model, end);
  chat.send("hello", { seen: chat.state.seq });
  chat.file.wake(chat.state.view);
  chat.file.changed();
  return chat;
}

function arrive(turns) {
  for (const turn of turns) turn.arrived = performance.now();
}

/** A question that is on its way, as the state of a turn. */
function unsent(question, attachments) {
  const nothing = () => ({ blocks: [], tail: "", append: "" });
  const heading = { model: "", endpoint: "", attachments: [], notes: [] };
  const progress = { phase: "waiting", seconds: 0, thought: 0, notice: null };
  const drawn = { heading, thinking: nothing(), answer: nothing(), progress, arrived: performance.now() };
  const rest = { head: "", foot: { en: "", zh: "" }, text: "", error: null, drawn: true, given: attachments };
  return { question, attachments, ...drawn, ...rest };
}

/** The record of the transcript, as Python makes it, in the kernel's language; a running answer as far as it has come. */
function transcript({ order, turns, around, in_cell, language: recorded }) {
  const shown = order.map((key) => turns[key]).filter((turn) => turn.head);
  const answered = ({ answer, foot }) => answer.blocks.join("") + answer.tail + foot[recorded];
  const html = shown.map((turn) => turn.head + (turn.in_cell ? in_cell : answered(turn)));
  const text = shown.map((turn) => `> ${turn.question}\n\n${turn.in_cell ? "" : turn.text}`);
  return { "text/html": around[0] + html.join("") + around[1], "text/plain": text.join("\n\n") };
}

/** The keys of all turns, with those that the kernel has not taken up yet where they will be. */
function orderOf({ order, turns }, sent) {
  const all = [...order];
  for (const [key, { again }] of sent) {
    if (key in turns) continue;
    const at = all.indexOf(again);
    all.splice(at < 0 ? all.length : at, at < 0 ? 0 : 1, key);
  }
  return all;
}

function panelView(chat, typeset) {
  const root = element("section", "qwen-panel", "", { "data-lm-suppress-shortcuts": "true" });
  const header = element("header", "qwen-header");
  const title = element("div", "qwen-title", "", { role: "heading", "aria-level": "2" });
  const clear = iconButton("clear", "", words.clear, () => {
    chat.send("clear");
    const undo = textButton(words.undo, () => {
      chat.send("undo");
      composer.say("");
      composer.focus();
    });
    composer.say(words.cleared, undo);
    undo.focus();
  });
  const composer = composerView(chat);
  const act = {
    edit(key, { question, given }) {
      chat.draft = { text: question, attachments: [...given], again: key };
      chat.tellViews();
      composer.focus();
    },
    again: (key, turn) => chat.running() || chat.ask(turn.question, turn.given, key),
  };
  const transcript = transcriptView(chat, { act, typeset });
  const middle = element("div", "qwen-middle");
  const drop = element("div", "qwen-drop", words.dropHere);
  middle.append(transcript.root, transcript.down);
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || !chat.running()) return;
    event.preventDefault();
    chat.stop();
  });
  header.append(title, clear);
  root.append(header, middle, composer.root, drop);
  acceptDrops(root, composer);

  function changed() {
    setText(title, panelName(chat.state.name));
    root.setAttribute("aria-label", panelName(chat.state.name));
    root.classList.toggle("qwen-gone", chat.gone);
    clear.disabled = !chat.state.order.length || chat.gone;
    composer.changed();
  }

  changed();
  return {
    root,
    changed,
    sync: transcript.sync,
    grown: transcript.changed,
    say: transcript.say,
    said: composer.said,
    remove: transcript.remove,
    asked(key) {
      transcript.sync();
      transcript.show(key);
    },
  };
}

/** Files that are dragged over the panel are attached where they are dropped. */
function acceptDrops(root, composer) {
  let inside = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (change) => {
    inside += change;
    root.classList.toggle("qwen-dropping", inside > 0);
  };
  root.addEventListener("dragenter", (event) => hasFiles(event) && mark(1));
  root.addEventListener("dragleave", (event) => hasFiles(event) && mark(-1));
  root.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  root.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    mark(-inside);
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const folders = items.filter((item) => item.webkitGetAsEntry?.()?.isDirectory);
    // A file's entry has the same place among the items as the file among the files.
    const files = [...event.dataTransfer.files].filter((_, at) => !folders.includes(items[at]));
    composer.uploadAll(files, folders.map((item) => item.webkitGetAsEntry().name));
  });
}

export default () => {
  let chat;
  return {
    initialize({ model }) {
      chat = chatOf(model);
    },
    render({ model, el }) {
      const view = panelView(chat, typesetterOf(model));
      chat.views.add(view);
      el.append(view.root);
      return () => {
        chat.views.delete(view);
        view.remove();
      };
    },
  };
};
