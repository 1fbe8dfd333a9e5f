/* One answer of a cell, as all its views share it: brought up to date by the kernel, saved while it grows. */

/** @import { AnswerMessage, AnswerPatch, AnswerState, RecordRequest } from "../page_messages.js" */
/** @import { WidgetModel } from "../page/jupyter_types.js" */

import { announce } from "../page/announcer.js";
import { textOf } from "../page/elements.js";
import { whenKernelEnds } from "../page/kernel.js";
import { NotebookFile } from "../page/notebook_file.js";
import { say } from "../page/words.js";
import { endText } from "./answer_phrases.js";
import { unfinishedHtml } from "./answer_record.js";
import { applyPatch, brokenOff, clock, isDone, lengthOf } from "./answer_state.js";

// The file gets an answer anew when so much more of it has come: all of it together costs as much as a few answers.
const GROWTH = 1.5;
// After so many milliseconds the record has come in the usual way, if the page knows where the output is.
const RECORD_COMES = 1500;

/**
 * @typedef {object} AnswerListener
 * @property {() => void} begin
 * @property {(patch: AnswerPatch) => void} changed
 * @property {() => void} ended
 */

export class LiveAnswer {
  /** @param {WidgetModel} model */
  constructor(model) {
    /** @type {Set<AnswerListener>} */
    this.views = new Set();
    /** @type {AnswerState & { arrived: number }} empty until the question is known */
    this.state = model.get("shown");
    this.state.arrived = performance.now();
    this._model = model;
    this._written = 0;
    this._arrived = 0;
    this._file = new NotebookFile(model, {
      shows: (output) => Boolean(this.state.saved) && output.metadata?.qwen?.view === this.state.saved.view,
      data: () => this._unfinished(),
    });
    model.on("msg:custom", (message) => this._receive(message));
    this._stopWatching = whenKernelEnds(model, () => this._lose());
    if (this.state.record) this._file.replace(this.state.record);
    else if (this.state.saved) this._file.wake(this.state.saved.model);
  }

  close() {
    this._stopWatching();
    this._file.close();
  }

  /** @param {AnswerMessage} message */
  _receive(message) {
    if ("begin" in message) this._begin(message.begin);
    else if ("progress" in message) this._grow(message);
    else if (message.record) this._file.replace(message.record);
  }

  /** @param {AnswerState} whole */
  _begin(whole) {
    Object.assign(this.state, whole, { arrived: performance.now() });
    announce(say("answering", { who: this.state.heading.model }));
    for (const view of this.views) view.begin();
  }

  /** @param {AnswerPatch} patch */
  _grow(patch) {
    applyPatch(this.state, patch, performance.now());
    for (const view of this.views) view.changed(patch);
    this._arrived += patch.answer ? lengthOf(patch.answer) : 0;
    if (isDone(this.state)) this._end();
    else if (this._arrived > GROWTH * this._written) {
      this._written = this._arrived;
      this._file.changed();
    }
  }

  _end() {
    announce(endText(this.state.progress));
    for (const view of this.views) view.ended();
    // A page that was loaded again does not hear of the record.
    setTimeout(() => {
      /** @type {RecordRequest} */
      const request = { do: "record" };
      if (this._file.shown()) this._model.send(request);
    }, RECORD_COMES);
  }

  /** The kernel that answers is gone, and the answer with it. */
  _lose() {
    if (!this.state.heading || isDone(this.state)) return;
    const progress = brokenOff({ ...this.state.progress, ...clock(this.state, performance.now()) });
    this._grow({ progress });
  }

  _unfinished() {
    const html = unfinishedHtml(this.state);
    return { "text/html": html, "text/plain": textOf(html) };
  }
}
