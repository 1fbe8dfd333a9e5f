/* One answer on the page: who answers, the thinking, the blocks, a cursor, Stop. It draws only what is new. */

/** @import { HeadingState } from "../page_messages.js" */
/** @import { Typeset } from "../page/typesetter.js" */
/** @import { Bases, Changes, DrawnState } from "./answer_state.js" */

import { element, quietLine, setText } from "../page/elements.js";
import { say } from "../page/words.js";
import { attachmentLine, notesOf, noticeText, thinkingText, whoOf } from "./answer_phrases.js";
import { SECTIONS, clock, isDone, withChange } from "./answer_state.js";
import { SectionView, lastPlace } from "./section_view.js";
import { StopButton } from "./stop_button.js";

// The seconds are counted at this interval, in milliseconds.
const TICK = 250;

export class AnswerView {
  /**
   * @param {DrawnState & { heading: HeadingState }} state kept up to date by the owner of the view
   * @param {object} [tools]
   * @param {() => unknown} [tools.stop] stops the answer and may fail; without it there is no button
   * @param {Typeset} [tools.typeset]
   */
  constructor(state, { stop, typeset } = {}) {
    this._state = state;
    this._parts = answerParts(state.heading);
    this._stop = stop && new StopButton(stop, () => this._schedule());
    if (this._stop) this._parts.bar.prepend(this._stop.root);
    this._sections = {
      thinking: new SectionView(this._parts.thoughts, typeset),
      answer: new SectionView(this._parts.answer, typeset),
    };
    /** @type {Changes} */
    this._changes = { thinking: 0, answer: 0 };
    this._frame = 0;
    this._timer = setInterval(() => this._tick(), TICK);
    this._redraw();
  }

  get root() {
    return this._parts.root;
  }

  /**
   * The state has changed from these blocks on.
   *
   * @param {Bases} patch
   */
  changed(patch) {
    this._changes = withChange(this._changes, patch);
    this._schedule();
  }

  remove() {
    clearInterval(this._timer);
    cancelAnimationFrame(this._frame);
  }

  _schedule() {
    this._frame ||= requestAnimationFrame(() => this._redraw());
  }

  _redraw() {
    this._frame = 0;
    const done = isDone(this._state);
    if (!done && this._stop?.isAboutToBePressed()) return;
    const { root, thinking, thoughts, answer, notice, cursor } = this._parts;
    cursor.remove();
    this._drawSections();
    thinking.hidden = !thoughts.hasChildNodes();
    root.dataset.phase = this._state.progress.phase;
    if (!done) lastPlace(answer).append(cursor);
    else this._stop?.root.remove();
    setText(notice, noticeText(this._state.progress));
    this._tick();
  }

  _drawSections() {
    const changes = this._changes;
    this._changes = {};
    for (const name of SECTIONS) {
      const base = changes[name];
      if (base !== undefined) this._sections[name].draw(this._state[name], base);
    }
  }

  _tick() {
    if (isDone(this._state)) clearInterval(this._timer);
    const { seconds, thought } = clock(this._state, performance.now());
    setText(this._parts.time, `${seconds} s`);
    setText(this._parts.summary, thinkingText(this._state.progress, thought));
  }
}

/**
 * The elements of an answer, in the same order as in the record, and as open, so that nothing jumps at the end.
 *
 * @param {HeadingState} heading
 */
function answerParts(heading) {
  const who = whoOf(heading);
  const root = element("div", "qwen-live", "", { role: "group", "aria-label": say("answerOf", { who }) });
  const answer = element("div", "qwen-answer jp-RenderedHTMLCommon");
  const thinking = element("details", "qwen-thinking");
  const summary = element("summary", "");
  const thoughts = element("div", "qwen-thoughts jp-RenderedHTMLCommon", "", { tabindex: "0" });
  const bar = element("div", "qwen-bar");
  const time = element("span", "qwen-time");
  const notice = element("span", "qwen-notice");
  const cursor = element("span", "qwen-cursor", "", { "aria-hidden": "true" });
  thinking.append(summary, thoughts);
  thinking.open = Boolean(heading.thinking_stays);
  bar.append(element("span", "qwen-who", who), time, notice);
  const notes = notesOf(heading).flatMap(quietLine);
  root.append(...quietLine(attachmentLine(heading)), thinking, answer, ...notes, bar);
  return { root, thinking, summary, thoughts, answer, bar, time, notice, cursor };
}
