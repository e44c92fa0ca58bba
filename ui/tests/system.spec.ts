// The system page: how it is, what went wrong and how often, ready to be put into a report.
import { expect, guard, signIn, test } from './support/fixtures';
import { encrypted, uploaded } from './support/files';
import { Server } from './support/server';

test('what happened in the last hour is counted by its cause, and copied as text', async ({ app, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await uploaded(app.request, 'well.pdf');
  await uploaded(app.request, 'locked.pdf', { file: encrypted() });
  await app.goto('/system?window=hour');
  await expect(app.getByText('The database answers')).toBeVisible();
  await expect(app.getByText('One worker takes tasks')).toBeVisible();
  await expect(app.getByRole('row').filter({ hasText: 'encrypted_pdf' })).toContainText(/[1-9]/);
  const jobs = app.locator('figure').filter({ hasText: 'Jobs that ended' });
  await jobs.getByText('As a table').click();
  await expect(jobs.getByRole('columnheader', { name: 'Failed' })).toBeVisible();
  await expect(jobs.getByRole('cell', { name: /^[1-9]\d*$/ }).first()).toBeVisible();
  await app.getByRole('button', { name: 'Last month' }).click();
  await expect(app).toHaveURL(/window=month/);
  await app.getByRole('button', { name: 'Copy as text' }).click();
  await expect(app.getByRole('button', { name: 'Copied' })).toBeVisible();
  const text = await app.evaluate(() => navigator.clipboard.readText());
  expect(text).toContain('crPipeline 0.');
  expect(text).toContain('ok: database');
});

test('a server that is gone is told, and what was shown stays', async ({ browser }) => {
  const own = await Server.start();
  const page = await browser.newPage({ baseURL: own.url });
  const faults = guard(page, () => own.url, [0]);
  await signIn(page);
  await page.goto('/system');
  await expect(page.getByText('The database answers')).toBeVisible();
  await own.kill();
  await expect(page.getByText('No connection to the server')).toBeVisible({ timeout: 20_000 });
  await expect(page.getByText('The database answers')).toBeVisible();
  await own.startAgain();
  await expect(page.getByText('No connection to the server')).toHaveCount(0, { timeout: 40_000 });
  expect(faults).toEqual([]);
  await page.close();
  await own.remove();
});
