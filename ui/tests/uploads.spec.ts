// Files on their way: dropped anywhere, followed to the end, through reloads, refusals, restarts and cut lines.
import { readFileSync } from 'node:fs';

import { expect, test } from './support/fixtures';
import { LETTER, drop, encrypted } from './support/files';
import { ADMIN, Server } from './support/server';

const letter = () => readFileSync(LETTER);

test('files dropped on any page are followed to their end, over pages and a reload', async ({ app }) => {
  await app.goto('/pipelines');
  // Nobody drops a file on a page that is not drawn yet.
  await expect(app.getByRole('heading', { name: 'Pipelines', level: 1 })).toBeVisible();
  await drop(app, [
    { name: 'first.pdf', buffer: letter() },
    { name: 'second.pdf', buffer: letter() },
  ]);
  const tray = app.getByRole('region', { name: 'Uploads' });
  await expect(tray.getByRole('listitem')).toHaveCount(2);
  await app.getByRole('link', { name: 'Documents' }).click();
  await expect(app.getByRole('link', { name: 'first.pdf' })).toBeVisible();
  await app.reload();
  await expect(tray.getByRole('listitem')).toHaveCount(2);
  await expect(tray.getByRole('link', { name: 'Open' })).toHaveCount(2, { timeout: 60_000 });
  await tray.getByRole('button', { name: 'Clear the finished ones' }).click();
  await expect(tray).toHaveCount(0);
});

test('a pasted file is taken, too', async ({ app }) => {
  await app.evaluate((base64) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], 'pasted.pdf'));
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true }));
  }, letter().toString('base64'));
  await expect(app.getByRole('region', { name: 'Uploads' }).getByText('pasted.pdf').first()).toBeVisible();
});

test.describe('what cannot be read', () => {
  test.use({ refusals: [415] });
  test('says why and what to do', async ({ app }) => {
    await drop(app, [
      { name: 'locked.pdf', buffer: encrypted() },
      { name: 'notes.pdf', buffer: Buffer.from('just some notes') },
    ]);
    const tray = app.getByRole('region', { name: 'Uploads' });
    await expect(tray.getByRole('listitem').filter({ hasText: 'locked.pdf' })).toContainText('qpdf', { timeout: 30_000 });
    await expect(tray.getByRole('listitem').filter({ hasText: 'notes.pdf' })).toContainText('not a PDF');
    await expect(tray.getByRole('button', { name: 'Try again' })).toHaveCount(0);
  });
});

test.describe('a server that goes away', () => {
  let own: Server;
  test.beforeAll(async () => {
    own = await Server.start();
  });
  test.afterAll(() => own.remove());

  test('in the middle of an upload takes the file once when it is back', async ({ browser }) => {
    const page = await browser.newPage({ baseURL: own.url });
    await page.goto('/');
    await page.getByLabel('E-mail').fill(ADMIN.email);
    await page.getByLabel('Password').fill(ADMIN.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('button', { name: 'Upload' }).first()).toBeVisible();
    await own.kill();
    await drop(page, [{ name: 'patient.pdf', buffer: letter() }]);
    const tray = page.getByRole('region', { name: 'Uploads' });
    await expect(tray).toContainText('It goes on by itself');
    await expect(page.getByText('No connection to the server')).toBeVisible({ timeout: 20_000 });
    await own.startAgain();
    await expect(tray.getByRole('link', { name: 'Open' })).toHaveCount(1, { timeout: 80_000 });
    await expect(page.getByText('No connection to the server')).toHaveCount(0);
    const listed = await page.request.get('/api/v1/documents');
    expect(((await listed.json()) as { items: unknown[] }).items).toHaveLength(1);
    await page.close();
  });

  test('and a line that is cut for a while heal without a hand', async ({ browser }) => {
    const context = await browser.newContext({ baseURL: own.url });
    const page = await context.newPage();
    await page.goto('/');
    await page.getByLabel('E-mail').fill(ADMIN.email);
    await page.getByLabel('Password').fill(ADMIN.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('navigation')).toBeVisible();
    await context.setOffline(true);
    await expect(page.getByText('No connection to the server')).toBeVisible({ timeout: 10_000 });
    await drop(page, [{ name: 'offline.pdf', buffer: letter() }]);
    await expect(page.getByRole('region', { name: 'Uploads' })).toContainText('It goes on by itself');
    await page.waitForTimeout(Number(process.env['CRP_CUT_SECONDS'] ?? 20) * 1000);
    await context.setOffline(false);
    await expect(page.getByRole('region', { name: 'Uploads' }).getByRole('link', { name: 'Open' })).toHaveCount(1, { timeout: 60_000 });
    await expect(page.getByText('No connection to the server')).toHaveCount(0);
    await context.close();
  });
});
