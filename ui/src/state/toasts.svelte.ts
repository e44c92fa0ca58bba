// Short notes about what was just done, each with at most one thing to do about it.

/** How long a note stays, in milliseconds; longer where it offers something. */
const STAYS = 6_000;
const STAYS_WITH_ACTION = 15_000;

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
    setTimeout(() => this.dismiss(id), options.action ? STAYS_WITH_ACTION : STAYS);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
