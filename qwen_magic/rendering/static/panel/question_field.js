/* The field that a question is written in: its text, its keys, its mentions. */

/** @import { Offer } from "../page_messages.js" */
/** @import { Edit } from "./mention.js" */

import { element } from "../page/elements.js";
import { say } from "../page/words.js";
import { isComposition, keyAction } from "./composer_keys.js";
import { beginMention, chooseOffer, mentionAt } from "./mention.js";
import { OfferList } from "./offer_list.js";
import { tooLongText } from "./panel_phrases.js";

// A question of more characters than this belongs into a file; a text field of this size still types smoothly.
const LONGEST = 200_000;

/**
 * What the field tells its composer.
 *
 * @typedef {object} FieldOwner
 * @property {() => boolean} running whether a question is being answered
 * @property {() => boolean} editing whether an earlier question is being edited
 * @property {() => string} text the draft's
 * @property {(text: string) => void} changed the text is this now
 * @property {(text: string) => void} mentioned this is behind an @ now
 * @property {(offer: Offer) => void} attach
 * @property {(files: File[]) => void} pasted
 * @property {() => void} send
 * @property {() => void} stopEditing
 * @property {(text: string) => void} say
 */

export class QuestionField {
  /** @param {FieldOwner} owner */
  constructor(owner) {
    this._owner = owner;
    this.root = element("textarea", "qwen-input", "", {
      rows: "1",
      placeholder: say("placeholder"),
      "aria-label": say("input"),
    });
    this.offers = new OfferList(this.root, (offer) => this._choose(offer));
    this.root.addEventListener("input", () => this._typed());
    this.root.addEventListener("keydown", (event) => this._pressed(event));
    this.root.addEventListener("paste", (event) => this._pasted(event));
    this.root.addEventListener("blur", () => this.offers.close());
    for (const event of ["keyup", "click"]) this.root.addEventListener(event, () => this._closeOldOffers());
  }

  focus() {
    this.root.focus();
  }

  /** Bring the field up to date with the draft. */
  changed() {
    if (this.root.value !== this._owner.text()) this.show(this._owner.text());
  }

  /** @param {string} text */
  show(text) {
    this.root.value = text;
    this._grow();
  }

  /** Begin a mention at the cursor: write its at sign, and ask what can be chosen. */
  mention() {
    const edit = beginMention(this.root.value, this.root.selectionStart, this.root.selectionEnd);
    this.root.focus();
    this._edit(edit);
    this._offer();
  }

  /**
   * The kernel offers `found` for `text`; by now something else may stand there.
   *
   * @param {Offer[]} found
   * @param {string} text
   */
  showOffers(found, text) {
    if (this._mentioned() === text) this.offers.show(found, text);
  }

  _mentioned() {
    return mentionAt(this.root.value, this.root.selectionStart);
  }

  _offer() {
    const text = this._mentioned();
    if (text === undefined) this.offers.close();
    else this._owner.mentioned(text);
  }

  /** The cursor may have left what the offers are for. */
  _closeOldOffers() {
    if (this.offers.isOpen && this._mentioned() !== this.offers.text) this.offers.close();
  }

  /** @param {Edit} edit */
  _edit({ start, end, text }) {
    this.root.setRangeText(text, start, end, "end");
    this._owner.changed(this.root.value);
  }

  /** @param {Offer} offer */
  _choose(offer) {
    this._closeOldOffers();
    const mentioned = this._mentioned();
    if (!this.offers.isOpen || mentioned === undefined) return;
    this._edit(chooseOffer(mentioned, this.root.selectionStart, offer));
    if (offer.kind === "folder") {
      this._offer();
      return;
    }
    this.offers.close();
    this._owner.attach(offer);
    this.focus();
  }

  _typed() {
    if (this.root.value.length > LONGEST) {
      this._owner.say(tooLongText(this.root.value.length, LONGEST));
      this.show(this._owner.text());
      return;
    }
    this._owner.changed(this.root.value);
    this._grow();
    this._offer();
  }

  /** @param {KeyboardEvent} event */
  _pressed(event) {
    if (isComposition(event)) return;
    this._closeOldOffers();
    const { isOpen: open, length: offers } = this.offers;
    const state = { open, offers, running: this._owner.running(), editing: this._owner.editing() };
    const action = keyAction(event, state);
    if (!action) return;
    event.preventDefault();
    this._do(action);
  }

  /** @param {import("./composer_keys.js").KeyAction} action */
  _do(action) {
    if (action === "closeOffers") this.offers.close();
    else if (action === "nextOffer") this.offers.move(1);
    else if (action === "previousOffer") this.offers.move(-1);
    else if (action === "chooseOffer") this.offers.choose();
    else if (action === "send") this._owner.send();
    else if (action === "newLine") this._breakLine();
    else if (action === "stopEditing") this._owner.stopEditing();
  }

  /** JupyterLab leaves the field at Shift+Enter, without the new line. */
  _breakLine() {
    const { selectionStart: start, selectionEnd: end } = this.root;
    if (!document.execCommand("insertText", false, "\n")) this.root.setRangeText("\n", start, end, "end");
  }

  /** @param {ClipboardEvent} event */
  _pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (files.length && !text) {
      event.preventDefault();
      this._owner.pasted(files);
    } else if (text.length + this.root.value.length > LONGEST) {
      event.preventDefault();
      this._owner.say(tooLongText(text.length, LONGEST));
    }
  }

  _grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.root.style.height = "auto";
    this.root.style.height = `${this.root.scrollHeight}px`;
  }
}
