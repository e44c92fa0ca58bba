// What goes to the trash by itself, and what stays: retention with its warning, and holds.
import { expect, test } from './support/fixtures';
import { tiny, uploaded } from './support/files';

test.describe.configure({ mode: 'serial' });

test('a document on hold says so everywhere and is not deleted until the hold is lifted', async ({ app }) => {
  const { document } = await uploaded(app.request, 'contract.png', { file: tiny(4711) });
  await app.goto(`/documents/${document}`);
  await app.getByRole('button', { name: 'Put on hold' }).click();
  const dialog = app.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: 'Put on hold' })).toBeDisabled();
  await dialog.getByLabel('Reason').fill('Lawsuit 17');
  await dialog.getByRole('button', { name: 'Put on hold' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(app.getByText('Lawsuit 17').first()).toBeVisible();
  await expect(app.getByRole('button', { name: 'Delete' })).toBeDisabled();

  await app.goto('/documents');
  await expect(app.getByRole('row').filter({ hasText: 'contract.png' })).toContainText('On hold');
  await app.getByLabel('Choose “contract.png”').check();
  await app.getByRole('region', { name: 'Chosen documents' }).getByRole('button', { name: 'Delete' }).click();
  await expect(app.getByText('on hold since').first()).toBeVisible();
  await expect(app.getByRole('link', { name: 'contract.png' })).toBeVisible();

  await app.goto(`/documents/${document}`);
  await app.getByRole('button', { name: 'Lift the hold' }).click();
  await app.getByRole('dialog').getByRole('button', { name: 'Lift the hold' }).click();
  await expect(app.getByRole('button', { name: 'Put on hold' })).toBeVisible();
  await app.getByRole('button', { name: 'Delete' }).click();
  await expect(app.getByRole('link', { name: 'contract.png' })).toHaveCount(0);
});

test.describe('on a line that is cut', () => {
  test.use({ refusals: [0] });

  test('a retention tells what it does before it is saved, and is there after a reload', async ({ app }) => {
    await app.goto('/retention');
    await expect(app.getByRole('button', { name: 'Save' })).toBeDisabled();
    await app.getByLabel('Retention: Organization').selectOption('days');
    const thought = app.waitForResponse((answer) => answer.url().endsWith('?dry_run=true'));
    await app.getByLabel('Days: Organization').fill('3650');
    expect((await thought).status()).toBe(200);
    await expect(app.getByRole('button', { name: 'Save' })).toBeEnabled();
    await app.getByLabel('Retention: fields').selectOption('ever');
    await expect(app.getByText('No document is moved to the trash by this now.')).toBeVisible();
    await app.getByRole('button', { name: 'Save' }).click();
    await expect(app.getByText('The retention is saved')).toBeVisible();
    await app.reload();
    await expect(app.getByLabel('Days: Organization')).toHaveValue('3650');
    await expect(app.getByLabel('Retention: fields')).toHaveValue('ever');

    await app.getByLabel('Days: Organization').fill('0');
    await expect(app.getByRole('button', { name: 'Save' })).toBeDisabled();
    await app.route('**/api/v1/organization/retention', (route) => (route.request().method() === 'PUT' ? route.abort() : route.continue()));
    await app.getByLabel('Days: Organization').fill('30');
    await app.getByRole('button', { name: 'Save' }).click();
    await expect(app.getByRole('alert')).toBeVisible();
    await app.unroute('**/api/v1/organization/retention');
    await app.getByLabel('Retention: Organization').selectOption('ever');
    await app.getByLabel('Retention: fields').selectOption('own');
    await app.getByRole('button', { name: 'Save' }).click();
    await expect(app.getByText('The retention is saved')).toBeVisible();
  });
});
