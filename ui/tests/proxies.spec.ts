// Behind nginx and Caddy, as `deploy` configures them: large uploads and live events pass.
import { readFileSync } from 'node:fs';

import { expect, guard, signIn, test } from './support/fixtures';
import { LETTER, drop } from './support/files';
import { Proxy } from './support/proxy';

/** More than a proxy keeps in memory, and than nginx takes by default. */
const LARGE_BYTES = 80 * 1024 * 1024;

for (const kind of ['nginx', 'caddy'] as const) {
  test(`behind ${kind} files go up and events come down`, async ({ browser, server }) => {
    const proxy = await Proxy.start(kind, server.url);
    try {
      const page = await browser.newPage({ baseURL: proxy.url });
      const faults = guard(page, () => proxy.url, []);
      await signIn(page);
      const opened = await page.evaluate(
        () =>
          new Promise((resolve) => {
            const stream = new EventSource('/api/v1/events');
            stream.onopen = () => {
              stream.close();
              resolve('opened');
            };
            stream.onerror = () => resolve('broke');
          }),
      );
      expect(opened).toBe('opened');
      await drop(page, [{ name: `${kind}.pdf`, buffer: readFileSync(LETTER) }]);
      const tray = page.getByRole('region', { name: 'Uploads' });
      await expect(tray.getByRole('link', { name: 'Open' })).toHaveCount(1, { timeout: 60_000 });
      // The list hears of it through the stream alone.
      await expect(page.getByRole('row').filter({ hasText: `${kind}.pdf` })).toContainText('Done');
      await expect(page.getByText('No connection to the server')).toHaveCount(0);

      const large = Buffer.concat([readFileSync(LETTER), Buffer.alloc(LARGE_BYTES)]);
      const answer = await page.request.post(`${proxy.url}/api/v1/documents`, {
        multipart: { file: { name: 'large.pdf', mimeType: 'application/pdf', buffer: large } },
      });
      expect(answer.status(), await answer.text()).toBe(202);
      expect(faults).toEqual([]);
      await page.close();
    } finally {
      await proxy.stop();
    }
  });
}
