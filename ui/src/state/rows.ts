// Arrow keys in lists: from one row to the next, wherever the focus is in it.

/** Moves the focus when the key asks for it; whether it did. */
export function moved(event: KeyboardEvent): boolean {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  const target = event.target as HTMLElement;
  if (step === 0 || event.altKey || event.ctrlKey || event.metaKey || target.matches('input:not([type="checkbox"]), select, textarea')) return false;
  const rows = [...document.querySelectorAll<HTMLElement>('a.row')];
  const here = target.matches('a.row') ? target : target.closest('tr, li')?.querySelector<HTMLElement>('a.row');
  const at = here ? rows.indexOf(here) : -1;
  // From outside a list the first step leads into it, but scrolling a page is left alone.
  if (at < 0 && target !== document.body) return false;
  const next = rows[at < 0 ? 0 : at + step];
  if (!next) return false;
  event.preventDefault();
  next.focus();
  return true;
}
