// Signing in and out, the password, and sessions that end elsewhere.
import { expect, signIn, test } from './support/fixtures';
import { ADMIN } from './support/server';

test.describe('a wrong password', () => {
  test.use({ refusals: [401] });
  test('is told, with what to do, and the address stays', async ({ page }) => {
    await page.goto('/jobs');
    await page.getByLabel('E-mail').fill(ADMIN.email);
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('alert')).toContainText('password');
    await expect(page.getByRole('alert')).toContainText('Request');
    await page.getByLabel('Password').fill(ADMIN.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('heading', { name: 'Jobs' })).toBeVisible();
  });
});

test.describe('signing out', () => {
  // What was asked a moment before may be answered a moment after.
  test.use({ refusals: [401] });
  test('leads to the sign-in, and the way back stays closed', async ({ app }) => {
    await app.getByRole('button', { name: 'Sign out' }).click();
    await expect(app.getByRole('heading', { name: 'Sign in' })).toBeVisible();
    await app.goto('/documents');
    await expect(app.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  });
});

test.describe('a session that is ended from another browser', () => {
  test.use({ refusals: [401, 0] });
  test('ends here with a word about it', async ({ app, browser, baseURL }) => {
    const other = await browser.newPage({ baseURL: baseURL ?? '' });
    await signIn(other);
    await other.goto('/account');
    const sessions = other.locator('section', { hasText: 'Where you are signed in' }).getByRole('listitem');
    await expect(sessions.filter({ hasText: 'This one' })).toHaveCount(1);
    const others = sessions.filter({ hasNotText: 'This one' });
    for (let left = await others.count(); left > 0; left--) {
      await others.first().getByRole('button', { name: 'End' }).click();
      await expect(others).toHaveCount(left - 1);
    }
    await app.getByRole('link', { name: 'Account' }).click();
    await expect(app.getByText('Your session has ended')).toBeVisible();
    await other.close();
  });
});

test.describe('the password', () => {
  test.use({ refusals: [403, 422, 401] });
  test('is changed by who knows the old one', async ({ app }) => {
    await app.goto('/account');
    await app.getByLabel('Current password').fill('not this one');
    await app.getByLabel('New password').fill('another long password');
    await app.getByRole('button', { name: 'Change the password' }).click();
    await expect(app.getByRole('alert')).toContainText('password');
    await app.getByLabel('Current password').fill(ADMIN.password);
    await app.getByRole('button', { name: 'Change the password' }).click();
    await expect(app.getByText('The password is changed')).toBeVisible();
    await app.getByLabel('Current password').fill('another long password');
    await app.getByLabel('New password').fill(ADMIN.password);
    await app.getByRole('button', { name: 'Change the password' }).click();
    await expect(app.getByLabel('Current password')).toHaveValue('');
  });
});

test('German is there for who asks for it', async ({ app }) => {
  await app.goto('/account');
  await app.getByLabel('Language').selectOption('de');
  await expect(app.getByRole('heading', { name: 'Konto' })).toBeVisible();
  await expect(app.locator('html')).toHaveAttribute('lang', 'de');
  await app.getByLabel('Sprache').selectOption('en');
  await expect(app.getByRole('heading', { name: 'Account' })).toBeVisible();
});
