// Teams, who is in them, and what their accounts have left.
import { alertBox, button, h, note, table } from '../dom.js';
import { Problem, all, mayChange } from '../api.js';
import { decide } from '../changes.js';
import { spentBar } from '../charts.js';
import { epsilon, eps, percent, plural } from '../format.js';
import { accountLink, badges, endShort, level } from './parts.js';

export async function teams(place, { signal, guard }) {
  const result = h('div', {});
  const load = () => guard(result, async () => {
    const [list, accounts] = await Promise.all([all('/teams', {}, signal), all('/accounts', { per: 'team' }, signal)]);
    const known = new Map(accounts.map((account) => [account.id, account]));
    result.replaceChildren(...(list.length > 0 ? list.map((team) => one(team, known, load)) : [h('p', { class: 'empty' }, 'The policy has no teams.')]));
  }, signal);
  place.append(result, note('', h('p', {}, 'Teams and their members are part of the ', h('a', { href: '#/policy' }, 'policy'), '; to change them, edit its file and reload it.')));
  await load();
}

function one(team, known, load) {
  const accounts = team.accounts.map((id) => known.get(id)).filter(Boolean);
  const problem = h('div', {});
  const columns = [
    { head: 'Account', row: true, cell: (account) => [accountLink(account.id), ' ', badges(account)] },
    { head: 'Spent', wide: true, cell: (account) => h('span', { class: 'inline' }, spentBar(`Spent of ${account.id}`, account.spent_fraction, { level: level(account) }), h('span', { class: 'number' }, percent(account.spent_fraction))) },
    { head: 'Left', num: true, cell: (account) => `${epsilon(account.left_epsilon)} of ${eps(account.limit_epsilon)}` },
    { head: 'Gone on', cell: endShort },
  ];
  if (mayChange()) columns.push({ head: 'Change', cell: (account) => actions(account, load, problem) });
  return h('section', { class: 'card' }, h('h2', {}, team.name),
    h('p', { class: 'under' }, `${plural(team.members.length, 'member')}: ${team.members.join(', ')}`),
    table(`Accounts of ${team.name}`, columns, accounts, { empty: 'No budget is per team, so the team has no account.' }), problem);
}

function actions(account, load, problem) {
  const action = (kind, label) => button(label, async () => {
    problem.replaceChildren();
    try {
      await decide(kind, account.id, load);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.append(alertBox(error.message, error.detail));
    }
  }, { class: 'small', 'aria-label': `${label} ${kind === 'grant' ? 'to ' : ''}${account.id}` });
  return h('span', { class: 'row-actions' }, action('grant', 'Grant'), action('cap', 'Cap'), account.frozen ? action('thaw', 'Thaw') : action('freeze', 'Freeze'));
}
