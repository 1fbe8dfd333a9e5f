/* The list of all turns, in a place of its own that scrolls; only those that are near are drawn. */

/** @import { AnswerPatch, TurnChange } from "../page_messages.js" */
/** @import { Chat } from "./chat.js" */
/** @import { TurnTools } from "./turn_view.js" */

import { iconButton } from "../page/buttons.js";
import { element } from "../page/elements.js";
import { say } from "../page/words.js";
import { EndFollower } from "./end_follower.js";
import { invitation } from "./panel_phrases.js";
import { TurnView } from "./turn_view.js";

// A turn is drawn when it is nearer than this to what is seen.
const NEAR = "800px";

export class TranscriptView {
  /**
   * @param {Chat} chat
   * @param {TurnTools} tools
   */
  constructor(chat, tools) {
    this._chat = chat;
    this._tools = tools;
    /** @type {Map<string, TurnView>} */
    this._views = new Map();
    this.root = element("div", "qwen-scroll", "", { role: "log", "aria-label": say("transcript"), tabindex: "0" });
    this.root.setAttribute("aria-live", "off"); // what is new is announced in a sentence, not read out word by word
    this._list = element("div", "qwen-turns");
    this._empty = element("p", "qwen-empty");
    this.root.append(this._empty, this._list);
    this._end = new EndFollower(this.root, this._list, (atEnd) => (this.down.hidden = atEnd));
    this.down = iconButton("down", "qwen-latest", say("latest"), () => this._end.toEnd());
    this.down.hidden = true;
    this._near = new IntersectionObserver((entries) => this._drawNear(entries), { root: this.root, rootMargin: NEAR });
    this.sync();
  }

  /** Bring the list up to date with the chat's turns. */
  sync() {
    const order = this._chat.order();
    this._removeOld(order);
    let place = this._list.firstChild;
    for (const key of order) {
      const view = this._views.get(key) ?? this._add(key);
      if (view.root === place) place = place.nextSibling;
      else this._list.insertBefore(view.root, place);
    }
    this._empty.hidden = order.length > 0;
    this._empty.textContent = invitation(this._chat.state.name);
    this._end.follow();
  }

  /**
   * Go to a turn: to its end if it is the last one, else to its beginning.
   *
   * @param {string} key
   */
  show(key) {
    const view = this._views.get(key);
    if (this._chat.order().at(-1) === key) this._end.toEnd();
    else if (view) this._end.toElement(view.root);
  }

  /**
   * @param {string} key
   * @param {Partial<AnswerPatch>} [patch]
   * @param {TurnChange} [set]
   */
  changed(key, patch, set) {
    this._views.get(key)?.changed(patch, set);
  }

  /**
   * @param {string} key
   * @param {string} text
   */
  say(key, text) {
    this._views.get(key)?.say(text);
  }

  remove() {
    this._near.disconnect();
    this._end.disconnect();
    for (const view of this._views.values()) view.remove();
  }

  /** @param {string[]} order */
  _removeOld(order) {
    for (const [key, view] of this._views) {
      if (order.includes(key) && view.turn === this._chat.turn(key)) continue;
      this._near.unobserve(view.root);
      view.remove();
      this._views.delete(key);
    }
  }

  /** @param {string} key */
  _add(key) {
    const turn = this._chat.turn(key);
    if (!turn) throw new Error(`No turn ${key}`);
    const view = new TurnView(key, turn, this._tools);
    this._views.set(key, view);
    this._near.observe(view.root);
    return view;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  _drawNear(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting || !(target instanceof HTMLElement)) continue;
      this._near.unobserve(target);
      this._views.get(target.dataset.key ?? "")?.draw();
    }
  }
}
