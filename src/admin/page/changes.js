// The five decisions about an account, each in a dialog that says what will be different.
import { h } from './dom.js';
import { account as path, getTagged, post } from './api.js';
import { changeDialog, toast } from './dialogs.js';
import { epsilon, eps, isAmount, time } from './format.js';

/** Opens the dialog for one decision about an account, on what the account is now. */
export async function decide(kind, id, done) {
  const answer = await getTagged(path(id));
  const now = { account: answer.data, etag: answer.etag };
  const stale = async () => {
    const fresh = await getTagged(path(id));
    now.account = fresh.data;
    now.etag = fresh.etag;
    await done?.(fresh.data);
  };
  const finish = (words) => async (account) => {
    await done?.(account);
    toast(words(account));
  };
  const send = (body) => (values, { key }) => post(`${path(id)}/${kind}`, { ...body(values), why: values.why }, { key, etag: now.etag });
  kinds[kind]({ id, now, stale, send, finish });
}

function until(account) {
  return account.renews_at ? ['until it renews on ', time(account.renews_at, { style: 'minute' })] : 'for good, since it never renews';
}

function amountField(label, hint) {
  return {
    name: 'epsilon', label, hint,
    control: h('input', { type: 'text', inputmode: 'decimal', autocomplete: 'off', required: true, class: 'amount' }),
    check: (value) => (isAmount(value) ? null : 'A positive number with a decimal point, such as 0.5.'),
  };
}

/** The limit that a policy's ε, grants and a cap make together. */
function limit(account, { extra = 0, cap = account.cap_epsilon } = {}) {
  const open = account.policy_epsilon + account.granted_epsilon + extra;
  return cap === null || cap === undefined ? open : Math.min(open, cap);
}

function grant({ id, now, stale, send, finish }) {
  changeDialog({
    title: `Grant to ${id}`, submit: 'Grant',
    fields: [amountField('How much more (ε)', 'For example 0.5. It comes on top of what the policy gives.')],
    sentence: ({ epsilon: typed }) => {
      const { account } = now;
      if (!isAmount(typed)) return [`${id} has ${epsilon(account.left_epsilon)} left of ${eps(account.limit_epsilon)}.`];
      const after = limit(account, { extra: Number(typed) });
      if (after <= account.limit_epsilon) return [`Nothing will change for now: the cap of ${epsilon(account.cap_epsilon)} is below. Raise the cap first.`];
      return [`${id} will have a limit of ${epsilon(after)} instead of ${eps(account.limit_epsilon)}, `, until(account), '.'];
    },
    stale, send: send(({ epsilon: typed }) => ({ epsilon: typed })),
    done: finish((account) => `Granted. ${id} now has a limit of ${epsilon(account.limit_epsilon)}.`),
  });
}

function cap({ id, now, stale, send, finish }) {
  const none = h('input', { type: 'checkbox' });
  const amount = amountField('Cap (ε)', 'The limit is then no higher than this, whatever policy and grants say.');
  amount.control.value = now.account.cap_epsilon ?? '';
  amount.check = (value) => (none.checked || isAmount(value) ? null : 'A positive number with a decimal point, such as 5.');
  none.addEventListener('change', () => { amount.control.disabled = none.checked; });
  changeDialog({
    title: `Cap ${id}`, submit: 'Set the cap',
    fields: [amount, ...(now.account.cap_epsilon === null ? [] : [{ name: 'none', label: 'Take the cap away', control: none }])],
    sentence: ({ epsilon: typed }) => {
      const { account } = now;
      if (!none.checked && !isAmount(typed)) return [`${id} has a limit of ${epsilon(account.limit_epsilon)}, of which ${eps(account.spent_epsilon)} are spent.`];
      const after = limit(account, { cap: none.checked ? null : Number(typed) });
      if (after === account.limit_epsilon) return [`The limit of ${id} stays at ${epsilon(after)}.`];
      const empty = after <= account.spent_epsilon ? ' More than that is spent, so nothing can be charged.' : '';
      return [`${id} will have a limit of ${epsilon(after)} instead of ${eps(account.limit_epsilon)}, until the cap is changed.${empty}`];
    },
    stale, send: send(({ epsilon: typed }) => ({ epsilon: none.checked ? null : typed })),
    done: finish((account) => `${account.cap_epsilon === null ? 'The cap is gone.' : 'The cap is set.'} ${id} now has a limit of ${epsilon(account.limit_epsilon)}.`),
  });
}

function freeze({ id, stale, send, finish }) {
  changeDialog({
    title: `Freeze ${id}`, submit: 'Freeze', danger: true,
    sentence: () => [`Nothing can be charged to ${id} until somebody thaws it. Whoever pays from it gets no new answers, also where other accounts could pay; remembered answers stay. Nothing that was spent is changed.`],
    stale, send: send(() => ({})), done: finish(() => `${id} is frozen.`),
  });
}

function thaw({ id, now, stale, send, finish }) {
  changeDialog({
    title: `Thaw ${id}`, submit: 'Thaw',
    sentence: () => [`${id} can be charged again: it has ${epsilon(now.account.left_epsilon)} left of ${eps(now.account.limit_epsilon)}.`],
    stale, send: send(() => ({})), done: finish(() => `${id} is thawed.`),
  });
}

function reset({ id, now, stale, send, finish }) {
  changeDialog({
    title: `Reset the window of ${id}`, submit: 'Reset the window', danger: true,
    sentence: () => [`What was spent in this window, ${epsilon(now.account.spent_epsilon)}, no longer counts: ${id} will have all of its ${epsilon(now.account.limit_epsilon)} again, `, until(now.account), '. What was learned with it stays learned: the people in the data are promised less than the policy says for this window.'],
    stale, send: send(() => ({})), done: finish(() => `The window of ${id} is reset.`),
  });
}

const kinds = { grant, cap, freeze, thaw, reset };
