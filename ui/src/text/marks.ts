// Marks in text: what was searched, wherever it stands. Text stays text; only elements of ours are put around it.

/** The words of a search, in lower case; what stands in quotes is one of them. */
export function wordsOf(search: string): string[] {
  const found = search.matchAll(/"([^"]+)"|(\S+)/g);
  return [...found].map(([, quoted, plain]) => (quoted ?? plain ?? '').replaceAll('"', '').toLocaleLowerCase().trim()).filter(Boolean);
}

export interface Piece {
  text: string;
  isMatch: boolean;
}

/** Cuts a text at every place where one of the words stands. */
export function cut(text: string, words: readonly string[]): Piece[] {
  const lower = text.toLocaleLowerCase();
  // Some letters change their length with their case; then places in one are not places in the other.
  if (lower.length !== text.length || words.length === 0) return [{ text, isMatch: false }];
  const pieces: Piece[] = [];
  let at = 0;
  for (;;) {
    const next = words
      .map((word) => ({ start: lower.indexOf(word, at), length: word.length }))
      .filter(({ start }) => start >= 0)
      .sort((a, b) => a.start - b.start || b.length - a.length)[0];
    if (!next) break;
    if (next.start > at) pieces.push({ text: text.slice(at, next.start), isMatch: false });
    pieces.push({ text: text.slice(next.start, next.start + next.length), isMatch: true });
    at = next.start + next.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), isMatch: false });
  return pieces;
}

/** How often the words stand in a text. */
export function countOf(text: string, search: string): number {
  return cut(text, wordsOf(search)).filter(({ isMatch }) => isMatch).length;
}

/** Puts marks into a layer of text whose elements each hold one run of it; marks of an earlier search go. */
export function markWords(layer: HTMLElement, search: string): void {
  const words = wordsOf(search);
  for (const element of layer.querySelectorAll<HTMLElement>('span:not(.markedContent)')) {
    const text = element.textContent;
    const hadMarks = element.querySelector('mark') !== null;
    const pieces = cut(text, words);
    if (!hadMarks && pieces.every(({ isMatch }) => !isMatch)) continue;
    element.replaceChildren(
      ...pieces.map((piece) => {
        if (!piece.isMatch) return document.createTextNode(piece.text);
        const mark = document.createElement('mark');
        mark.textContent = piece.text;
        return mark;
      }),
    );
  }
}
