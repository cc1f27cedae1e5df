// What somebody does who has never seen the page: by what it says, and nothing else.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { accountOf, api, axe, fresh, goTo, makeToken, onPage, openAt, settled } from './browser.mjs';
import { facts } from './facts.mjs';

test('freeze an analyst, and thaw them', async () => {
  await onPage(async (page) => {
    await openAt(page);
    await goTo(page, 'Analysts');
    const why = fresh('left the project');
    await page.getByRole('button', { name: `Freeze ${facts.analyst}` }).click();
    const dialog = page.getByRole('dialog', { name: `Freeze ${facts.analyst}` });
    await dialog.getByText(`${facts.analyst} gets no new answers`).waitFor();
    await dialog.getByRole('button', { name: 'Freeze' }).click();
    await dialog.getByText('Say why.').waitFor();
    assert.equal((await accountOf(facts.analystAccount)).frozen, false);
    await dialog.getByLabel('Reason').fill(why);
    await dialog.getByRole('button', { name: 'Freeze' }).click();
    const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: new RegExp(`^${facts.analyst}\\b`) }) });
    await row.getByText('frozen').waitFor();
    assert.equal((await accountOf(facts.analystAccount)).frozen, true);
    const [record] = (await api(`/audit?kind=account.freeze&object=${encodeURIComponent(facts.analystAccount)}&limit=1`)).json.items;
    assert.equal(record.who, facts.admin);
    assert.equal(record.why, why);

    await row.getByRole('button', { name: 'Thaw' }).click();
    const thaw = page.getByRole('dialog', { name: `Thaw ${facts.analyst}` });
    await thaw.getByLabel('Reason').fill('is back');
    await thaw.getByRole('button', { name: 'Thaw' }).click();
    await page.getByRole('button', { name: `Freeze ${facts.analyst}` }).waitFor();
    assert.equal((await accountOf(facts.analystAccount)).frozen, false);
  });
});

test('grant 0.5 to a team', async () => {
  const earlier = await accountOf(facts.teamAccount);
  await onPage(async (page) => {
    await openAt(page);
    await goTo(page, 'Teams');
    await page.getByRole('button', { name: `Grant to ${facts.teamAccount}` }).click();
    const dialog = page.getByRole('dialog', { name: `Grant to ${facts.teamAccount}` });
    await dialog.getByLabel('How much more').fill('much');
    await dialog.getByLabel('Reason').fill('the report of this quarter');
    await dialog.getByRole('button', { name: 'Grant' }).click();
    await dialog.getByText('A positive number').waitFor();
    await dialog.getByLabel('How much more').fill('0.5');
    const after = Number((earlier.limit_epsilon + 0.5).toFixed(2));
    await dialog.getByText(new RegExp(`will have a limit of ε\\s${after} instead of`)).waitFor();
    await dialog.getByRole('button', { name: 'Grant' }).click();
    await page.getByRole('status').getByText(new RegExp(`now has a limit of ε\\s${after}`)).waitFor();
    const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: facts.teamAccount }) });
    await row.getByText('granted').waitFor();
  });
  const now = await accountOf(facts.teamAccount);
  assert.ok(Math.abs(now.granted_epsilon - earlier.granted_epsilon - 0.5) < 1e-9);
  assert.ok(Math.abs(now.limit_epsilon - earlier.limit_epsilon - 0.5) < 1e-9);
});

test('find out who spent most in the last week', async () => {
  await onPage(async (page) => {
    await openAt(page);
    await goTo(page, 'Who spent most');
    assert.equal(await page.getByLabel('Period').locator('option:checked').textContent(), 'Last 7 days');
    await page.getByRole('main').getByText(`${facts.spender} spent most`).waitFor();
    const first = page.getByRole('table', { name: 'Who spent most' }).getByRole('rowheader').first();
    assert.equal(await first.innerText(), facts.spender);
    await page.getByLabel('Period').selectOption({ label: 'Last week, Monday to Sunday' });
    await page.getByRole('main').getByText(/^From /).waitFor();
  });
  const { items } = (await api('/spenders')).json;
  assert.equal(items[0].analyst, facts.spender);
});

test('export the audit of a day', async () => {
  const [latest] = (await api('/audit?kind=account.grant&limit=1')).json.items;
  const day = latest.at.slice(0, 10);
  const from = `${day}T00:00:00.000Z`;
  const to = new Date(Date.parse(from) + 86_400_000).toISOString();
  await onPage(async (page) => {
    await openAt(page);
    await goTo(page, 'Audit');
    const save = async (format) => {
      await page.getByLabel('Day', { exact: true }).fill(day);
      await page.getByLabel('Format').selectOption({ label: format });
      const saved = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Export' }).click();
      const download = await saved;
      return { name: download.suggestedFilename(), lines: (await readFile(await download.path(), 'utf8')).split(/\r?\n/).filter(Boolean) };
    };
    const json = await save('JSON lines');
    assert.match(json.name, /\.jsonl$/);
    const records = json.lines.map((line) => JSON.parse(line));
    assert.ok(records.some((record) => record.kind === 'account.grant' && record.at === latest.at && record.why === latest.why));
    assert.ok(records.every((record) => record.at >= from && record.at < to));
    const exported = (await api(`/audit/export?${new URLSearchParams({ from, to, format: 'jsonl' })}`)).text;
    // What was put on record since then comes after it.
    assert.deepEqual(exported.split('\n').slice(0, json.lines.length), json.lines);
    const csv = await save('CSV, for spreadsheets');
    assert.equal(csv.lines[0], 'number,at,who,via,kind,object,detail,why');
    assert.ok(csv.lines.length > json.lines.length - 1);
    await page.getByRole('status').getByText(`The audit of ${day} is being saved`).waitFor();
  });
});

test('the audit is verified, and searched', async () => {
  await onPage(async (page) => {
    await openAt(page, '/audit');
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText('Sound.').waitFor();
    const searched = page.waitForResponse((response) => response.url().includes(`object=${encodeURIComponent(facts.teamAccount)}`));
    await page.getByLabel('Kind').selectOption('account.grant');
    await page.getByLabel('About').fill(facts.teamAccount);
    await searched;
    await settled(page);
    const rows = page.getByRole('table', { name: /Records of the audit/ }).getByRole('row');
    await rows.nth(1).getByText('account.grant').waitFor();
    const texts = await rows.allInnerTexts();
    assert.ok(texts.slice(1).every((text) => text.includes('account.grant') && text.includes(facts.teamAccount)), texts.join('\n'));
  });
});

test('a token is shown once, and is of no use when it is revoked', async () => {
  await onPage(async (page) => {
    await openAt(page);
    const name = fresh('once');
    const secret = await makeToken(page, name, 'Auditor, who only reads');
    assert.equal((await api('/accounts', { secret })).status, 200);
    const refused = await api(`/accounts/${encodeURIComponent(facts.teamAccount)}/freeze`, { secret, method: 'POST', body: { why: 'test' } });
    assert.equal(refused.status, 403);
    await page.reload();
    await page.getByRole('rowheader', { name }).waitFor();
    assert.equal((await page.content()).includes(secret), false);
    await page.getByRole('button', { name: `Revoke ${name}` }).click();
    const dialog = page.getByRole('dialog', { name: `Revoke ${name}` });
    await dialog.getByLabel('Reason').fill('test of the page');
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('rowheader', { name }).waitFor({ state: 'detached' });
    assert.equal((await api('/accounts', { secret })).status, 401);
  });
});

test('make a team, add a new analyst to it, and take both away again', async () => {
  const team = `lab${Date.now() % 100000}`;
  const who = `dora${Date.now() % 100000}`;
  await onPage(async (page) => {
    await openAt(page);
    await goTo(page, 'Analysts');
    await page.getByRole('button', { name: 'Add an analyst' }).click();
    const analyst = page.getByRole('dialog', { name: 'Add an analyst' });
    await analyst.getByLabel('Name').fill(who);
    await analyst.getByLabel('New password', { exact: true }).fill('correct horse');
    await analyst.getByLabel('New password, again').fill('correct horse');
    await analyst.getByLabel('Reason').fill('joins the lab');
    await analyst.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('status').getByText(`The password of ${who} is set.`).waitFor();

    await goTo(page, 'Teams');
    await page.getByRole('button', { name: 'Add a team' }).click();
    const added = page.getByRole('dialog', { name: 'Add a team' });
    await added.getByLabel('Name').fill(team);
    await added.getByLabel('Role').fill('nobody');
    await added.getByLabel('Reason').fill('a new lab');
    await added.getByRole('button', { name: 'Add' }).click();
    await added.getByText('Role is not one of those that only ask').waitFor();
    await added.getByLabel('Role').fill('analyst');
    await added.getByText(`Whoever is put into ${team} asks as analyst`).waitFor();
    assert.deepEqual(await axe(page), []);
    await added.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('button', { name: `Add a member to ${team}` }).click();
    const member = page.getByRole('dialog', { name: `Add a member to ${team}` });
    await member.getByLabel('Analyst').fill(who);
    await member.getByLabel('Reason').fill('joins the lab');
    await member.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('link', { name: `data_team/${team}` }).waitFor();
    const known = (await api('/analysts?limit=500')).json.items.find((one) => one.name === who);
    assert.deepEqual([known.can_log_in, known.roles, known.teams], [true, ['analyst'], [team]]);
    assert.deepEqual(await axe(page), []);

    await page.getByRole('button', { name: `Take out ${who} from ${team}` }).click();
    const out = page.getByRole('dialog', { name: `Take ${who} out of ${team}` });
    await out.getByLabel('Reason').fill('left the lab');
    await out.getByRole('button', { name: 'Take out' }).click();
    await page.getByRole('button', { name: `Take out ${who} from ${team}` }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: `Remove the team ${team}` }).click();
    const gone = page.getByRole('dialog', { name: `Remove the team ${team}` });
    await gone.getByLabel('Reason').fill('the lab is closed');
    await gone.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('status').getByText(`The team ${team} is gone.`).waitFor();
    assert.equal(await page.getByRole('heading', { name: team }).count(), 0);
  }, { expected: [/422/] });
  const records = (await api(`/audit?kind=team&object=${team}`)).json.items;
  assert.deepEqual(records.map((record) => [record.kind, record.why]), [['team.remove', 'the lab is closed'], ['team.leave', 'left the lab'], ['team.join', 'joins the lab'], ['team.add', 'a new lab']]);
  assert.ok(records.every((record) => record.who === facts.admin));
});
