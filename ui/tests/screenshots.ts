// A picture of every page at three widths, light and dark, on documents that look like real ones.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from './support/fixtures';
import { FIELDS, encrypted, savePipeline, uploaded } from './support/files';

const FOLDER = process.env['CRP_SCREENSHOTS'] ?? join(import.meta.dirname, '../../target/ui/screenshots');
const WIDTHS = [
  [390, 844],
  [1024, 768],
  [1600, 1000],
] as const;

test('every page', async ({ app }) => {
  mkdirSync(FOLDER, { recursive: true });
  await savePipeline(app.request, FIELDS);
  await uploaded(app.request, 'locked.pdf', { file: encrypted() });
  const names = ['Lease 2019.pdf', 'Invoice 2026-0417.pdf', 'Letter to the school.pdf', 'Receipt bookbinder.pdf'];
  let last = { document: '', job: '' };
  for (const name of names) {
    last = await uploaded(app.request, name, { pipeline: 'letter-fields' });
    await app.request.patch(`/api/v1/documents/${last.document}`, { data: { tags: ['harbour lane', '2026'], document_date: '2026-03-19' } });
  }
  const pages = {
    documents: '/documents',
    search: '/documents?q=schoolhouse',
    document: `/documents/${last.document}?q=schoolhouse`,
    jobs: '/jobs?group=all',
    attention: '/jobs?group=attention',
    job: `/jobs/${last.job}`,
    pipelines: '/pipelines',
    pipeline: '/pipelines/letter-fields',
    system: '/system?window=hour',
    account: '/account',
    trash: '/trash',
    retention: '/retention',
    components: '/components',
  };
  for (const colorScheme of ['light', 'dark'] as const) {
    await app.emulateMedia({ colorScheme });
    for (const [width, height] of WIDTHS) {
      await app.setViewportSize({ width, height });
      for (const [name, path] of Object.entries(pages)) {
        await app.goto(path);
        await expect(app.getByRole('heading', { level: 1 })).toBeVisible();
        await expect(app.getByText('Loading…')).toHaveCount(0);
        if (name === 'document') await expect(app.locator('.textLayer mark').first()).toBeVisible();
        await app.evaluate(() => document.fonts.ready);
        await app.screenshot({ path: join(FOLDER, `${name}-${width}-${colorScheme}.png`) });
      }
    }
  }
});
