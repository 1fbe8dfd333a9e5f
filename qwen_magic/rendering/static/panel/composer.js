/* Where a question is written: text, attachments as chips, the model, Send and Stop. */

// A question of more characters than this belongs into a file; a text field of this size still types smoothly.
const LONGEST = 200_000;
// As `LARGEST` in uploads.py. A piece is far below what a Jupyter server takes in one message.
const LARGEST_FILE = 150 << 20;
const PIECE = 1 << 20;
const MENTION = /(?:^|[\s(（])@([^\s@]*)$/;

/**
 * The composer of one view. What is in it (`chat.draft`) is shared by all views of the panel.
 *
 * `changed()` is to be called when the chat has, `said(message)` with what the kernel says beside its state.
 */
function composerView(chat) {
  const root = element("form", "qwen-composer");
  const editing = element("div", "qwen-editing");
  const chips = element("div", "qwen-chips");
  const list = element("div", "qwen-offers", "", { role: "listbox", "aria-label": words.offered });
  list.id = `qwen-offers-${crypto.randomUUID?.() ?? Math.random()}`;
  const input = element("textarea", "qwen-input", "", {
    rows: "1",
    placeholder: words.placeholder,
    "aria-label": words.input,
    "aria-autocomplete": "list",
    "aria-controls": list.id,
    "aria-expanded": "false",
  });
  const chooser = element("input", "", "", { type: "file", multiple: "", hidden: "" });
  const notice = element("p", "qwen-notice-line", "", { role: "status" });
  const model = element("select", "qwen-model", "", { "aria-label": words.model, title: words.model });
  const act = element("button", "qwen-icon qwen-act", "", { type: "submit" });
  const row = element("div", "qwen-row");
  row.append(
    iconButton("attach", "", words.attach, mention),
    iconButton("upload", "", words.upload, () => chooser.click()),
    model,
    element("span", "qwen-gap"),
    act,
  );
  editing.append(element("span", "", words.editing), textButton(words.cancel, () => stopEditing()));
  const box = element("div", "qwen-box");
  box.append(list, editing, chips, input, row, chooser);
  root.append(notice, box);

  // --- the text

  function grow() {
    if (CSS.supports("field-sizing", "content")) return;
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight}px`;
  }

  function setText(text) {
    input.value = chat.draft.text = text;
    grow();
  }

  input.addEventListener("input", () => {
    if (input.value.length > LONGEST) {
      say(tooLong(input.value.length, LONGEST));
      setText(chat.draft.text);
      return;
    }
    chat.draft.text = input.value;
    grow();
    offer();
  });

  input.addEventListener("keydown", (event) => {
    // While a word is being composed (Chinese, Japanese, …) Enter is the input method's; Safari says so by 229.
    if (event.isComposing || event.keyCode === 229) return;
    if (chooseWithKey(event)) return event.preventDefault();
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (!chat.running()) send();
    }
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault(); // JupyterLab leaves the field without the new line otherwise
      const { selectionStart: start, selectionEnd: end } = input;
      if (!document.execCommand("insertText", false, "\n")) input.setRangeText("\n", start, end, "end");
    }
    if (event.key === "Escape" && chat.draft.again) {
      event.preventDefault();
      stopEditing();
    }
  });

  root.addEventListener("submit", (event) => {
    event.preventDefault();
    if (chat.running()) chat.stop();
    else send();
  });

  function send() {
    const { text, attachments, again } = chat.draft;
    if (!text.trim() || chat.gone || attachments.some((each) => each.progress !== undefined)) return;
    chat.ask(text, attachments, again);
    chat.draft = emptyDraft();
    setText("");
    say("");
    closeOffers();
    chat.tellViews();
  }

  function stopEditing() {
    chat.draft = emptyDraft();
    setText("");
    chat.tellViews();
  }

  // --- attaching by name: what is behind an @ is looked up in the kernel

  let offers = [];
  let offered; // what is behind the @ that the offers are for
  let chosen = 0;

  function mention() {
    const at = input.selectionStart;
    const before = input.value.slice(0, at);
    const space = before && !/\s$/.test(before) ? " " : "";
    input.focus();
    input.setRangeText(`${space}@`, at, input.selectionEnd, "end");
    chat.draft.text = input.value;
    offer();
  }

  function mentioned() {
    return MENTION.exec(input.value.slice(0, input.selectionStart))?.[1];
  }

  function offer() {
    const text = mentioned();
    if (text === undefined) closeOffers();
    else chat.send("offer", { text });
  }

  function showOffers(found, text) {
    if (mentioned() !== text || !root.contains(document.activeElement)) return;
    offers = found;
    offered = text;
    chosen = 0;
    const options = found.map(({ kind, value, note }, index) => {
      const option = element("div", "qwen-offer", "", { role: "option", id: `${list.id}-${index}` });
      const beside = [kind === "variable" ? words.variable : "", note].filter(Boolean).join(" · ");
      option.append(element("span", "qwen-offer-name", value), element("span", "qwen-offer-note", beside));
      option.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        choose(index);
      });
      return option;
    });
    const none = element("div", "qwen-offer-none", filled(words.nothing, { text }));
    list.replaceChildren(...(options.length ? options : [none]));
    list.dataset.open = "";
    input.setAttribute("aria-expanded", "true");
    mark();
  }

  function mark() {
    for (const [index, option] of [...list.children].entries()) {
      option.setAttribute("aria-selected", String(index === chosen));
      if (index === chosen && offers.length) {
        option.scrollIntoView({ block: "nearest" });
        input.setAttribute("aria-activedescendant", option.id);
      }
    }
  }

  function closeOffers() {
    offers = [];
    delete list.dataset.open;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  /** The cursor may have left what the offers are for. */
  function closeOldOffers() {
    if ("open" in list.dataset && mentioned() !== offered) closeOffers();
  }

  function chooseWithKey({ key }) {
    closeOldOffers();
    if (key === "Escape" && "open" in list.dataset) return closeOffers(), true;
    if (!offers.length) return false;
    if (key === "ArrowDown" || key === "ArrowUp") {
      chosen = (chosen + (key === "ArrowDown" ? 1 : offers.length - 1)) % offers.length;
      mark();
      return true;
    }
    if (key === "Enter" || key === "Tab") return choose(chosen), true;
    return false;
  }

  function choose(index) {
    closeOldOffers();
    if (!offers.length) return undefined;
    const { kind, value } = offers[index];
    const end = input.selectionStart;
    const start = end - mentioned().length;
    if (kind === "folder") {
      input.setRangeText(value, start, end, "end");
      chat.draft.text = input.value;
      return offer();
    }
    input.setRangeText("", start - 1, end, "end");
    chat.draft.text = input.value;
    closeOffers();
    attach({ kind, value, name: value });
    input.focus();
  }

  input.addEventListener("blur", closeOffers);
  for (const event of ["keyup", "click"]) input.addEventListener(event, closeOldOffers);

  function attach(attachment) {
    const same = ({ kind, value }) => value !== undefined && kind === attachment.kind && value === attachment.value;
    if (!chat.draft.attachments.some(same)) chat.draft.attachments.push(attachment);
    chat.tellViews();
  }

  // --- attaching from the browser

  async function uploadAll(files, folders = []) {
    for (const name of folders) say(filled(words.isFolder, { name }));
    for (const file of files) {
      if (file.size > LARGEST_FILE) say(filled(words.tooLarge, { name: file.name, most: megabytes(LARGEST_FILE) }));
      else await upload(file);
    }
  }

  function dropAttachment(attachment) {
    chat.draft.attachments = chat.draft.attachments.filter((each) => each !== attachment);
    chat.tellViews();
  }

  async function upload(file) {
    const id = newKey();
    const name = file.name.split(/[\\/]/).at(-1);
    const attachment = { kind: "file", name, id, size: file.size, progress: 0 };
    attach(attachment);
    try {
      for (let at = 0; at === 0 || at < file.size; at += PIECE) {
        if (!chat.draft.attachments.includes(attachment)) return;
        const piece = await file.slice(at, at + PIECE).arrayBuffer();
        chat.send("upload", { id, name }, [piece]);
      }
    } catch {
      // It has gone or was changed, or is a folder that the browser did not call one.
      dropAttachment(attachment);
      say(filled(words.unreadable, { name }));
    }
  }

  function uploaded({ uploaded: id, path, size, error }) {
    const attachment = chat.draft.attachments.find((each) => each.id === id);
    if (!attachment) return;
    if (error) chat.draft.attachments = chat.draft.attachments.filter((each) => each !== attachment);
    attachment.progress = Math.floor((100 * size) / Math.max(1, attachment.size));
    if (size >= attachment.size) {
      delete attachment.progress;
      attachment.value = path;
    }
  }

  chooser.addEventListener("change", () => {
    uploadAll([...chooser.files]);
    chooser.value = "";
  });

  input.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    const text = event.clipboardData.getData("text/plain");
    if (files.length && !text) {
      event.preventDefault();
      uploadAll(files);
    } else if (text.length + input.value.length > LONGEST) {
      event.preventDefault();
      say(tooLong(text.length, LONGEST));
    }
  });

  // --- the model

  let asked = false;

  function askForModels() {
    if (asked || chat.gone) return;
    asked = true;
    chat.send("models");
  }

  function showModels() {
    const { models = [], defaultModel = "" } = chat;
    const current = chat.state.model;
    const names = current && !models.includes(current) ? [current, ...models] : models;
    const option = (value, label) => new Option(label, value, false, value === current);
    const loading = models.length || !asked ? [] : [new Option(words.loadingModels, "", false, false)];
    for (const each of loading) each.disabled = true;
    const byName = names.map((name) => option(name, name));
    const usual = defaultModel ? filled(words.defaultModelOf, { name: defaultModel }) : words.defaultModel;
    const shown = [option("", usual), ...byName, ...loading];
    const key = shown.map((each) => each.text).join("\n") + current;
    if (model.dataset.shown === key) return;
    model.dataset.shown = key;
    model.replaceChildren(...shown);
  }

  for (const event of ["pointerenter", "focus"])
    model.addEventListener(event, () => {
      askForModels();
      showModels();
    });
  model.addEventListener("change", () => chat.send("model", { model: model.value }));

  // --- all of it

  function say(text, ...buttons) {
    notice.textContent = text;
    notice.append(...buttons);
  }

  function changed() {
    const running = chat.running();
    const label = running ? words.stopLong : words.askLong;
    act.replaceChildren(icon(running ? "stop" : "send"));
    act.setAttribute("aria-label", running ? words.stopLong : words.ask);
    act.title = label;
    act.dataset.running = String(Boolean(running));
    if (input.value !== chat.draft.text) setText(chat.draft.text);
    editing.hidden = !chat.draft.again;
    const remove = (attachment) => () => {
      dropAttachment(attachment);
      input.focus();
    };
    chips.replaceChildren(...chat.draft.attachments.map((each) => chip(each, remove(each))));
    showModels();
    if (chat.gone) {
      say(words.gone);
      for (const part of root.querySelectorAll("textarea, button, select")) part.disabled = true;
    }
  }

  changed();
  return {
    root,
    changed,
    say,
    uploadAll,
    focus: () => input.focus(),
    said(message) {
      if (message.uploaded) uploaded(message);
      if (message.offers) showOffers(message.offers, message.text);
      if (message.error) say(message.error[language]);
      changed();
    },
  };
}

function emptyDraft() {
  return { text: "", attachments: [], again: "" };
}

function newKey() {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

function textButton(text, act) {
  const button = element("button", "qwen-text-button", text, { type: "button" });
  button.addEventListener("click", act);
  return button;
}
