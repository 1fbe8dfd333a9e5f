/* What is offered for the text behind an @: files, folders and variables of the kernel, in a list to choose from. */

/** @import { Offer } from "../page_messages.js" */

import { element } from "../page/elements.js";
import { say } from "../page/words.js";

export class OfferList {
  /**
   * @param {HTMLTextAreaElement} input the field that the list belongs to
   * @param {(offer: Offer) => void} choose
   */
  constructor(input, choose) {
    this.root = element("div", "qwen-offers", "", { role: "listbox", "aria-label": say("offered") });
    this.root.id = `qwen-offers-${crypto.randomUUID?.() ?? Math.random()}`;
    this._input = input;
    this._choose = choose;
    /** @type {Offer[]} */
    this._offers = [];
    this._chosen = 0;
    /** @type {string | undefined} what is behind the @ that the offers are for */
    this.text = undefined;
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", this.root.id);
    input.setAttribute("aria-expanded", "false");
  }

  get isOpen() {
    return "open" in this.root.dataset;
  }

  get length() {
    return this._offers.length;
  }

  /**
   * @param {Offer[]} offers
   * @param {string} text what they are for
   */
  show(offers, text) {
    this._offers = offers;
    this._chosen = 0;
    this.text = text;
    const options = offers.map((offer, index) => this._option(offer, index));
    const none = () => element("div", "qwen-offer-none", say("nothing", { text }));
    this.root.replaceChildren(...(options.length ? options : [none()]));
    this.root.dataset.open = "";
    this._input.setAttribute("aria-expanded", "true");
    this._mark();
  }

  close() {
    this._offers = [];
    delete this.root.dataset.open;
    this._input.setAttribute("aria-expanded", "false");
    this._input.removeAttribute("aria-activedescendant");
  }

  /** @param {1 | -1} step */
  move(step) {
    this._chosen = (this._chosen + step + this._offers.length) % this._offers.length;
    this._mark();
  }

  /** @param {number} [index] the one that is marked, if there is none */
  choose(index = this._chosen) {
    const offer = this._offers[index];
    if (offer) this._choose(offer);
  }

  /**
   * @param {Offer} offer
   * @param {number} index
   */
  _option({ kind, value, note }, index) {
    const option = element("div", "qwen-offer", "", { role: "option", id: `${this.root.id}-${index}` });
    const beside = [kind === "variable" ? say("variable") : "", note].filter(Boolean).join(" · ");
    option.append(element("span", "qwen-offer-name", value), element("span", "qwen-offer-note", beside));
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.choose(index);
    });
    return option;
  }

  _mark() {
    for (const [index, option] of [...this.root.children].entries()) {
      option.setAttribute("aria-selected", String(index === this._chosen));
      if (index === this._chosen && this._offers.length) {
        option.scrollIntoView({ block: "nearest" });
        this._input.setAttribute("aria-activedescendant", option.id);
      }
    }
  }
}
