// Which documents are wanted, as the address says it: whoever opens the link sees the same list.
import type { JobStatus } from '../api/client';

export const STATES: readonly JobStatus[] = ['queued', 'running', 'succeeded', 'failed', 'cancelled'];
export const SORTS = ['newest', 'oldest', 'title', '-title', 'date', '-date', 'largest', 'relevance'] as const;
export type Sort = (typeof SORTS)[number];

export interface Filters {
  q: string;
  status: JobStatus | undefined;
  pipeline: string;
  tags: string[];
  from: string;
  to: string;
  sort: Sort | undefined;
  isTrash: boolean;
}

interface Parameters {
  get(name: string): string | number | boolean | null;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Reads an address; what makes no sense is as good as not there. */
export function readFilters(parameters: Parameters, isTrash: boolean): Filters {
  const text = (name: string) => String(parameters.get(name) ?? '').trim();
  const day = (name: string) => (DAY.test(text(name)) ? text(name) : '');
  return {
    q: text('q'),
    status: STATES.find((state) => state === text('status')),
    pipeline: text('pipeline'),
    tags: text('tag').split(',').filter(Boolean),
    from: day('from'),
    to: day('to'),
    sort: SORTS.find((sort) => sort === text('sort')),
    isTrash,
  };
}

/** Whether the list is cut by anything but its order. */
export function isFiltered(filters: Filters): boolean {
  const { q, status, pipeline, tags, from, to } = filters;
  return q !== '' || status !== undefined || pipeline !== '' || tags.length > 0 || from !== '' || to !== '';
}

/** The same as the API wants it. */
export function toQuery(filters: Filters) {
  const { q, status, pipeline, tags, from, to, sort, isTrash } = filters;
  return {
    ...(q && { q }),
    ...(status && { status }),
    ...(pipeline && { pipeline }),
    ...(tags.length > 0 && { tag: tags.join(',') }),
    ...(from && { from }),
    ...(to && { to }),
    ...(sort && { sort }),
    ...(isTrash && { trashed: true }),
  };
}
