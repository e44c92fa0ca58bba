// Opening PDFs with pdf.js. Loaded only by pages that show one.
import * as pdfjs from 'pdfjs-dist';
import workerUrl from 'pdfjs-dist/build/pdf.worker.min.mjs?url';

pdfjs.GlobalWorkerOptions.workerSrc = workerUrl;

/** Opens the PDF at an address of ours. */
export function openPdf(url: string): Promise<pdfjs.PDFDocumentProxy> {
  return pdfjs.getDocument({ url, withCredentials: true, useWasm: false }).promise;
}
