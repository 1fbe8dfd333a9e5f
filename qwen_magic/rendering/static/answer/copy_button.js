/* The Copy button of a code block. */

import { announce } from "../page/announcer.js";
import { copy } from "../page/clipboard.js";
import { element, selectIn } from "../page/elements.js";
import { say } from "../page/words.js";

// For so long the button tells what it has done, in milliseconds.
const TOLD = 1500;

/**
 * Give each code block under `nodes` its Copy button.
 *
 * @param {Iterable<Node>} nodes
 */
export function addCopyButtons(nodes) {
  for (const code of selectIn(nodes, "pre")) addCopyButton(code);
}

/** @param {HTMLElement} code */
function addCopyButton(code) {
  const frame = code.closest(".highlight") ?? code;
  if (frame.querySelector(".qwen-copy")) return;
  const source = code.textContent ?? "";
  const button = element("button", "qwen-copy", say("copy"), { type: "button", "aria-label": say("copyCode") });
  button.addEventListener("click", async () => {
    const told = (await copy(source, code)) ? say("copied") : say("notCopied");
    button.textContent = told;
    announce(told);
    setTimeout(() => (button.textContent = say("copy")), TOLD);
  });
  frame.append(button);
}
