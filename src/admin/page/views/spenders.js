// Who spent most, over a period that can be chosen.
import { field, h, note, say, select, table } from '../dom.js';
import { all, get } from '../api.js';
import { shareBar } from '../charts.js';
import { count, dayEnd, dayStart, eps, inputDay, percent, plural, time } from '../format.js';
import { filters, lastDays, name } from './parts.js';

const periods = [['1', 'Last 24 hours'], ['7', 'Last 7 days'], ['week', 'Last week, Monday to Sunday'], ['30', 'Last 30 days'], ['custom', 'Days that I choose']];

export function spenderTable(items, caption, { small = false } = {}) {
  return table(caption, [
    { head: 'Analyst', row: true, cell: (row) => h('a', { href: `#/queries?analyst=${encodeURIComponent(row.analyst)}` }, name(row.analyst)) },
    { head: 'Share', wide: true, cell: (row) => h('span', { class: 'inline' }, shareBar(row.share), h('span', { class: 'number' }, percent(row.share))) },
    { head: 'Charges', num: true, cell: (row) => count(row.charges) },
    { head: 'ε', num: true, cell: (row) => eps(row.epsilon) },
  ], items, { empty: 'Nobody spent anything.', small });
}

export async function spenders(place, { params, signal, remember, guard }) {
  const account = select([['', 'All accounts']], '');
  const period = select(periods, params.get('period') || '7');
  const days = lastDays(7);
  const from = h('input', { type: 'date', value: params.get('from') || days.from });
  const to = h('input', { type: 'date', value: params.get('to') || days.to });
  const custom = h('div', { class: 'row' }, field('From', from), field('To, that day included', to));
  const result = h('div', {});
  const load = () => guard(result, async () => {
    custom.hidden = period.value !== 'custom';
    const chosen = { period: period.value, account: account.value, from: custom.hidden ? '' : from.value, to: custom.hidden ? '' : to.value };
    remember(chosen);
    const answer = await get('/spenders', { ...span(chosen), account: account.value, limit: 500 }, signal);
    result.replaceChildren(...draw(answer));
    say(answer.items.length > 0 ? `${answer.items[0].analyst} spent most.` : 'Nobody spent anything.');
  }, signal);
  place.append(filters([field('Period', period), field('Account', account), custom], load), result);
  const accounts = await all('/accounts', {}, signal);
  account.append(...accounts.map((one) => h('option', { value: one.id }, one.id)));
  account.value = params.get('account') || '';
  await load();
}

function span({ period, from, to }) {
  if (period === 'custom') return { from: dayStart(from), to: dayEnd(to) };
  if (period !== 'week') return { from: new Date(Date.now() - Number(period) * 86400000).toISOString() };
  const monday = new Date();
  monday.setDate(monday.getDate() - ((monday.getDay() + 6) % 7) - 7);
  const sunday = new Date(monday);
  sunday.setDate(monday.getDate() + 6);
  return { from: dayStart(inputDay(monday)), to: dayEnd(inputDay(sunday)) };
}

function draw(answer) {
  const { items } = answer;
  const first = items[0];
  const lead = first
    ? h('p', { class: 'lead' }, h('strong', {}, first.analyst), ` spent most: ${percent(first.share)} of all that was spent, with ${plural(first.charges, 'charge')}.`)
    : null;
  return [
    lead,
    h('p', { class: 'under' }, 'From ', time(answer.from), ' to ', time(answer.to), `: ${plural(answer.charges, 'charge')} by ${plural(answer.analysts, 'analyst')}${answer.next ? `, of whom the first ${items.length} are below` : ''}.`),
    spenderTable(items, 'Who spent most'),
    items.length > 0 ? note('', h('p', {}, 'ε is that of one answer which would cost as much as all of these together; shares are of what was spent in the measure of the accountant, so they add up.')) : null,
  ].filter(Boolean);
}
