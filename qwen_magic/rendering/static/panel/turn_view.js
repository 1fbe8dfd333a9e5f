/* One turn of the transcript: the question, and (once it is near) the answer. */

/** @import { AnswerPatch, TurnChange } from "../page_messages.js" */
/** @import { Typeset } from "../page/typesetter.js" */
/** @import { Turn } from "./panel_state.js" */

import { isDone } from "../answer/answer_state.js";
import { AnswerView } from "../answer/answer_view.js";
import { announce } from "../page/announcer.js";
import { iconButton } from "../page/buttons.js";
import { copy } from "../page/clipboard.js";
import { container, element } from "../page/elements.js";
import { language, say } from "../page/words.js";
import { attachmentChip } from "./attachment_chip.js";

// After these changes everything is drawn again.
const ALL = { thinking: { base: 0 }, answer: { base: 0 } };

// For so long the button tells that it has copied, in milliseconds.
const TOLD = 1500;

/**
 * What can be done with a turn, and what typesets its math.
 *
 * @typedef {object} TurnTools
 * @property {(key: string, turn: Turn) => void} edit
 * @property {(key: string, turn: Turn) => void} again
 * @property {Typeset} [typeset]
 */

export class TurnView {
  /**
   * @param {string} key
   * @param {Turn} turn
   * @param {TurnTools} tools
   */
  constructor(key, turn, tools) {
    this.turn = turn;
    this._typeset = tools.typeset;
    this._parts = turnParts(key, turn, tools);
    this.root = this._parts.root;
    /** @type {AnswerView | undefined} */
    this._answer = undefined;
    this._frame();
  }

  /** Draw the answer, if it has not been. */
  draw() {
    // Nobody is known to answer until the question is on its way.
    if (this._answer || !(this.turn.heading.model || this.turn.text)) return;
    this._answer = new AnswerView(this.turn, { typeset: this._typeset });
    this._parts.answered.replaceChildren(this._answer.root);
  }

  /**
   * The turn has changed.
   *
   * @param {Partial<AnswerPatch>} [patch]
   * @param {TurnChange} [set]
   */
  changed(patch, set) {
    if (set) this._frame();
    if (set?.heading) this.draw();
    if (patch) this._answer?.changed(patch);
    if (set?.answer) this._answer?.changed(ALL);
    if (patch?.progress?.phase === "done") this._frame();
  }

  /**
   * Show a line below the question.
   *
   * @param {string} text
   */
  say(text) {
    this._parts.status.textContent = text;
    this._parts.status.hidden = !text;
  }

  remove() {
    this._answer?.remove();
    this.root.remove();
  }

  /** Draw what is around the answer. */
  _frame() {
    const { turn, _parts: parts } = this;
    const done = isDone(turn);
    this.root.dataset.phase = turn.progress.phase;
    parts.chips.replaceChildren(...turn.attachments.map((each) => attachmentChip(each)));
    parts.questionTools.hidden = parts.answerTools.hidden = !done;
    parts.copyButton.hidden = !turn.text;
    parts.foot.innerHTML = turn.foot[language];
    parts.error.textContent = turn.error ? turn.error[language] : "";
    parts.error.hidden = !turn.error;
    parts.older.hidden = !(turn.cell_is_older && done);
    parts.status.hidden = !parts.status.textContent;
  }
}

/**
 * The elements of a turn, and its buttons.
 *
 * @param {string} key
 * @param {Turn} turn
 * @param {TurnTools} tools
 */
function turnParts(key, turn, { edit, again }) {
  const root = element("article", "qwen-turn", "", { "data-key": key });
  const bubble = element("div", "qwen-question", turn.question, { role: "group", "aria-label": say("question") });
  const chips = element("div", "qwen-chips");
  const answered = element("div", "qwen-answered");
  const status = element("p", "qwen-turn-status");
  const error = element("p", "qwen-error", "", { role: "note" });
  const foot = element("div", "qwen-foot");
  const older = element("p", "qwen-older", say("cellIsOlder"));
  const editButton = iconButton("edit", "qwen-ask-again", say("edit"), () => edit(key, turn));
  const againButton = iconButton("again", "qwen-ask-again", say("again"), () => again(key, turn));
  const copyButton = copyAnswerButton(turn, answered);
  const questionTools = container("div", "qwen-tools", [editButton]);
  const answerTools = container("div", "qwen-tools", [copyButton, againButton]);
  const asked = container("div", "qwen-asked", [chips, container("div", "qwen-line", [questionTools, bubble])]);
  root.append(asked, answered, status, error, foot, older, answerTools);
  return { root, chips, answered, status, error, foot, older, questionTools, answerTools, copyButton };
}

/**
 * @param {Turn} turn
 * @param {HTMLElement} answered what is selected where there is no clipboard
 */
function copyAnswerButton(turn, answered) {
  const button = iconButton("copy", "", say("copyAnswer"), async () => {
    const told = (await copy(turn.text, answered)) ? say("copied") : say("notCopied");
    button.title = told;
    button.classList.add("qwen-did");
    announce(told);
    setTimeout(() => button.classList.remove("qwen-did"), TOLD);
  });
  return button;
}
