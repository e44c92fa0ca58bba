// How the app is built: hashed files in dist, and beside them what pdf.js asks for by name.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import type { Plugin } from 'vite';

const PDFJS = join(import.meta.dirname, 'node_modules/pdfjs-dist');

/** Character maps, standard fonts and decoders of pdf.js; it fetches the few that a document needs. */
function pdfjsFiles(): Plugin {
  return {
    name: 'pdfjs-files',
    apply: 'build',
    generateBundle() {
      for (const folder of ['cmaps', 'standard_fonts', 'wasm']) {
        for (const name of readdirSync(join(PDFJS, folder))) {
          if (name.endsWith('.wasm') || name.startsWith('LICENSE')) continue;
          this.emitFile({ type: 'asset', fileName: `pdfjs/${folder}/${name}`, source: readFileSync(join(PDFJS, folder, name)) });
        }
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte(), pdfjsFiles()],
  build: {
    target: 'es2022',
    // A picture inside a style sheet would need `img-src data:` in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
  test: { include: ['src/**/*.test.ts'] },
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
});
