/* Copying to the clipboard. */

/**
 * Copy `text`; over plain HTTP a page has no clipboard, but may copy what is selected: the content of `node`.
 *
 * @param {string} text
 * @param {Node} node
 * @returns {Promise<boolean>} whether it was copied
 */
export async function copy(text, node) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(node);
    return document.execCommand("copy");
  }
}
