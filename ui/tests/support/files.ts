// Documents and pipelines for the tests, made by the API as a script would make them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, type APIRequestContext, type Page } from '@playwright/test';

const EXAMPLES = join(import.meta.dirname, '../../../examples/documents');

/** Two pages of a letter, scanned. */
export const LETTER = join(EXAMPLES, 'letter.pdf');

export const FIELDS = `name: letter-fields
stages:
  - type: ocr
  - type: parse
    fields:
      - { name: addressee, pattern: '(Mrs Eleanor \\w+)' }
      - { name: house, pattern: '(The Old \\w+)' }
`;

interface Made {
  document: string;
  job: string;
}

/** Uploads a file under a name of its own, and waits until its job has ended. */
export async function uploaded(request: APIRequestContext, name: string, options: { file?: Buffer; pipeline?: string } = {}): Promise<Made> {
  const buffer = options.file ?? readFileSync(LETTER);
  const answer = await request.post('/api/v1/documents', {
    multipart: { file: { name, mimeType: 'application/pdf', buffer }, ...(options.pipeline && { pipeline: options.pipeline }) },
  });
  expect(answer.status(), await answer.text()).toBe(202);
  const { document, job } = (await answer.json()) as { document: { id: string }; job: { id: string } };
  await expect
    .poll(async () => ((await (await request.get(`/api/v1/jobs/${job.id}`)).json()) as { status: string }).status, { timeout: 60_000 })
    .toMatch(/succeeded|failed|cancelled/);
  return { document: document.id, job: job.id };
}

export async function savePipeline(request: APIRequestContext, source: string): Promise<void> {
  const answer = await request.post('/api/v1/pipelines', { data: { source } });
  expect(answer.status(), await answer.text()).toBe(201);
}

/** Does something for each, a few at a time. */
export async function eachOf<T>(items: readonly T[], work: (item: T, at: number) => Promise<void>, atOnce = 8): Promise<void> {
  const waiting = [...items.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** The letter behind a password. */
export function encrypted(): Buffer {
  const out = join(mkdtempSync(join(tmpdir(), 'crp-ui-')), 'locked.pdf');
  execFileSync('qpdf', ['--encrypt', 'user', 'owner', '256', '--', LETTER, out]);
  return readFileSync(out);
}

/** A smallest picture that is a document: one white pixel as PNG, told apart by a comment. */
export function tiny(number: number): Buffer {
  const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP6DwABBQECz6AuzQAAAABJRU5ErkJggg==';
  return Buffer.concat([Buffer.from(pixel, 'base64'), Buffer.from(`#${number}`)]);
}

/** A PDF whose pages say these lines, printed; what is not Latin-1 is left out. */
export function printed(pages: readonly (readonly string[])[]): Buffer {
  const literal = (text: string) => text.replaceAll(/[^ -~\u00a1-\u00ff]/g, '').replaceAll(/[\\()]/g, (sign) => `\\${sign}`);
  const objects = ['<</Type/Catalog/Pages 2 0 R>>', '', '<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>'];
  const kids: string[] = [];
  for (const lines of pages) {
    const content = lines.map((line, at) => `BT /F 9 Tf 30 ${800 - at * 14} Td (${literal(line)}) Tj ET`).join('\n');
    objects.push(`<</Length ${content.length}>>stream\n${content}\nendstream`);
    objects.push(
      `<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents ${objects.length} 0 R>>`,
    );
    kids.push(`${objects.length} 0 R`);
  }
  objects[1] = `<</Type/Pages/Kids[${kids.join(' ')}]/Count ${kids.length}>>`;
  let text = '%PDF-1.4\n';
  const places = objects.map((object, at) => {
    const place = text.length;
    text += `${at + 1} 0 obj${object}endobj\n`;
    return place;
  });
  const table = places.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('');
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${text.length}\n%%EOF`;
  return Buffer.from(text, 'latin1');
}

/** The library that plays Tesseract and crashes on pages that are higher than broad. */
export function crashingEngine(): Record<string, string> {
  const library = join(mkdtempSync(join(tmpdir(), 'crp-ui-')), 'libengine.so');
  const source = join(import.meta.dirname, '../../../crates/crp-testkit/src/faulty_engine/engine.c');
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source]);
  return { CRPIPELINE_TESSERACT_LIBRARY: library, TESSDATA_PREFIX: 'crash' };
}

/** Drops files onto the page as somebody would who drags them from a folder. */
export async function drop(page: Page, files: { name: string; buffer: Buffer }[]): Promise<void> {
  const data = files.map(({ name, buffer }) => ({ name, base64: buffer.toString('base64') }));
  await page.evaluate((dropped) => {
    const transfer = new DataTransfer();
    for (const { name, base64 } of dropped) {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      transfer.items.add(new File([bytes], name));
    }
    for (const type of ['dragenter', 'dragover', 'drop']) {
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }
  }, data);
}
