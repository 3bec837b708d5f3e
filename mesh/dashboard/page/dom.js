/**
 * Makes an element of HTML. Attributes whose value is undefined or false are left out.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | undefined>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAll(element, attributes);
  element.append(...children);
  return element;
}

/**
 * Makes an element of SVG.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | undefined>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  setAll(element, attributes);
  element.append(...children);
  return element;
}

/**
 * @param {Element} element
 * @param {Record<string, string | number | boolean | undefined>} attributes
 */
export function setAll(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
  }
}

/**
 * Says something else, only if it is something else: the browser then has nothing to do.
 *
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * The element of this id, which the page has.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * The first element that fits within another one, which has such.
 *
 * @param {Element} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function within(root, selector) {
  const found = root.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`there is no ${selector}`);
  return found;
}

/**
 * Calls back with the chosen value of a group of radio buttons, now and at each change.
 *
 * @param {string} id the group's
 * @param {(value: string) => void} chosen
 */
export function onChoice(id, chosen) {
  const group = byId(id);
  const tell = () => chosen(/** @type {HTMLInputElement} */ (within(group, 'input:checked')).value);
  group.addEventListener('change', tell);
  tell();
}

/**
 * Tells what the parts of a table are, but for the rows to come: on narrow screens each row is displayed as a card, which
 * is no table to a screen reader.
 *
 * @param {HTMLElement} table
 */
export function nameRoles(table) {
  setAll(table, { role: 'table' });
  for (const [selector, role] of [
    ['thead, tbody', 'rowgroup'],
    ['thead tr', 'row'],
    ['thead th', 'columnheader'],
  ]) {
    for (const element of table.querySelectorAll(selector ?? '')) setAll(element, { role });
  }
}
