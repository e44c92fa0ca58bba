#!/usr/bin/env python3
"""An OCR engine for crPipeline, over HTTP: a start for one of your own. It needs Python 3.9 or newer, nothing else.

It takes the picture of a page and has it read by the `tesseract` program. Put your recogniser in the place of `read` below:
PNG in, words with their boxes out. The manual's page "An OCR engine of your own, over HTTP" describes the protocol.

    python3 server.py --port 9000
    CRPIPELINE_HTTP_ENGINE_URL=http://127.0.0.1:9000/ crpipeline doctor
"""

import argparse
import csv
import hmac
import io
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROTOCOL = 1
MAX_PICTURE_BYTES = 256 * 1024 * 1024
SECONDS_FOR_A_PAGE = 100
# So many pages are read side by side; who comes too early is told to come back.
SLOTS = threading.BoundedSemaphore(max(1, os.cpu_count() or 1))
TOKEN = os.environ.get("OCR_TOKEN", "")


class Unreadable(Exception):
    """This picture cannot be read; asking again would not help."""


def read(png, languages, dots_per_inch, single_block):
    """The words of a picture: a list of lines, each a list of (text, confidence from 0 to 1, [left, top, right, bottom])."""
    command = ["tesseract", "stdin", "stdout", "-l", "+".join(languages), "--dpi", str(dots_per_inch)]
    command += ["--psm", "6" if single_block else "3", "tsv"]
    environment = dict(os.environ, OMP_THREAD_LIMIT="1")
    result = subprocess.run(command, input=png, capture_output=True, timeout=SECONDS_FOR_A_PAGE, env=environment)
    if result.returncode != 0:
        raise Unreadable(result.stderr.decode("utf-8", "replace").strip())
    lines = {}
    table = csv.DictReader(io.StringIO(result.stdout.decode("utf-8", "replace")), delimiter="\t", quoting=csv.QUOTE_NONE)
    for row in table:
        # Level 5 is a word; some are blank.
        if row["level"] == "5" and row["text"].strip():
            left, top, width, height = (int(row[name]) for name in ("left", "top", "width", "height"))
            confidence = min(max(float(row["conf"]) / 100, 0), 1)
            place = (int(row["block_num"]), int(row["par_num"]), int(row["line_num"]))
            lines.setdefault(place, []).append((row["text"].strip(), confidence, [left, top, left + width, top + height]))
    return lines


def answer(lines):
    """The JSON of the protocol. Blocks and paragraphs are numbered from 0 over the whole page."""
    words, told = [], []
    blocks, paragraphs = {}, {}
    for (block, paragraph, _line), line in lines.items():
        told.append(
            {
                "first_word": len(words),
                "word_count": len(line),
                "block": blocks.setdefault(block, len(blocks)),
                "paragraph": paragraphs.setdefault((block, paragraph), len(paragraphs)),
            }
        )
        words += [{"text": text, "confidence": confidence, "box": box} for text, confidence, box in line]
    return {"protocol": PROTOCOL, "words": words, "lines": told}


class Engine(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_PICTURE_BYTES:
            # What is not read would be taken for the next request.
            self.close_connection = True
            return self.refuse(413, "a picture of a known length is needed")
        png = self.rfile.read(int(length))
        if TOKEN and not hmac.compare_digest(self.headers.get("Authorization", ""), "Bearer " + TOKEN):
            return self.refuse(401, "the token is another")
        if self.headers.get("Crpipeline-Ocr-Protocol") != str(PROTOCOL):
            return self.refuse(400, "only version %d of the protocol is spoken here" % PROTOCOL)
        languages = self.headers.get("Crpipeline-Ocr-Languages", "eng").split(",")
        dots_per_inch = self.headers.get("Crpipeline-Ocr-Dots-Per-Inch", "300")
        # Both end up on a command line.
        if not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{1,30}", language) for language in languages) or not dots_per_inch.isdigit():
            return self.refuse(400, "a language or the resolution is none")
        single_block = self.headers.get("Crpipeline-Ocr-Segmentation") == "single_block"
        if not SLOTS.acquire(blocking=False):
            return self.refuse(503, "every slot is taken", {"Retry-After": "1"})
        try:
            found = answer(read(png, languages, int(dots_per_inch), single_block))
        except Unreadable as why:
            return self.refuse(422, str(why))
        except subprocess.TimeoutExpired:
            return self.refuse(503, "the page took too long")
        except OSError as why:
            return self.refuse(500, "tesseract cannot be started: %s" % why)
        finally:
            SLOTS.release()
        self.send(200, "application/json", json.dumps(found).encode())

    def refuse(self, status, why, headers=None):
        print("%d: %s" % (status, why), file=sys.stderr, flush=True)
        self.send(status, "text/plain; charset=utf-8", (why + "\n").encode(), headers)

    def send(self, status, content_type, body, headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """Only what went wrong is told, see `refuse`."""


def main():
    parser = argparse.ArgumentParser(description="An OCR engine for crPipeline, over HTTP. OCR_TOKEN in the environment is the token.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine alone)")
    parser.add_argument("--port", default=9000, type=int, help="port to listen on; 0 takes a free one")
    arguments = parser.parse_args()
    server = ThreadingHTTPServer((arguments.host, arguments.port), Engine)
    print("listening on http://%s:%d/" % server.server_address[:2], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
