// What is left, how fast it goes, who spends it, and what needs a look.
import { badge, facts, h, note, swap, table } from '../dom.js';
import { get } from '../api.js';
import { spentBar } from '../charts.js';
import { count, epsilon, eps, percent, plural, time } from '../format.js';
import { accountLink, badges, endShort, endWords, level, liveLine, paceWords, renewal, windowGone } from './parts.js';
import { spenderTable } from './spenders.js';

export async function overview(place, { signal, poll }) {
  const parts = Object.fromEntries(['problems', 'datasets', 'tight', 'spenders', 'refusals', 'state'].map((name) => [name, h('div', { class: `part-${name}` })]));
  const load = async () => {
    const data = await get('/overview', {}, signal);
    draw(parts, data);
    return ['As of ', time(data.now, { style: 'short' })];
  };
  const { line, update } = liveLine(poll, load);
  await update();
  place.append(line, parts.problems, parts.datasets,
    h('div', { class: 'columns' }, parts.tight, h('div', {}, parts.spenders, parts.refusals)), parts.state);
}

function draw(parts, data) {
  const datasets = data.accounts.filter((account) => account.per === 'dataset');
  const others = data.accounts.filter((account) => account.per !== 'dataset');
  swap(parts.problems, data.findings, () => findings(data.findings));
  swap(parts.datasets, [datasets, data.now.slice(0, 15)], () => section('What the datasets have left', cards(datasets, data.now)));
  swap(parts.tight, others, () => section('Closest to their end', closest(others)));
  swap(parts.spenders, data.top_spenders_7d, () => section('Who spent most in 7 days',
    spenderTable(data.top_spenders_7d.slice(0, 5), 'Who spent most in the last 7 days', { small: true }), h('p', {}, h('a', { href: '#/spenders' }, 'All spenders and other periods'))));
  swap(parts.refusals, data.refusals_24h, () => section('Refused in 24 hours', refusals(data.refusals_24h)));
  swap(parts.state, [data.in_flight, data.ledger, data.version, data.policy_version, data.proxies_note], () => section('This proxy', state(data)));
}

function section(title, ...content) {
  return h('section', {}, h('h2', {}, title), content);
}

function findings({ errors, warnings }) {
  if (errors + warnings === 0) return [];
  const words = [errors > 0 ? plural(errors, 'error') : null, warnings > 0 ? plural(warnings, 'warning') : null].filter(Boolean).join(' and ');
  return [note(errors > 0 ? 'bad' : 'warn', h('p', {}, h('strong', {}, `The check of the policy has ${words}.`), ' ', h('a', { href: '#/policy' }, 'Look at the findings')))];
}

function cards(datasets, now) {
  if (datasets.length > 0) return h('div', { class: 'grid' }, datasets.map((account) => card(account, now)));
  return note('warn', h('p', {}, 'No budget of the policy is per dataset, so nothing bounds what everybody learns together.'));
}

function card(account, now) {
  const left = Math.max(0, 1 - account.spent_fraction);
  return h('article', { class: 'card account' },
    h('h3', {}, accountLink(account.id), ' ', badges(account)),
    h('p', { class: 'big' }, percent(left), h('span', { class: 'unit' }, ' left')),
    spentBar(`Spent of ${account.id}`, account.spent_fraction, { gone: windowGone(account, now), level: level(account) }),
    h('p', { class: 'under' }, `${epsilon(account.left_epsilon)} left · ${epsilon(account.spent_epsilon)} of ${eps(account.limit_epsilon)} spent`),
    facts(['Pace', paceWords(account)], ['End', endWords(account)], ['Window', renewal(account, windowGone(account, now))]));
}

function closest(accounts) {
  const shown = [...accounts].sort((a, b) => b.spent_fraction - a.spent_fraction).slice(0, 8);
  return [
    table('Accounts of teams and analysts that are closest to their end', [
      { head: 'Account', row: true, cell: (account) => [accountLink(account.id), ' ', badges(account)] },
      { head: 'Spent', wide: true, cell: (account) => h('span', { class: 'inline' }, spentBar(`Spent of ${account.id}`, account.spent_fraction, { level: level(account) }), h('span', { class: 'number' }, percent(account.spent_fraction))) },
      { head: 'Left', num: true, cell: (account) => epsilon(account.left_epsilon) },
      { head: 'Gone on', cell: endShort },
    ], shown, { empty: 'There are no accounts of teams or analysts.' }),
    h('p', {}, h('a', { href: '#/accounts' }, 'All accounts')),
  ];
}

function refusals(list) {
  return table('Refusals of the last 24 hours by code', [
    { head: 'Code', row: true, cell: (row) => h('code', {}, row.code) },
    { head: 'Times', num: true, cell: (row) => count(row.count) },
  ], list, { empty: 'Nothing was refused.', small: true });
}

function state(data) {
  return facts(
    ['Queries in flight', h('a', { href: '#/queries' }, count(data.in_flight))],
    ['Ledger', `${data.ledger.store === 'postgresql' ? 'PostgreSQL' : 'SQLite'}, generation ${count(data.ledger.generation)}`],
    ['Version', data.version],
    ['Policy', h('a', { href: '#/policy' }, badge(String(data.policy_version).slice(0, 12), 'quiet'))],
    data.proxies_note ? ['Proxies', data.proxies_note] : null);
}
