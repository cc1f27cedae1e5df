// What is done to a team: made, filled, ended.
import { fresh, h } from '../dom.js';
import { post } from '../api.js';
import { changeDialog, toast } from '../dialogs.js';

const path = (team) => `/teams/${encodeURIComponent(team)}`;
const member = (team, analyst) => `${path(team)}/members/${encodeURIComponent(analyst)}`;

export function addTeam(roles, done) {
  const name = text({ required: true, maxlength: 63 });
  const [role, known] = suggested(roles);
  changeDialog({
    title: 'Add a team', submit: 'Add',
    fields: [
      { name: 'name', label: 'Name', control: name, hint: 'Letters, digits, _ and -.', check: (value) => (/^[A-Za-z0-9_-]{1,63}$/.test(value) ? null : 'Up to 63 letters, digits, _ and -.') },
      { name: 'role', label: 'Role', control: role, hint: 'The role of the policy that its members ask by. Leave it empty if they have one.' },
    ],
    extra: known,
    sentence: (values) => {
      if (!values.name) return ['A team begins with nobody in it.'];
      return [values.role ? `Whoever is put into ${values.name} asks as ${values.role}, and pays from its accounts too.` : `Whoever is put into ${values.name} pays from its accounts too, if their role pays from accounts of teams.`];
    },
    send: (values, { key }) => post(path(values.name), { role: values.role || null, why: values.why }, { key, method: 'PUT' }),
    done: async (team) => { await done(); toast(`The team ${team.name} is there. Now add its members.`); },
  });
}

export function addMember(team, analysts, done) {
  const [name, known] = suggested(analysts.filter((analyst) => !team.members.includes(analyst)), { required: true });
  changeDialog({
    title: `Add a member to ${team.name}`, submit: 'Add', extra: known,
    fields: [{ name: 'analyst', label: 'Analyst', control: name, hint: 'Somebody who is under Analysts already.', check: (value) => (value ? null : 'Who is it?') }],
    sentence: ({ analyst }) => [`${analyst || 'Whoever is added'} learns with the team from the next question on${roleWords(team)}${payWords(team)}.`],
    send: (values, { key }) => post(member(team.name, values.analyst), { why: values.why }, { key, method: 'PUT' }),
    done: async () => { await done(); toast(`${name.value.trim()} is in ${team.name}.`); },
  });
}

export function removeMember(team, analyst, done) {
  changeDialog({
    title: `Take ${analyst} out of ${team.name}`, submit: 'Take out', danger: true,
    sentence: () => [`From the next question on, ${analyst} is not in ${team.name}: what they may ask by it is over, and they do not pay from its accounts. What was spent stays spent.`],
    send: (values, { key }) => post(member(team.name, analyst), { why: values.why }, { key, method: 'DELETE' }),
    done: async () => { await done(); toast(`${analyst} is not in ${team.name} any more.`); },
  });
}

export function removeTeam(team, done) {
  changeDialog({
    title: `Remove the team ${team.name}`, submit: 'Remove', danger: true,
    sentence: () => [`Nobody is in ${team.name} any more, and what its members may ask by it is over. What its accounts spent stays spent: a team of the same name goes on from there.`],
    send: (values, { key }) => post(path(team.name), { why: values.why }, { key, method: 'DELETE' }),
    done: async () => { await done(); toast(`The team ${team.name} is gone.`); },
  });
}

function roleWords(team) {
  return team.roles.length > 0 ? `, asks as ${team.roles.join(' and ')}` : '';
}

function payWords(team) {
  return team.accounts.length > 0 ? `, and pays from ${team.accounts.join(' and ')} too` : '';
}

function text(props) {
  return h('input', { type: 'text', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', ...props });
}

/** An input with what may be meant. */
function suggested(names, props = {}) {
  const id = fresh('names');
  return [text({ list: id, ...props }), h('datalist', { id }, names.map((value) => h('option', { value })))];
}
