/* What is behind an @ in the question's text, and how a choice changes the text. No DOM. */

/**
 * A replacement of the characters from `start` to `end` by `text`.
 * @typedef {{ start: number, end: number, text: string }} Edit
 */

const MENTION = /(?:^|[\s(（])@([^\s@]*)$/;

/**
 * What stands between an @ and the cursor, or nothing if the cursor is not behind one.
 *
 * @param {string} text
 * @param {number} cursor
 * @returns {string | undefined}
 */
export function mentionAt(text, cursor) {
  return MENTION.exec(text.slice(0, cursor))?.[1];
}

/**
 * Write an @ at the cursor, apart from the word before it.
 *
 * @param {string} text
 * @param {number} start of the selection
 * @param {number} end
 * @returns {Edit}
 */
export function beginMention(text, start, end) {
  const before = text.slice(0, start);
  return { start, end, text: before && !/\s$/.test(before) ? " @" : "@" };
}

/**
 * Complete what is behind the @ to a folder, in which more can be chosen, or take the mention out: it is attached.
 *
 * @param {string} mentioned
 * @param {number} cursor
 * @param {{ kind: string, value: string }} offer
 * @returns {Edit}
 */
export function chooseOffer(mentioned, cursor, { kind, value }) {
  const start = cursor - mentioned.length;
  return kind === "folder" ? { start, end: cursor, text: value } : { start: start - 1, end: cursor, text: "" };
}
