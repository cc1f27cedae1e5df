// Starts the page: who is logged in, which view the address names, the navigation and the theme.
import { button, badge, alertBox, fresh, h, say } from './dom.js';
import { Problem, currentSession, logout, onExpired, resume } from './api.js';
import { closeDialogs, toast } from './dialogs.js';
import { applyTheme, themeControl } from './theme.js';
import { accounts } from './views/accounts.js';
import { account } from './views/account.js';
import { analysts } from './views/analysts.js';
import { audit } from './views/audit.js';
import { login } from './views/login.js';
import { overview } from './views/overview.js';
import { policy } from './views/policy.js';
import { queries } from './views/queries.js';
import { releases } from './views/releases.js';
import { spenders } from './views/spenders.js';
import { teams } from './views/teams.js';
import { tokens } from './views/tokens.js';

const groups = [
  ['Budgets', [['overview', 'Overview', overview], ['accounts', 'Accounts', accounts], ['spenders', 'Who spent most', spenders]]],
  ['People', [['analysts', 'Analysts', analysts], ['teams', 'Teams', teams]]],
  ['Activity', [['queries', 'Queries', queries], ['releases', 'Releases', releases], ['audit', 'Audit', audit]]],
  ['Set-up', [['policy', 'Policy', policy], ['tokens', 'Tokens', tokens]]],
];
const routes = new Map(groups.flatMap(([, entries]) => entries).map(([name, title, view]) => [name, { title, view }]));

const main = document.getElementById('main');
const nav = document.getElementById('nav');
const menu = document.getElementById('menu');

/** What the running view wants to have stopped when another one comes. */
let leaving = null;
let endedHere = false;

/** The address's parts: `#/accounts/data_team%2Fdata?page=2` is accounts, an id, and parameters. */
function route() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, ...rest] = path.split('/');
  let argument = null;
  try {
    argument = rest.length > 0 ? decodeURIComponent(rest.join('/')) : null;
  } catch {
    argument = rest.join('/');
  }
  return { name: name || 'overview', argument, params: new URLSearchParams(query ?? '') };
}

async function show({ focus = true } = {}) {
  leaving?.abort();
  leaving = new AbortController();
  closeDialogs();
  setMenu(false);
  const { name, argument, params } = route();
  drawFrame(name);
  if (!currentSession()) {
    open('Log in', login({ ended: endedHere, done: loggedIn }), focus);
    return;
  }
  const known = routes.get(name);
  if (!known) {
    open('Not found', [h('p', {}, 'There is no such page. ', h('a', { href: '#/overview' }, 'Go to the overview'), '.')], focus);
    return;
  }
  const view = name === 'accounts' && argument ? { title: argument, view: account } : known;
  const context = { argument, params, signal: leaving.signal, remember, guard, poll: (every, what) => poll(every, what, leaving.signal) };
  const place = h('div', { class: `view view-${name}` });
  open(view.title, place, focus);
  await guard(place, () => view.view(place, context), leaving.signal);
}

function open(title, content, focus) {
  document.title = `${title} · noisegate`;
  const heading = h('h1', { tabindex: '-1' }, title);
  main.replaceChildren(heading, ...[content].flat());
  main.classList.toggle('narrow', !currentSession());
  if (!focus) return;
  window.scrollTo(0, 0);
  const first = currentSession() ? heading : main.querySelector('input') ?? heading;
  first.focus({ preventScroll: true });
}

/** Runs what fills a place; if the API refuses, the place says so and offers another try. */
async function guard(place, work, signal) {
  place.setAttribute('aria-busy', 'true');
  try {
    await work();
  } catch (error) {
    if (error.name === 'AbortError' || signal?.aborted) return;
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) return;
    const again = button('Try again', () => { place.replaceChildren(); guard(place, work, signal); });
    place.append(alertBox(error.message, error.detail, h('p', {}, again)));
  } finally {
    place.removeAttribute('aria-busy');
  }
}

/** Calls again and again while the page is seen and the view is open. */
function poll(every, what, signal) {
  let timer = null;
  const tick = async () => {
    if (!document.hidden) await what().catch(() => {});
    if (!signal.aborted) timer = setTimeout(tick, every);
  };
  const seen = () => {
    if (document.hidden || signal.aborted) return;
    clearTimeout(timer);
    tick();
  };
  timer = setTimeout(tick, every);
  document.addEventListener('visibilitychange', seen, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
}

/** Keeps filters in the address, so that the view can be linked to and gone back to. */
function remember(values) {
  const { name, argument } = route();
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
  const path = argument ? `${name}/${encodeURIComponent(argument)}` : name;
  history.replaceState(null, '', `#/${path}${query ? `?${query}` : ''}`);
}

function loggedIn() {
  endedHere = false;
  say(`Logged in as ${currentSession().user}.`);
  show();
}

function setMenu(open) {
  menu.setAttribute('aria-expanded', String(open));
  nav.classList.toggle('open', open);
}

function drawFrame(name) {
  const session = currentSession();
  nav.hidden = !session;
  menu.hidden = !session;
  nav.replaceChildren(...groups.map(([heading, entries]) => {
    const id = fresh('nav');
    return h('div', { class: 'group' },
      h('p', { class: 'heading', id }, heading),
      h('ul', { 'aria-labelledby': id }, entries.map(([key, title]) =>
        h('li', {}, h('a', { href: `#/${key}`, 'aria-current': key === name ? 'page' : null }, title)))));
  }));
  const who = document.getElementById('who');
  who.replaceChildren(themeControl());
  if (!session) return;
  who.prepend(h('span', { class: 'user' }, session.user, ' ', badge(session.role === 'admin' ? 'admin' : 'auditor', 'quiet', session.role === 'admin' ? null : 'Reads everything, changes nothing')));
  who.append(button('Log out', async () => {
    await logout().catch(() => {});
    location.hash = '#/overview';
    show();
  }, { class: 'quiet' }));
}

menu.addEventListener('click', () => setMenu(menu.getAttribute('aria-expanded') !== 'true'));
nav.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || menu.getAttribute('aria-expanded') !== 'true') return;
  setMenu(false);
  menu.focus();
});
document.querySelector('.skip').addEventListener('click', (event) => {
  // The address names the view, so it cannot name the place to go to as well.
  event.preventDefault();
  main.focus();
});
window.addEventListener('hashchange', () => show());
window.addEventListener('unhandledrejection', (event) => {
  // What fails after a click and has no place of its own to say so.
  if (!(event.reason instanceof Problem)) return;
  event.preventDefault();
  if (event.reason.status !== 401) toast(`${event.reason.message} ${event.reason.detail}`);
});
onExpired(() => {
  endedHere = true;
  say('Your session has ended. Log in to go on.');
  show();
});

applyTheme();
try {
  await resume();
  show({ focus: !currentSession() });
} catch (problem) {
  main.replaceChildren(h('h1', {}, 'noisegate'), alertBox(problem.message, problem.detail, button('Try again', () => location.reload())));
}
