"""Makes slips.png and slips.txt: one short line of text for each page of a long test document. Needs Pillow and fonts-dejavu-core."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty "
    "thirty forty fifty sixty"
).split()
WIDTH, HEIGHT = 1200, 120
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf"


def main():
    folder = Path(__file__).parent
    lines = [f"Slip {number} of the harbour ledger" for number in NUMBERS]
    sheet = Image.new("1", (WIDTH, HEIGHT * len(lines)), 1)
    draw = ImageDraw.Draw(sheet)
    for at, line in enumerate(lines):
        draw.text((90, at * HEIGHT + 30), line, fill=0, font=ImageFont.truetype(FONT, 46))
    sheet.save(folder / "slips.png", optimize=True)
    (folder / "slips.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
