// Who did what, when and why; the export of a day; and whether the chain of records is sound.
import { alertBox, badge, button, field, fresh, h, note, select, table, wrong } from '../dom.js';
import { Problem, get, resume, url } from '../api.js';
import { toast } from '../dialogs.js';
import { count, dayEnd, dayStart, detailWords, inputDay, plural, time } from '../format.js';
import { filters, name, pagedList } from './parts.js';

const kinds = ['query', 'refused', 'login', 'login.failed', 'account.grant', 'account.cap', 'account.freeze', 'account.thaw', 'account.reset',
  'account.clock',
  'analyst.put', 'analyst.remove', 'team.add', 'team.remove', 'team.join', 'team.leave', 'token.create', 'token.revoke', 'query.cancel',
  'charge.void', 'policy.reload', 'policy.reload.failed', 'audit.forget',
  'ledger.accept_clock', 'ledger.accept_restored', 'ledger.copied', 'ledger.opened'];

export async function audit(place, { params, signal, remember, guard }) {
  const input = (name, type = 'search') => h('input', { type, value: params.get(name) || '', spellcheck: 'false' });
  const controls = {
    q: input('q'), who: input('who'), object: input('object'), from: input('from', 'date'), to: input('to', 'date'),
    kind: select([['', 'Everything'], ...kinds.map((kind) => [kind, kind])], params.get('kind') || ''),
  };
  const result = h('div', {});
  const load = () => guard(result, () => {
    const chosen = Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.value.trim()]));
    remember(chosen);
    return pagedList(result, '/audit', { ...chosen, from: dayStart(chosen.from), to: dayEnd(chosen.to) }, draw, { signal, noun: 'record' });
  }, signal);
  place.append(h('div', { class: 'columns even' }, exportDay(), verify()),
    h('section', {}, h('h2', {}, 'Records'), filters([
      field('Kind', controls.kind), field('Who', controls.who), field('About', controls.object), field('Text contains', controls.q),
      field('From', controls.from), field('To, that day included', controls.to)], load), result));
  await load();
}

function draw(items) {
  return table('Records of the audit, newest first', [
    { head: 'When', row: true, cell: (record) => time(record.at) },
    { head: 'What', cell: (record) => h('code', {}, record.kind) },
    { head: 'About', cell: (record) => name(record.object) },
    { head: 'Who', cell: (record) => [name(record.who), ' ', badge({ http: 'API', cli: 'command line', proxy: 'proxy' }[record.via] ?? record.via, 'quiet')] },
    { head: 'Why', wide: true, cell: why },
    { head: 'No.', num: true, cell: (record) => count(record.number) },
  ], items, { empty: 'No record is like that.' });
}

function why(record) {
  const detail = detailWords(record);
  return [record.why, detail ? h('span', { class: 'detail' }, detail) : null];
}

function exportDay() {
  const id = fresh('export');
  const yesterday = inputDay(new Date(Date.now() - 86400000), 'utc');
  const day = h('input', { type: 'date', value: yesterday, max: inputDay(new Date(), 'utc'), required: true });
  const format = select([['jsonl', 'JSON lines'], ['csv', 'CSV, for spreadsheets']], 'jsonl');
  const problem = h('div', {});
  const form = h('form', { novalidate: true, class: 'stack', 'aria-labelledby': id }, h('div', { class: 'row' },
    field('Day', day, { hint: 'From midnight to midnight, UTC.' }), field('Format', format)),
  problem, h('div', {}, h('button', { type: 'submit', class: 'primary' }, 'Export')));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.replaceChildren();
    wrong(day, day.value ? null : 'Which day?');
    if (!day.value) return;
    try {
      await download(day.value, format.value);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.append(alertBox(error.message, error.detail));
    }
  });
  return h('section', { class: 'card' }, h('h2', { id }, 'Export a day'), form);
}

/** The browser saves it as it comes, so that a long day need not fit into the page. */
async function download(day, format) {
  if (!await resume()) {
    // Any request of somebody who is logged out leads to the login, and back here.
    await get('/audit', { limit: 1 });
  }
  const from = `${day}T00:00:00.000Z`;
  const to = new Date(Date.parse(from) + 86400000).toISOString();
  const first = await get('/audit', { from, to, limit: 1 });
  const link = h('a', { href: url('/audit/export', { from, to, format }).href, download: `noisegate-audit-${day}.${format}` });
  document.body.append(link);
  link.click();
  link.remove();
  toast(first.items.length > 0 ? `The audit of ${day} is being saved.` : `The audit of ${day} is being saved; it is empty.`);
}

function verify() {
  const id = fresh('verify');
  const verdict = h('div', { 'aria-live': 'polite' });
  const go = button('Verify', async () => {
    go.disabled = true;
    verdict.replaceChildren(h('p', {}, 'Following the chain …'));
    try {
      const answer = await get('/audit/verify');
      verdict.replaceChildren(answer.sound && !answer.broken
        ? note('good', h('p', {}, h('strong', {}, 'Sound.'), ` ${plural(answer.records, 'record')} in ${plural(answer.generations, 'generation')} of the ledger follow from each other.`))
        : note('bad', h('p', {}, h('strong', {}, 'Broken.'), ` ${answer.broken}`)));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      verdict.replaceChildren(alertBox(error.message, error.detail));
    } finally {
      go.disabled = false;
    }
  });
  return h('section', { class: 'card', 'aria-labelledby': id }, h('h2', { id }, 'Is it untouched?'),
    h('p', {}, 'Each record is chained to the one before. This looks whether any was changed or taken out.'), h('p', {}, go), verdict);
}
