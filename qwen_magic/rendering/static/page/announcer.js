/* What a screen reader reads out. */

import { element } from "./elements.js";

/**
 * Have `text` read out, from a place on the page that outlives the answer's view.
 *
 * @param {string} text
 */
export function announce(text) {
  let region = document.querySelector("body > .qwen-said");
  if (!region) {
    region = element("div", "qwen-said", "", { role: "status", "aria-live": "polite" });
    document.body.append(region);
  }
  region.textContent = text;
}
