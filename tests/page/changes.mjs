// Changes when things go wrong: somebody was first, an answer is lost, there is only a keyboard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountOf, api, axe, fresh, onPage, openAt, settled } from './browser.mjs';
import { facts } from './facts.mjs';

const account = `/accounts/${encodeURIComponent(facts.teamAccount)}`;
async function granted() {
  return (await accountOf(facts.teamAccount)).granted_epsilon;
}

function assertMore(later, earlier, amount) {
  assert.ok(Math.abs(later - earlier - amount) < 1e-9, `${later} is not ${amount} more than ${earlier}`);
}

async function openGrant(page, amount) {
  await openAt(page, account);
  await page.getByRole('button', { name: 'Grant' }).click();
  const dialog = page.getByRole('dialog', { name: `Grant to ${facts.teamAccount}` });
  await dialog.getByLabel('How much more').fill(amount);
  await dialog.getByLabel('Reason').fill('test of the page');
  return dialog;
}

/** Presses Tab until the focus is on what is called so, as whoever has no mouse does. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 150; presses += 1) {
    await page.keyboard.press('Tab');
    const reached = await page.evaluate((wanted) => {
      const { activeElement: on } = document;
      const label = on.getAttribute('aria-label') ?? on.labels?.[0]?.textContent ?? on.textContent;
      return label.startsWith(wanted) && getComputedStyle(on).outlineStyle !== 'none';
    }, name);
    if (reached) return;
  }
  assert.fail(`Tab does not reach ${name}, or its focus is not seen`);
}

test('a grant with nothing but a keyboard', async () => {
  const earlier = await granted();
  await onPage(async (page) => {
    const type = (text) => page.keyboard.type(text);
    await page.goto(facts.url.href);
    await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor();
    await type(facts.admin);
    await page.keyboard.press('Tab');
    await type(facts.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await settled(page);
    await page.keyboard.press('Shift+Tab');
    await tabTo(page, 'Skip to the content');
    await tabTo(page, 'Teams');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Teams' }).waitFor();
    await settled(page);
    await tabTo(page, `Grant to ${facts.teamAccount}`);
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: `Grant to ${facts.teamAccount}` });
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), `Grant to ${facts.teamAccount}`);
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    await type('0.25');
    await tabTo(page, 'Reason');
    await type('nothing but a keyboard');
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('Granted.').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), `Grant to ${facts.teamAccount}`);
  }, { nobody: true });
  assertMore(await granted(), earlier, 0.25);
});

test('dialogs are whole for axe and on narrow screens', async () => {
  await Promise.all([false, true].map((dark) => onPage(async (page) => {
    const dialog = await openGrant(page, 'much');
    await dialog.getByRole('button', { name: 'Grant' }).click();
    await dialog.getByText('A positive number').waitFor();
    assert.deepEqual(await axe(page), []);
    assert.doesNotMatch(await dialog.innerText(), /\[object|undefined|NaN/);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await page.keyboard.press('Escape');
    for (const kind of ['Cap', 'Freeze']) {
      await page.getByRole('button', { name: kind, exact: true }).click();
      const other = page.getByRole('dialog', { name: `${kind} ${facts.teamAccount}` });
      assert.doesNotMatch(await other.innerText(), /\[object|undefined|NaN/);
      assert.deepEqual(await axe(page), []);
      await page.keyboard.press('Escape');
      await other.waitFor({ state: 'detached' });
    }
  }, { width: 400, dark })));
});

test('who was not first is told so, and decides on the new numbers', async () => {
  const earlier = await granted();
  await onPage(async (page) => {
    const dialog = await openGrant(page, '0.125');
    const first = await api(`${account}/grant`, { method: 'POST', body: { epsilon: '0.25', why: 'was first' } });
    assert.equal(first.status, 200);
    await dialog.getByRole('button', { name: 'Grant' }).click();
    await dialog.getByRole('alert').getByText('Somebody changed this in the meantime.').waitFor();
    assertMore(await granted(), earlier, 0.25);
    const limit = Number((first.json.limit_epsilon + 0.125).toFixed(2));
    await dialog.getByText(new RegExp(`will have a limit of ε\\s${limit} instead`)).waitFor();
    await dialog.getByRole('button', { name: 'Grant' }).click();
    await page.getByRole('status').getByText('Granted.').waitFor();
  }, { expected: [/412/] });
  assertMore(await granted(), earlier, 0.375);
});

test('a grant whose answer was lost is made once, however often it is sent', async () => {
  const earlier = await granted();
  await onPage(async (page) => {
    const dialog = await openGrant(page, '0.0625');
    const keys = [];
    await page.route('**/grant', async (route) => {
      keys.push(route.request().headers()['idempotency-key']);
      if (keys.length > 1) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await dialog.getByRole('button', { name: 'Grant' }).click();
    await dialog.getByRole('alert').getByText('The proxy cannot be reached.').waitFor();
    assertMore(await granted(), earlier, 0.0625);
    await dialog.getByRole('button', { name: 'Grant' }).click();
    await page.getByRole('status').getByText('Granted.').waitFor();
    assert.equal(keys.length, 2);
    assert.match(keys[0], /^[!-~]{20,200}$/);
    assert.equal(keys[1], keys[0]);
  }, { expected: [/ERR_FAILED/] });
  assertMore(await granted(), earlier, 0.0625);
});

test('a cap is set and taken away, and the limit is explained', async () => {
  await onPage(async (page) => {
    await openAt(page, account);
    const before = await accountOf(facts.teamAccount);
    await page.getByRole('button', { name: 'Cap' }).click();
    const dialog = page.getByRole('dialog', { name: `Cap ${facts.teamAccount}` });
    const low = String(Number((before.limit_epsilon / 2).toFixed(1)));
    await dialog.getByLabel('Cap (ε)').fill(low);
    await dialog.getByLabel('Reason').fill('test of the page');
    await dialog.getByRole('button', { name: 'Set the cap' }).click();
    await page.getByText('A cap holds it down to').waitFor();
    assert.equal((await accountOf(facts.teamAccount)).limit_epsilon, Number(low));
    await page.getByRole('button', { name: 'Cap' }).click();
    await dialog.getByLabel('Take the cap away').check();
    await dialog.getByLabel('Reason').fill('test of the page');
    await dialog.getByRole('button', { name: 'Set the cap' }).click();
    await page.getByText('A cap holds it down to').waitFor({ state: 'detached' });
    const after = await accountOf(facts.teamAccount);
    assert.equal(after.cap_epsilon, null);
    assert.equal(after.limit_epsilon, before.limit_epsilon);
  });
});

test('what the API finds wrong with a field is said beside it', async () => {
  await onPage(async (page) => {
    const dialog = await openGrant(page, '999999999');
    await page.route('**/grant', (route) => route.fulfill({
      status: 422, contentType: 'application/problem+json',
      body: JSON.stringify({ type: 'urn:noisegate:problem:invalid', title: 'The request cannot be meant.', status: 422, errors: [{ field: 'epsilon', message: 'is more than there is <b>here</b>' }] }),
    }));
    await dialog.getByRole('button', { name: 'Grant' }).click();
    await dialog.getByText('How much more (ε) is more than there is <b>here</b>.').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.name), 'epsilon');
    assert.equal(await dialog.locator('b').count(), 0);
  }, { expected: [/422/] });
});

test('a name that is markup is text', async () => {
  await onPage(async (page) => {
    await page.route('**/api/v1/spenders*', (route) => route.fulfill({
      json: { from: '2026-11-23T00:00:00.000Z', to: '2026-11-30T00:00:00.000Z', analysts: 1, charges: 1, next: null, items: [{ analyst: '<img src=x onerror=alert(1)>', charges: 1, epsilon: 1, share: 1 }] },
    }));
    await openAt(page, '/spenders');
    await page.getByRole('main').getByText('<img src=x onerror=alert(1)> spent most').waitFor();
    assert.equal(await page.getByRole('main').locator('img').count(), 0);
  });
});

test('a query in flight is shown and canceled', async () => {
  const [running] = (await api('/queries')).json.items;
  assert.equal(running.analyst, 'bob');
  await onPage(async (page) => {
    await openAt(page, '/queries');
    const row = page.getByRole('table', { name: 'Queries in flight' }).getByRole('row').filter({ hasText: running.query });
    await row.getByText('asking the source').waitFor();
    await row.getByText(running.fingerprint).waitFor();
    await row.getByRole('button', { name: `Cancel query ${running.query} of bob` }).click();
    const dialog = page.getByRole('dialog', { name: `Cancel query ${running.query}` });
    assert.deepEqual(await axe(page), []);
    await dialog.getByLabel('Reason').fill('it holds others up');
    await dialog.getByRole('button', { name: 'Cancel the query' }).click();
    await page.getByText('Nothing is running.').waitFor();
  });
  const [record] = (await api('/audit?kind=query.cancel&limit=1')).json.items;
  assert.deepEqual([record.who, record.object, record.why], [facts.admin, running.query, 'it holds others up']);
});

test('a window is begun anew, and a lifetime is not', async () => {
  assert.ok((await accountOf(facts.analystAccount)).spent_epsilon > 0);
  await onPage(async (page) => {
    await openAt(page, `/accounts/${encodeURIComponent(facts.analystAccount)}`);
    await page.getByRole('button', { name: 'Reset window' }).click();
    const dialog = page.getByRole('dialog', { name: `Reset the window of ${facts.analystAccount}` });
    await dialog.getByText('no longer counts').waitFor();
    await dialog.getByLabel('Reason').fill('the data was exchanged');
    await dialog.getByRole('button', { name: 'Reset the window' }).click();
    await page.getByRole('status').getByText('is reset').waitFor();
    await openAt(page, '/accounts/shop');
    assert.equal(await page.getByRole('button', { name: 'Reset window' }).count(), 0);
  });
  assert.equal((await accountOf(facts.analystAccount)).spent_epsilon, 0);
});

test('a password is changed, and somebody is removed', async () => {
  const who = `emil${Date.now() % 100000}`;
  const known = async () => (await api('/analysts?limit=500')).json.items.find((one) => one.name === who);
  assert.equal((await api(`/analysts/${who}`, { method: 'PUT', body: { password: 'one', why: 'test' } })).status, 200);
  await onPage(async (page) => {
    await openAt(page, '/analysts');
    await page.getByRole('button', { name: `Password of ${who}` }).click();
    const dialog = page.getByRole('dialog', { name: `Password of ${who}` });
    await dialog.getByLabel('New password', { exact: true }).fill('two two');
    await dialog.getByLabel('New password, again').fill('two too');
    await dialog.getByLabel('Reason').fill('it was told to others');
    await dialog.getByRole('button', { name: 'Set the password' }).click();
    await dialog.getByText('The two are not the same.').waitFor();
    await dialog.getByLabel('New password, again').fill('two two');
    await dialog.getByRole('button', { name: 'Set the password' }).click();
    await page.getByRole('status').getByText(`The password of ${who} is set.`).waitFor();
    await page.getByRole('button', { name: `Remove ${who}` }).click();
    const gone = page.getByRole('dialog', { name: `Remove ${who}` });
    await gone.getByLabel('Reason').fill('left');
    await gone.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('button', { name: `Remove ${who}` }).waitFor({ state: 'detached' });
  });
  assert.equal(await known(), undefined);
  const records = (await api(`/audit?kind=analyst&object=${who}`)).json.items;
  assert.deepEqual(records.map((record) => [record.kind, record.why]), [['analyst.remove', 'left'], ['analyst.put', 'it was told to others'], ['analyst.put', 'test']]);
});

test('the overview says what is left, until when, how fast, and what was refused', async () => {
  const overview = (await api('/overview')).json;
  const shop = overview.accounts.find((one) => one.id === 'shop');
  await onPage(async (page) => {
    await openAt(page);
    const main = page.getByRole('main');
    const card = main.locator('.card').filter({ has: page.getByRole('link', { name: 'shop', exact: true }) }).first();
    const left = `${Math.max(0, 100 * (1 - shop.spent_fraction)).toFixed(1).replace(/\.0$/, '')}`;
    await card.getByText(new RegExp(`${left.split('.')[0]}(\\.\\d)?\\s%`)).first().waitFor();
    await card.getByText(/At this pace gone on|No end in sight/).waitFor();
    await card.getByText(/a day/).waitFor();
    await main.getByText(`${facts.spender}`).first().waitFor();
    await main.getByText('rows', { exact: true }).first().waitFor();
  });
  assert.ok(overview.refusals_24h.some((one) => one.code === 'rows' && one.count > 0), JSON.stringify(overview.refusals_24h));
});
