// All accounts, by whose they are and by their names.
import { field, h, select, table } from '../dom.js';
import { spentBar } from '../charts.js';
import { date, epsilon, eps, percent, perWords } from '../format.js';
import { accountLink, badges, filters, level, name, pagedList } from './parts.js';

export async function accounts(place, { params, signal, remember, guard }) {
  const per = select([['', 'All'], ['dataset', 'Datasets'], ['team', 'Teams'], ['analyst', 'Analysts']], params.get('per') || '');
  const text = h('input', { type: 'search', value: params.get('q') || '', spellcheck: 'false' });
  const result = h('div', {});
  const load = () => guard(result, () => {
    const chosen = { per: per.value, q: text.value.trim() };
    remember(chosen);
    return pagedList(result, '/accounts', chosen, accountTable, { signal, noun: 'account', limit: 100 });
  }, signal);
  place.append(filters([field('Whose', per), field('Name contains', text)], load), result);
  await load();
}

function accountTable(items) {
  return table('Accounts', [
    { head: 'Account', row: true, cell: (account) => [accountLink(account.id), ' ', badges(account)] },
    { head: 'Whose', cell: (account) => [perWords(account.per), account.holder ? [' ', name(account.holder)] : '', account.role ? `, as ${account.role}` : ''] },
    { head: 'Spent', wide: true, cell: (account) => h('span', { class: 'inline' }, spentBar(`Spent of ${account.id}`, account.spent_fraction, { level: level(account) }), h('span', { class: 'number' }, percent(account.spent_fraction))) },
    { head: 'Left', num: true, cell: (account) => epsilon(account.left_epsilon) },
    { head: 'Limit', num: true, cell: (account) => epsilon(account.limit_epsilon) },
    { head: '× plan', num: true, cell: (account) => (account.burn?.ratio === null || account.burn?.ratio === undefined ? '–' : eps(account.burn.ratio)) },
    { head: 'Renews', cell: (account) => (account.renews_at ? date(account.renews_at) : 'never') },
  ], items, { empty: 'No account is like that.' });
}
