// The policy as it is in force, what its check found, and what a draft would change.
import { alertBox, badge, button, facts, field, h, note, say, table } from '../dom.js';
import { Problem, get, mayChange, post } from '../api.js';
import { changeDialog, toast } from '../dialogs.js';
import { plural, time } from '../format.js';

export async function policy(place, { signal }) {
  const result = h('div', {});
  const show = (data) => result.replaceChildren(...inForce(data, show));
  const data = await get('/policy', {}, signal);
  show(data);
  place.append(result, data.source ? draft(data) : note('', h('p', {}, 'This policy is not read from a file, so there is none to edit and reload. Another one takes a start of the proxy.')));
}

function inForce(data, show) {
  const problem = data.last_error
    ? note('bad', h('p', {}, h('strong', {}, 'The file on disk does not hold, so an older policy is in force.'), ` ${data.last_error}`))
    : null;
  const reload = mayChange() && data.source ? h('p', { class: 'actions' }, button(`Reload ${data.source} from disk`, () => reloadPolicy(data, show))) : null;
  return [
    problem,
    facts(['File', data.source ? h('code', {}, data.source) : 'none: it came with the program'], ['Version', h('code', {}, String(data.version).slice(0, 12))], ['Loaded', time(data.loaded_at)]),
    reload,
    h('section', {}, h('h2', {}, 'Findings of the check'), findings(data.findings, 'line')),
    h('section', {}, h('h2', {}, 'Text'), listing(data.text)),
  ].filter(Boolean);
}

/** The line that a finding is about: its place is written as `line:column`, or in words. */
function lineOf(where) {
  const match = /\d+/.exec(String(where ?? ''));
  return match ? Number(match[0]) : null;
}

function findings(list, prefix) {
  const level = (finding) => badge(finding.level, finding.level === 'error' ? 'bad' : 'warn');
  return table('Findings of the check', [
    { head: 'Where', row: true, cell: (finding) => where(finding, prefix) },
    { head: 'Level', cell: level },
    { head: 'What is wrong', cell: (finding) => finding.message },
    { head: 'What to do', cell: (finding) => finding.fix || '–' },
  ], list, { empty: 'The check found nothing.' });
}

function where(finding, prefix) {
  const line = lineOf(finding.where);
  if (line === null) return String(finding.where ?? '–');
  return button(`line ${line}`, () => {
    const target = document.getElementById(`${prefix}-${line}`) ?? document.getElementById('draft');
    if (target.localName === 'textarea') selectLine(target, line);
    else goTo(target);
  }, { class: 'link', title: String(finding.where) });
}

function goTo(target) {
  document.querySelector('.lines .marked')?.classList.remove('marked');
  target.classList.add('marked');
  target.scrollIntoView({ block: 'center' });
  target.focus({ preventScroll: true });
}

function selectLine(area, line) {
  const lines = area.value.split('\n');
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  // The browser does not scroll to a selection by itself.
  area.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(area).lineHeight));
}

function listing(text) {
  const lines = text.replace(/\n$/, '').split('\n');
  return h('div', { class: 'lines', tabindex: 0, role: 'region', 'aria-label': 'Text of the policy' },
    h('ol', {}, lines.map((line, index) => h('li', { id: `line-${index + 1}`, tabindex: -1 }, h('code', { class: kind(line) }, line || ' ')))));
}

function kind(line) {
  if (/^\s*#/.test(line)) return 'comment';
  return /^\s*\[/.test(line) ? 'head' : null;
}

function reloadPolicy(data, show) {
  changeDialog({
    title: `Reload ${data.source}`, submit: 'Reload',
    sentence: () => [`The file ${data.source} is read from disk again and checked. If it holds, it is in force for every statement from then on; if not, the policy that is in force stays.`],
    send: (values, { key }) => post('/policy/reload', { why: values.why }, { key }),
    done: (now) => { show(now); toast('The policy is reloaded.'); },
  });
}

function draft(data) {
  const area = h('textarea', { id: 'draft', rows: 18, spellcheck: 'false', wrap: 'off', class: 'code' });
  area.value = data.text;
  const result = h('div', { 'aria-live': 'polite' });
  const ask = (what) => async () => {
    result.replaceChildren(h('p', {}, 'Asking …'));
    try {
      result.replaceChildren(...[await what(area.value)].flat());
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      result.replaceChildren(alertBox(error.message, error.errors.length > 0 ? '' : error.detail, error.errors.map((one) => h('p', {}, one.message))));
    }
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(area.value);
      say('The draft is copied.');
      toast('The draft is copied.');
    } catch {
      area.select();
    }
  };
  return h('section', {}, h('h2', {}, 'Try a draft'),
    h('p', {}, 'Nothing here is saved or put in force. See what a change would do, then make it in ', h('code', {}, data.source), ' and reload it.'),
    field('Draft', area),
    h('div', { class: 'actions' }, button('Validate', ask(validate), { class: 'primary' }), button('What would change?', ask(diff)), button('Copy the draft', copy),
      button('Start again from the policy in force', () => { area.value = data.text; result.replaceChildren(); say('The draft is the policy in force again.'); }, { class: 'quiet' })),
    result);
}

async function validate(text) {
  const answer = await post('/policy/validate', { text });
  const verdict = answer.valid
    ? note('good', h('p', {}, h('strong', {}, 'The draft holds.'), ` ${answer.findings.length > 0 ? `The check has ${plural(answer.findings.length, 'finding')}.` : 'The check found nothing.'}`))
    : note('bad', h('p', {}, h('strong', {}, 'The draft does not hold.'), answer.error ? ` ${answer.error}` : ''));
  return answer.findings.length > 0 ? [verdict, findings(answer.findings, 'draft-line')] : [verdict];
}

async function diff(text) {
  const { changes } = await post('/policy/diff', { text });
  if (changes.length === 0) return [note('', h('p', {}, 'Nothing would change.'))];
  const groups = [['see', 'Who can see what'], ['spend', 'Who can spend what'], ['other', 'Besides']];
  return groups.map(([kind, title]) => {
    const of = changes.filter((change) => change.kind === kind);
    return of.length > 0 ? h('div', {}, h('h3', {}, title), h('ul', { class: 'changes' }, of.map((change) => h('li', {}, change.sentence)))) : null;
  }).filter(Boolean);
}
