// Opening PDFs with pdf.js. Loaded only by pages that show one.
import * as pdfjs from 'pdfjs-dist';
import workerUrl from 'pdfjs-dist/build/pdf.worker.min.mjs?url';
import { bytesHere } from './address';

pdfjs.GlobalWorkerOptions.workerSrc = workerUrl;

/** Where the build puts what pdf.js asks for by name: character maps, fonts, decoders. */
const PLACE = '/pdfjs';

/** Opens the PDF at an address of ours. */
export function openPdf(url: string): Promise<pdfjs.PDFDocumentProxy> {
  return pdfjs.getDocument({
    url: bytesHere(url),
    withCredentials: true,
    cMapUrl: `${PLACE}/cmaps/`,
    cMapPacked: true,
    standardFontDataUrl: `${PLACE}/standard_fonts/`,
    wasmUrl: `${PLACE}/wasm/`,
    // The content security policy lets no code be made at run time; the decoders exist as plain scripts, too.
    useWasm: false,
    isEvalSupported: false,
  }).promise;
}
