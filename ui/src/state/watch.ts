// Follows one job: events from the server while the line holds, questions now and then while it does not.
import { api, take, type Job } from '../api/client';
import { Problem } from '../api/problem';

const FINAL = new Set<Job['status']>(['succeeded', 'failed', 'cancelled']);
/** Between two questions while there is no stream of events, in milliseconds; doubled up to the second one. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 15_000;
/** A burst of events asks for the job once. */
const GATHER = 150;

export interface Watcher {
  /** The job as it is now. */
  seen(job: Job): void;
  /** No answer for the moment (true), and answers again (false). */
  cutOff(isCut: boolean): void;
  /** The server will not show this job: it is gone, or the session is. */
  refused(problem: Problem): void;
}

export function isFinal(status: Job['status']): boolean {
  return FINAL.has(status);
}

/** Watches until the job is final, or until the returned function is called. */
export function watch(id: string, watcher: Watcher): () => void {
  let stopped = false;
  let stream: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = FIRST_PAUSE;
  let asking = false;

  const stop = () => {
    stopped = true;
    stream?.close();
    clearTimeout(timer);
    window.removeEventListener('online', askSoon);
  };

  const later = (milliseconds: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), milliseconds);
  };

  function askSoon(): void {
    if (!stopped && !asking) later(GATHER);
  }

  async function ask(): Promise<void> {
    asking = true;
    try {
      const job = await take(api.GET('/api/v1/jobs/{id}', { params: { path: { id } } }));
      if (stopped) return;
      pause = FIRST_PAUSE;
      watcher.cutOff(false);
      watcher.seen(job);
      if (isFinal(job.status)) stop();
      else listen(job.last_event_id);
    } catch (error) {
      const problem = Problem.from(error);
      if (stopped) return;
      if (!problem.retryable) {
        stop();
        watcher.refused(problem);
        return;
      }
      watcher.cutOff(true);
      later(pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    } finally {
      asking = false;
    }
  }

  function listen(last: number): void {
    if (stream && stream.readyState !== EventSource.CLOSED) return;
    stream = new EventSource(`/api/v1/jobs/${id}/events?last_event_id=${last}`);
    const kinds = ['queued', 'started', 'progress', 'stage_started', 'stage_finished', 'warning', 'retrying', 'cancel_requested'];
    for (const kind of [...kinds, 'succeeded', 'failed', 'cancelled']) stream.addEventListener(kind, askSoon);
    // The stream ends after the final event, at the end of the session, and when the line breaks: one question tells which.
    stream.onerror = () => {
      stream?.close();
      askSoon();
    };
  }

  window.addEventListener('online', askSoon);
  void ask();
  return stop;
}
