// What is done to one analyst: freeze, thaw, password, removal.
import { h } from '../dom.js';
import { post } from '../api.js';
import { changeDialog, toast } from '../dialogs.js';

const path = (name) => `/analysts/${encodeURIComponent(name)}`;

export function freezeAnalyst(person, done) {
  const accounts = person.own.map((account) => account.id).join(' and ');
  changeDialog({
    title: `Freeze ${person.name}`, submit: 'Freeze', danger: true,
    sentence: () => [`${person.name} gets no new answers that ${accounts} would have to pay for, until somebody thaws them. Team-mates are not affected; remembered answers stay.`],
    send: (values, { key }) => post(`${path(person.name)}/freeze`, { why: values.why }, { key }),
    done: async (now) => { await done(now); toast(`${person.name} is frozen.`); },
  });
}

export function thawAnalyst(person, done) {
  changeDialog({
    title: `Thaw ${person.name}`, submit: 'Thaw',
    sentence: () => [`The accounts of ${person.name} can be charged again.`],
    send: (values, { key }) => post(`${path(person.name)}/thaw`, { why: values.why }, { key }),
    done: async (now) => { await done(now); toast(`${person.name} is thawed.`); },
  });
}

export function setPassword(person, done) {
  const password = h('input', { type: 'password', autocomplete: 'new-password', required: true });
  const again = h('input', { type: 'password', autocomplete: 'new-password', required: true });
  const name = h('input', { type: 'text', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', required: true, maxlength: 63 });
  const known = person !== null;
  const fields = [
    known ? null : { name: 'name', label: 'Name', control: name, hint: 'As it logs in: as in the policy, or a new one.', check: (value) => (value ? null : 'Whose password is it?') },
    { name: 'password', label: 'New password', control: password, check: (value) => (value ? null : 'A password is needed.') },
    { name: 'again', label: 'New password, again', control: again, check: () => (again.value === password.value ? null : 'The two are not the same.') },
  ].filter(Boolean);
  changeDialog({
    title: known ? `Password of ${person.name}` : 'Add an analyst', submit: known ? 'Set the password' : 'Add', fields,
    sentence: (values) => {
      const who = person?.name ?? values.name;
      if (!who) return ['Whoever has a password, and a role by the policy or by a team, can log in.'];
      return [person?.can_log_in ? `${who} logs in with the new password from now on; connections that are open stay.` : `${who} will be able to log in with this password, with a role by the policy or by a team.`];
    },
    send: (values, { key }) => post(path(person?.name ?? values.name), { password: password.value, why: values.why }, { key, method: 'PUT' }),
    done: async (now) => { await done(now); toast(`The password of ${person?.name ?? name.value.trim()} is set.`); },
  });
}

export function removeAnalyst(person, done) {
  changeDialog({
    title: `Remove ${person.name}`, submit: 'Remove', danger: true,
    sentence: () => [`${person.name} can no longer log in, and open connections end with their next question. They leave the teams that they were put into here; where the policy file names them, they stay until somebody takes them out there. What they spent stays spent.`],
    send: (values, { key }) => post(path(person.name), { why: values.why }, { key, method: 'DELETE' }),
    done: async () => { await done(null); toast(`${person.name} is removed.`); },
  });
}
