// Follows one job: asked for once, then whenever the stream says that it changed, and now and then while the line is cut.
import { api, take, type Job } from '../api/client';
import { Problem } from '../api/problem';
import { live } from './live.svelte';

const FINAL = new Set<Job['status']>(['succeeded', 'failed', 'cancelled']);
/** Between two questions while nothing is heard, in milliseconds; a stream can die without a word. */
const QUIET = 15_000;
/** A burst of changes asks for the job once. */
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
  let timer: ReturnType<typeof setTimeout> | undefined;

  const later = (milliseconds: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), milliseconds);
  };
  const soon = () => {
    if (!stopped) later(GATHER);
  };
  const endings = [live.onJob((job) => job.id === id && soon()), live.onReopened(soon)];
  const stop = () => {
    stopped = true;
    clearTimeout(timer);
    for (const end of endings) end();
  };

  async function ask(): Promise<void> {
    try {
      const job = await take(api.GET('/api/v1/jobs/{id}', { params: { path: { id } } }));
      if (stopped) return;
      watcher.cutOff(false);
      watcher.seen(job);
      if (isFinal(job.status)) stop();
      else later(QUIET);
    } catch (error) {
      const problem = Problem.from(error);
      if (stopped) return;
      if (!problem.retryable) {
        stop();
        watcher.refused(problem);
        return;
      }
      watcher.cutOff(true);
      later(QUIET);
    }
  }

  void ask();
  return stop;
}
