// One account: what is left and why, what it still buys, what was spent, and the decisions.
import { alertBox, button, facts, h, note, say, swap, table } from '../dom.js';
import { Problem, account as path, get, getTagged, mayChange } from '../api.js';
import { decide } from '../changes.js';
import { historyChart, spentBar } from '../charts.js';
import { count, effectWords, epsilon, eps, percent, perWords, time } from '../format.js';
import { activeStep, accountLinks, badges, chargeState, endWords, fingerprint, level, name, paceWords, pagedList, renewal, windowGone } from './parts.js';

export async function account(place, { argument: id, signal, guard }) {
  const { data } = await getTagged(path(id), signal);
  const parts = { head: h('div', {}), limits: h('div', {}), history: h('div', {}), charges: h('div', {}) };
  const refresh = async (fresh) => {
    swap(parts.head, fresh, () => head(fresh, changed));
    swap(parts.limits, fresh, () => limits(fresh));
  };
  const changed = async (fresh) => {
    if (!fresh || signal.aborted) return;
    await refresh(fresh);
    await guard(parts.charges, () => charges(parts.charges, id, signal), signal);
  };
  await refresh(data);
  place.append(h('p', { class: 'crumb' }, h('a', { href: '#/accounts' }, 'All accounts')), parts.head, parts.limits,
    h('section', {}, h('h2', {}, 'What was spent'), parts.history),
    h('section', {}, h('h2', {}, 'Latest charges'), parts.charges));
  await guard(parts.history, () => history(parts.history, id, signal), signal);
  await guard(parts.charges, () => charges(parts.charges, id, signal), signal);
}

function head(account, changed) {
  const left = Math.max(0, 1 - account.spent_fraction);
  const gone = windowGone(account, new Date().toISOString());
  return [
    h('div', { class: 'card account' },
      h('p', { class: 'kind' }, `${perWords(account.per)}${account.holder ? ` ${account.holder}` : ''}${account.role ? `, as ${account.role}` : ''} · budget ${account.budget} `, badges(account)),
      h('p', { class: 'big' }, percent(left), h('span', { class: 'unit' }, ' left')),
      spentBar(`Spent of ${account.id}`, account.spent_fraction, { gone, level: level(account) }),
      h('p', { class: 'under' }, `${epsilon(account.left_epsilon)} left · ${epsilon(account.spent_epsilon)} of ${eps(account.limit_epsilon)} spent · ${count(account.charges_7d)} charges in 7 days`),
      facts(['Pace', paceWords(account)], ['End', endWords(account)], ['Window', renewal(account, gone)],
        ['Accountant', account.accountant === 'zcdp' ? `zCDP, δ ${account.delta}` : 'pure ε'])),
    actions(account, changed),
  ];
}

function actions(account, changed) {
  const audit = h('a', { href: `#/audit?object=${encodeURIComponent(account.id)}` }, 'Decisions about it in the audit');
  if (!mayChange()) return h('p', { class: 'actions' }, audit);
  const problem = h('span', {});
  const action = (kind, label) => button(label, async () => {
    problem.replaceChildren();
    try {
      await decide(kind, account.id, changed);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.append(alertBox(error.message, error.detail));
    }
  });
  return h('div', { class: 'actions', role: 'group', 'aria-label': `Decisions about ${account.id}` },
    action('grant', 'Grant'), action('cap', 'Cap'),
    account.frozen ? action('thaw', 'Thaw') : action('freeze', 'Freeze'),
    account.window === 'lifetime' ? null : action('reset', 'Reset window'), audit, problem);
}

function limits(account) {
  return h('div', { class: 'columns' },
    h('section', {}, h('h2', {}, 'Where the limit comes from'), limitWords(account), throttle(account)),
    h('section', {}, h('h2', {}, 'What the rest buys'), buys(account)));
}

function limitWords(account) {
  const { policy_epsilon: policy, granted_epsilon: granted, cap_epsilon: cap } = account;
  const capped = cap !== null && cap !== undefined;
  const lines = [
    ['The policy gives', policy],
    granted > 0 ? [account.renews_at ? ['Granted, until ', time(account.renews_at, { style: 'minute' })] : 'Granted', granted, '+'] : null,
    capped ? [cap < policy + granted ? 'A cap holds it down to' : 'A cap, which is above that and changes nothing', cap] : null,
    ['So the limit is', account.limit_epsilon, '='],
  ].filter(Boolean);
  return [
    h('dl', { class: 'sum' }, lines.map(([words, value, sign]) => h('div', {}, h('dt', {}, words), h('dd', {}, sign ? `${sign} ` : '', epsilon(value))))),
    account.frozen ? note('cold', h('p', {}, h('strong', {}, 'Frozen.'), ' Nothing can be charged to it until it is thawed.')) : null,
    account.accountant === 'zcdp' && account.spent_fraction > 0
      ? h('details', { 'data-key': 'why' }, h('summary', {}, `Why ${percent(Math.max(0, 1 - account.spent_fraction))} is left when ${epsilon(account.spent_epsilon)} of ${eps(account.limit_epsilon)} is spent`),
        h('p', {}, 'Under zCDP losses add up in another measure, ρ, which grows with the square of ε. The bar and the percentages are in that measure, which is what charges are held to; ε says what all answers so far amount to together.'))
      : null,
    account.window === 'lifetime' ? h('p', { class: 'under' }, 'Its window cannot be reset, since that would quietly double the promise to the people in the data. Grant openly instead.') : null,
  ];
}

function throttle(account) {
  const steps = account.throttle?.steps ?? [];
  if (steps.length === 0) return null;
  const active = activeStep(account);
  const same = (step) => active && step.at === active.at && effectWords(step.effect) === effectWords(active.effect);
  return [h('h3', {}, 'Throttle'), h('ol', { class: 'steps' }, steps.map((step) =>
    h('li', { class: same(step) ? 'active' : null, 'aria-current': same(step) ? 'step' : null },
      `${step.at > 0 ? `From ${percent(step.at)} spent` : 'Always'}: ${effectWords(step.effect)}`,
      same(step) ? h('strong', {}, ' (in force now)') : null)))];
}

function buys(account) {
  return [
    h('p', {}, 'So many more answers, if each costs the same. A count of people, each in it once, is off by at most so much in 95 of 100 answers:'),
    table('What the rest of the account buys', [
      { head: 'ε of each', row: true, cell: (row) => epsilon(row.epsilon_each) },
      { head: 'Answers', num: true, cell: (row) => count(row.queries) },
      { head: 'Error of a count', num: true, cell: (row) => `± ${count(row.count_error)}` },
    ], account.buys ?? [], { empty: 'Nothing.', small: true }),
  ];
}

async function history(place, id, signal) {
  const chart = h('div', {});
  const choices = [['day', 'Days', 30], ['hour', 'Hours', 2]];
  let stop = new AbortController();
  const show = async ([bucket, , days]) => {
    for (const one of buttons) one.setAttribute('aria-pressed', String(one.dataset.bucket === bucket));
    const from = new Date(Date.now() - days * 86400000).toISOString();
    const to = new Date().toISOString();
    const data = await get(`${path(id)}/history`, { bucket, from, to }, signal);
    stop.abort();
    stop = new AbortController();
    signal.addEventListener('abort', () => stop.abort(), { once: true });
    chart.replaceChildren(...[historyChart(id, { ...data, from, to }, stop.signal)].flat());
  };
  const buttons = choices.map((choice) => button(choice[0] === 'day' ? '30 days, by day' : '2 days, by hour', async () => {
    await show(choice);
    say(chart.querySelector('.lead')?.textContent ?? 'Nothing was spent in this time.');
  }, { 'data-bucket': choice[0], 'aria-pressed': 'false' }));
  place.replaceChildren(h('div', { class: 'segments', role: 'group', 'aria-label': 'Period of the chart' }, buttons), chart);
  await show(choices[0]);
}

function charges(place, id, signal) {
  return pagedList(place, `${path(id)}/charges`, {}, (items) => chargeTable(`Charges of ${id}`, items), { signal, noun: 'charge', limit: 20, quiet: true });
}

/** Charges, which name a query by its fingerprint and never by its text. */
export function chargeTable(caption, items) {
  return table(caption, [
    { head: 'When', row: true, cell: (charge) => time(charge.at) },
    { head: 'Analyst', cell: (charge) => name(charge.analyst) },
    { head: 'Question', cell: (charge) => fingerprint(charge.fingerprint) },
    { head: 'State', cell: (charge) => chargeState(charge.state) },
    { head: 'Leaves', num: true, cell: (charge) => count(charge.leaves) },
    { head: 'ε', num: true, cell: (charge) => eps(charge.epsilon) },
    { head: 'Paid by', cell: (charge) => accountLinks(charge.accounts) },
  ], items, { empty: 'No charge is like that.' });
}

