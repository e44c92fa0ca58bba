// The state of the installation as text, to be put into a report. In English: whoever helps reads it.
import type { Schemas } from '../api/client';

/** Everything that one is asked for when something does not work. */
export function systemText(system: Schemas['SystemView'], overview: Schemas['Overview'] | undefined): string {
  const { queue } = system;
  const lines = [
    `crPipeline ${system.version}, started ${system.started_at}`,
    `browser: ${navigator.userAgent}`,
    `database: ${system.database.kind}; storage: ${system.storage.kind}, free bytes: ${system.storage.free_bytes ?? 'unknown'}`,
    `queue: ${queue.queued} queued, ${queue.running} running, ${queue.retry} waiting to be tried again, ${queue.dead} given up, oldest ${queue.oldest_age_seconds} s`,
    `workers: ${system.workers.map(({ id, state, seen_at }) => `${id} ${state}, seen ${seen_at}`).join('; ') || 'none'}`,
    ...(overview ? [`documents: ${overview.documents}, stored bytes: ${overview.stored_bytes}, jobs: ${JSON.stringify(overview.jobs)}`] : []),
    ...system.checks.map(({ name, status, message, remedy }) => `${status}: ${name}: ${message}${remedy ? ` ${remedy}` : ''}`),
  ];
  return `${lines.join('\n')}\n`;
}
