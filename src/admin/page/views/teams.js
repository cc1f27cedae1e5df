// Teams, who is in them, and what their accounts have left.
import { alertBox, badge, button, h, note, table } from '../dom.js';
import { Problem, all, mayChange } from '../api.js';
import { decide } from '../changes.js';
import { spentBar } from '../charts.js';
import { epsilon, eps, percent, plural } from '../format.js';
import { accountLink, badges, endShort, level, name } from './parts.js';
import { addMember, addTeam, removeMember, removeTeam } from './team.js';

export async function teams(place, { signal, guard }) {
  const result = h('div', {});
  let roles = [];
  const load = () => guard(result, async () => {
    const [list, accounts, people] = await Promise.all([all('/teams', {}, signal), all('/accounts', { per: 'team' }, signal), all('/analysts', {}, signal)]);
    roles = [...new Set([...list, ...people].flatMap((one) => one.roles))].sort();
    const known = { accounts: new Map(accounts.map((account) => [account.id, account])), analysts: people.map((person) => person.name) };
    result.replaceChildren(...(list.length > 0 ? list.map((team) => one(team, known, load)) : [h('p', { class: 'empty' }, 'There are no teams.')]));
  }, signal);
  place.append(
    ...(mayChange() ? [h('p', { class: 'actions' }, button('Add a team', () => addTeam(roles, load)))] : []), result,
    note('', h('p', {}, 'Whom the ', h('a', { href: '#/policy' }, 'policy'), ' puts into a team is changed in its file. Who administers or audits is only ever said there.')));
  await load();
}

function one(team, known, load) {
  const accounts = team.accounts.map((id) => known.accounts.get(id)).filter(Boolean);
  const problem = h('div', {});
  const columns = [
    { head: 'Account', row: true, cell: (account) => [accountLink(account.id), ' ', badges(account)] },
    { head: 'Spent', wide: true, cell: (account) => h('span', { class: 'inline' }, spentBar(`Spent of ${account.id}`, account.spent_fraction, { level: level(account) }), h('span', { class: 'number' }, percent(account.spent_fraction))) },
    { head: 'Left', num: true, cell: (account) => `${epsilon(account.left_epsilon)} of ${eps(account.limit_epsilon)}` },
    { head: 'Gone on', cell: endShort },
  ];
  if (mayChange()) columns.push({ head: 'Change', cell: (account) => actions(account, load, problem) });
  return h('section', { class: 'card' }, h('h2', {}, team.name, ' ', team.made ? badge('made here', 'quiet', 'An administrator made it; the policy file does not have it') : null),
    h('p', { class: 'under' }, team.roles.length > 0 ? `Its members ask as ${team.roles.join(' and ')}.` : 'No role is given by it.'),
    members(team, load),
    mayChange() ? h('p', { class: 'actions' },
      button('Add a member', () => addMember(team, known.analysts, load), { 'aria-label': `Add a member to ${team.name}` }),
      team.made ? button('Remove the team', () => removeTeam(team, load), { class: 'quiet', 'aria-label': `Remove the team ${team.name}` }) : null) : null,
    table(`Accounts of ${team.name}`, columns, accounts, { empty: team.members.length > 0 ? 'Nothing is paid from accounts of this team.' : 'Nobody is in it, so nothing is paid from its accounts.' }), problem);
}

function members(team, load) {
  const added = new Set(team.added);
  const out = (who) => (added.has(who) && mayChange() ? [' ', button('Take out', () => removeMember(team, who, load), { class: 'small', 'aria-label': `Take out ${who} from ${team.name}` })] : null);
  return h('div', {}, h('p', { class: 'under' }, team.members.length > 0 ? `${plural(team.members.length, 'member')}:` : 'Nobody is in it.'),
    team.members.length > 0 ? h('ul', { class: 'names' }, team.members.map((who) => h('li', {}, name(who), out(who)))) : null);
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
