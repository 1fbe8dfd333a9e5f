/* The question that is being written: its text and what is attached. No DOM. */

/** @import { Aside, GivenAttachment } from "../page_messages.js" */

/**
 * An attachment of a draft; `progress` is there while a file is uploaded, in percent, and `value` when it has been.
 * @typedef {object} DraftAttachment
 * @property {GivenAttachment["kind"]} kind
 * @property {string} name
 * @property {string} [value]
 * @property {string} [id]
 * @property {number} [size]
 * @property {number} [progress]
 */
/**
 * `again` is the key of the turn that is to be replaced, or empty.
 * @typedef {object} Draft
 * @property {string} text
 * @property {DraftAttachment[]} attachments
 * @property {string} again
 */

/** @returns {Draft} */
export function emptyDraft() {
  return { text: "", attachments: [], again: "" };
}

/**
 * Attach something, unless it is attached already.
 *
 * @param {Draft} draft
 * @param {DraftAttachment} attachment
 */
export function attach(draft, attachment) {
  const { kind, value } = attachment;
  const there = draft.attachments.some((each) => value !== undefined && each.kind === kind && each.value === value);
  if (!there) draft.attachments.push(attachment);
}

/**
 * @param {Draft} draft
 * @param {DraftAttachment} attachment
 */
export function detach(draft, attachment) {
  draft.attachments = draft.attachments.filter((each) => each !== attachment);
}

/**
 * Whether there is a question, and all that is attached has been uploaded.
 *
 * @param {Draft} draft
 */
export function isComplete({ text, attachments }) {
  return Boolean(text.trim()) && attachments.every(({ progress }) => progress === undefined);
}

/**
 * What of the attachments the kernel is told.
 *
 * @param {DraftAttachment[]} attachments
 * @returns {GivenAttachment[]}
 */
export function given(attachments) {
  return attachments.map(({ kind, value = "", name }) => ({ kind, value, name }));
}

/**
 * The kernel has the first `size` bytes of an upload, or refuses it.
 *
 * @param {Draft} draft
 * @param {Aside} message
 */
export function noteUpload(draft, { uploaded, path, size = 0, error }) {
  const attachment = draft.attachments.find(({ id }) => id === uploaded);
  if (!attachment) return;
  if (error) {
    detach(draft, attachment);
    return;
  }
  const whole = attachment.size ?? 0;
  attachment.progress = Math.floor((100 * size) / Math.max(1, whole));
  if (size >= whole) {
    delete attachment.progress;
    attachment.value = path;
  }
}

/**
 * Where the pieces of a file begin, in bytes; an empty file has one as well.
 *
 * @param {number} size
 * @param {number} piece
 * @returns {number[]}
 */
export function pieceStarts(size, piece) {
  return Array.from({ length: Math.max(1, Math.ceil(size / piece)) }, (_, number) => number * piece);
}
