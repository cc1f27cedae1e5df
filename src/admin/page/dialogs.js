// Dialogs in which something is changed: what will happen in a sentence, a reason, and one request.
import { alertBox, button, field, fresh, h, say, wrong } from './dom.js';
import { Problem } from './api.js';

const open = new Set();

export function closeDialogs() {
  for (const dialog of open) dialog.close();
}

/** A modal dialog; it leaves the page when it is closed, and the focus goes back. */
export function openDialog(title, content) {
  const id = fresh('dialog');
  const dialog = h('dialog', { 'aria-labelledby': id }, h('h2', { id }, title), content);
  const back = wayBack(document.activeElement);
  dialog.addEventListener('close', () => {
    open.delete(dialog);
    dialog.remove();
    back();
  });
  dialog.back = back;
  document.body.append(dialog);
  open.add(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Where the focus goes after a dialog: to what opened it; if that was drawn anew, to its like, to
 * another button of its row, or to the heading.
 */
function wayBack(before) {
  const label = before?.getAttribute('aria-label') ?? before?.textContent;
  const row = before?.closest('tr')?.querySelector('th')?.textContent;
  const buttons = (within) => [...within.querySelectorAll('button')];
  return () => {
    if (before?.isConnected) return before.focus();
    const main = document.getElementById('main');
    const rows = [...main.querySelectorAll('tbody tr')];
    const same = row && rows.find((one) => one.querySelector('th')?.textContent.split(' ')[0] === row.split(' ')[0]);
    const like = buttons(main).find((one) => (one.getAttribute('aria-label') ?? one.textContent) === label);
    return (like ?? (same && buttons(same)[0]) ?? main.querySelector('.actions button') ?? main.querySelector('h1'))?.focus();
  };
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/**
 * Asks for what a change needs and makes it.
 *
 * `fields` are `{name, label, control, hint, check(value)}`; `sentence(values)` says what will
 * change; `send(values, {key})` makes the request; `stale()` is called when somebody else was
 * first (412) and loads what is there now; `done(answer)` shows the result and says it; `extra` is
 * an element that a control refers to.
 */
export function changeDialog({ title, fields = [], sentence, submit, danger = false, send, stale, done, reason = true, extra = null }) {
  const why = h('input', { type: 'text', maxlength: 500, required: true, autocomplete: 'off' });
  const every = reason ? [...fields, { name: 'why', label: 'Reason', control: why, hint: 'Kept in the audit, with your name.', check: needsReason }] : fields;
  const told = h('p', { class: 'will', 'aria-live': 'polite' });
  const problem = h('div', {});
  const go = h('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, submit);
  const form = h('form', { novalidate: true, class: 'stack' },
    every.map((one) => field(one.label, one.control, { hint: one.hint, name: one.name })), told, problem, extra ?? '',
    h('div', { class: 'buttons' }, button('Leave it as it is', () => dialog.close()), go));
  const values = () => Object.fromEntries(every.map((one) => [one.name, one.control.type === 'checkbox' ? one.control.checked : one.control.value.trim()]));
  const tell = () => { told.replaceChildren(...sentence(values()).flat(4).filter(Boolean)); };
  form.addEventListener('input', tell);
  const dialog = openDialog(title, form);
  tell();
  every[0]?.control.focus();
  let key = newKey();
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.replaceChildren();
    if (!valid(every, values())) return;
    go.disabled = true;
    form.setAttribute('aria-busy', 'true');
    try {
      const answer = await send(values(), { key });
      dialog.close();
      await done?.(answer);
      if (document.activeElement === document.body) dialog.back();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // Without an answer it may have happened, so the same key has to go with the next try.
      if (error.status !== 0) key = newKey();
      if (error.status === 401) return;
      await explain(error, { every, problem, stale, tell });
    } finally {
      go.disabled = false;
      form.removeAttribute('aria-busy');
    }
  });
  return dialog;
}

function needsReason(value) {
  return value ? null : 'Say why. Whoever reads the audit will want to know.';
}

/** Whether all fields hold; the first that does not gets the focus. */
function valid(every, values) {
  let first = null;
  for (const one of every) {
    const message = one.check?.(values[one.name]) ?? null;
    wrong(one.control, message);
    if (message) first ??= one.control;
  }
  first?.focus();
  return !first;
}

async function explain(error, { every, problem, stale, tell }) {
  if (error.status === 412 && stale) {
    await stale().catch(() => {});
    tell();
    problem.append(alertBox('Somebody changed this in the meantime.', 'Nothing was done. The numbers here are new now: look at them, and send it again if you still want it.'));
    return;
  }
  const rest = showFieldErrors(error, every);
  if (rest.length > 0 || error.errors.length === 0) {
    problem.append(alertBox(error.message, error.detail, rest.map((one) => h('p', {}, aboutField(one.field, one.message)))));
  }
}

/** The API leaves the name out: `is at most 500 characters`. */
function aboutField(label, message) {
  const words = /^[a-z]/.test(message) ? `${label} ${message}` : message;
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

/** Puts what is wrong beside the fields it is about; gives back what is about none of them. */
export function showFieldErrors(error, every) {
  const rest = [];
  let first = null;
  for (const one of error.errors) {
    const about = every.find((known) => known.name === one.field);
    if (!about) {
      rest.push(one);
      continue;
    }
    wrong(about.control, aboutField(about.label, one.message));
    first ??= about.control;
  }
  first?.focus();
  return rest;
}

/** Says it to everybody: in a line at the foot of the page for a while, and to screen readers. */
export function toast(text) {
  say(text);
  document.querySelector('.toast')?.remove();
  const box = h('div', { class: 'toast', 'aria-hidden': 'true' }, text);
  document.body.append(box);
  setTimeout(() => box.remove(), 7000);
}
