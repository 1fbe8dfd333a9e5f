/* Where a question is written: text, attachments as chips, the model, Send and Stop. */

/** @import { Aside, Offer } from "../page_messages.js" */
/** @import { Chat } from "./chat.js" */
/** @import { FieldOwner } from "./question_field.js" */
/** @import { DraftAttachment } from "./draft.js" */

import { iconButton, textButton } from "../page/buttons.js";
import { container, element } from "../page/elements.js";
import { language, say } from "../page/words.js";
import { attachmentChip } from "./attachment_chip.js";
import { attach, detach, emptyDraft, isComplete, noteUpload } from "./draft.js";
import { ModelPicker } from "./model_picker.js";
import { QuestionField } from "./question_field.js";
import { SendStopButton } from "./send_stop_button.js";
import { uploadAll } from "./uploads.js";

/** The composer of one view. What is in it (`chat.draft`) is shared by all views of the panel. */
export class Composer {
  /** @param {Chat} chat */
  constructor(chat) {
    this._chat = chat;
    this._field = new QuestionField(this._fieldOwner());
    this._button = new SendStopButton(chat, () => this._send());
    this._models = new ModelPicker(chat);
    this._chips = element("div", "qwen-chips");
    this._notice = element("p", "qwen-notice-line", "", { role: "status" });
    this._editing = this._makeEditing();
    const chooser = this._makeChooser();
    const { root: list } = this._field.offers;
    const row = this._makeRow(chooser);
    const box = container("div", "qwen-box", [list, this._editing, this._chips, this._field.root, row, chooser]);
    this.root = container("form", "qwen-composer", [this._notice, box]);
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this._button.act();
    });
    this.changed();
  }

  focus() {
    this._field.focus();
  }

  /**
   * Show a line above the field.
   *
   * @param {string} text
   * @param {HTMLElement[]} buttons
   */
  say(text, ...buttons) {
    this._notice.textContent = text;
    this._notice.append(...buttons);
  }

  /** The chat or the draft has changed. */
  changed() {
    this._button.changed();
    this._field.changed();
    this._editing.hidden = !this._chat.draft.again;
    this._chips.replaceChildren(...this._chat.draft.attachments.map((each) => this._chip(each)));
    this._models.changed();
    if (!this._chat.gone) return;
    this.say(say("gone"));
    for (const part of this.root.querySelectorAll("textarea, button, select")) part.setAttribute("disabled", "");
  }

  /**
   * What the kernel says beside the state.
   *
   * @param {Aside} message
   */
  receive(message) {
    if (message.uploaded) noteUpload(this._chat.draft, message);
    const focused = this.root.contains(document.activeElement);
    if (message.offers && focused) this._field.showOffers(message.offers, message.text ?? "");
    if (message.error) this.say(message.error[language]);
    this.changed();
  }

  /**
   * @param {File[]} files
   * @param {string[]} [folders]
   */
  upload(files, folders) {
    void uploadAll(this._chat, (text) => this.say(text), files, folders);
  }

  _send() {
    const { text, attachments, again } = this._chat.draft;
    if (this._chat.gone || !isComplete(this._chat.draft)) return;
    this._chat.ask(text, attachments, again);
    this._chat.draft = emptyDraft();
    this._field.show("");
    this._field.offers.close();
    this.say("");
    this._chat.tellViews();
  }

  _stopEditing() {
    this._chat.draft = emptyDraft();
    this._chat.tellViews();
  }

  /** @param {Offer} offer */
  _attach({ kind, value }) {
    if (kind !== "folder") attach(this._chat.draft, { kind, value, name: value });
    this._chat.tellViews();
  }

  /** @returns {FieldOwner} */
  _fieldOwner() {
    const chat = this._chat;
    return {
      running: () => Boolean(chat.running()),
      editing: () => Boolean(chat.draft.again),
      text: () => chat.draft.text,
      changed: (text) => (chat.draft.text = text),
      mentioned: (text) => chat.send({ do: "offer", text }),
      attach: (offer) => this._attach(offer),
      pasted: (files) => this.upload(files),
      send: () => this._send(),
      stopEditing: () => this._stopEditing(),
      say: (text) => this.say(text),
    };
  }

  /** @param {DraftAttachment} attachment */
  _chip(attachment) {
    return attachmentChip(attachment, () => {
      detach(this._chat.draft, attachment);
      this._chat.tellViews();
      this.focus();
    });
  }

  _makeEditing() {
    const cancel = textButton(say("cancel"), () => this._stopEditing());
    return container("div", "qwen-editing", [element("span", "", say("editing")), cancel]);
  }

  _makeChooser() {
    const chooser = element("input", "", "", { type: "file", multiple: "", hidden: "" });
    chooser.addEventListener("change", () => {
      this.upload([...(chooser.files ?? [])]);
      chooser.value = "";
    });
    return chooser;
  }

  /** @param {HTMLInputElement} chooser */
  _makeRow(chooser) {
    return container("div", "qwen-row", [
      iconButton("attach", "", say("attach"), () => this._field.mention()),
      iconButton("upload", "", say("upload"), () => chooser.click()),
      this._models.root,
      element("span", "qwen-gap"),
      this._button.root,
    ]);
  }
}
