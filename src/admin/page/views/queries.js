// Queries that run now, and charges of those that ran; by fingerprint, never by text.
import { button, field, h, swap, table } from '../dom.js';
import { all, get, mayChange, post } from '../api.js';
import { changeDialog, toast } from '../dialogs.js';
import { ago, dayEnd, dayStart, eps, plural, time } from '../format.js';
import { chargeTable } from './account.js';
import { filters, fingerprint, liveLine, name, pagedList } from './parts.js';

const stages = { reading: 'reading the text', charging: 'charging', asking: 'asking the source', finishing: 'finishing' };

export async function queries(place, { params, signal, remember, guard, poll }) {
  const live = h('div', {});
  const load = async () => {
    const { items } = await get('/queries', {}, signal);
    swap(live, items, () => running(items, update));
    return [`${plural(items.length, 'query', 'queries')} as of `, time(new Date().toISOString(), { style: 'short' })];
  };
  const { line, update } = liveLine(poll, load);
  place.append(h('section', {}, h('h2', {}, 'In flight'), line, live));
  await guard(live, update, signal);
  await past(place, { params, signal, remember, guard });
}

function running(items, load) {
  const columns = [
    { head: 'Query', row: true, cell: (row) => fingerprint(row.query) },
    { head: 'Question', cell: (row) => (row.fingerprint ? fingerprint(row.fingerprint) : '–') },
    { head: 'Analyst', cell: (row) => name(row.analyst) },
    { head: 'Started', cell: (row) => time(row.started_at, { style: 'short' }) },
    { head: 'Proxy', cell: (row) => (row.here ? 'this one' : 'another') },
    { head: 'Stage', cell: (row) => stages[row.stage] ?? row.stage },
    { head: 'ε', num: true, cell: (row) => eps(row.epsilon) },
  ];
  if (mayChange()) columns.push({ head: 'Change', cell: (row) => button('Cancel', () => cancel(row, load), { class: 'small', 'aria-label': `Cancel query ${row.query} of ${row.analyst}` }) });
  return table('Queries in flight', columns, items, { empty: 'Nothing is running.' });
}

function cancel(row, load) {
  changeDialog({
    title: `Cancel query ${row.query}`, submit: 'Cancel the query', danger: true,
    sentence: () => [`The query that ${row.analyst} started `, ago(row.started_at), ' ends with an error. What it was charged is given back only if nothing was sent to the source yet.'],
    send: (values, { key }) => post(`/queries/${encodeURIComponent(row.query)}`, { why: values.why }, { key, method: 'DELETE' }),
    done: async () => { await load(); toast(row.here ? 'The query is canceled.' : 'Its proxy stops the query within a few seconds.'); },
  });
}

async function past(place, { params, signal, remember, guard }) {
  const analyst = h('input', { type: 'search', value: params.get('analyst') || '', spellcheck: 'false' });
  const account = h('select', {}, h('option', { value: '' }, 'All accounts'));
  const from = h('input', { type: 'date', value: params.get('from') || '' });
  const to = h('input', { type: 'date', value: params.get('to') || '' });
  const result = h('div', {});
  const load = () => guard(result, () => {
    const chosen = { analyst: analyst.value.trim(), account: account.value, from: from.value, to: to.value };
    remember(chosen);
    const asked = { ...chosen, from: dayStart(chosen.from), to: dayEnd(chosen.to) };
    return pagedList(result, '/charges', asked, (items) => chargeTable('Past charges', items), { signal, noun: 'charge' });
  }, signal);
  place.append(h('section', {}, h('h2', {}, 'Past charges'),
    h('p', { class: 'under' }, 'What a charge paid for is known by its fingerprint, a digest; the text of a query and its constants are kept nowhere.'),
    filters([field('Analyst', analyst, { hint: 'The whole name.' }), field('Account', account), field('From', from), field('To, that day included', to)], load), result));
  const accounts = await all('/accounts', {}, signal);
  account.append(...accounts.map((one) => h('option', { value: one.id }, one.id)));
  account.value = params.get('account') || '';
  await load();
}
