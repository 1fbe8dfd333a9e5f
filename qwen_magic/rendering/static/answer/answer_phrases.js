/* What an answer's view says in words: figures, notices, attachments. No DOM. */

/** @import { HeadingState, Progress, ShownAttachment } from "../page_messages.js" */

import { language, say } from "../page/words.js";

/**
 * Who answers.
 *
 * @param {{ model: string, endpoint: string }} heading
 */
export function whoOf({ model, endpoint }) {
  return [model, endpoint].filter(Boolean).join(" @ ");
}

/**
 * What was sent beside the question.
 *
 * @param {{ attachments: ShownAttachment[] }} heading
 */
export function attachmentLine({ attachments }) {
  return attachments.map(attachmentText).join(" · ");
}

/**
 * @param {{ name: string, note?: string }} attachment
 * @returns {string}
 */
export function attachmentText({ name, note }) {
  return note ? `${name} (${note})` : name;
}

/**
 * What the person should know of how it was asked.
 *
 * @param {Pick<HeadingState, "notes">} heading
 */
export function notesOf({ notes }) {
  return notes[language];
}

/**
 * What is going on beside the answer.
 *
 * @param {Progress} progress
 * @returns {string}
 */
export function noticeText({ phase, outcome = "done", notice }) {
  if (phase === "done") return outcome === "done" ? "" : say(outcome);
  if (notice?.kind === "retrying") {
    return say("retrying", { seconds: Math.ceil(notice.delay), reason: notice.reason[language] });
  }
  if (notice?.kind === "calling") return say("calling", { name: notice.name });
  return "";
}

/**
 * How long the thinking has taken, in seconds.
 *
 * @param {Progress} progress
 * @param {number} thought
 */
export function thinkingText({ phase }, thought) {
  return say(phase === "thinking" ? "thinking" : "thought", { seconds: thought });
}

/**
 * What a screen reader reads out when the answer has ended.
 *
 * @param {Progress} progress
 */
export function endText({ outcome = "done" }) {
  return say(outcome);
}
