// Pictures of every page, for people to look at: `npm run screenshots`.
import base from './playwright.config';

export default { ...base, testMatch: 'screenshots.ts', timeout: 600_000 };
