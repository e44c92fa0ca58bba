// Every address of the app on one page. What only some pages need is loaded with them.
import { createRouter } from 'sv-router';

import Documents from './pages/Documents.svelte';
import NotFound from './pages/NotFound.svelte';

export const { p, navigate, isActive, route } = createRouter({
  '/': Documents,
  '/documents': Documents,
  '/documents/:id': () => import('./pages/Document.svelte'),
  '/trash': Documents,
  '/jobs': () => import('./pages/Jobs.svelte'),
  '/jobs/:id': () => import('./pages/Job.svelte'),
  '/pipelines': () => import('./pages/Pipelines.svelte'),
  '/pipelines/:name': () => import('./pages/Pipeline.svelte'),
  '/retention': () => import('./pages/Retention.svelte'),
  '/system': () => import('./pages/System.svelte'),
  '/account': () => import('./pages/Account.svelte'),
  '/components': () => import('./pages/Components.svelte'),
  '*': NotFound,
});
