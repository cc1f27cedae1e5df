// Drafts of the policy, and its reload from disk.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { api, axe, onPage, openAt } from './browser.mjs';
import { facts } from './facts.mjs';

test('a draft of the policy is checked, and its changes are told in sentences', async () => {
  await onPage(async (page) => {
    await openAt(page, '/policy');
    const draft = page.getByLabel('Draft');
    if (!(await api('/policy')).json.source) {
      await page.getByText('This policy is not read from a file').waitFor();
      assert.equal(await draft.count() + await page.getByRole('button', { name: /Reload/ }).count(), 0);
      return;
    }
    const text = await draft.inputValue();
    await page.getByRole('button', { name: 'Validate' }).click();
    await page.getByText('The draft holds.').waitFor();
    await page.getByRole('button', { name: 'What would change?' }).click();
    await page.getByText('Nothing would change.').waitFor();
    const doubled = text.replace(/^(epsilon\s*=\s*)(\d+)/m, (_, key, amount) => `${key}${Number(amount) * 2}`);
    assert.notEqual(doubled, text);
    await draft.fill(doubled);
    await page.getByRole('button', { name: 'What would change?' }).click();
    await page.getByRole('heading', { name: 'Who can spend what' }).waitFor();
    assert.ok(await page.getByRole('main').locator('.changes li').count() > 0);
    assert.deepEqual(await axe(page), []);
    await draft.fill('this is no policy');
    await page.getByRole('button', { name: 'Validate' }).click();
    await page.getByText('The draft does not hold.').waitFor();
  });
});

async function reload(page, why) {
  await page.getByRole('button', { name: /^Reload .* from disk$/ }).click();
  const dialog = page.getByRole('dialog', { name: /^Reload / });
  await dialog.getByLabel('Reason').fill(why);
  await dialog.getByRole('button', { name: 'Reload' }).click();
  return dialog;
}

test('the policy is reloaded from disk, unless it does not hold', { skip: !facts.policy }, async () => {
  const before = await readFile(facts.policy, 'utf8');
  const after = before.replace(/^remember( *)= .*$/m, 'remember = "6d"');
  assert.notEqual(after, before);
  try {
    await onPage(async (page) => {
      await openAt(page, '/policy');
      await writeFile(facts.policy, `${before}\nnothing = 1\n`);
      const dialog = await reload(page, 'test of the page');
      await dialog.getByRole('alert').waitFor();
      assert.deepEqual(await axe(page), []);
      assert.equal((await api('/policy')).json.text, before);
      await page.reload();
      await page.getByText('The file on disk does not hold').waitFor();
      await writeFile(facts.policy, after);
      await reload(page, 'the answers age faster');
      await page.getByRole('status').getByText('The policy is reloaded.').waitFor();
      await page.getByRole('region', { name: 'Text of the policy' }).getByText('remember = "6d"').waitFor();
      assert.equal(await page.getByText('The file on disk does not hold').count(), 0);
    }, { expected: [/422/] });
    assert.equal((await api('/policy')).json.text, after);
  } finally {
    await writeFile(facts.policy, before);
    assert.equal((await api('/policy/reload', { method: 'POST', body: { why: 'as it was' } })).status, 200);
  }
});
