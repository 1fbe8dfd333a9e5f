/* One chat panel, as all its views share it: the state, the draft, and the messages to and from the kernel. */

/** @import { AnswerPatch, Aside, PanelChange, PanelMessage } from "../page_messages.js" */
/** @import { PanelRequest, PanelState, TurnChange } from "../page_messages.js" */
/** @import { WidgetModel } from "../page/jupyter_types.js" */
/** @import { Draft, DraftAttachment } from "./draft.js" */
/** @import { Panel, Turn } from "./panel_state.js" */

import { endText } from "../answer/answer_phrases.js";
import { applyPatch, isDone } from "../answer/answer_state.js";
import { announce } from "../page/announcer.js";
import { isBusy, whenKernelEnds } from "../page/kernel.js";
import { NotebookFile } from "../page/notebook_file.js";
import { language, say } from "../page/words.js";
import { emptyDraft, given } from "./draft.js";
import { newKey } from "./keys.js";
import {
  arrive,
  brokenTurns,
  changesControls,
  fit,
  orderOf,
  replaceState,
  takeOrder,
  transcriptRecord,
  unsentTurn,
} from "./panel_state.js";

// For so long a message may be on its way before the panel tells what it waits for, in milliseconds.
const PATIENCE = 400;

/**
 * What a view of the panel is told: something but the text of answers has changed; the list of turns has; one turn has;
 * a line about a turn; what the kernel says beside the state; a question was asked.
 *
 * @typedef {object} ChatView
 * @property {() => void} changed
 * @property {() => void} sync
 * @property {(key: string, patch?: Partial<AnswerPatch>, set?: TurnChange) => void} grown
 * @property {(key: string, text: string) => void} say
 * @property {(message: Aside) => void} receive
 * @property {(key: string) => void} asked
 */

export class Chat {
  /** @param {WidgetModel} model */
  constructor(model) {
    this._model = model;
    /** @type {Panel} */
    this.state = model.get("panel");
    /** @type {Draft} */
    this.draft = emptyDraft();
    /** @type {Map<string, Turn>} */
    this.unsent = new Map();
    /** @type {Set<ChatView>} */
    this.views = new Set();
    this.gone = false;
    /** @type {string[]} */
    this.models = [];
    this.defaultModel = "";
    this._file = new NotebookFile(model, {
      shows: (output) => output.metadata?.qwen?.panel === this.state.id,
      data: () => transcriptRecord(this.state),
    });
    arrive(Object.values(this.state.turns), performance.now());
    model.on("msg:custom", (message) => this._receive(message));
    whenKernelEnds(model, () => this._end());
    this.send({ do: "hello", seen: this.state.seq });
    this._file.wake(this.state.view);
    this._file.changed();
  }

  /** The keys of all turns, in their order. */
  order() {
    return orderOf(this.state, this.unsent);
  }

  /**
   * @param {string} key
   * @returns {Turn | undefined}
   */
  turn(key) {
    return this.state.turns[key] ?? this.unsent.get(key);
  }

  /** The key of the turn that is being answered, if there is one. */
  running() {
    return this.order().find((key) => {
      const turn = this.turn(key);
      return turn && !isDone(turn);
    });
  }

  /**
   * @param {PanelRequest} request
   * @param {ArrayBuffer[]} [buffers]
   */
  send(request, buffers = []) {
    this._model.send(request, undefined, buffers);
  }

  /**
   * Ask a question, in the place of the turn `again` if there is one.
   *
   * @param {string} text
   * @param {DraftAttachment[]} attachments
   * @param {string} again
   */
  ask(text, attachments, again) {
    const key = newKey();
    const plain = given(attachments);
    this.unsent.set(key, unsentTurn(text, plain, again, performance.now()));
    this.send({ do: "ask", key, text, attachments: plain, again });
    setTimeout(() => {
      if (this.unsent.has(key)) this._say(key, isBusy(this._model) ? say("busy") : say("waiting"));
    }, PATIENCE);
    for (const view of this.views) view.asked(key);
  }

  /** Stop the question that is being answered. */
  stop() {
    const key = this.running();
    if (!key) return;
    this.send({ do: "stop", key });
    setTimeout(() => {
      if (this.running() === key && isBusy(this._model)) this._say(key, say("busyStop"));
    }, PATIENCE);
  }

  /** Buttons, names or the draft have changed. */
  tellViews() {
    for (const view of this.views) view.changed();
  }

  /**
   * @param {string} key
   * @param {string} text
   */
  _say(key, text) {
    for (const view of this.views) view.say(key, text);
  }

  /** @param {PanelMessage} message */
  _receive(message) {
    if ("whole" in message) this._replace(message.whole);
    else if ("seq" in message) this._take(message);
    else this._receiveAside(message);
    // Saving takes the rest; a long transcript is too much to be written with each word.
    if (!("patch" in message && message.patch && !isDone(message.patch))) this._file.changed();
  }

  /** @param {PanelState} whole */
  _replace(whole) {
    replaceState(this.state, whole, performance.now());
    for (const view of this.views) view.sync();
    this.tellViews();
  }

  /** @param {Aside} message */
  _receiveAside(message) {
    if (message.models) {
      this.models = message.models;
      this.defaultModel = message.default ?? "";
    }
    for (const view of this.views) view.receive(message);
  }

  /** @param {PanelChange} change */
  _take(change) {
    const fits = fit(this.state, change);
    if (fits === "missed") this.send({ do: "hello", seen: this.state.seq });
    if (fits !== "next") return;
    const { seq, order, known, key, patch, set } = change;
    this.state.seq = seq;
    if (order) this._takeOrder(change);
    if (known) Object.assign(this.state, known);
    if (key !== undefined) this._change(key, patch, set);
    if (changesControls(change)) this.tellViews();
  }

  /** @param {PanelChange} change */
  _takeOrder(change) {
    const taken = takeOrder(this.state, this.unsent, change, performance.now());
    for (const view of this.views) view.sync();
    for (const key of taken) for (const view of this.views) view.asked(key);
  }

  /**
   * @param {string} key
   * @param {AnswerPatch} [patch]
   * @param {TurnChange} [set]
   */
  _change(key, patch, set) {
    const turn = this.turn(key);
    if (!turn) return;
    if (set?.heading) announce(say("answering", { who: set.heading.model }));
    Object.assign(turn, set);
    if (patch) applyPatch(turn, patch, performance.now());
    if (patch && isDone(patch)) announce(endText(turn.progress));
    if (set?.error) announce(set.error[language]);
    for (const view of this.views) view.grown(key, patch, set);
  }

  /** The kernel is not the one that has this panel any more; nothing that is open will end. */
  _end() {
    if (this.gone) return;
    this.gone = true;
    const turns = Object.fromEntries(this.order().map((key) => [key, /** @type {Turn} */ (this.turn(key))]));
    for (const { key, patch } of brokenTurns(turns)) {
      this._change(key, patch);
      this._say(key, say("failed"));
    }
    announce(say("gone"));
    this.tellViews();
    this._file.changed();
  }
}
