// Logging in and out, sessions that end, and what auditors see.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axe, goTo, logIn, onPage, openAt, settled } from './browser.mjs';
import { facts } from './facts.mjs';

test('the page runs its own scripts only, and nothing in its markup', async () => {
  const response = await fetch(facts.url);
  assert.equal(response.status, 200);
  const policy = response.headers.get('content-security-policy');
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"]) {
    assert.ok(policy?.includes(part), `${policy} does not say ${part}`);
  }
  const text = await response.text();
  assert.doesNotMatch(text, /\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|<style/i);
});

test('a wrong password is told of, and a right one leads to where one wanted to go', async () => {
  await onPage(async (page) => {
    await page.goto(new URL('/#/audit', facts.url).href);
    const heading = page.getByRole('heading', { level: 1 });
    await page.getByRole('button', { name: 'Log in' }).click();
    assert.equal(await heading.textContent(), 'Log in');
    assert.equal(await page.getByLabel('User', { exact: true }).getAttribute('aria-invalid'), 'true');
    await page.getByLabel('User', { exact: true }).fill(facts.admin);
    await page.getByLabel('Password', { exact: true }).fill('surely not this');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('That did not work.').waitFor();
    assert.equal(await heading.textContent(), 'Log in');
    assert.deepEqual(await axe(page), []);
    await logIn(page);
    await settled(page);
    assert.equal(await heading.textContent(), 'Audit');
  }, { nobody: true });
});

test('the cookie of a session is out of reach for scripts, and logging out ends it', async () => {
  await onPage(async (page, context) => {
    await page.goto(facts.url.href);
    await logIn(page);
    const cookies = await context.cookies();
    assert.deepEqual(cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite })), [{ httpOnly: true, sameSite: 'Strict' }]);
    assert.equal(await page.evaluate(() => document.cookie), '');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor();
    await context.addCookies(cookies);
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor();
  }, { nobody: true });
});

test('a session that ended leads to the login, and then back', async () => {
  await onPage(async (page, context) => {
    await openAt(page, '/accounts?per=team');
    await context.clearCookies();
    await page.getByLabel('Name contains').fill('a');
    await page.getByText('Your session has ended. Log in').first().waitFor();
    await logIn(page);
    await page.getByRole('heading', { level: 1, name: 'Accounts' }).waitFor();
    assert.equal(await page.getByLabel('Whose').inputValue(), 'team');
    assert.equal(await page.getByLabel('Name contains').inputValue(), 'a');
  }, { expected: [/401/] });
});

test('the chosen colours are remembered', async () => {
  await onPage(async (page) => {
    await page.goto(facts.url.href);
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await paper();
    await page.getByLabel('Colours').selectOption({ label: 'Colours: dark' });
    const dark = await paper();
    assert.notEqual(dark, light);
    await page.reload();
    await page.getByLabel('Colours').waitFor();
    assert.equal(await paper(), dark);
  });
});

test('an auditor reads everything and is offered no change', { skip: !facts.auditor }, async () => {
  await onPage(async (page) => {
    await page.goto(facts.url.href);
    await logIn(page, { user: facts.auditor, password: facts.auditorPassword });
    for (const view of ['Analysts', 'Teams', 'Queries', 'Policy', 'Tokens']) {
      await goTo(page, view);
      const offered = await page.getByRole('main').getByRole('button', { name: /Freeze|Thaw|Grant|Cap|Password|Remove|Cancel|Reload|Make|Revoke|Add/ }).count();
      assert.equal(offered, 0, view);
    }
    await openAt(page, `/accounts/${encodeURIComponent(facts.teamAccount)}`);
    assert.equal(await page.getByRole('main').getByRole('button', { name: /Grant|Cap|Freeze|Reset/ }).count(), 0);
  }, { nobody: true });
});
