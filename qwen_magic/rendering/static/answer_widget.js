/* The widget of one answer in a cell's output. */

/** @import { RenderProps, WidgetModel } from "./page/jupyter_types.js" */
/** @import { AnswerListener } from "./answer/live_answer.js" */

import { AnswerView } from "./answer/answer_view.js";
import { addCopyButtons } from "./answer/copy_button.js";
import { LiveAnswer } from "./answer/live_answer.js";
import { interruptOf } from "./page/kernel.js";
import { typesetterOf } from "./page/typesetter.js";
import { useWords } from "./page/words.js";

// For so long the record may be awaited, in milliseconds.
const RECORD_AWAITED = 10_000;

/**
 * When the record has taken the view's place, give its code the Copy buttons that the view's code had.
 *
 * @param {Element} root
 */
function enhanceRecord(root) {
  const area = root.closest(".jp-OutputArea, .jp-OutputArea-child")?.closest(".jp-OutputArea");
  if (!area) return;
  const observer = new MutationObserver(() => addCopyButtons(area.querySelectorAll(".qwen-record")));
  observer.observe(area, { childList: true, subtree: true });
  setTimeout(() => observer.disconnect(), RECORD_AWAITED);
}

/**
 * Show `answer` in `el`, once it has begun.
 *
 * @param {LiveAnswer} answer
 * @param {RenderProps} props
 * @returns {() => void} removes the view
 */
function showAnswer(answer, { model, el }) {
  /** @type {AnswerView | undefined} */
  let drawn;
  /** @type {AnswerListener} */
  const view = {
    begin() {
      drawn = new AnswerView(answer.state, { stop: interruptOf(model), typeset: typesetterOf(model) });
      el.replaceChildren(drawn.root);
    },
    changed: (patch) => drawn?.changed(patch),
    ended: () => drawn && enhanceRecord(drawn.root),
  };
  answer.views.add(view);
  if (answer.state.heading) view.begin();
  return () => {
    answer.views.delete(view);
    drawn?.remove();
  };
}

/** @param {Record<string, Record<string, string>>} words */
export default (words) => {
  useWords(words);
  /** @type {LiveAnswer} */
  let answer;
  return {
    /** @param {{ model: WidgetModel }} props */
    initialize({ model }) {
      answer = new LiveAnswer(model);
      return () => answer.close();
    },
    /** @param {RenderProps} props */
    render: (props) => showAnswer(answer, props),
  };
};
