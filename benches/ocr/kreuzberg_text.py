"""Reads files with Kreuzberg on Tesseract, text only: the peer's own pages, form feeds between them.

usage: kreuzberg_text.py LANGUAGES auto|force THREADS FOLDER FILE…      writes FOLDER/NAME.txt for every file
"""

import pathlib
import re
import sys

from kreuzberg import (
    ConcurrencyConfig,
    ExtractionConfig,
    OcrConfig,
    PageConfig,
    batch_extract_files_sync,
    extract_file_sync,
)


# With forced OCR its list of pages comes out empty, and form feeds do not survive: pages are told apart by a line of text.
MARK = "@@page {page_num}@@"


def text_of(result):
    """The text of every page, form feeds between them."""
    first, *pages = re.split(r"@@page \d+@@", result.content)
    return "\f".join(pages) if pages else first


def main(languages, mode, threads, folder, *files):
    config = ExtractionConfig(
        # A second round would otherwise be read from its cache.
        use_cache=False,
        force_ocr=mode == "force",
        ocr=OcrConfig(backend="tesseract", language=languages),
        pages=PageConfig(extract_pages=True, insert_page_markers=True, marker_format=f"\n\n{MARK}\n\n"),
        concurrency=ConcurrencyConfig(max_threads=int(threads)),
        max_concurrent_extractions=int(threads),
    )
    if len(files) == 1:
        results = [extract_file_sync(files[0], config=config)]
    else:
        results = batch_extract_files_sync(list(files), config=config)
    for file, result in zip(files, results, strict=True):
        target = pathlib.Path(folder, pathlib.Path(file).stem + ".txt")
        target.write_text(text_of(result), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
