// The files on their way: sent one after the other, then followed until their jobs end. Survives leaving a page and loading it again.
import { isProblem, type Job } from '../api/client';
import { Problem } from '../api/problem';
import type { Schemas } from '../api/client';
import { isFinal, watch } from './watch';

type Uploaded = Schemas['Uploaded'];

/** Where a file is. */
export type Phase =
  | { kind: 'waiting' }
  | { kind: 'sending'; share: number }
  /** The line broke; it is sent again by itself. */
  | { kind: 'resting' }
  | { kind: 'following'; job: Job | undefined }
  | { kind: 'refused'; problem: Problem }
  | { kind: 'interrupted' };

export interface Upload {
  /** Made here; also the Idempotency-Key, so that sending again never makes a second document. */
  key: string;
  name: string;
  size: number;
  phase: Phase;
  isCutOff: boolean;
  document: string | undefined;
  job: string | undefined;
}

const STORED = 'crpipeline.uploads';
const MOST_KEPT = 200;
/** Answers of something between us and the server, and of a server that is about to come back. */
const PASSING = new Set([0, 502, 503, 504]);
/** Between two tries to send a file, in milliseconds; doubled up to the second one. */
const FIRST_REST = 2_000;
const LONGEST_REST = 30_000;

class Uploads {
  list = $state<Upload[]>([]);
  private readonly files = new Map<string, File>();
  private readonly watching = new Map<string, () => void>();
  private sending: XMLHttpRequest | undefined;
  private rest = FIRST_REST;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    window.addEventListener('online', () => this.wake());
    this.list = restored();
    for (const upload of this.list) if (upload.job !== undefined) this.follow(upload.key, upload.job);
  }

  add(files: Iterable<File>): void {
    for (const file of files) {
      const key = newKey();
      this.files.set(key, file);
      this.list.unshift({
        key,
        name: file.name,
        size: file.size,
        phase: { kind: 'waiting' },
        isCutOff: false,
        document: undefined,
        job: undefined,
      });
    }
    this.store();
    this.next();
  }

  /** Sends again what the line or the server refused for now. */
  again(key: string): void {
    const upload = this.find(key);
    if (!upload || !this.files.has(key)) return;
    upload.phase = { kind: 'waiting' };
    this.next();
  }

  canSendAgain(key: string): boolean {
    return this.files.has(key);
  }

  /** Takes a file off the list; its document and job stay. */
  dismiss(key: string): void {
    if (this.find(key)?.phase.kind === 'sending') this.sending?.abort();
    this.watching.get(key)?.();
    this.watching.delete(key);
    this.files.delete(key);
    this.list = this.list.filter((upload) => upload.key !== key);
    this.store();
    this.next();
  }

  clearEnded(): void {
    for (const { key, phase } of [...this.list]) {
      const hasEnded = phase.kind === 'following' && phase.job !== undefined && isFinal(phase.job.status);
      if (hasEnded || phase.kind === 'interrupted') this.dismiss(key);
    }
  }

  /** Follows a job that was made elsewhere, by trying again for example. */
  followAgain(key: string, job: string): void {
    const upload = this.find(key);
    if (!upload) return;
    upload.job = job;
    upload.phase = { kind: 'following', job: undefined };
    this.store();
    this.follow(key, job);
  }

  /** What rested goes on. */
  private wake(): void {
    clearTimeout(this.timer);
    for (const upload of this.list) if (upload.phase.kind === 'resting') upload.phase = { kind: 'waiting' };
    this.next();
  }

  private find(key: string): Upload | undefined {
    return this.list.find((upload) => upload.key === key);
  }

  private next(): void {
    if (this.sending || this.list.some(({ phase }) => phase.kind === 'resting')) return;
    const upload = this.list.findLast(({ phase }) => phase.kind === 'waiting');
    const file = upload && this.files.get(upload.key);
    if (upload && file) this.send(upload, file);
  }

  /** By XMLHttpRequest: fetch does not tell how much has been sent. */
  private send(upload: Upload, file: File): void {
    const request = new XMLHttpRequest();
    this.sending = request;
    upload.phase = { kind: 'sending', share: 0 };
    const form = new FormData();
    form.append('file', file, file.name);
    request.open('POST', '/api/v1/documents');
    request.setRequestHeader('Idempotency-Key', upload.key);
    request.responseType = 'json';
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) upload.phase = { kind: 'sending', share: event.loaded / event.total };
    };
    request.onloadend = () => {
      this.sending = undefined;
      this.answered(upload, request);
      this.next();
    };
    request.send(form);
  }

  private answered(upload: Upload, request: XMLHttpRequest): void {
    const body: unknown = request.response;
    if (PASSING.has(request.status) && this.find(upload.key)) {
      upload.phase = { kind: 'resting' };
      this.timer = setTimeout(() => this.wake(), this.rest);
      this.rest = Math.min(this.rest * 2, LONGEST_REST);
      return;
    }
    this.rest = FIRST_REST;
    if (request.status === 202) {
      const { document, job } = body as Uploaded;
      this.files.delete(upload.key);
      upload.document = document.id;
      upload.job = job.id;
      upload.phase = { kind: 'following', job: undefined };
      this.store();
      this.follow(upload.key, job.id);
      return;
    }
    const problem = isProblem(body) ? Problem.of(body) : Problem.foreign(request.status);
    upload.phase = { kind: 'refused', problem };
    this.store();
  }

  private follow(key: string, job: string): void {
    this.watching.get(key)?.();
    const stop = watch(job, {
      seen: (seen) => this.seen(key, seen),
      cutOff: (isCut) => {
        const upload = this.find(key);
        if (upload) upload.isCutOff = isCut;
      },
      refused: (problem) => {
        const upload = this.find(key);
        if (problem.code === 'not_found') this.dismiss(key);
        else if (upload && problem.code !== 'not_signed_in') upload.phase = { kind: 'refused', problem };
      },
    });
    this.watching.set(key, stop);
  }

  private seen(key: string, job: Job): void {
    const upload = this.find(key);
    if (!upload) return;
    upload.phase = { kind: 'following', job };
  }

  private store(): void {
    const kept = this.list.slice(0, MOST_KEPT).map(({ key, name, size, document, job }) => ({ key, name, size, document, job }));
    sessionStorage.setItem(STORED, JSON.stringify(kept));
  }
}

/** 128 bits of chance, hexadecimal. Not `randomUUID`, which browsers withhold from pages that come without TLS. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What the page knew before it was loaded again; a file that was still being sent has to be chosen again. */
function restored(): Upload[] {
  try {
    const kept = JSON.parse(sessionStorage.getItem(STORED) ?? '[]') as Pick<Upload, 'key' | 'name' | 'size' | 'document' | 'job'>[];
    return kept.map((upload) => ({
      ...upload,
      document: upload.document,
      job: upload.job,
      isCutOff: false,
      phase: upload.job === undefined ? { kind: 'interrupted' } : { kind: 'following', job: undefined },
    }));
  } catch {
    return [];
  }
}

export const uploads = new Uploads();
