// Jobs: what needs somebody comes first; one job tells its pages, its stages and what happened; an engine that crashes.
import { readFileSync } from 'node:fs';

import { expect, guard, signIn, test } from './support/fixtures';
import { LETTER, crashingEngine, encrypted, uploaded } from './support/files';
import { Server } from './support/server';

test('a failed job needs attention until it is tried again or dismissed', async ({ app }) => {
  await uploaded(app.request, 'locked.pdf', { file: encrypted() });
  await app.goto('/jobs');
  const attention = app.getByRole('button', { name: /Needs attention/ });
  await expect(attention).toHaveAttribute('aria-pressed', 'true');
  await expect(app.getByRole('navigation').getByText('Needs attention')).toHaveCount(1);
  const line = app.getByRole('main').getByRole('listitem').filter({ hasText: 'locked.pdf' });
  await expect(line).toContainText('password');
  await expect(line).toContainText('qpdf');
  await line.getByRole('button', { name: 'Dismiss' }).click();
  await expect(line).toHaveCount(0);
  await app.getByRole('button', { name: 'All' }).click();
  await expect(line).toHaveCount(1);
});

test('a job shows its pages, its tasks in time, and its story', async ({ app }) => {
  const { job } = await uploaded(app.request, 'story.pdf');
  await app.goto(`/jobs/${job}`);
  await expect(app.getByRole('heading', { name: 'story.pdf' })).toBeVisible();
  await expect(app.getByRole('link', { name: /^Page \d · read/ })).toHaveCount(2);
  await expect(app.getByText('Putting together')).toBeVisible();
  await expect(app.getByText('A worker took it.')).toBeVisible();
  await expect(app.getByText('2 of 2 pages are saved.')).toBeVisible();
  await app.getByRole('link', { name: /^Page 2/ }).click();
  await expect(app.getByText('Page 2 of 2').first()).toBeVisible();
});

test('the search of jobs goes by the name of the document', async ({ app }) => {
  await uploaded(app.request, 'needle.pdf');
  await app.goto('/jobs?group=all');
  await app.getByRole('searchbox').fill('needle');
  await expect(app.getByRole('main').getByRole('listitem')).toHaveCount(1);
});

test.describe('with an engine that crashes', () => {
  let broken: Server;
  test.beforeAll(async () => {
    broken = await Server.start({ env: crashingEngine() });
  });
  test.afterAll(() => broken.remove());

  test('the job fails with a sentence, is cancelled or tried again, and the server stays', async ({ browser }) => {
    test.setTimeout(180_000);
    const page = await browser.newPage({ baseURL: broken.url });
    const faults = guard(page, () => broken.url, []);
    await signIn(page);
    const { job } = await uploadedUntilAnswered(page, broken);
    await page.goto(`/jobs/${job}`);
    await expect(page.getByRole('alert')).toBeVisible({ timeout: 150_000 });
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByText('It tries again what failed before')).toBeVisible();
    const priority = page.getByRole('combobox', { name: 'Priority' });
    await expect(priority).toHaveValue('normal');
    await priority.selectOption({ label: 'First' });
    await expect.poll(async () => (await jobOf(page)).priority).toBe('high');
    await page.reload();
    await expect(priority).toHaveValue('high');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await expect(page.getByText('Cancelled', { exact: true }).first()).toBeVisible({ timeout: 30_000 });
    expect(faults).toEqual([]);
    await page.close();
  });

  /** The job whose page is open, as the server knows it. */
  async function jobOf(page: import('@playwright/test').Page): Promise<{ priority: string }> {
    const answer = await page.request.get(`/api/v1${new URL(page.url()).pathname}`);
    return (await answer.json()) as { priority: string };
  }

  /** Uploads without waiting for the end. */
  async function uploadedUntilAnswered(page: import('@playwright/test').Page, server: Server): Promise<{ job: string }> {
    const answer = await page.request.post(`${server.url}/api/v1/documents`, {
      multipart: { file: { name: 'crash.pdf', mimeType: 'application/pdf', buffer: readFileSync(LETTER) } },
    });
    const { job } = (await answer.json()) as { job: { id: string } };
    return { job: job.id };
  }
});
