// What several views show alike: states of accounts, lists with more to load, periods.
import { badge, button, h, say } from '../dom.js';
import { get } from '../api.js';
import { date, effectWords, epsilon, eps, inputDay, percent, plural, time, windowWords } from '../format.js';

/** A name that may be so long that it has to break anywhere, or it would be wider than the page. */
export function name(text) {
  return text.length > 26 ? h('span', { class: 'long' }, text) : text;
}

export function accountLink(id) {
  return h('a', { href: `#/accounts/${encodeURIComponent(id)}` }, name(id));
}

/** Links to accounts, separated by commas. */
export function accountLinks(ids) {
  return ids.map((id, index) => [index > 0 ? ', ' : '', accountLink(id)]);
}

/** The step of the throttle that is in force; the API may name it by its place or by itself. */
export function activeStep(account) {
  const { throttle } = account;
  if (!throttle || throttle.active === null || throttle.active === undefined) return null;
  if (typeof throttle.active === 'number') return throttle.steps[throttle.active] ?? null;
  if (typeof throttle.active === 'string') return throttle.steps.find((step) => effectWords(step.effect) === throttle.active) ?? { at: null, effect: throttle.active };
  return throttle.active;
}

export function badges(account) {
  const step = activeStep(account);
  const spent = account.spent_fraction >= 1 || account.left_epsilon <= 0;
  const ratio = account.burn?.ratio;
  return h('span', { class: 'badges' },
    account.frozen ? badge('frozen', 'cold', 'Nothing can be charged until it is thawed') : null,
    spent ? badge('exhausted', 'bad') : null,
    step ? badge('throttled', 'warn', effectWords(step.effect)) : null,
    ratio >= 1.5 ? badge('fast', 'warn', `Spending ${eps(ratio)} times as fast as planned`) : null,
    account.cap_epsilon !== null && account.cap_epsilon !== undefined ? badge('capped', 'quiet') : null,
    account.granted_epsilon > 0 ? badge('granted', 'quiet', `${epsilon(account.granted_epsilon)} on top of the policy`) : null);
}

/**
 * A line that says of when the numbers are. `load` draws them and says so, every ten seconds while
 * the page is seen, unless whoever reads them wants them to stand still.
 */
export function liveLine(poll, load) {
  const words = h('span', {});
  let paused = false;
  const pause = button('Pause updates', () => {
    paused = !paused;
    pause.textContent = paused ? 'Resume updates' : 'Pause updates';
  }, { class: 'quiet' });
  const again = async () => {
    if (paused) return;
    try {
      await update();
    } catch (error) {
      if (error.name === 'AbortError') return;
      words.replaceChildren(h('strong', {}, 'The proxy does not answer.'), ' The numbers are the last that were read.');
    }
  };
  let started = false;
  const update = async () => {
    words.replaceChildren(...await load(), ', again every 10 seconds.');
    if (!started) poll(10000, again);
    started = true;
  };
  return { line: h('p', { class: 'updated' }, words, pause), update };
}

/** How worrying a bar is. */
export function level(account) {
  if (account.frozen) return 'cold';
  if (account.spent_fraction >= 0.9) return 'bad';
  return account.spent_fraction >= 0.75 ? 'warn' : '';
}

/** How much of an account's window is over, from 0 to 1; null for one without end. */
export function windowGone(account, now) {
  if (!account.window_started_at || !account.renews_at) return null;
  const [start, end] = [Date.parse(account.window_started_at), Date.parse(account.renews_at)];
  return Math.min(1, Math.max(0, (Date.parse(now) - start) / (end - start)));
}

export function paceWords(account) {
  const { burn } = account;
  if (!burn || burn.fraction_per_day === 0) return 'Nothing spent in the last 7 days';
  const pace = `${percent(burn.fraction_per_day)} a day`;
  if (burn.ratio === null || burn.ratio === undefined) return `${pace} (no plan: it never renews)`;
  return `${pace}, ${eps(burn.ratio)} × plan`;
}

export function endWords(account) {
  if (account.spent_fraction >= 1) return account.renews_at ? ['Exhausted; renews ', date(account.renews_at)] : 'Exhausted, for good';
  if (account.exhausted_on) return ['At this pace gone on ', h('strong', {}, date(account.exhausted_on))];
  return account.renews_at ? ['Lasts until it renews on ', date(account.renews_at)] : 'No end in sight at this pace';
}

/** The same in a few words, for tables. */
export function endShort(account) {
  if (account.spent_fraction >= 1) return account.renews_at ? ['renews ', date(account.renews_at)] : 'gone for good';
  if (account.exhausted_on) return h('strong', {}, date(account.exhausted_on));
  return account.renews_at ? ['after ', date(account.renews_at)] : 'not in sight';
}

export function renewal(account, gone = null) {
  if (account.window === 'lifetime') return 'Never renews';
  return [`Renews ${windowWords(account.window)}`, account.renews_at ? [', next ', time(account.renews_at, { style: 'minute' })] : null,
    gone === null ? null : `; ${percent(gone)} of it is over, which is the mark on the bar`];
}

/** A list that the API gives in pages: what `draw` makes of all items so far, and a button for more. */
export async function pagedList(place, path, params, draw, { signal, noun, limit = 50, quiet = false }) {
  const items = [];
  const body = h('div', {});
  const more = h('p', { class: 'more' });
  place.replaceChildren(body, more);
  const load = async (cursor) => {
    const answer = await get(path, { ...params, limit, cursor }, signal);
    const first = items.length;
    items.push(...answer.items);
    body.replaceChildren(...[draw(items)].flat());
    more.replaceChildren();
    if (answer.next) more.append(button('Show more', () => load(answer.next), { class: 'quiet' }));
    // What was just done is said by whoever did it, and not talked over.
    if (!quiet || cursor) say(`${answer.next ? 'The first ' : ''}${plural(items.length, noun)}.`);
    if (first > 0) (more.querySelector('button') ?? body.querySelectorAll('tbody tr')[first]?.querySelector('a'))?.focus();
  };
  await load(null);
}

/** The days that a period of the last so many days covers, as inputs of days want them. */
export function lastDays(days) {
  const now = new Date();
  return { from: inputDay(new Date(now.getTime() - days * 86400000)), to: inputDay(now) };
}

/** A form of filters: what is chosen is used at once for choices, and after a moment for text. */
export function filters(controls, apply) {
  const form = h('form', { class: 'filters', role: 'search' }, controls);
  let timer = null;
  form.addEventListener('submit', (event) => { event.preventDefault(); clearTimeout(timer); apply(); });
  form.addEventListener('change', () => { clearTimeout(timer); apply(); });
  form.addEventListener('input', (event) => {
    if (event.target.localName === 'select' || event.target.type === 'date') return;
    clearTimeout(timer);
    timer = setTimeout(apply, 350);
  });
  return form;
}

/** A name out of the API, such as `spent`, as a badge. */
export function chargeState(state) {
  const kinds = { pending: ['pending', 'warn'], spent: ['spent', 'quiet'], given_back: ['given back', 'good'] };
  const [text, kind] = kinds[state] ?? [state, 'quiet'];
  return badge(text, kind);
}

export function fingerprint(text, shown = 16) {
  return h('code', { title: text.length > shown ? text : null }, text.slice(0, shown), text.length > shown ? '…' : '');
}
