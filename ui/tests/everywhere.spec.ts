// What holds on every page: accessible in light and dark, no script of others, hostile text is text.
import AxeBuilder from '@axe-core/playwright';

import { expect, test } from './support/fixtures';
import { FIELDS, eachOf, printed, savePipeline, tiny, uploaded } from './support/files';
import { HOSTILE } from './support/hostile';

const PAGES = ['/documents', '/trash', '/jobs?group=all', '/pipelines', '/pipelines/searchable-pdf', '/pipelines/new', '/retention', '/system', '/account', '/components', '/nowhere'];

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ colorScheme });

    test('axe finds nothing on any page', async ({ app }) => {
      test.setTimeout(180_000);
      const known = await app.request.get('/api/v1/pipelines/letter-fields');
      if (!known.ok()) await savePipeline(app.request, FIELDS);
      const { document, job } = await uploaded(app.request, 'axe.pdf', { pipeline: 'letter-fields' });
      for (const path of [...PAGES, `/documents/${document}`, `/jobs/${job}`]) {
        await app.goto(path);
        await expect(app.getByRole('heading', { level: 1 })).toBeVisible();
        await app.waitForLoadState('load');
        await expect(app.getByText('Loading…')).toHaveCount(0);
        if (path.startsWith('/documents/')) await expect(app.locator('.textLayer span').first()).toBeAttached();
        const { violations } = await new AxeBuilder({ page: app }).analyze();
        expect(violations.map(({ id, nodes }) => `${path} ${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`)).toEqual([]);
      }
      await app.goto('/documents');
      await expect(app.getByRole('heading', { level: 1 })).toBeVisible();
      await app.keyboard.press('?');
      await expect(app.getByRole('dialog')).toBeVisible();
      const { violations } = await new AxeBuilder({ page: app }).analyze();
      expect(violations.map(({ id }) => id)).toEqual([]);
    });

    test('nor on the sign-in and the set-up', async ({ page }) => {
      await page.goto('/');
      await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
      expect((await new AxeBuilder({ page }).analyze()).violations.map(({ id }) => id)).toEqual([]);
    });
  });
}

test('two hundred hostile strings as names, titles and tags stay text', async ({ app }) => {
  test.setTimeout(180_000);
  expect(HOSTILE.length).toBeGreaterThanOrEqual(200);
  await eachOf(HOSTILE, async (text, at) => {
    const name = `${text.replaceAll(/[/\\\0-\x1f\x7f]/g, ' ').slice(0, 120)}.png`;
    const answer = await app.request.post('/api/v1/documents', {
      multipart: { file: { name, mimeType: 'image/png', buffer: tiny(10_000 + at) } },
    });
    if (!answer.ok()) return;
    const { document } = (await answer.json()) as { document: { id: string } };
    const title = text.replaceAll(/[\0-\x1f\x7f-\x9f]/g, ' ').trim().slice(0, 200);
    await app.request.patch(`/api/v1/documents/${document.id}`, { data: { title, tags: [title.slice(0, 40).trim() || 'x'] } });
  });
  for (const path of ['/documents', '/jobs?group=all', '/documents?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E']) {
    await app.goto(path);
    await expect(app.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(app.getByText('Loading…')).toHaveCount(0);
    expect(await app.locator('main').locator('script, iframe, object, embed, img[src="x"]').count()).toBe(0);
  }
  await app.goto('/documents');
  await app.getByRole('button', { name: 'Show as cards' }).click();
  await expect(app.locator('a.row').first()).toBeVisible();
  expect(await app.evaluate(() => (globalThis as { owned?: unknown }).owned)).toBeUndefined();
  await app.getByRole('button', { name: 'Show as a table' }).click();
});

test('hostile text inside of a document stays text, too', async ({ app }) => {
  const pages = Array.from({ length: Math.ceil(HOSTILE.length / 50) }, (_, page) =>
    HOSTILE.slice(page * 50, page * 50 + 50).map((text) => text.slice(0, 90)),
  );
  const { document, job } = await uploaded(app.request, 'hostile.pdf', { file: printed(pages) });
  for (const path of [`/documents/${document}?q=script`, `/jobs/${job}`, '/documents?q=onerror']) {
    await app.goto(path);
    await expect(app.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(app.getByText('Loading…')).toHaveCount(0);
    expect(await app.locator('main').locator('script, iframe, object, embed, img[src="x"]').count()).toBe(0);
  }
  await expect(app.locator('mark').first()).toBeVisible();
  await app.goto(`/documents/${document}`);
  await expect(app.getByRole('tabpanel')).toContainText('<script');
  expect(await app.evaluate(() => (globalThis as { owned?: unknown }).owned)).toBeUndefined();
});

test('on a telephone nothing is wider than the screen', async ({ app }) => {
  await app.setViewportSize({ width: 390, height: 844 });
  for (const path of ['/documents', '/jobs?group=all', '/pipelines', '/pipelines/new', '/system', '/account', '/components']) {
    await app.goto(path);
    await expect(app.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(app.getByText('Loading…')).toHaveCount(0);
    const wider = await app.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wider, path).toBeLessThanOrEqual(0);
  }
  await app.getByRole('button', { name: 'Menu' }).click();
  await app.getByRole('link', { name: 'Documents' }).click();
  await expect(app.getByRole('heading', { name: 'Documents' })).toBeVisible();
});
