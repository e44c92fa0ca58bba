// The first minutes: set up by the link, an empty list that says what to do, a sample, and its text.
import { expect, guard, test } from './support/fixtures';
import { Server } from './support/server';

test.describe('the first run', () => {
  let fresh: Server;
  test.beforeAll(async () => {
    fresh = await Server.start({ hasAdmin: false });
  });
  test.afterAll(() => fresh.remove());

  test('a wrong link says so, and the sign-in says what is missing', async ({ browser }) => {
    const page = await browser.newPage();
    const faults = guard(page, () => fresh.url, [403]);
    await page.goto(`${fresh.url}/setup?token=0000`);
    await expect(page.getByRole('alert')).toContainText('one-time link');
    await expect(page.getByLabel('Organization')).toHaveCount(0);
    await page.goto(fresh.url);
    await expect(page.getByRole('status')).toContainText('not set up yet');
    expect(faults).toEqual([]);
    await page.close();
  });

  test('from the link of the log to the text of a sample', async ({ browser }) => {
    const page = await browser.newPage();
    const faults = guard(page, () => fresh.url, [422]);
    await page.goto(await fresh.setupLink());
    await page.getByLabel('Organization').fill('Harbour Lane');
    await page.getByLabel('Languages of its documents').fill('../etc');
    await page.getByLabel('Your name').fill('Margaret');
    await page.getByLabel('Your e-mail').fill('margaret@example.org');
    await page.getByLabel('Your password').fill('thistle and wood and glue');
    await page.getByRole('button', { name: 'Set up' }).click();
    await expect(page.getByRole('alert')).toContainText('Languages are codes');
    await page.getByLabel('Languages of its documents').fill('eng');
    await page.getByRole('button', { name: 'Set up' }).click();

    await expect(page.getByText('Drop a scan anywhere on this page')).toBeVisible();
    await page.getByRole('button', { name: 'Try it with a sample' }).click();
    const tray = page.getByRole('region', { name: 'Uploads' });
    await expect(tray.getByText('letter.pdf').first()).toBeVisible();
    await tray.getByRole('link', { name: 'Open' }).click({ timeout: 60_000 });
    await expect(page.getByRole('heading', { name: 'letter.pdf' })).toBeVisible();
    await expect(page.getByRole('tabpanel')).toContainText('Eleanor Whitcombe');
    expect(faults).toEqual([]);
    await page.close();
  });
});
