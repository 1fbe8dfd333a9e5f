/* What a file holds of an answer that may still grow. No DOM. */

/** @import { Progress, SavedView, SectionState } from "../page_messages.js" */

/**
 * The HTML of the record: the answer as far as it has come, and that it was not all.
 *
 * @param {{ answer: SectionState, saved: SavedView, progress: Progress }} state
 * @returns {string}
 */
export function unfinishedHtml({ answer, saved, progress }) {
  const [before, after] = saved.around;
  const end = progress.phase === "done" ? "</div>" : after;
  return before + answer.blocks.join("") + answer.tail + escaped(answer.append) + end;
}

/**
 * Text, as HTML.
 *
 * @param {string} text
 */
export function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\u00a0", "&nbsp;");
}
