/* The choice of the conversation's model. The kernel is asked for the models when a pointer or the focus comes. */

/** @import { Chat } from "./chat.js" */

import { element } from "../page/elements.js";
import { say } from "../page/words.js";
import { modelOptions } from "./model_options.js";

export class ModelPicker {
  /** @param {Chat} chat */
  constructor(chat) {
    this.root = element("select", "qwen-model", "", { "aria-label": say("model"), title: say("model") });
    this._chat = chat;
    this._asked = false;
    this._shown = "";
    for (const event of ["pointerenter", "focus"]) this.root.addEventListener(event, () => this._ask());
    this.root.addEventListener("change", () => chat.send({ do: "model", model: this.root.value }));
  }

  changed() {
    const current = this._chat.state.model;
    const options = modelOptions(this._chat.models, this._chat.defaultModel, current, this._asked);
    const key = JSON.stringify([options, current]);
    if (this._shown === key) return; // an open list stays as it is
    this._shown = key;
    const made = options.map(({ value, label, disabled }) => {
      const option = new Option(label, value, false, !disabled && value === current);
      option.disabled = disabled;
      return option;
    });
    this.root.replaceChildren(...made);
  }

  _ask() {
    if (!this._asked && !this._chat.gone) {
      this._asked = true;
      this._chat.send({ do: "models" });
    }
    this.changed();
  }
}
