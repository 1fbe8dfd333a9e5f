/* Copy and "Insert below" on the blocks of code in answers: live ones, records, and files that were opened again. Copy
 * and Apply on a change of a cell.
 */

/** @import { NotebookPanel, Notifications } from "./application_types.js" */
/** @import { EditMessage } from "./written_cells.js" */

import { editCells } from "./cell_edits.js";
import { say } from "./extension_words.js";

// A record is complete when it comes. Of a live answer, only the blocks that are finished have got their Copy.
const FINISHED = ".qwen-record pre, .qwen-diff pre, .qwen-live .qwen-copy";
const COPIED = 1500; // milliseconds for which "Copied" is shown

/**
 * Give the code of a notebook's answers its buttons, now and as it comes.
 *
 * @param {NotebookPanel} panel
 * @param {Notifications} notifications
 */
export function addCodeButtons(panel, notifications) {
  const { node } = panel.content;
  /** @param {Element} found */
  const add = (found) => {
    const frame = /** @type {Element} */ (found.closest(".highlight") ?? found.parentElement);
    addBar(frame, panel, () => applyButton(panel, frame, notifications));
  };
  const observer = new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const added of addedNodes) if (added instanceof Element) finishedIn(added).forEach(add);
    }
  });
  observer.observe(node, { childList: true, subtree: true });
  panel.disposed.connect(() => observer.disconnect());
  finishedIn(node).forEach(add);
}

/**
 * @param {Element} node
 * @returns {Element[]}
 */
function finishedIn(node) {
  return [...(node.matches(FINISHED) ? [node] : []), ...node.querySelectorAll(FINISHED)];
}

/**
 * The buttons of one block of code.
 *
 * @param {Element} frame holds the block, and a Copy button if the answer's view has made one
 * @param {NotebookPanel} panel
 * @param {() => HTMLButtonElement} makeApply makes the button of a change
 */
function addBar(frame, panel, makeApply) {
  const code = frame.querySelector("pre");
  if (!code || frame.querySelector(".qwen-code-bar")) return;
  const source = code.textContent;
  const bar = document.createElement("span");
  bar.className = "qwen-code-bar";
  const first = frame.matches(".qwen-diff") ? makeApply() : insertButton(source, panel, frame);
  bar.append(first, frame.querySelector(".qwen-copy") ?? copyButton(source));
  frame.append(bar);
}

/**
 * @param {string} className
 * @param {string} text
 * @param {string} label for screen readers
 * @param {(made: HTMLButtonElement) => void} act
 */
function button(className, text, label, act) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className, textContent: text });
  made.setAttribute("aria-label", label);
  made.addEventListener("click", () => act(made));
  return made;
}

/** @param {string} source */
function copyButton(source) {
  return button("qwen-copy", say("copy"), say("copyCode"), async (made) => {
    made.textContent = await navigator.clipboard.writeText(source).then(() => say("copied"), () => say("notCopied"));
    setTimeout(() => (made.textContent = say("copy")), COPIED);
  });
}

/**
 * @param {string} source
 * @param {NotebookPanel} panel
 * @param {Element} frame
 */
function insertButton(source, panel, frame) {
  const insert = () => insertBelow(panel, frame, source);
  return disabledIfReadOnly(panel, button("qwen-insert", say("insert"), say("insertCode"), insert));
}

/**
 * @param {NotebookPanel} panel
 * @param {Element} frame
 * @param {Notifications} notifications
 */
function applyButton(panel, frame, notifications) {
  const apply = () => {
    const message = changeOf(panel, frame);
    if (message) editCells(panel.context, message, notifications);
  };
  return disabledIfReadOnly(panel, button("qwen-insert", say("apply"), say("applyChange"), apply));
}

/**
 * @param {NotebookPanel} panel
 * @param {HTMLButtonElement} made
 */
function disabledIfReadOnly(panel, made) {
  if (panel.context.model.readOnly) Object.assign(made, { disabled: true, title: say("readOnly") });
  return made;
}

/**
 * The kernel's message for the change that an output shows, from the metadata of the output.
 *
 * @param {NotebookPanel} panel
 * @param {Element} node in the output
 * @returns {EditMessage | undefined}
 */
function changeOf({ content }, node) {
  const cell = content.widgets.find((each) => each.node.contains(node));
  const number = cell?.outputArea?.widgets.findIndex((each) => each.node.contains(node)) ?? -1;
  const { qwen, qwen_magic: message } = (number < 0 ? undefined : cell?.model.outputs?.get(number).metadata) ?? {};
  if (message || !qwen?.diff) return message;
  return { asking: "", edits: [{ cell: qwen.diff.cell, source: qwen.diff.new, expected: [qwen.diff.old] }] };
}

/**
 * Insert a new code cell below the cell that shows `node`. The notebook's own undo takes it back.
 *
 * @param {NotebookPanel} panel
 * @param {Element} node
 * @param {string} source
 */
function insertBelow({ content, context }, node, source) {
  const shown = content.widgets.findIndex((cell) => cell.node.contains(node));
  const index = (shown < 0 ? content.activeCellIndex : shown) + 1;
  context.model.sharedModel.insertCell(index, { cell_type: "code", source: source.replace(/\n$/, "") });
  content.activeCellIndex = index;
}
