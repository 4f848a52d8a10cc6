/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element with properties (`class` and `aria-…` too) and children; what is null, undefined or false is left out.
 * `style` sets properties one by one, which the page's policy allows; a style attribute it does not.
 *
 * @param {string} name
 * @param {Record<string, any>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function el(name, properties = {}, ...children) {
  const element = /** @type {any} */ (document.createElement(name));
  setProperties(element, properties);
  element.append(...present(children));
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...present(children));
  return element;
}

/** @param {any} element @param {Record<string, any>} properties */
function setProperties(element, properties) {
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === 'style') {
      for (const [name, setting] of Object.entries(value)) element.style.setProperty(name, String(setting));
    } else if (key === 'data') Object.assign(element.dataset, value);
    else if (key in element && !key.startsWith('aria') && key !== 'list') element[key] = value;
    else element.setAttribute(key, value === true ? '' : value);
  }
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function present(children) {
  return children
    .flat()
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * Assigning an unchanged text would make a screen reader say it again.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/**
 * Puts the new in the place of the old, and leaves the focus where it was: on what has the same id or address.
 *
 * @param {Element} element
 * @param {Node[]} content
 */
export function replaceContent(element, content) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const [id, href] = [focused?.id, focused?.getAttribute('href')];
  element.replaceChildren(...content);
  const same = id
    ? document.getElementById(id)
    : href && [...element.querySelectorAll('a')].find((link) => link.getAttribute('href') === href);
  if (same) same.focus({ preventScroll: true });
}
