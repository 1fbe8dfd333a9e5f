/* The state of one answer, and what brings it up to date. No DOM. */

/** @import { AnswerPatch, Progress, SectionPatch, SectionState } from "../page_messages.js" */

/** @typedef {"thinking" | "answer"} SectionName */
/**
 * What an answer is drawn from; `arrived` is when the last patch came, in milliseconds of `performance.now()`.
 * @typedef {Record<SectionName, SectionState> & { progress: Progress, arrived: number }} DrawnState
 */
/**
 * The first block of each section that has to be drawn; a section that has not changed is absent.
 * @typedef {Partial<Record<SectionName, number>>} Changes
 */
/** @typedef {Partial<Record<SectionName, { base: number }>>} Bases */

/** @type {readonly SectionName[]} */
export const SECTIONS = ["thinking", "answer"];

/** @returns {SectionState} */
export function emptySection() {
  return { blocks: [], tail: "", append: "" };
}

/** @param {{ progress: Progress }} state */
export function isDone({ progress }) {
  return progress.phase === "done";
}

/**
 * Bring `state` up to date, in place: replace each section's blocks from `base` on, and its tail, or add to that.
 *
 * @param {DrawnState} state
 * @param {AnswerPatch} patch
 * @param {number} now milliseconds
 */
export function applyPatch(state, patch, now) {
  for (const name of SECTIONS) {
    const change = patch[name];
    if (!change) continue;
    const section = state[name];
    section.blocks.length = change.base;
    for (const html of change.blocks) section.blocks.push(html);
    section.append = (change.tail === null ? section.append : "") + change.append;
    section.tail = change.tail ?? section.tail;
  }
  Object.assign(state.progress, patch.progress);
  state.arrived = now;
}

/**
 * Seconds since the question was sent, and seconds of thinking: the kernel's count, and what has passed since.
 *
 * @param {{ progress: Progress, arrived: number }} state
 * @param {number} now milliseconds
 */
export function clock({ progress, arrived }, now) {
  const since = progress.phase === "done" ? 0 : (now - arrived) / 1000;
  return {
    seconds: Math.round(progress.seconds + since),
    thought: Math.max(1, Math.round(progress.thought + (progress.phase === "thinking" ? since : 0))),
  };
}

/**
 * How an answer has ended whose kernel is gone.
 *
 * @param {Progress} progress
 * @returns {Progress}
 */
export function brokenOff(progress) {
  return { ...progress, phase: "done", outcome: "failed" };
}

/**
 * What has to be drawn after `patch`, if `changes` had to be before.
 *
 * @param {Changes} changes
 * @param {Bases} patch
 * @returns {Changes}
 */
export function withChange(changes, patch) {
  const all = { ...changes };
  for (const name of SECTIONS) {
    const change = patch[name];
    if (change) all[name] = Math.min(all[name] ?? Infinity, change.base);
  }
  return all;
}

/**
 * How many characters a patch brings.
 *
 * @param {SectionPatch} patch
 */
export function lengthOf({ blocks, tail, append }) {
  return (tail ?? "").length + append.length + blocks.reduce((sum, html) => sum + html.length, 0);
}

/**
 * How to bring a section on the page up to date: whether its blocks from `first` on and its tail are drawn anew, and
 * the text that is added to the open end.
 *
 * @param {SectionState} section
 * @param {number} base the first block that has changed
 * @param {{ blocks: number, tail: string, append: string }} drawn what is on the page: how many blocks, the open end
 * @returns {{ first: number, anew: boolean, added: string }}
 */
export function drawing({ blocks, tail, append }, base, drawn) {
  const first = Math.min(base, drawn.blocks);
  const grown = first === blocks.length && first === drawn.blocks && tail === drawn.tail;
  return { first, anew: !grown, added: append.slice(grown ? drawn.append.length : 0) };
}
