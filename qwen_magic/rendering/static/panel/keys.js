/* Keys for what the page makes: turns and uploads. No DOM. */

/** A key that no other page has made. */
export function newKey() {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}
