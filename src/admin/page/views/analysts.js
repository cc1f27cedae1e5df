// Who may ask: roles, teams, when they were last seen, and what can be done to each.
import { badge, button, field, h, say, table } from '../dom.js';
import { all, mayChange } from '../api.js';
import { ago, percent, plural } from '../format.js';
import { accountLink, filters, name } from './parts.js';
import { freezeAnalyst, removeAnalyst, setPassword, thawAnalyst } from './people.js';

export async function analysts(place, { params, signal, remember, guard }) {
  const text = h('input', { type: 'search', value: params.get('q') || '', spellcheck: 'false' });
  const result = h('div', {});
  let people = [];
  const draw = () => {
    const q = text.value.trim().toLowerCase();
    remember({ q });
    const shown = people.filter((person) => [person.name, ...person.roles, ...person.teams].some((name) => name.toLowerCase().includes(q)));
    result.replaceChildren(peopleTable(shown, load));
    return shown;
  };
  const load = () => guard(result, async () => {
    const [list, accounts] = await Promise.all([all('/analysts', {}, signal), all('/accounts', { per: 'analyst' }, signal)]);
    people = list.map((person) => ({ ...person, own: accounts.filter((account) => account.holder === person.name) }));
    draw();
  }, signal);
  place.append(
    filters([field('Name, role or team', text)], () => say(plural(draw().length, 'analyst'))),
    ...(mayChange() ? [h('p', { class: 'actions' }, button('Add an analyst', () => setPassword(null, load)))] : []), result);
  await load();
}

function peopleTable(people, load) {
  const columns = [
    { head: 'Analyst', row: true, cell: (person) => [h('a', { href: `#/queries?analyst=${encodeURIComponent(person.name)}` }, name(person.name)), ' ', person.frozen ? badge('frozen', 'cold') : null, person.can_log_in ? null : badge('cannot log in', 'quiet')] },
    { head: 'Roles', cell: (person) => person.roles.join(', ') || '–' },
    { head: 'Teams', cell: (person) => person.teams.join(', ') || '–' },
    { head: 'Last seen', cell: (person) => (person.last_seen_at ? ago(person.last_seen_at) : 'never') },
    { head: 'Own accounts', cell: (person) => (person.own.length > 0 ? person.own.map(account) : '–') },
  ];
  if (mayChange()) columns.push({ head: 'Change', cell: (person) => actions(person, load) });
  return table('Analysts', columns, people, { empty: 'No analyst is like that.' });
}

function account(own) {
  return h('span', { class: 'block' }, accountLink(own.id), ' ', h('span', { class: 'detail' }, `${percent(Math.max(0, 1 - own.spent_fraction))} left`));
}

function actions(person, load) {
  const one = (label, what, props = {}) => button(label, () => what(person, load), { 'aria-label': `${label} ${person.name}`, class: 'small', ...props });
  return h('span', { class: 'row-actions' },
    freeze(person, one),
    one('Password', setPassword, { 'aria-label': `Password of ${person.name}` }),
    person.can_log_in || person.added_at ? one('Remove', removeAnalyst) : null);
}

/** Only what is theirs alone can be frozen for an analyst. */
function freeze(person, one) {
  if (person.own.length === 0) return null;
  return person.frozen ? one('Thaw', thawAnalyst) : one('Freeze', freezeAnalyst);
}
