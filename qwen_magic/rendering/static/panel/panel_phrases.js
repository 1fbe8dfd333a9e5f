/* What the panel says in words: names and sizes. No DOM. */

import { say } from "../page/words.js";

/**
 * What the panel of a conversation is called.
 *
 * @param {string} name
 */
export function titleOf(name) {
  return name === "default" ? say("panel") : say("panelOf", { name });
}

/**
 * What stands in a panel without turns.
 *
 * @param {string} name the conversation's
 */
export function invitation(name) {
  return name === "default" ? say("empty") : say("emptyNamed", { name });
}

/**
 * A size, in megabytes.
 *
 * @param {number} bytes
 */
export function megabytes(bytes) {
  return `${(bytes / (1 << 20)).toFixed(1)} MB`;
}

/**
 * @param {number} length characters
 * @param {number} most characters
 */
export function tooLongText(length, most) {
  return say("tooLong", { size: megabytes(length), most: most.toLocaleString() });
}
