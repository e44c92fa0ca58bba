// Short notes about what was just done, each with at most one thing to do about it.
import { Problem } from '../api/problem';
import { told } from '../text/failures';
import { t } from '../text/messages';

/** How long a note stays, in milliseconds; longer where it offers something or went wrong. */
const STAYS = 6_000;
const STAYS_TO_READ = 15_000;

export interface Toast {
  id: number;
  text: string;
  kind: 'plain' | 'bad';
  action: { label: string; run: () => void } | undefined;
}

class Toasts {
  list = $state<Toast[]>([]);
  private next = 0;

  show(text: string, options: { kind?: Toast['kind']; action?: Toast['action'] } = {}): void {
    const id = this.next++;
    this.list.push({ id, text, kind: options.kind ?? 'plain', action: options.action });
    setTimeout(() => this.dismiss(id), options.action || options.kind === 'bad' ? STAYS_TO_READ : STAYS);
  }

  /** What went wrong, what to do, and the request's id. */
  refused(error: unknown): void {
    const problem = Problem.from(error);
    const { what, remedy } = told(problem);
    const { request } = problem;
    this.show([what.replace(/\.$/, '') + '.', remedy, request && t('problem.request', { id: request })].filter(Boolean).join(' '), { kind: 'bad' });
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
