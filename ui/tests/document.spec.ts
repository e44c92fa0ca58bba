// One document: its fields on the page, its text to take away, its pages turned, and another run.
import { expect, test } from './support/fixtures';
import { FIELDS, savePipeline, uploaded } from './support/files';

test.describe.configure({ mode: 'serial' });
let document = '';

test('choosing a field frames it on the page, and the frame leads back', async ({ app }) => {
  await savePipeline(app.request, FIELDS);
  ({ document } = await uploaded(app.request, 'with-fields.pdf', { pipeline: 'letter-fields' }));
  await app.goto(`/documents/${document}`);
  await app.getByRole('tab', { name: /Fields/ }).click();
  const house = app.getByRole('button', { name: /house The Old Schoolhouse/ });
  await house.click();
  await expect(house).toHaveAttribute('aria-pressed', 'true');
  const frame = app.getByRole('button', { name: 'house: The Old Schoolhouse' });
  await expect(frame).toHaveClass(/chosen/);
  await app.getByRole('button', { name: 'addressee: Mrs Eleanor Whitcombe' }).click();
  await expect(app.getByRole('button', { name: /addressee Mrs Eleanor Whitcombe/ })).toHaveAttribute('aria-pressed', 'true');
  await expect(house).toHaveAttribute('aria-pressed', 'false');
});

test('frames and text stay on their words when the page is turned and enlarged', async ({ app }) => {
  await app.goto(`/documents/${document}?q=Whitcombe`);
  await app.getByRole('tab', { name: /Fields/ }).click();
  const frame = app.getByRole('button', { name: 'addressee: Mrs Eleanor Whitcombe' });
  const mark = app.locator('.textLayer mark').first();
  for (let turn = 0; turn < 4; turn++) {
    await expect(mark).toBeVisible();
    await expect
      .poll(async () => {
        const [f, m] = [await frame.boundingBox(), await mark.boundingBox()];
        if (!f || !m) return 0;
        const across = Math.max(0, Math.min(f.x + f.width, m.x + m.width) - Math.max(f.x, m.x));
        const down = Math.max(0, Math.min(f.y + f.height, m.y + m.height) - Math.max(f.y, m.y));
        return (across * down) / (m.width * m.height);
      })
      .toBeGreaterThan(0.6);
    await app.getByRole('button', { name: 'Turn by 90°' }).click();
  }
  await app.getByRole('button', { name: 'Larger' }).click();
  await expect(mark).toBeVisible();
});

test('the text of a page is selected where it stands and copied', async ({ app, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await app.goto(`/documents/${document}`);
  // A line without a frame above it.
  const line = app.locator('.textLayer span', { hasText: 'Bookbinders' }).first();
  await line.click({ clickCount: 3 });
  const selected = await app.evaluate(() => String(getSelection()));
  expect(selected).toContain('Bookbinders');
  await app.getByRole('button', { name: 'Copy' }).click();
  await expect(app.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await app.evaluate(() => navigator.clipboard.readText())).toContain('Eleanor Whitcombe');
});

test('it runs again with another pipeline, and its jobs are listed', async ({ app }) => {
  await app.goto(`/documents/${document}`);
  await app.getByRole('button', { name: 'Run again' }).click();
  await app.getByRole('dialog').getByLabel('Pipeline').selectOption('searchable-pdf');
  await app.getByRole('dialog').getByRole('button', { name: 'Run again' }).click();
  await app.getByRole('tab', { name: /Jobs/ }).click();
  await expect(app.getByRole('tabpanel').getByRole('listitem')).toHaveCount(2);
  await expect(app.getByRole('tabpanel').getByText('Done')).toHaveCount(2, { timeout: 60_000 });
});

test.describe('a document that is not there', () => {
  test.use({ refusals: [404] });
  test('leads back to the others', async ({ app }) => {
    await app.goto('/documents/01900000-0000-7000-8000-000000000000');
    await expect(app.getByRole('alert')).toBeVisible();
    await app.getByRole('link', { name: 'To the documents' }).click();
    await expect(app.getByRole('heading', { name: 'Documents' })).toBeVisible();
    await app.goto('/nowhere');
    await expect(app.getByRole('heading', { name: 'There is nothing at this address' })).toBeVisible();
  });
});
