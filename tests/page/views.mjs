// Each view, in light and dark, wide and narrow: it comes up whole, and everybody can use it.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { axe, goTo, onPage, openAt, settled } from './browser.mjs';
import { facts } from './facts.mjs';

const account = `/accounts/${encodeURIComponent(facts.teamAccount)}`;
const views = [
  ['/overview', 'Overview', 'What the datasets have left'],
  ['/accounts', 'Accounts', facts.teamAccount],
  [account, facts.teamAccount, 'Where the limit comes from'],
  ['/analysts', 'Analysts', facts.analyst],
  ['/teams', 'Teams', facts.teamAccount],
  ['/spenders', 'Who spent most', 'spent most:'],
  ['/queries', 'Queries', 'Past charges'],
  ['/releases', 'Releases', 'Answers that are remembered'],
  ['/policy', 'Policy', 'Findings of the check'],
  ['/audit', 'Audit', 'Export a day'],
  ['/tokens', 'Tokens', 'Make a token'],
];

test('all views', { concurrency: true }, async (t) => {
  const looks = [false, true].flatMap((dark) => [1280, 400].map((width) => ({ dark, width })));
  await Promise.all(looks.map(({ dark, width }) => t.test(`in ${dark ? 'dark' : 'light'} at ${width} pixels`, async (t) => {
    await onPage(async (page) => {
      for (const [hash, title, words] of views) await t.test(title, () => view(page, { hash, title, words, dark, width }));
    }, { width, dark });
  })));
});

async function view(page, { hash, title, words, dark, width }) {
  await openAt(page, hash);
  assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), title);
  await page.getByRole('main').getByText(words).first().waitFor();
  assert.equal(await page.title(), `${title} · noisegate`);
  assert.equal(await page.getByRole('alert').count(), 0);
  assert.doesNotMatch(await page.getByRole('main').innerText(), /\[object|undefined|NaN|Invalid Date/);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${over} pixels wider than the screen`);
  assert.deepEqual(await axe(page), []);
  if (!facts.pictures) return;
  mkdirSync(facts.pictures, { recursive: true });
  const name = `${title.replace(/\W+/g, '-')}-${dark ? 'dark' : 'light'}-${width}.png`;
  await page.screenshot({ path: join(facts.pictures, name), fullPage: true });
}

test('each entry of the navigation leads to its view, and the focus goes with it', async () => {
  await onPage(async (page) => {
    await openAt(page);
    for (const [hash, title] of views.filter(([hash]) => hash !== account)) {
      await goTo(page, title);
      assert.equal(await page.evaluate(() => location.hash.split('?')[0]), `#${hash}`);
      assert.equal(await page.evaluate(() => document.activeElement.textContent), title);
      const current = page.getByRole('navigation', { name: 'Main' }).locator('[aria-current="page"]');
      assert.equal(await current.textContent(), title);
    }
  });
});

test('on a narrow screen the navigation is behind a button', async () => {
  await onPage(async (page) => {
    await openAt(page);
    const link = page.getByRole('link', { name: 'Teams', exact: true });
    assert.equal(await link.isVisible(), false);
    await page.getByRole('button', { name: 'Menu' }).click();
    await link.click();
    await page.getByRole('heading', { level: 1, name: 'Teams' }).waitFor();
    assert.equal(await link.isVisible(), false);
  }, { width: 400 });
});

test('a chart has its numbers in a table', async () => {
  await onPage(async (page) => {
    await openAt(page, account);
    await page.getByRole('img', { name: new RegExp(`Spending of ${facts.teamAccount} by day`) }).waitFor();
    await page.getByText('The same as a table').click();
    const rows = page.getByRole('table', { name: /by day/ }).getByRole('row');
    assert.ok(await rows.count() > 1);
    await page.getByRole('button', { name: '2 days, by hour' }).click();
    await page.getByRole('img', { name: /by hour/ }).waitFor();
    assert.deepEqual(await axe(page), []);
  });
});

test('the overview comes anew every ten seconds, unless it is to stand still', async () => {
  await onPage(async (page) => {
    await page.clock.install();
    await openAt(page);
    let asked = 0;
    page.on('request', (request) => { if (request.url().endsWith('/overview')) asked += 1; });
    await page.clock.runFor(10_500);
    await settled(page);
    assert.equal(asked, 1);
    await page.getByRole('button', { name: 'Pause updates' }).click();
    await page.clock.runFor(31_000);
    assert.equal(asked, 1);
  });
});
