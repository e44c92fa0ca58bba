"""Makes letter.pdf and letter.txt: a two-page invoice as a scanner would give it. Needs Pillow and Debian's fonts-dejavu-core."""

import io
import random
import sys
import zlib
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

DPI = 300
WIDTH, HEIGHT = 2480, 3508  # A4 in pixels
FONTS = Path("/usr/share/fonts/truetype/dejavu")
SKEW_DEGREES = [0.6, -0.4]
JPEG_QUALITY = 20

PAGES = [
    [
        ("bold", 64, "Harbour Lane Bookbinders"),
        ("plain", 40, "14 Harbour Lane, Whitby, YO21 3PU"),
        ("plain", 40, "Telephone 01632 960417"),
        None,
        ("plain", 44, "Mrs Eleanor Whitcombe"),
        ("plain", 44, "The Old Schoolhouse"),
        ("plain", 44, "Grosmont, YO22 5PE"),
        None,
        ("bold", 48, "Invoice No. HB-2026-0417"),
        ("plain", 44, "Date: 2026-03-19"),
        None,
        ("plain", 44, "Dear Mrs Whitcombe,"),
        None,
        ("plain", 44, "thank you for trusting us with your grandfather's"),
        ("plain", 44, "library. The three volumes are finished and wait for"),
        ("plain", 44, "you in our workshop. The spines were sewn by hand,"),
        ("plain", 44, "the boards are covered with calf leather, and the"),
        ("plain", 44, "marbled papers were matched to the originals."),
        None,
        ("plain", 44, "Sewing and new spines, three volumes: 264.00"),
        ("plain", 44, "Calf leather and marbled paper: 118.50"),
        ("plain", 44, "Gold lettering, two lines each: 45.00"),
        None,
        ("bold", 48, "Total: 427.50 GBP"),
        None,
        ("plain", 44, "Please pay within thirty days and quote the number"),
        ("plain", 44, "of this invoice. How to care for the bindings is"),
        ("plain", 44, "written on the second page."),
    ],
    [
        ("bold", 56, "Caring for your books"),
        None,
        ("plain", 44, "Keep the volumes upright and away from sunlight."),
        ("plain", 44, "Leather dries out near radiators; a cool room with"),
        ("plain", 44, "moderate humidity suits it best. Dust the top edges"),
        ("plain", 44, "twice a year with a soft brush, always away from"),
        ("plain", 44, "the spine."),
        None,
        ("plain", 44, "Never pull a book from the shelf by its headband."),
        ("plain", 44, "Push the neighbours back and take it by the middle."),
        ("plain", 44, "If a joint loosens, bring it to us early: a small"),
        ("plain", 44, "repair costs little, a torn hinge costs a rebinding."),
        None,
        ("plain", 44, "The work is guaranteed for ten years. The guarantee"),
        ("plain", 44, "covers sewing, joints and lettering; it does not"),
        ("plain", 44, "cover damage by water or by playful animals."),
        None,
        ("plain", 44, "Yours sincerely,"),
        ("plain", 44, "Margaret Thistlewood, master bookbinder"),
    ],
]


def scan(lines, skew, seed):
    """Draws the lines, then does to them what a flatbed scanner does: tilt, softness, uneven paper, noise."""
    page = Image.new("L", (WIDTH, HEIGHT), 248)
    draw = ImageDraw.Draw(page)
    y = 320
    for line in lines:
        if line is None:
            y += 70
            continue
        weight, size, text = line
        name = "DejaVuSerif-Bold.ttf" if weight == "bold" else "DejaVuSerif.ttf"
        draw.text((300, y), text, fill=28, font=ImageFont.truetype(FONTS / name, size))
        y += int(size * 1.6)
    page = page.rotate(skew, resample=Image.BICUBIC, fillcolor=248)
    page = page.filter(ImageFilter.GaussianBlur(1.1))
    chance = random.Random(seed)
    # Coarse noise, enlarged: grain as paper has it, which compresses better than noise in every pixel.
    grain = Image.new("L", (WIDTH // 12, HEIGHT // 12))
    grain.putdata([128 + chance.randint(-3, 3) for _ in range(grain.width * grain.height)])
    grain = grain.resize((WIDTH, HEIGHT), Image.BICUBIC)
    page = ImageChops.add(page, grain, scale=1, offset=-128)
    for _ in range(60):
        x, y = chance.randrange(WIDTH), chance.randrange(HEIGHT)
        ImageDraw.Draw(page).ellipse((x, y, x + chance.randint(1, 3), y + chance.randint(1, 3)), fill=150)
    encoded = io.BytesIO()
    page.save(encoded, "JPEG", quality=JPEG_QUALITY, optimize=True, dpi=(DPI, DPI))
    return encoded.getvalue()


def pdf(images):
    """A PDF of nothing but these JPEG images, one on each page, as the driver of a scanner writes it."""
    kids = " ".join(f"{3 + 3 * at} 0 R" for at in range(len(images)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Count {len(images)} /Kids [{kids}] >>".encode()]
    width, height = WIDTH * 72 / DPI, HEIGHT * 72 / DPI
    for at, image in enumerate(images):
        page, content, picture = 3 + 3 * at, 4 + 3 * at, 5 + 3 * at
        drawing = zlib.compress(f"q {width:.2f} 0 0 {height:.2f} 0 0 cm /Im0 Do Q".encode())
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.2f} {height:.2f}] /Contents {content} 0 R "
            f"/Resources << /XObject << /Im0 {picture} 0 R >> >> >>".encode(),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(drawing), drawing),
            b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 "
            b"/Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream" % (WIDTH, HEIGHT, len(image), image),
        ]
        assert page == len(objects) - 2
    out, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    images = [scan(lines, skew, seed) for seed, (lines, skew) in enumerate(zip(PAGES, SKEW_DEGREES))]
    (folder / "letter.pdf").write_bytes(pdf(images))
    text = "\f".join("\n".join(line[2] if line else "" for line in lines) + "\n" for lines in PAGES)
    (folder / "letter.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
