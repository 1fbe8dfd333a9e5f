/* What is attached to a question, as a chip. */

import { attachmentText } from "../answer/answer_phrases.js";
import { iconButton } from "../page/buttons.js";
import { element } from "../page/elements.js";
import { say } from "../page/words.js";

/**
 * @param {{ name: string, note?: string, progress?: number }} attachment `progress` of its upload, in percent
 * @param {() => void} [remove] with it, there is a button for that
 */
export function attachmentChip({ name, note, progress }, remove) {
  const chip = element("span", "qwen-chip", "", { title: attachmentText({ name, note }) });
  chip.append(element("span", "qwen-chip-name", name));
  if (progress !== undefined) chip.append(element("span", "qwen-chip-note", say("uploading", { done: progress })));
  if (remove) chip.append(iconButton("remove", "qwen-chip-remove", say("remove", { name }), remove));
  return chip;
}
