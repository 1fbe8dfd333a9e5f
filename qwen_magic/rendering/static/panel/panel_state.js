/* The state of the chat panel, as the kernel keeps it, and what brings it up to date. No DOM. */

/** @import { GivenAttachment, PanelChange, PanelState, TurnState } from "../page_messages.js" */

import { brokenOff, emptySection, isDone } from "../answer/answer_state.js";
import { language } from "../page/words.js";

/**
 * A turn on the page; `arrived` is when the last patch came, in milliseconds, `again` what an unsent one replaces.
 * @typedef {TurnState & { arrived: number, again?: string }} Turn
 */
/** @typedef {Omit<PanelState, "turns"> & { turns: Record<string, Turn> }} Panel */
/**
 * Questions that the kernel has not taken up yet, by their keys.
 * @typedef {Map<string, Turn>} Unsent
 */

/**
 * How a numbered change fits to what the page has.
 *
 * @param {Panel} panel
 * @param {{ seq: number }} change
 * @returns {"next" | "missed" | "known"} `missed`: there was one between that the page has not got
 */
export function fit(panel, { seq }) {
  if (seq === panel.seq + 1) return "next";
  return seq > panel.seq ? "missed" : "known";
}

/**
 * Take over the whole state, in place.
 *
 * @param {Panel} panel
 * @param {PanelState} whole
 * @param {number} now milliseconds
 */
export function replaceState(panel, whole, now) {
  for (const name of Object.keys(panel)) delete panel[/** @type {keyof Panel} */ (name)];
  Object.assign(panel, whole);
  arrive(Object.values(panel.turns), now);
}

/**
 * Take over the order of the turns, with those that are new; the others are dropped.
 *
 * @param {Panel} panel
 * @param {Unsent} unsent questions that are among the new turns are taken out
 * @param {Pick<PanelChange, "order" | "turns">} change
 * @param {number} now milliseconds
 * @returns {string[]} the keys of the questions that were taken out
 */
export function takeOrder(panel, unsent, { order = [], turns = {} }, now) {
  Object.assign(panel.turns, turns);
  arrive(Object.keys(turns).map((key) => panel.turns[key]), now);
  for (const key of Object.keys(panel.turns)) if (!order.includes(key)) delete panel.turns[key];
  panel.order = order;
  return Object.keys(turns).filter((key) => unsent.delete(key));
}

/**
 * Whether more than the text of an answer has changed: buttons and names have to be drawn.
 *
 * @param {PanelChange} change
 */
export function changesControls({ order, known, set, patch }) {
  return Boolean(order || known || set || (patch && isDone(patch)));
}

/**
 * The keys of all turns, with those that the kernel has not taken up yet where they will be.
 *
 * @param {Panel} panel
 * @param {Unsent} unsent
 * @returns {string[]}
 */
export function orderOf({ order, turns }, unsent) {
  const all = [...order];
  for (const [key, { again = "" }] of unsent) {
    if (key in turns) continue;
    const at = all.indexOf(again);
    all.splice(at < 0 ? all.length : at, at < 0 ? 0 : 1, key);
  }
  return all;
}

/**
 * A question that is on its way, as a turn.
 *
 * @param {string} question
 * @param {GivenAttachment[]} attachments
 * @param {string} again the key of the turn that it replaces
 * @param {number} now milliseconds
 * @returns {Turn}
 */
export function unsentTurn(question, attachments, again, now) {
  return {
    question,
    attachments: attachments.map(({ name }) => ({ name, note: "" })),
    given: attachments,
    heading: { model: "", endpoint: "", attachments: [], notes: { [language]: [] } },
    thinking: emptySection(),
    answer: emptySection(),
    progress: { phase: "waiting", seconds: 0, thought: 0, notice: null },
    head: "",
    foot: { [language]: "" },
    text: "",
    error: null,
    drawn: true,
    in_cell: false,
    cell_is_older: false,
    again,
    arrived: now,
  };
}

/**
 * The turns that are still being answered when their kernel is gone, with how they end.
 *
 * @param {Record<string, Turn>} turns
 */
export function brokenTurns(turns) {
  const open = Object.entries(turns).filter(([, turn]) => !isDone(turn));
  return open.map(([key, turn]) => ({ key, turn, patch: { progress: brokenOff(turn.progress) } }));
}

/**
 * The record of the transcript, as saved_panel.py makes it, in the kernel's language; a running answer as far as it
 * has come.
 *
 * @param {Panel} panel
 */
export function transcriptRecord({ order, turns, around, in_cell, language: recorded }) {
  const shown = order.map((key) => turns[key]).filter((turn) => turn.head);
  const answered = (/** @type {Turn} */ { answer, foot }) => answer.blocks.join("") + answer.tail + foot[recorded];
  const html = shown.map((turn) => turn.head + (turn.in_cell ? in_cell : answered(turn)));
  const text = shown.map((turn) => `> ${turn.question}\n\n${turn.in_cell ? "" : turn.text}`);
  return { "text/html": around[0] + html.join("") + around[1], "text/plain": text.join("\n\n") };
}

/**
 * @param {Turn[]} turns
 * @param {number} now milliseconds
 */
export function arrive(turns, now) {
  for (const turn of turns) turn.arrived = now;
}
