// What every test in the browser has: a server, a page that is signed in, and a guard over what no page may ever do.
import { expect, test as base, type Page } from '@playwright/test';

import { ADMIN, Server } from './server';

export { expect };

interface Own {
  /** Statuses of refusals that this test causes on purpose; the browser writes them to the console. */
  refusals: number[];
  /** A page of somebody who is signed in. */
  app: Page;
}

interface Shared {
  server: Server;
}

export const test = base.extend<Own, Shared>({
  server: [
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      await server.remove();
    },
    { scope: 'worker' },
  ],
  baseURL: async ({ server }, use) => {
    await use(server.url);
  },
  refusals: [[], { option: true }],
  page: async ({ page, server, refusals }, use) => {
    const faults = guard(page, () => server.url, refusals);
    await use(page);
    expect(faults, 'console errors, policy violations, foreign requests, dialogs').toEqual([]);
  },
  app: async ({ page }, use) => {
    await signIn(page);
    await use(page);
  },
});

/** Collects what a page does that it must not do. */
export function guard(page: Page, url: () => string, refusals: readonly number[]): string[] {
  const faults: string[] = [];
  page.on('console', (message) => {
    const text = message.text();
    const status = /status of (\d+)/.exec(text)?.[1];
    const isExpected = status !== undefined && refusals.includes(Number(status));
    // A line that is cut on purpose is told as ERR_…; refusal 0 stands for it.
    const isCut = refusals.includes(0) && text.includes('net::ERR_');
    if (message.type() === 'error' && !isExpected && !isCut) faults.push(`console: ${text} (${message.location().url})`);
  });
  page.on('pageerror', (error) => faults.push(`thrown: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol.startsWith('http') && host !== new URL(url()).host) faults.push(`foreign request: ${request.url()}`);
  });
  return faults;
}

export async function signIn(page: Page, { email, password } = ADMIN): Promise<void> {
  await page.goto('/');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('navigation')).toBeVisible();
}
