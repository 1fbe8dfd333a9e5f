/* Keeps a scrolled list at its end while one is there, as more is added to it. */

// Nearer to the end than this is at the end, in pixels.
const NEAR = 40;

export class EndFollower {
  /**
   * @param {HTMLElement} root what scrolls
   * @param {HTMLElement} list what grows in it
   * @param {(atEnd: boolean) => void} changed
   */
  constructor(root, list, changed) {
    this._root = root;
    this._atEnd = true;
    this._before = 0;
    this._size = new ResizeObserver(() => this.follow());
    this._size.observe(list);
    this._size.observe(root);
    root.addEventListener("scroll", () => {
      this._scrolled();
      changed(this._atEnd);
    });
  }

  /** Go to the end if one was there. */
  follow() {
    if (this._atEnd) this._root.scrollTop = this._root.scrollHeight;
  }

  toEnd() {
    this._atEnd = true;
    this.follow();
  }

  /**
   * Go to the beginning of an element.
   *
   * @param {Element} element
   */
  toElement(element) {
    this._atEnd = false;
    this._root.scrollTop += element.getBoundingClientRect().top - this._root.getBoundingClientRect().top;
  }

  disconnect() {
    this._size.disconnect();
  }

  /** Scrolling up leaves the end. An answer that was drawn only now makes the list longer under the same event. */
  _scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this._root;
    if (scrollHeight - scrollTop - clientHeight < NEAR) this._atEnd = true;
    else if (scrollTop < this._before) this._atEnd = false;
    this._before = scrollTop;
  }
}
