// Tokens for programs: a list, making one (shown once), and taking one back.
import { badge, button, h, note, select, table } from '../dom.js';
import { mayChange, post } from '../api.js';
import { changeDialog, openDialog, toast } from '../dialogs.js';
import { time } from '../format.js';
import { name as label, pagedList } from './parts.js';

export async function tokens(place, { signal, guard }) {
  const result = h('div', {});
  const load = () => guard(result, () => pagedList(result, '/tokens', {}, (items) => draw(items, load), { signal, noun: 'token', quiet: true }), signal);
  place.append(h('p', { class: 'lead' }, 'With a token a program uses the same API as this page, as an administrator or as an auditor. Only a hash of it is kept.'),
    ...(mayChange() ? [h('p', { class: 'actions' }, button('Make a token', () => make(load)))] : []), result);
  await load();
}

function draw(items, load) {
  const columns = [
    { head: 'Name', row: true, cell: (token) => [label(token.name), ' ', Date.parse(token.expires_at) < Date.now() ? badge('expired', 'quiet') : null] },
    { head: 'Role', cell: (token) => token.role },
    { head: 'Made', cell: (token) => time(token.created_at) },
    { head: 'By', cell: (token) => token.created_by },
    { head: 'Expires', cell: (token) => time(token.expires_at) },
  ];
  if (mayChange()) columns.push({ head: 'Change', cell: (token) => button('Revoke', () => revoke(token, load), { class: 'small', 'aria-label': `Revoke ${token.name}` }) });
  return table('Tokens', columns, items, { empty: 'There are no tokens.' });
}

function make(load) {
  const name = h('input', { type: 'text', autocomplete: 'off', maxlength: 63, required: true });
  const role = select([['auditor', 'Auditor, who only reads'], ['admin', 'Administrator']], 'auditor');
  const days = h('input', { type: 'number', min: 1, max: 366, value: 30, required: true });
  changeDialog({
    title: 'Make a token', submit: 'Make the token',
    fields: [
      { name: 'name', label: 'Name', control: name, hint: 'What will use it, such as nightly-report. Changes that it makes are audited under this name.', check: (value) => (value ? null : 'It needs a name.') },
      { name: 'role', label: 'Role', control: role },
      { name: 'days', label: 'Days until it expires', control: days, check: (value) => (/^[1-9]\d*$/.test(value) ? null : 'A whole number of days, from 1.') },
    ],
    sentence: (values) => [`Whoever has the token can ${values.role === 'admin' ? 'read and change everything here' : 'read everything here'} for ${values.days || '…'} days.`],
    send: (values, { key }) => post('/tokens', { name: values.name, role: values.role, days: Number(values.days), why: values.why }, { key }),
    done: async (made) => { await load(); once(made); },
  });
}

/** The only time that the token is seen. */
function once(made) {
  const shown = h('input', { type: 'text', readonly: true, value: made.token, class: 'token', 'aria-label': 'The token' });
  const told = h('span', { role: 'status' });
  const copy = button('Copy', async () => {
    try {
      await navigator.clipboard.writeText(made.token);
      told.textContent = 'Copied.';
    } catch {
      shown.select();
      told.textContent = 'Selected; copy it with the keyboard.';
    }
  }, { class: 'primary' });
  const dialog = openDialog(`Token ${made.name}`, h('div', { class: 'stack' },
    note('warn', h('p', {}, h('strong', {}, 'Copy it now.'), ' It is not shown again, and cannot be found out from what is kept.')),
    h('div', { class: 'row' }, shown, copy), h('p', {}, told),
    h('p', { class: 'under' }, 'It goes into the header ', h('code', {}, 'Authorization: Bearer …'), ' of each request; it expires ', time(made.expires_at), '.'),
    h('div', { class: 'buttons' }, button('Done', () => dialog.close()))));
  copy.focus();
}

function revoke(token, load) {
  changeDialog({
    title: `Revoke ${token.name}`, submit: 'Revoke', danger: true,
    sentence: () => [`Whatever uses the token ${token.name} is refused from now on. It cannot be brought back; make another one instead.`],
    send: (values, { key }) => post(`/tokens/${encodeURIComponent(token.id)}`, { why: values.why }, { key, method: 'DELETE' }),
    done: async () => { await load(); toast(`The token ${token.name} is revoked.`); },
  });
}
