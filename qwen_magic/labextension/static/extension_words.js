/* The extension's words, in the language of the application. */

import { WORDS } from "./word_table.js";

let words = WORDS.en;

/**
 * Choose the language: Chinese for codes that begin with "zh", English for all others.
 *
 * @param {string} code such as "zh_CN"
 */
export function useLanguage(code) {
  words = WORDS[/^zh/i.test(code) ? "zh" : "en"];
}

/**
 * The word of this key in the language that was chosen last, with its values.
 *
 * @param {keyof WORDS["en"]} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}
