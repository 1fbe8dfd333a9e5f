/* What a key does in the question's field. No DOM. */

/**
 * @typedef {"closeOffers" | "nextOffer" | "previousOffer" | "chooseOffer" | "send" | "wait" | "newLine" | "stopEditing"
 * } KeyAction
 */

/** @type {Record<string, KeyAction>} */
const OFFER_KEYS = { ArrowDown: "nextOffer", ArrowUp: "previousOffer", Enter: "chooseOffer", Tab: "chooseOffer" };

/**
 * Whether a word is being composed (Chinese, Japanese, …): then Enter is the input method's; Safari tells it by 229.
 *
 * @param {{ isComposing: boolean, keyCode: number }} event
 */
export function isComposition({ isComposing, keyCode }) {
  return isComposing || keyCode === 229;
}

/**
 * @param {{ key: string, shiftKey: boolean }} event
 * @param {object} state
 * @param {boolean} state.open the list of offers is open
 * @param {number} state.offers how many there are in it
 * @param {boolean} state.running a question is being answered
 * @param {boolean} state.editing an earlier question is being edited
 * @returns {KeyAction | undefined} nothing if the key does what it always does
 */
export function keyAction({ key, shiftKey }, { open, offers, running, editing }) {
  if (offers && OFFER_KEYS[key]) return OFFER_KEYS[key];
  if (key === "Escape" && open) return "closeOffers";
  if (key === "Escape" && editing) return "stopEditing";
  if (key !== "Enter") return undefined;
  if (shiftKey) return "newLine";
  return running ? "wait" : "send";
}
