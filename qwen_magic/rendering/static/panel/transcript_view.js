/* The transcript of the chat panel: its turns, drawn by answer.js; only those that are near are drawn at all. */

const ICONS = {
  copy: "M5 2.5h7a1 1 0 0 1 1 1V11M3.5 5h6.5a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H3.5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13.2 2v3h-3",
  edit: "M3 13l.6-2.8L10.8 3a1.2 1.2 0 0 1 1.7 0l.5.5a1.2 1.2 0 0 1 0 1.7L5.8 12.4 3 13z",
  send: "M8 13V3.5M3.8 7.5L8 3.2l4.2 4.3",
  stop: "M4.5 4.5h7v7h-7z",
  attach: "M8 3v10M3 8h10",
  upload: "M12.5 7.2L7.6 12a3 3 0 0 1-4.3-4.2l5.2-5a2 2 0 0 1 2.9 2.8l-5 4.9a1 1 0 0 1-1.5-1.4l4.5-4.3",
  clear: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 9h6l.5-9M7 7v4M9 7v4",
  remove: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  down: "M8 3v9M4 8.5L8 12.5l4-4",
};

function icon(name) {
  const frame = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }))
    frame.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  frame.append(path);
  return frame;
}

/** A button that is an icon; `label` is what it is called, and its tooltip. */
function iconButton(name, className, label, act) {
  const button = element("button", `qwen-icon ${className}`, "", { type: "button", "aria-label": label, title: label });
  button.append(icon(name));
  button.addEventListener("click", act);
  return button;
}

/** What is attached, as chips; with `remove` each has a button for that. */
function chip({ name, note, progress }, remove) {
  const made = element("span", "qwen-chip", "", { title: note ? `${name} (${note})` : name });
  made.append(element("span", "qwen-chip-name", name));
  if (progress !== undefined) {
    made.append(element("span", "qwen-chip-note", filled(words.uploading, { done: progress })));
  }
  if (remove) made.append(iconButton("remove", "qwen-chip-remove", filled(words.remove, { name }), remove));
  return made;
}

// A patch after which everything is drawn again.
const ALL = { thinking: { base: 0 }, answer: { base: 0 } };

/**
 * One turn: the question, and (once it is near) the answer.
 *
 * `act` has `edit(turn)` and `again(key)`, `typeset` is as in answerView. `changed` is to be called after every patch.
 */
function turnView(key, turn, { act, typeset }) {
  const root = element("article", "qwen-turn", "", { "data-key": key });
  const asked = element("div", "qwen-asked");
  const bubble = element("div", "qwen-question", turn.question, { role: "group", "aria-label": words.question });
  const chips = element("div", "qwen-chips");
  const answered = element("div", "qwen-answered");
  const foot = element("div", "qwen-foot");
  const error = element("p", "qwen-error", "", { role: "note" });
  const status = element("p", "qwen-status");
  const older = element("p", "qwen-older", words.cellIsOlder);
  const questionTools = element("div", "qwen-tools");
  const answerTools = element("div", "qwen-tools");
  const copyButton = iconButton("copy", "", words.copyAnswer, async () => {
    const said = (await copy(turn.text, answered)) ? words.copied : words.notCopied;
    copyButton.title = said;
    copyButton.classList.add("qwen-did");
    announce(said);
    setTimeout(() => copyButton.classList.remove("qwen-did"), 1500);
  });
  questionTools.append(iconButton("edit", "qwen-ask-again", words.edit, () => act.edit(key, turn)));
  answerTools.append(copyButton, iconButton("again", "qwen-ask-again", words.again, () => act.again(key, turn)));
  const line = element("div", "qwen-line");
  line.append(questionTools, bubble);
  asked.append(chips, line);
  root.append(asked, answered, status, error, foot, older, answerTools);
  let view;

  function frame() {
    const done = turn.progress.phase === "done";
    root.dataset.phase = turn.progress.phase;
    chips.replaceChildren(...turn.attachments.map((each) => chip(each)));
    questionTools.hidden = answerTools.hidden = !done;
    copyButton.hidden = !turn.text;
    foot.innerHTML = turn.foot[language];
    error.textContent = turn.error ? turn.error[language] : "";
    error.hidden = !turn.error;
    older.hidden = !(turn.cell_is_older && done);
    status.hidden = !status.textContent;
  }

  function draw() {
    // Nobody is known to answer until the question is on its way.
    if (view || !(turn.heading.model || turn.text)) return;
    view = answerView(turn, { typeset });
    answered.replaceChildren(view.root);
  }

  frame();
  return {
    root,
    draw,
    changed(patch, set) {
      if (set) frame();
      if (set?.heading) draw();
      if (patch) view?.changed(patch);
      if (set?.answer) view?.changed(ALL);
      if (patch?.progress?.phase === "done") frame();
    },
    say(text) {
      status.textContent = text;
      status.hidden = !text;
    },
    remove() {
      view?.remove();
      root.remove();
    },
  };
}

/** The list of all turns, in a place of its own that scrolls and stays at its end while one is there. */
function transcriptView(chat, tools) {
  const root = element("div", "qwen-scroll", "", { role: "log", "aria-label": words.transcript, tabindex: "0" });
  root.setAttribute("aria-live", "off"); // what is new is announced in a sentence, not read out word by word
  const list = element("div", "qwen-turns");
  const empty = element("p", "qwen-empty");
  const down = iconButton("down", "qwen-latest", words.latest, () => toEnd(true));
  root.append(empty, list);
  const views = new Map();
  let atEnd = true;
  let before = 0;

  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        views.get(target.dataset.key)?.draw();
      }
    },
    { root, rootMargin: "800px" },
  );
  const size = new ResizeObserver(() => atEnd && toEnd());
  size.observe(list);
  size.observe(root);
  root.addEventListener("scroll", () => {
    // Whoever scrolls up leaves the end. An answer that was drawn only now makes the list longer under the same event.
    if (root.scrollHeight - root.scrollTop - root.clientHeight < 40) atEnd = true;
    else if (root.scrollTop < before) atEnd = false;
    before = root.scrollTop;
    down.hidden = atEnd;
  });
  down.hidden = true;

  function toEnd(always = false) {
    atEnd = atEnd || always;
    root.scrollTop = root.scrollHeight;
  }

  /** Go to a turn: to its end if it is the last one, else to its beginning. */
  function show(key) {
    if (chat.order().at(-1) === key) return toEnd(true);
    atEnd = false;
    const place = views.get(key)?.root.getBoundingClientRect();
    if (place) root.scrollTop += place.top - root.getBoundingClientRect().top;
    return undefined;
  }

  function sync() {
    const order = chat.order();
    for (const [key, view] of views) {
      if (order.includes(key) && view.turn === chat.turn(key)) continue;
      near.unobserve(view.root);
      view.remove();
      views.delete(key);
    }
    let place = list.firstChild;
    for (const key of order) {
      let view = views.get(key);
      if (!view) {
        const turn = chat.turn(key);
        view = { ...turnView(key, turn, tools), turn };
        views.set(key, view);
        list.insertBefore(view.root, place);
        near.observe(view.root);
      } else if (view.root === place) place = place.nextSibling;
      else list.insertBefore(view.root, place);
    }
    empty.hidden = order.length > 0;
    empty.textContent = panelEmpty(chat.state.name);
    if (atEnd) toEnd();
  }

  sync();
  return {
    root,
    down,
    sync,
    show,
    changed(key, patch, set) {
      views.get(key)?.changed(patch, set);
    },
    say(key, text) {
      views.get(key)?.say(text);
    },
    remove() {
      near.disconnect();
      size.disconnect();
      for (const view of views.values()) view.remove();
    },
  };
}
