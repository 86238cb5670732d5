#!/usr/bin/env python3
"""The pictures of the README and the tutorial are what bfl prints on a terminal, drawn as SVG.

BFL_ACCEPT=1 draws them anew."""
import html
import os
import re

from harness import ROOT, expect, main
from printed import plain

FOLDER = ROOT / "examples/screenshots"
COLOURS = {"31": "#f47067", "32": "#57ab5a", "33": "#c69026", "34": "#539bf5", "36": "#39c5cf"}
WIDTH, LINE, PAD = 7.83, 18, 16  # of a character and a line of a 13 px monospaced font


def spans(line):
    """Text and style of each stretch between two escape sequences."""
    style = {}
    for part in re.split(r"(\x1b\[[\d;]*m)", line):
        if not part.startswith("\x1b"):
            if part:
                yield part, dict(style)
            continue
        for code in part[2:-1].split(";"):
            if code in ("0", ""):
                style = {}
            elif code == "1":
                style["font-weight"] = "bold"
            elif code == "2":
                style["opacity"] = "0.6"
            else:
                expect(code in COLOURS, f"no colour for the escape sequence {part!r}")
                style["fill"] = COLOURS[code]


def drawn(command, output):
    lines = [f"$ {command}"] + output.rstrip("\n").split("\n")
    columns = max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in lines)
    width, height = round(columns * WIDTH + 2 * PAD), len(lines) * LINE + 2 * PAD
    text = ""
    for number, line in enumerate(lines):
        parts = "".join("<tspan{}>{}</tspan>".format("".join(f' {k}="{v}"' for k, v in style.items()), html.escape(part)) for part, style in spans(line))
        text += f'  <text x="{PAD}" y="{PAD + (number + 0.75) * LINE:g}" xml:space="preserve">{parts}</text>\n'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13">\n'
            f'  <rect width="100%" height="100%" rx="8" fill="#22272e"/>\n  <g fill="#adbac7">\n{text}  </g>\n</svg>\n')


def pictures_are_what_is_printed(place):
    place.shop()
    place.example("fix_order_totals.bfl")
    place.write("raise.bfl", 'job raise {}\nsource shop = sqlite("shop.db")\nupdate raise of shop.products {\n  set price = price * 1.03\n}\n')
    for name, command in [("refused", "check raise.bfl"), ("plan", "plan fix_order_totals.bfl"), ("run", "run fix_order_totals.bfl")]:
        done = place.call(*command.split(), "--color", "always", code=None)
        picture = drawn(f"bfl {command}", plain(done.stdout + done.stderr))
        file = FOLDER / f"{name}.svg"
        if os.environ.get("BFL_ACCEPT"):
            file.write_text(picture)
        expect(file.read_text() == picture, f"{file.name} shows something else than `bfl {command}` prints; BFL_ACCEPT=1 draws it anew")


if __name__ == "__main__":
    main([pictures_are_what_is_printed])
