// A browser that watches what must never happen, and the API beside it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { facts } from './facts.mjs';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let started;

/** One browser for all tests, started when the first of them needs it. */
function browser() {
  // Chromium's sandbox does not start for root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  started ??= chromium.launch({ executablePath: facts.chromium, args });
  return started;
}

after(async () => (await started)?.close());

let admin;

/** What a browser keeps of one login as the administrator. */
function loggedIn() {
  admin ??= (async () => {
    const context = await (await browser()).newContext();
    const data = { user: facts.admin, password: facts.password };
    const answer = await context.request.post(new URL('/api/v1/session', facts.url).href, { data });
    assert.equal(answer.status(), 200);
    const kept = await context.storageState();
    await context.close();
    return kept;
  })();
  return admin;
}

/**
 * A page of its own, given to `work`, of the administrator or of `nobody`. Whatever is written as an
 * error on its console, thrown in it, or kept out by its security policy fails the test; `expected`
 * is what may be written.
 */
export async function onPage(work, { width = 1280, dark = false, nobody = false, expected = [] } = {}) {
  const storageState = nobody ? undefined : await loggedIn();
  const context = await (await browser()).newContext({ viewport: { width, height: 900 }, colorScheme: dark ? 'dark' : 'light', storageState });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    if (message.type() !== 'error' && !message.text().includes('Content Security Policy')) return;
    // Whoever is not logged in is told so by a status, which Chromium writes down.
    const asked = new URL(message.location().url || facts.url).pathname;
    if (asked === '/api/v1/session' && message.text().includes('401')) return;
    if (!expected.some((pattern) => pattern.test(message.text()))) wrong.push(message.text());
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`violation: ${event.violatedDirective} ${event.blockedURI}`));
  });
  page.on('request', (request) => {
    const to = new URL(request.url());
    if (to.protocol.startsWith('http') && to.origin !== facts.url.origin) wrong.push(`it asks ${to.origin}`);
  });
  try {
    await work(page, context);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
}

export async function logIn(page, { user = facts.admin, password = facts.password } = {}) {
  await page.getByLabel('User', { exact: true }).fill(user);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: 'Log out' }).waitFor();
}

/** Opens a view by its address. */
export async function openAt(page, hash = '/overview') {
  await page.goto(new URL(`/#${hash}`, facts.url).href);
  await page.getByRole('button', { name: 'Log out' }).waitFor();
  await settled(page);
}

/** Goes to a view as a person does, by the navigation. */
export async function goTo(page, name) {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
  await settled(page);
}

/** Waits until nothing is being loaded. */
export async function settled(page) {
  await page.waitForFunction(() => document.querySelector('.view') && !document.querySelector('[aria-busy="true"]'));
}

/** What axe finds wrong, in words. */
export async function axe(page) {
  // Through the debugger, since the page itself runs no script but its own.
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(axeSource);
  const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const options = { runOnly: { type: 'tag', values }, resultTypes: ['violations'] };
  const found = await page.evaluate((given) => window.axe.run(document, given), options);
  assert.ok(found.passes.length > 10, 'axe looked at hardly anything');
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}

/** The API, as a program with a token uses it. */
export async function api(path, { method = 'GET', body, secret } = {}) {
  const headers = { Authorization: `Bearer ${secret ?? await token()}` };
  if (body) headers['Content-Type'] = 'application/json';
  const response = await fetch(new URL(`/api/v1${path}`, facts.url), { method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  const kind = response.headers.get('content-type') ?? '';
  const json = text && /^application\/(problem\+)?json\b/.test(kind) ? JSON.parse(text) : null;
  return { status: response.status, json, text };
}

export async function accountOf(id) {
  const { status, json } = await api(`/accounts/${encodeURIComponent(id)}`);
  assert.equal(status, 200);
  return json;
}

/** Makes a token by the page, which is the only place that shows it. */
export async function makeToken(page, name, role = 'Administrator') {
  await goTo(page, 'Tokens');
  await page.getByRole('button', { name: 'Make a token' }).click();
  const dialog = page.getByRole('dialog', { name: 'Make a token' });
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Role').selectOption({ label: role });
  await dialog.getByLabel('Days until it expires').fill('1');
  await dialog.getByLabel('Reason').fill('test of the page');
  await dialog.getByRole('button', { name: 'Make the token' }).click();
  const shown = page.getByRole('dialog', { name: `Token ${name}` });
  const token = await shown.getByLabel('The token').inputValue();
  await shown.getByRole('button', { name: 'Done' }).click();
  return token;
}

let made;

/** An administrator's token, made when the first test needs it. */
export function token() {
  made ??= (async () => {
    let secret;
    await onPage(async (page) => {
      await openAt(page);
      secret = await makeToken(page, fresh('page-tests'));
    });
    assert.match(secret, /^ng_[\w-]{20,}$/);
    return secret;
  })();
  return made;
}

/** A name that no earlier run on the same ledger has used. */
export function fresh(prefix) {
  return `${prefix}-${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
}
