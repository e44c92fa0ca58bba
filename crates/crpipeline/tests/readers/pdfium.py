"""Opens PDF files in PDFium, which is the reader inside Chromium, and reports the words, where they stand, and what a search finds.

Reads tasks as JSON from standard input, writes JSON to standard output.
"""

import ctypes
import json
import sys

import pypdfium2 as pdfium
import pypdfium2.raw as raw

# The page is laid on a screen this wide and high, fine enough to take its whole numbers for places.
SCREEN = 100_000


def on_page(page, box):
    """A box of the page's own coordinates as shares of its width and height as displayed."""
    left, bottom, right, top = box
    corners = []
    for x, y in [(left, bottom), (right, top), (left, top), (right, bottom)]:
        across, down = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page, 0, 0, SCREEN, SCREEN, 0, x, y, across, down)
        corners.append((across.value / SCREEN, down.value / SCREEN))
    xs, ys = zip(*corners)
    return [min(xs), min(ys), max(xs), max(ys)]


def union(boxes):
    left, top, right, bottom = zip(*boxes)
    return [min(left), min(top), max(right), max(bottom)]


def lines_of(page, text):
    """Words line by line; characters of which PDFium knows no box part nothing."""
    lines, word = [[]], []

    def end_of_word():
        if word:
            lines[-1].append({"text": "".join(c for c, _ in word), "box": union([box for _, box in word])})
            word.clear()

    for at in range(text.count_chars()):
        char = chr(raw.FPDFText_GetUnicode(text, at))
        if char in "\r\n":
            end_of_word()
            if lines[-1]:
                lines.append([])
        elif char.isspace():
            end_of_word()
        elif char != "\0":
            word.append((char, on_page(page, text.get_charbox(at, loose=True))))
    end_of_word()
    return [line for line in lines if line]


def found(page, text, word):
    searcher = text.search(word, match_case=True)
    boxes = []
    while (match := searcher.get_next()) is not None:
        count = text.count_rects(*match)
        boxes.append(union([on_page(page, text.get_rect(at)) for at in range(count)]))
    searcher.close()
    return boxes


def read(task):
    document = pdfium.PdfDocument(task["file"])
    pages = []
    for page in document:
        text = page.get_textpage()
        pages.append(
            {
                "copied": text.get_text_range(),
                "lines": lines_of(page, text),
                "found": {word: found(page, text, word) for word in task["searches"]},
            }
        )
        text.close()
        page.close()
    document.close()
    return {"pages": pages}


json.dump({"read": [read(task) for task in json.load(sys.stdin)]}, sys.stdout)
