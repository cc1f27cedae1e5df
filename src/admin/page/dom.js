// Making elements. Data reaches the document as text nodes and attributes only, never as markup.

/** An element. Of `props`, functions named `on…` listen, and everything else is an attribute. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(4).filter((child) => child !== null && child !== undefined && child !== false && child !== '');
}

let counter = 0;

/** A name that no other element of the page has. */
export function fresh(prefix) {
  counter += 1;
  return `${prefix}-${counter}`;
}

/** Tells it to those who do not see the page. */
export function say(text) {
  const place = document.getElementById('said');
  // The same text twice is announced only if it changes in between.
  place.textContent = '';
  requestAnimationFrame(() => { place.textContent = text; });
}

export function button(label, onclick, props = {}) {
  return h('button', { type: 'button', onclick, ...props }, label);
}

export function badge(text, kind = '', title = null) {
  return h('span', { class: `badge ${kind}`, title }, text);
}

/** A box that says what went wrong; it is read out at once. */
export function alertBox(title, detail, ...more) {
  return h('div', { class: 'note bad', role: 'alert' },
    h('p', {}, h('strong', {}, title), detail ? ` ${detail}` : ''), ...more);
}

export function note(kind, ...children) {
  return h('div', { class: `note ${kind}` }, ...children);
}

/**
 * A table. Columns are `{head, cell(row), num, row}`: `num` aligns to the right, `row` makes the
 * cell the row's heading. On narrow screens rows become cards, for which cells repeat the heading,
 * unless the table is `small`.
 */
export function table(caption, columns, rows, { empty = 'Nothing here.', small = false } = {}) {
  if (rows.length === 0) return h('p', { class: 'empty' }, empty);
  const head = h('tr', {}, columns.map((column) =>
    h('th', { scope: 'col', class: column.num ? 'num' : null }, column.head)));
  const line = (row) => h('tr', {}, columns.map((column) => {
    const value = h('span', { class: 'value' }, column.cell(row));
    const classes = [column.num && 'num', column.wide && 'wide', !value.hasChildNodes() && 'void'];
    const props = { class: classes.filter(Boolean).join(' ') || null };
    const cell = [h('span', { class: 'label', 'aria-hidden': 'true' }, column.head), value];
    return column.row ? h('th', { scope: 'row', ...props }, cell) : h('td', props, cell);
  }));
  // Narrow screens give rows `display: block`, by which tables lose their roles unless they are said.
  const element = h('table', { class: small ? null : 'cards' },
    h('caption', { class: 'unseen' }, caption),
    h('thead', {}, head), h('tbody', {}, rows.map(line)));
  return keepRoles(element);
}

function keepRoles(element) {
  const roles = { table: 'table', thead: 'rowgroup', tbody: 'rowgroup', tr: 'row', td: 'cell' };
  element.setAttribute('role', 'table');
  for (const part of element.querySelectorAll('thead, tbody, tr, td')) {
    part.setAttribute('role', roles[part.localName]);
  }
  for (const part of element.querySelectorAll('th')) {
    part.setAttribute('role', part.getAttribute('scope') === 'row' ? 'rowheader' : 'columnheader');
  }
  return element;
}

/** Facts as a description list of `[term, value]`; those without a value are left out. */
export function facts(...pairs) {
  const shown = pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined);
  return h('dl', { class: 'facts' }, shown.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))));
}

/** A labelled control, with a hint below and a place for what is wrong with it. */
export function field(label, control, { hint, name } = {}) {
  const id = control.id || fresh('f');
  control.id = id;
  if (name) control.name = name;
  const described = [];
  const parts = [h('label', { for: id }, label), control];
  if (hint) {
    described.push(`${id}-hint`);
    parts.push(h('p', { class: 'hint', id: `${id}-hint` }, hint));
  }
  described.push(`${id}-wrong`);
  parts.push(h('p', { class: 'wrong', id: `${id}-wrong` }));
  control.setAttribute('aria-describedby', described.join(' '));
  return h('div', { class: 'field' }, parts);
}

/** Says at a control what is wrong with it, or that nothing is. */
export function wrong(control, message) {
  const place = document.getElementById(`${control.id}-wrong`);
  if (place) place.textContent = message || '';
  if (message) control.setAttribute('aria-invalid', 'true');
  else control.removeAttribute('aria-invalid');
}

export function select(options, value, props = {}) {
  const element = h('select', props, options.map(([key, text]) => h('option', { value: key }, text)));
  element.value = value ?? '';
  return element;
}

/** Replaces what a place shows, unless it would look the same; the focus stays where it was. */
export function swap(place, data, draw) {
  const look = JSON.stringify(data);
  if (place.dataset.look === look) return;
  place.dataset.look = look;
  const active = place.contains(document.activeElement) ? document.activeElement : null;
  const open = [...place.querySelectorAll('details[open]')].map((part) => part.dataset.key);
  const nodes = flat([draw()]);
  place.replaceChildren(...nodes);
  for (const part of place.querySelectorAll('details')) part.open ||= open.includes(part.dataset.key);
  if (!active) return;
  const same = [...place.querySelectorAll(active.localName)]
    .find((part) => sign(part) === sign(active));
  (same ?? place.querySelector('a, button') ?? document.getElementById('main')).focus({ preventScroll: true });
}

function sign(element) {
  return element.getAttribute('href') ?? element.getAttribute('aria-label') ?? element.textContent;
}
