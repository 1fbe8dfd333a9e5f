/* Copy and "Insert below" on the blocks of code in answers: live ones, records, and files that were opened again. */

import { words } from "./extension_words.js";

// A record is complete when it comes. Of a live answer, only the blocks that are finished have got their Copy.
const FINISHED = ".qwen-record pre, .qwen-live .qwen-copy";
const COPIED = 1500; // milliseconds for which "Copied" is shown

/** Give the code of a notebook's answers its buttons, now and as it comes. */
export function addCodeButtons(panel) {
  const { node } = panel.content;
  const add = (found) => addBar(found.closest(".highlight") ?? found.parentElement, panel);
  const observer = new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const added of addedNodes) if (added instanceof Element) finishedIn(added).forEach(add);
    }
  });
  observer.observe(node, { childList: true, subtree: true });
  panel.disposed.connect(() => observer.disconnect());
  finishedIn(node).forEach(add);
}

function finishedIn(node) {
  return [...(node.matches(FINISHED) ? [node] : []), ...node.querySelectorAll(FINISHED)];
}

/** The buttons of one block of code. `frame` holds it, and a Copy button if the answer's view has made one. */
function addBar(frame, panel) {
  const code = frame.querySelector("pre");
  if (!code || frame.querySelector(".qwen-code-bar")) return;
  const source = code.textContent;
  const bar = document.createElement("span");
  bar.className = "qwen-code-bar";
  bar.append(insertButton(source, panel, frame), frame.querySelector(".qwen-copy") ?? copyButton(source));
  frame.append(bar);
}

function button(className, text, label, act) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className, textContent: text });
  made.setAttribute("aria-label", label);
  made.addEventListener("click", () => act(made));
  return made;
}

function copyButton(source) {
  return button("qwen-copy", words.copy, words.copyCode, async (made) => {
    made.textContent = await navigator.clipboard.writeText(source).then(() => words.copied, () => words.notCopied);
    setTimeout(() => (made.textContent = words.copy), COPIED);
  });
}

function insertButton(source, panel, frame) {
  const made = button("qwen-insert", words.insert, words.insertCode, () => insertBelow(panel, frame, source));
  if (panel.context.model.readOnly) Object.assign(made, { disabled: true, title: words.readOnly });
  return made;
}

/** Insert a new code cell below the cell that shows `node`. The notebook's own undo takes it back. */
function insertBelow({ content, context }, node, source) {
  const shown = content.widgets.findIndex((cell) => cell.node.contains(node));
  const index = (shown < 0 ? content.activeCellIndex : shown) + 1;
  context.model.sharedModel.insertCell(index, { cell_type: "code", source: source.replace(/\n$/, "") });
  content.activeCellIndex = index;
}
