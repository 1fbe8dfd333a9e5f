/* Elements of the page. Text goes in as text, never as HTML. */

/**
 * An element with a class and a text; `attributes` are set as they are.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {string} className
 * @param {string} [text]
 * @param {Record<string, string>} [attributes]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, className, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/**
 * An element that holds `children`.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {string} className
 * @param {Node[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function container(name, className, children) {
  const made = element(name, className);
  made.append(...children);
  return made;
}

/**
 * Set a text, unless it is there already.
 *
 * @param {HTMLElement} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * A line of small print, as the record has it, or nothing.
 *
 * @param {string} text
 * @returns {HTMLElement[]}
 */
export function quietLine(text) {
  if (!text) return [];
  const line = container("p", "", [element("small", "", text)]);
  return [container("div", "qwen-note jp-RenderedHTMLCommon", [line])];
}

/**
 * The elements among `nodes`, and below them, that `selector` selects; the outermost only.
 *
 * @param {Iterable<Node>} nodes
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export function selectIn(nodes, selector) {
  return [...nodes].flatMap((node) => {
    if (!isHtml(node)) return [];
    return node.matches(selector) ? [node] : [...node.querySelectorAll(selector)].filter(isHtml);
  });
}

/**
 * @param {Node} node
 * @returns {node is HTMLElement}
 */
function isHtml(node) {
  return node instanceof HTMLElement;
}

/**
 * The text of some HTML, for the plain text of a record. Nothing in it is fetched or run.
 *
 * @param {string} html
 * @returns {string}
 */
export function textOf(html) {
  return (new DOMParser().parseFromString(html, "text/html").body.textContent ?? "").trim();
}
