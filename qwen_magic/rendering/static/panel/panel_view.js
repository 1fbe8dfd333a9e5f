/* One view of the chat panel: a header, the transcript, the composer. */

/** @import { Aside, AnswerPatch, TurnChange } from "../page_messages.js" */
/** @import { Typeset } from "../page/typesetter.js" */
/** @import { Chat } from "./chat.js" */
/** @import { TurnTools } from "./turn_view.js" */

import { iconButton, textButton } from "../page/buttons.js";
import { container, element, setText } from "../page/elements.js";
import { say } from "../page/words.js";
import { Composer } from "./composer.js";
import { acceptDrops } from "./file_drop.js";
import { titleOf } from "./panel_phrases.js";
import { TranscriptView } from "./transcript_view.js";

export class PanelView {
  /**
   * @param {Chat} chat
   * @param {Typeset} [typeset]
   */
  constructor(chat, typeset) {
    this._chat = chat;
    this._composer = new Composer(chat);
    this._transcript = new TranscriptView(chat, this._turnTools(typeset));
    this._title = element("div", "qwen-title", "", { role: "heading", "aria-level": "2" });
    this._clear = iconButton("clear", "", say("clear"), () => this._clearAll());
    this.root = element("section", "qwen-panel", "", { "data-lm-suppress-shortcuts": "true" });
    this.root.append(
      container("header", "qwen-header", [this._title, this._clear]),
      container("div", "qwen-middle", [this._transcript.root, this._transcript.down]),
      this._composer.root,
      element("div", "qwen-drop", say("dropHere")),
    );
    this.root.addEventListener("keydown", (event) => this._pressed(event));
    acceptDrops(this.root, (files, folders) => this._composer.upload(files, folders));
    this.changed();
  }

  changed() {
    const title = titleOf(this._chat.state.name);
    setText(this._title, title);
    this.root.setAttribute("aria-label", title);
    this.root.classList.toggle("qwen-gone", this._chat.gone);
    this._clear.disabled = !this._chat.state.order.length || this._chat.gone;
    this._composer.changed();
  }

  sync() {
    this._transcript.sync();
  }

  /**
   * @param {string} key
   * @param {Partial<AnswerPatch>} [patch]
   * @param {TurnChange} [set]
   */
  grown(key, patch, set) {
    this._transcript.changed(key, patch, set);
  }

  /**
   * @param {string} key
   * @param {string} text
   */
  say(key, text) {
    this._transcript.say(key, text);
  }

  /** @param {Aside} message */
  receive(message) {
    this._composer.receive(message);
  }

  /** @param {string} key */
  asked(key) {
    this._transcript.sync();
    this._transcript.show(key);
  }

  remove() {
    this._transcript.remove();
  }

  /**
   * Escape stops the answer, unless something nearer has used it.
   *
   * @param {KeyboardEvent} event
   */
  _pressed(event) {
    if (event.key !== "Escape" || event.defaultPrevented || !this._chat.running()) return;
    event.preventDefault();
    this._chat.stop();
  }

  _clearAll() {
    this._chat.send({ do: "clear" });
    const undo = textButton(say("undo"), () => {
      this._chat.send({ do: "undo" });
      this._composer.say("");
      this._composer.focus();
    });
    this._composer.say(say("cleared"), undo);
    undo.focus();
  }

  /**
   * @param {Typeset} [typeset]
   * @returns {TurnTools}
   */
  _turnTools(typeset) {
    const chat = this._chat;
    return {
      typeset,
      edit: (key, { question, given }) => {
        chat.draft = { text: question, attachments: [...given], again: key };
        chat.tellViews();
        this._composer.focus();
      },
      again: (key, turn) => {
        if (!chat.running()) chat.ask(turn.question, turn.given, key);
      },
    };
  }
}
