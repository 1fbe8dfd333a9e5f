/* One section of an answer on the page: its finished blocks, each drawn once, and its open end. */

/** @import { SectionState } from "../page_messages.js" */
/** @import { Typeset } from "../page/typesetter.js" */

import { drawing } from "./answer_state.js";
import { addCopyButtons } from "./copy_button.js";

// What holds text to which more can be added, or holds such things.
const FLOW = "p, ul, ol, li, blockquote, h1, h2, h3, h4, h5, h6, div, pre, pre > code, table, tbody, tr, td, th";

/** Draws a section into `host`. The HTML of the blocks comes sanitised from Python. */
export class SectionView {
  /**
   * @param {HTMLElement} host
   * @param {Typeset} [typeset]
   */
  constructor(host, typeset) {
    this._host = host;
    this._typeset = typeset;
    /** @type {number[]} */
    this._ends = []; // how many nodes the first i + 1 blocks have made
    this._open = { tail: "", append: "" };
  }

  /**
   * Draw the blocks from number `base` on, and the open end.
   *
   * @param {SectionState} section
   * @param {number} base
   */
  draw(section, base) {
    const { first, anew, added } = drawing(section, base, { blocks: this._ends.length, ...this._open });
    if (anew) {
      this._drawBlocks(section.blocks, first);
      this._host.insertAdjacentHTML("beforeend", section.tail);
    }
    if (added) (section.tail ? lastPlace(this._host) : this._host).append(added);
    this._open = { tail: section.tail, append: section.append };
  }

  /**
   * @param {string[]} blocks
   * @param {number} first
   */
  _drawBlocks(blocks, first) {
    const host = this._host;
    const kept = this._ends[first - 1] ?? 0;
    while (host.childNodes.length > kept) host.lastChild?.remove();
    this._ends.length = first;
    for (const html of blocks.slice(first)) {
      placeOf(html, host).insertAdjacentHTML("beforeend", html);
      this._ends.push(host.childNodes.length);
    }
    const added = [...host.childNodes].slice(kept);
    addCopyButtons(added);
    this._typeset?.(added);
  }
}

/**
 * Where a block belongs: a row of data into the table that is open.
 *
 * @param {string} html
 * @param {Element} host
 * @returns {Element}
 */
function placeOf(html, host) {
  return (html.startsWith("<tr") && host.querySelector(":scope > table:last-child > tbody")) || host;
}

/**
 * The innermost element at the very end of `host`.
 *
 * @param {Element} host
 * @returns {Element}
 */
export function lastPlace(host) {
  for (let place = host; ; ) {
    let last = place.lastChild;
    while (last instanceof Text && !last.data.trim()) last = last.previousSibling;
    if (!(last instanceof Element && last.matches(FLOW))) return place;
    place = last;
  }
}
