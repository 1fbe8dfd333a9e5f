/* The panel's button that sends the question, or stops the answer while one is coming. */

import { icon } from "../page/buttons.js";
import { element } from "../page/elements.js";
import { say } from "../page/words.js";

/** @import { Chat } from "./chat.js" */

export class SendStopButton {
  /**
   * @param {Chat} chat
   * @param {() => void} send
   */
  constructor(chat, send) {
    this.root = element("button", "qwen-icon qwen-act", "", { type: "submit" });
    this._chat = chat;
    this._send = send;
  }

  /** It was pressed. */
  act() {
    if (this._chat.running()) this._chat.stop();
    else this._send();
  }

  changed() {
    const running = Boolean(this._chat.running());
    this.root.replaceChildren(icon(running ? "stop" : "send"));
    this.root.setAttribute("aria-label", running ? say("stopLong") : say("ask"));
    this.root.title = running ? say("stopLong") : say("askLong");
    this.root.dataset.running = String(running);
  }
}
