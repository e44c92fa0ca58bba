// The list of documents: found by words, named, tagged, many at a time, thrown away and fetched back.
import { readFileSync, statSync } from 'node:fs';

import { expect, test } from './support/fixtures';
import { LETTER, eachOf, tiny, uploaded } from './support/files';

test.describe.configure({ mode: 'serial' });

test('a document gets a title, a date and tags, and is found by them', async ({ app }) => {
  const { document } = await uploaded(app.request, 'scan-0042.pdf');
  await app.goto(`/documents/${document}`);
  await app.getByRole('tab', { name: 'Details' }).click();
  await app.getByLabel('Title').fill('Letter to Mrs Whitcombe');
  await app.getByLabel('Title').press('Enter');
  await expect(app.getByRole('heading', { level: 1 })).toHaveText('Letter to Mrs Whitcombe');
  await app.getByLabel('Date of the document').fill('2024-03-09');
  await app.getByLabel('Tags').fill('school');
  await app.getByLabel('Tags').press('Enter');
  await expect(app.getByRole('button', { name: 'Remove the tag “school”' })).toBeVisible();
  await app.reload();
  await expect(app.getByRole('heading', { level: 1 })).toHaveText('Letter to Mrs Whitcombe');

  await app.goto('/documents?tag=school');
  const row = app.getByRole('row').filter({ hasText: 'Letter to Mrs Whitcombe' });
  await expect(row).toContainText('9 Mar 2024');
  await expect(row).toContainText('school');
  await app.goto('/documents?from=2024-03-10&to=2024-12-31');
  await expect(app.getByText('No document matches')).toBeVisible();
  await app.getByRole('button', { name: 'Clear the filters' }).last().click();
  await expect(app.getByRole('link', { name: 'Letter to Mrs Whitcombe' })).toBeVisible();
});

test('a search finds the words inside, shows their sentence, and marks them on the page', async ({ app }) => {
  await app.goto('/documents');
  await expect(app.getByRole('searchbox')).toBeVisible();
  await app.keyboard.press('/');
  await expect(app.getByRole('searchbox')).toBeFocused();
  await app.keyboard.type('schoolhouse');
  await expect(app).toHaveURL(/q=schoolhouse/);
  const row = app.getByRole('row').filter({ hasText: 'Letter to Mrs Whitcombe' });
  await expect(row.locator('mark')).toHaveText('Schoolhouse');
  await row.getByRole('link', { name: 'Letter to Mrs Whitcombe' }).click();
  await expect(app.getByText('1 hit')).toBeVisible();
  const marks = app.locator('.textLayer mark');
  await expect(marks.first()).toHaveText(/schoolhouse/i);
  const [mark, page] = [await marks.first().boundingBox(), await app.locator('.page canvas').boundingBox()];
  // The address stands in the upper part of the letter's first page.
  expect((mark?.y ?? 0) - (page?.y ?? 0)).toBeLessThan((page?.height ?? 0) / 2);
  expect(mark?.width ?? 0).toBeGreaterThan(20);
});

test('a search for nothing that is there says so', async ({ app }) => {
  await app.goto('/documents?q=zyzzyva');
  await expect(app.getByText('No document matches')).toBeVisible();
});

test('many are tagged, taken away as a zip, thrown away and fetched back', async ({ app }) => {
  for (const name of ['one.pdf', 'two.pdf', 'three.pdf']) await uploaded(app.request, name);
  await app.goto('/documents');
  await app.getByLabel('Choose “one.pdf”').check();
  await app.getByLabel('Choose “two.pdf”').check();
  const bar = app.getByRole('region', { name: 'Chosen documents' });
  await expect(bar).toContainText('2 documents chosen');

  await bar.getByRole('button', { name: 'Download as a zip' }).click();
  const [download] = await Promise.all([app.waitForEvent('download'), app.getByRole('dialog').getByRole('link', { name: 'Download as a zip' }).click()]);
  const path = await download.path();
  expect(statSync(path).size).toBeGreaterThan(2 * statSync(LETTER).size);
  expect(readFileSync(path).subarray(0, 2).toString()).toBe('PK');

  await bar.getByRole('button', { name: 'Tag' }).click();
  await app.getByRole('dialog').getByLabel('Tags').fill('pair');
  await app.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
  await expect(app.getByText('2 documents have the tag now')).toBeVisible();
  await expect(app.getByRole('row').filter({ hasText: 'pair' })).toHaveCount(2);

  await app.getByLabel('Choose “one.pdf”').check();
  await app.getByRole('region', { name: 'Chosen documents' }).getByRole('button', { name: 'Delete' }).click();
  await expect(app.getByRole('link', { name: 'one.pdf' })).toHaveCount(0);
  await app.getByRole('button', { name: 'Undo' }).click();
  await expect(app.getByRole('link', { name: 'one.pdf' })).toBeVisible();

  await app.getByLabel('Choose “three.pdf”').check();
  await app.getByRole('region', { name: 'Chosen documents' }).getByRole('button', { name: 'Delete' }).click();
  await app.getByRole('link', { name: 'Trash' }).click();
  await app.getByLabel('Choose “three.pdf”').check();
  await app.getByRole('button', { name: 'Delete for ever' }).click();
  await app.getByRole('dialog').getByRole('button', { name: 'Delete for ever' }).click();
  await expect(app.getByText('The trash is empty')).toBeVisible();
});

test('keys lead through the list and to the neighbours of a document', async ({ app }) => {
  await app.goto('/documents');
  await expect(app.getByRole('link', { name: 'two.pdf' })).toBeVisible();
  await app.locator('body').press('ArrowDown');
  const rows = app.locator('a.row');
  await expect(rows.nth(0)).toBeFocused();
  await app.keyboard.press('ArrowDown');
  await expect(rows.nth(1)).toBeFocused();
  const name = await rows.nth(1).innerText();
  await app.keyboard.press('Enter');
  await expect(app.getByRole('heading', { level: 1 })).toHaveText(name);
  await expect(app.getByRole('main')).toBeFocused();
  await app.keyboard.press('Control+ArrowLeft');
  await expect(app.getByRole('heading', { level: 1 })).not.toHaveText(name);
  await app.keyboard.press('ArrowRight');
  await expect(app.getByText('Page 2 of 2').first()).toBeVisible();
  await app.keyboard.press('?');
  await expect(app.getByRole('dialog')).toContainText('Show the keys');
  await app.keyboard.press('Escape');
  await expect(app.getByRole('dialog')).toHaveCount(0);
});

test('a long list comes in pieces, as cards too', async ({ app }) => {
  await uploaded(app.request, 'with-a-picture.pdf');
  await eachOf(Array.from({ length: 220 }), async (_, number) => {
    const answer = await app.request.post('/api/v1/documents', {
      multipart: { file: { name: `tiny-${number}.png`, mimeType: 'image/png', buffer: tiny(number) } },
    });
    expect(answer.status()).toBe(202);
  });
  await app.goto('/documents');
  await expect(app.locator('a.row')).toHaveCount(100);
  for (const least of [200, 220]) {
    await app.keyboard.press('End');
    await expect.poll(() => app.locator('a.row').count()).toBeGreaterThanOrEqual(least);
  }
  await app.getByRole('button', { name: 'Show as cards' }).click();
  await app.goto('/documents?sort=largest');
  await expect(app.locator('img[src*="thumbnail"]').first()).toBeVisible();
  await app.getByRole('button', { name: 'Show as a table' }).click();
});
