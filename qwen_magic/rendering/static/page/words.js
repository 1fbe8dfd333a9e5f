/* The words of the page, in its language. The words are data that the kernel sends: `page_words.py`. */

/**
 * The language that a browser asks for, as far as there are words in it.
 *
 * @param {string} tag as `navigator.language`, such as "zh-CN"
 * @returns {"en" | "zh"}
 */
export function languageOf(tag) {
  return /^zh\b/i.test(tag) ? "zh" : "en";
}

export const language = languageOf(globalThis.navigator?.language ?? "");

/** @type {Record<string, string>} */
const words = {};

/**
 * Take over the words of a widget.
 *
 * @param {Record<string, Record<string, string>>} all by language and key; `{name}` in a word is for a value
 */
export function useWords(all) {
  Object.assign(words, all[language]);
}

/**
 * The word of this key, with its values.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}
