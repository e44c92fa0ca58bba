// What happens in the organization, as it happens: one stream for the whole app, opened again whenever it breaks.
import type { JobSummary } from '../api/client';
import { session } from './session.svelte';

/** Between two tries to connect again, in milliseconds; doubled up to the second one. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 15_000;
/** A stream that breaks for less than this is not worth a word, in milliseconds. */
const GRACE = 2_500;

type Tell = (job: JobSummary) => void;

class Live {
  /** Whether the line is cut, so that what is shown may be old. */
  isCutOff = $state(false);
  private stream: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private grace: ReturnType<typeof setTimeout> | undefined;
  private pause = FIRST_PAUSE;
  private last = '';
  private isWanted = false;
  private hasOpened = false;
  private readonly jobs = new Set<Tell>();
  private readonly reopened = new Set<() => void>();

  /** Opens the stream; returns how to close it. */
  open(): () => void {
    this.isWanted = true;
    this.connect();
    const reconnect = () => this.again(0);
    const lost = () => this.broke();
    window.addEventListener('online', reconnect);
    window.addEventListener('offline', lost);
    return () => {
      this.isWanted = false;
      this.stream?.close();
      clearTimeout(this.timer);
      clearTimeout(this.grace);
      this.isCutOff = false;
      this.last = '';
      this.hasOpened = false;
      window.removeEventListener('online', reconnect);
      window.removeEventListener('offline', lost);
    };
  }

  /** Told of each job that changes; returns how to stop. */
  onJob(tell: Tell): () => void {
    this.jobs.add(tell);
    return () => this.jobs.delete(tell);
  }

  /** Told when the stream is there again: something may have been missed meanwhile. */
  onReopened(tell: () => void): () => void {
    this.reopened.add(tell);
    return () => this.reopened.delete(tell);
  }

  private connect(): void {
    if (!this.isWanted) return;
    this.stream?.close();
    const stream = new EventSource(`/api/v1/events${this.last && `?last_event_id=${this.last}`}`);
    this.stream = stream;
    stream.onopen = () => {
      this.pause = FIRST_PAUSE;
      clearTimeout(this.grace);
      this.grace = undefined;
      const isAgain = this.hasOpened;
      this.hasOpened = true;
      this.isCutOff = false;
      if (isAgain) for (const tell of this.reopened) tell();
    };
    stream.onerror = () => this.broke();
    stream.addEventListener('job', (event: MessageEvent<string>) => {
      this.last = event.lastEventId;
      const job = JSON.parse(event.data) as JobSummary;
      for (const tell of this.jobs) tell(job);
    });
  }

  private broke(): void {
    this.stream?.close();
    // A stream says not why it ended: the session may have, too.
    if (this.isWanted) void session.recheck();
    this.grace ??= setTimeout(() => (this.isCutOff = true), GRACE);
    this.again(this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }

  private again(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), milliseconds);
  }
}

export const live = new Live();
