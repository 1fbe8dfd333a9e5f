/* The Stop button of one answer in a cell. The panel's is in panel/send_stop_button.js. */

import { element } from "../page/elements.js";
import { say } from "../page/words.js";

// For so long the page stands still under a pointer that is about to press Stop, in milliseconds.
const HOLD = 1500;

export class StopButton {
  /**
   * @param {() => unknown} stop stops the answer, and may fail; then the button says how else to stop
   * @param {() => void} left the pointer has left: what was held back can be drawn
   */
  constructor(stop, left) {
    this.root = element("button", "qwen-stop", say("stop"), { type: "button" });
    this._hovered = 0;
    this.root.addEventListener("pointerenter", () => (this._hovered = performance.now()));
    this.root.addEventListener("pointerleave", left);
    this.root.addEventListener("click", () => void this._press(stop));
  }

  /** Whether a pointer has just come to the button, so that nothing should move under it. */
  isAboutToBePressed() {
    return this.root.matches(":hover") && performance.now() - this._hovered < HOLD;
  }

  /** @param {() => unknown} stop */
  async _press(stop) {
    this.root.disabled = true;
    try {
      await stop();
    } catch {
      this.root.replaceWith(element("span", "qwen-notice", say("cannotStop")));
    }
  }
}
