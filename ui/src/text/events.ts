// What happened to a job, as sentences.
import { t, word } from './messages';

type Facts = Record<string, unknown>;

/** The sentence of an event; its bare name for a kind that is newer than this app. */
export function eventText(kind: string, facts: Facts): string {
  const number = (name: string) => Number(facts[name] ?? 0);
  const stage = word('stage', text(facts['stage']));
  switch (kind) {
    case 'queued':
      return t('event.queued');
    case 'started':
      return t('event.started');
    case 'progress':
      return t('event.progress', { done: number('pages_done'), total: number('pages_total') });
    case 'stage_started':
      return t('event.stage_started', { stage, attempt: number('attempt') });
    case 'stage_finished':
      return t('event.stage_finished', { stage, seconds: number('seconds') });
    case 'warning':
      return facts['page'] ? `${t('document.page', { page: number('page') })}: ${text(facts['message'])}` : text(facts['message']);
    case 'retrying':
      return t('event.retrying', { stage, why: failure(facts) });
    case 'failed':
      return t('event.failed', { why: failure(facts) });
    case 'succeeded':
      return t('event.succeeded');
    case 'cancel_requested':
      return t('event.cancel_requested');
    case 'cancelled':
      return t('event.cancelled');
    default:
      return kind.replaceAll('_', ' ');
  }
}

function failure(facts: Facts): string {
  const failure = facts['failure'];
  return typeof failure === 'object' && failure !== null && 'message' in failure ? text(failure.message) : '';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
