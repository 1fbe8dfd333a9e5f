/* Buttons that are an icon or a text. */

import { element } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  copy: "M5 2.5h7a1 1 0 0 1 1 1V11M3.5 5h6.5a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H3.5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13.2 2v3h-3",
  edit: "M3 13l.6-2.8L10.8 3a1.2 1.2 0 0 1 1.7 0l.5.5a1.2 1.2 0 0 1 0 1.7L5.8 12.4 3 13z",
  send: "M8 13V3.5M3.8 7.5L8 3.2l4.2 4.3",
  stop: "M4.5 4.5h7v7h-7z",
  attach: "M8 3v10M3 8h10",
  upload: "M12.5 7.2L7.6 12a3 3 0 0 1-4.3-4.2l5.2-5a2 2 0 0 1 2.9 2.8l-5 4.9a1 1 0 0 1-1.5-1.4l4.5-4.3",
  clear: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 9h6l.5-9M7 7v4M9 7v4",
  remove: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  down: "M8 3v9M4 8.5L8 12.5l4-4",
};

/**
 * @param {keyof typeof ICONS} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const frame = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  const attributes = { viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true" };
  for (const [key, value] of Object.entries(attributes)) frame.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  frame.append(path);
  return frame;
}

/**
 * A button that is an icon; `label` is its name and its tooltip.
 *
 * @param {keyof typeof ICONS} name
 * @param {string} className
 * @param {string} label
 * @param {() => void} act
 * @returns {HTMLButtonElement}
 */
export function iconButton(name, className, label, act) {
  const button = element("button", `qwen-icon ${className}`, "", { type: "button", "aria-label": label, title: label });
  button.append(icon(name));
  button.addEventListener("click", act);
  return button;
}

/**
 * @param {string} text
 * @param {() => void} act
 * @returns {HTMLButtonElement}
 */
export function textButton(text, act) {
  const button = element("button", "qwen-text-button", text, { type: "button" });
  button.addEventListener("click", act);
  return button;
}
