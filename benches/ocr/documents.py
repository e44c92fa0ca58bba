"""Makes bench documents whose text is known: small print as a scan, and a document that is text already.

usage: documents.py TRUTH_FOLDER FONT_FOLDER OUTPUT_FOLDER

TRUTH_FOLDER holds pNN.txt, the texts that are set. Writes small-print.pdf and vector.pdf, and beside each a folder of the same
name with what stands on its pages: pNN.txt, and labels.txt with a line for each page. The same input gives the same bytes.
"""

import pathlib
import random
import re
import sys
import time

import numpy
from PIL import Image, ImageDraw, ImageFilter, ImageFont

DOTS_PER_INCH = 300
# A4.
PAGE_POINTS = (595, 842)
MARGIN_POINTS = 50
GUTTER_POINTS = 20
# Drawn larger and brought down afterwards, as light falls on a sensor.
SUPERSAMPLING = 3
SMALL_PRINT_POINTS = (5, 6, 7, 8, 10)
SMALL_PRINT_WORDS = 420
VECTOR_PAGES = 24
VECTOR_WORDS = 450
# Helvetica of the vector document has the widths of Liberation Sans.
SANS, SERIF = "LiberationSans-Regular.ttf", "LiberationSerif-Regular.ttf"


def words_of(folder):
    """All words of the texts, those hyphenated at the end of a line put together, without what the fonts lack."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("p*.txt")))
    text = text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0xFB01: "fi", 0xFB02: "fl", 0x2013: "-", 0x2014: "-"})
    text = re.sub(r"-\n\s*", "", text)
    return [word for word in text.split() if word.isascii() and word.isprintable()]


def lines_of(words, font, width):
    """The words broken into lines of at most so many points."""
    lines, line = [], []
    for word in words:
        if line and font.getlength(" ".join([*line, word])) > width:
            lines.append(line)
            line = []
        line.append(word)
    return [*lines, line] if line else lines


def columns_of(words, font, size, columns):
    """The lines of every column with the place of their baselines: (x, y, text) in points from the top left corner."""
    width = (PAGE_POINTS[0] - 2 * MARGIN_POINTS - GUTTER_POINTS * (columns - 1)) / columns
    lines = lines_of(words, font, width)
    per_column = -(-len(lines) // columns)
    placed = []
    for number, line in enumerate(lines):
        column, row = divmod(number, per_column)
        x = MARGIN_POINTS + column * (width + GUTTER_POINTS)
        y = MARGIN_POINTS + size + row * size * 1.2
        if y > PAGE_POINTS[1] - MARGIN_POINTS:
            raise SystemExit(f"{len(words)} words of {size} points do not fit on a page")
        placed.append((x, y, " ".join(line)))
    return placed


def as_scanned(placed, font_file, size, seed):
    """A page as a scanner sees it: gray, a little askew, a little blurred, on paper that is not evenly white."""
    scale = DOTS_PER_INCH / 72 * SUPERSAMPLING
    page = Image.new("L", tuple(round(points * scale) for points in PAGE_POINTS), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.truetype(font_file, size * scale)
    for x, y, text in placed:
        draw.text((x * scale, y * scale), text, font=font, fill=0, anchor="ls")
    page = page.reduce(SUPERSAMPLING)
    chance = random.Random(seed)
    page = page.rotate(chance.uniform(-0.6, 0.6), Image.Resampling.BICUBIC, fillcolor=255)
    page = page.filter(ImageFilter.GaussianBlur(0.6))
    ink = numpy.asarray(page, dtype=numpy.float32) / 255
    rows, columns = ink.shape
    # Paper between 228 and 246, ink at 35.
    shade = numpy.linspace(-1, 1, columns)[None, :] * chance.uniform(-1, 1) + numpy.linspace(-1, 1, rows)[:, None] * chance.uniform(-1, 1)
    paper = 237 + 4.5 * shade
    seen = 35 + ink * (paper - 35) + numpy.random.default_rng(seed).normal(0, 5, ink.shape)
    return Image.fromarray(numpy.clip(seen, 0, 255).astype(numpy.uint8))


def write_truth(folder, texts, labels):
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts, 1):
        folder.joinpath(f"p{number:02}.txt").write_text(text + "\n", encoding="utf-8")
    folder.joinpath("labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def small_print(words, fonts, output):
    pages, texts, labels = [], [], []
    for size in SMALL_PRINT_POINTS:
        for columns, font_file in ((1, fonts / SERIF), (2, fonts / SANS)):
            start = len(pages) * SMALL_PRINT_WORDS
            measure = ImageFont.truetype(font_file, size * 10)
            measured = Measure(measure, 10)
            placed = columns_of(words[start : start + SMALL_PRINT_WORDS], measured, size, columns)
            pages.append(as_scanned(placed, font_file, size, seed=len(pages)))
            texts.append("\n".join(text for _, _, text in placed))
            labels.append(f"{size} pt, {'one column' if columns == 1 else 'two columns'}")
    epoch = time.gmtime(0)
    pages[0].save(
        output / "small-print.pdf",
        save_all=True,
        append_images=pages[1:],
        resolution=DOTS_PER_INCH,
        quality=60,
        creationDate=epoch,
        modDate=epoch,
    )
    write_truth(output / "small-print", texts, labels)


class Measure:
    """Lengths in points from a font that is kept larger, since its own steps are whole pixels."""

    def __init__(self, font, factor):
        self.font, self.factor = font, factor

    def getlength(self, text):
        return self.font.getlength(text) / self.factor


def vector(words, fonts, output):
    """A document of text, two columns of Helvetica, as a word processor would write it."""
    size = 10
    measured = Measure(ImageFont.truetype(fonts / SANS, size * 10), 10)
    contents, texts = [], []
    for number in range(VECTOR_PAGES):
        start = number * VECTOR_WORDS
        placed = columns_of(words[start : start + VECTOR_WORDS], measured, size, 2)
        texts.append("\n".join(text for _, _, text in placed))
        shown = (f"1 0 0 1 {x:.2f} {PAGE_POINTS[1] - y:.2f} Tm ({escaped(text)}) Tj\n" for x, y, text in placed)
        contents.append(f"BT /F1 {size} Tf\n{''.join(shown)}ET\n")
    output.joinpath("vector.pdf").write_bytes(pdf_of(contents))
    write_truth(output / "vector", texts, ["10 pt, two columns"] * VECTOR_PAGES)


def escaped(text):
    return re.sub(r"([\\()])", r"\\\1", text)


def pdf_of(contents):
    """A PDF of pages with these content streams; font F1 is Helvetica."""
    first = 4
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(contents)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(contents)} /Kids [{kids}] /MediaBox [0 0 {PAGE_POINTS[0]} {PAGE_POINTS[1]}]"
        " /Resources << /Font << /F1 3 0 R >> >> >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, content in enumerate(contents):
        objects.append(f"<< /Type /Page /Parent 2 0 R /Contents {first + 2 * number + 1} 0 R >>")
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    start = len(out)
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{rows}".encode("latin-1")
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode("latin-1")
    return bytes(out)


def main(truth, fonts, output):
    truth, fonts, output = (pathlib.Path(folder) for folder in (truth, fonts, output))
    output.mkdir(parents=True, exist_ok=True)
    words = words_of(truth)
    small_print(words, fonts, output)
    vector(words, fonts, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
