"""A post as a blogger writes it, and prompts that a site generator would like to read for itself."""

from __future__ import annotations

import base64
import io

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from PIL import Image, ImageDraw

FRONT = """\
---
title: "Paper boats: a test of a model's patience"
date: 2026-11-20T09:30:00
slug: paper-boats
tags: [ai, images]
categories: [Experiments]
summary: "Thirty prompts, one harbour, and what came of it."
cover: {image: harbour, hiddenInSingle: true}
---"""

HORRORS = {
    "hugo": 'Quote {{< figure src="x.webp" >}} and {{% notice %}}, and {{</* this */>}} as they are',
    "jekyll": "Quote {% include x.html %} and {{ site.title }} and {% raw %}{{ y }}{% endraw %} as they are",
    "emoji": "A boat :boat: and a :smile: at 12:30:45, and a::b::c",
    "script": "<script>window.ran = 1; alert(1)</script><img src=x onerror=alert(2)> &amp; &lt;b&gt; &#65; "
    "<!--more--> <!-- hidden -->",
    "spaces": "    four spaces first\n\n  - a dash\n  - another\n\n---\n\ttab first\n1. one\n   trailing spaces   \n",
    "fences": "Draw ```this```:\n```txt\na fence\n```\n`````\nand ~~~~ too\n~~~\n`````` end",
    "endraw": "{% endraw %} {{ '{{' }} {% comment %} {{ \"{\" }} {%- raw -%}",
    "separators": "one\u2028two\u2029three\u0085four\u00a0five\u200bsix\ufeffseven",
    "tabs": "a\tb\t\tc\n\n\n\nfour lines on",
    "crlf": "one\r\ntwo\r\n\r\nthree\rfour",
    "long": "boat" * 400 + " " + "a sentence of usual words, with commas and all, " * 60,
    "arabic": "ارسم قاربًا ورقيًا أحمر (12:30) :boat: على الماء, then in English: “Hello”, ודג אחד",
    "links": "https://example.org/a_b_c?x=1&y=2 and [a](b) **bold** _under_ $x^2$ $$y$$ \\(z\\) [^1] # no heading",
    "placeholder": "HAHAHUGOSHORTCODE-1-HBHB ./here /* comment */ \\{{< \\\\ \\n",
    "last": "The last line is a backslash\\",
}
"""Prompts by the variable that their cell binds; each must come out as it went to the model."""

_TOP = (
    "# Paper boats: a test of a model's patience\n\n"
    "A model was asked for **thirty pictures** of one harbour. Most were good.[^cost] "
    "([Jupyter Notebook](https://github.com/someone/boats/blob/main/boats.ipynb))\n\n"
    "## How long is a wave?\n\n"
    "By the usual formula $\\lambda = v_p T$, and in deep water\n\n"
    "$$\\omega^2 = g k, \\quad a_1*b_2*c_3$$\n\n"
    "| model | price | *good* of 30 |\n|---|---:|---:|\n| sketch-1 | $0.04 | 27 |\n| sketch-pro-1 | $0.13 | 29 |\n\n"
    "[^cost]: For less than two dollars in all; see the [prices](https://example.org/prices)."
)
_REFUSED = "## What it will not draw\n\nSome requests come back without a picture. The reason is part of the result."
_EDITS = (
    "## Day and night\n\nAn edit keeps what it was not asked to change, or so one hopes. Here is the photograph from "
    "the shelf:\n\n![A grey card with a white disc](attachment:shelf.png)\n\nand what became of the harbour:"
)
_HORRIBLE = (
    "## The horrors\n\nPrompts hold what they hold: `{{< x >}}`, {% raw %} and {{ braces }}, :boat: too.[^fine]\n\n"
    "[^fine]: All of them are text."
)
_END = "*The notebook of this post is [on GitHub](https://github.com/someone/boats).*"
NARRATIVE = (_TOP, _REFUSED, _EDITS, _HORRIBLE, _END)

HARBOUR = (
    "A harbour of paper boats at dawn, folded from old newspapers, with these rules:\n\n"
    "- the water is still, and every boat has its mirror image below it\n"
    "- exactly three boats are red, and no two red boats are neighbours\n"
    "- the light comes from the left, low and warm, as in a photograph taken with a 35 mm lens at f/8\n\n"
    'The name "MARGARET" stands on the nearest boat in capital letters. NEVER include people.'
)

BY_DAY, BY_NIGHT = "Paper boats in a still harbour at dawn", "The same harbour at night"
SLIDER = "The harbour by day, and by night below it"
CELLS = (
    ("raw", FRONT),
    ("markdown", NARRATIVE[0]),
    ("code", "%load_ext gemnb\n%gemnb use emulator/sketch-1"),
    # The two refusals come first, since the emulator's faults are for the calls in their order.
    ("markdown", NARRATIVE[1]),
    ("code", "%%gemimg wolf --allow-refusal\nA famous mouse in a boat"),
    ("code", "%%gemimg\nA banknote as a sail, both sides, to be printed"),
    (
        "code",
        f"%%gemimg harbour -a 16:9 --alt '{BY_DAY}' "
        "--caption 'The harbour, as first asked: 35 mm & a \"name\"'\n" + HARBOUR,
    ),
    ("code", "%%gemimg tall -a 9:16 -s 512 --alt 'One tall boat'\nOne tall boat"),
    (
        "code",
        "%%gemimg wide -m emulator/sketch-pro-1 -a 21:9 -s 2K --alt 'A row of boats'\nA row of boats, very wide",
    ),
    ("code", "%%gemimg square -s 512 --alt 'A boat from above'\nA boat from above, on white"),
    ("markdown", NARRATIVE[2]),
    ("code", f"%%gemimg night -a 16:9 -e harbour --alt '{BY_NIGHT}'\nMake it night. Keep every boat."),
    (
        "code",
        "%gemnb compare harbour night --label 'By day' --label 'By night' --alt 'The harbour by day and by night'",
    ),
    ("code", f"%gemnb compare harbour night --slider --alt '{SLIDER}'"),
    ("code", "%gemnb compare harbour night --arrow --alt 'From day to night'"),
    (
        "code",
        "import gemnb\ngemnb.keep('clear.png', source='My own drawing', licence='CC0-1.0', alt='A disc on nothing')",
    ),
    ("code", "%%gemimg secret --publish false --alt x --caption 'It shows a friend'\nThe words nobody may read"),
    ("code", "%%gemimg changed -s 512 --alt 'A green boat'\nA green boat, as it was asked"),
    ("code", "raise ValueError('a cell of plain Python that failed')"),
    ("markdown", NARRATIVE[3]),
    *(
        ("code", f"%%gemimg {name} -s 512 --alt 'What became of horror: {name}'\n{text}")
        for name, text in HORRORS.items()
    ),
    ("markdown", NARRATIVE[4]),
)
"""The cells in order: `-m` of one of them gives JPEG, one picture has an alpha channel, one cell is edited after."""

EDITED = ("A green boat, as it was asked", "A blue boat, as it was never asked")
SECRET = "The words nobody may read"


def picture(kind: str) -> bytes:
    """Return a PNG: `clear` a disc on nothing at all, `shelf` a small grey card."""
    clear = kind == "clear"
    size = (900, 600) if clear else (320, 200)
    image = Image.new("RGBA" if clear else "RGB", size, (0, 0, 0, 0) if clear else "slategrey")
    ImageDraw.Draw(image).ellipse(
        (size[0] // 4, 40, size[0] // 2, size[1] - 40), fill="orangered" if clear else "white"
    )
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def notebook():
    """Return the notebook before its run."""
    make = {"raw": new_raw_cell, "markdown": new_markdown_cell, "code": new_code_cell}
    cells = [make[kind](text) for kind, text in CELLS]
    shelf = base64.b64encode(picture("shelf")).decode()
    for cell in cells:
        if "attachment:shelf.png" in cell.source:
            cell.attachments = {"shelf.png": {"image/png": shelf}}
    for number, cell in enumerate(cells, 1):
        cell.id = f"cell-{number}"
    book = new_notebook(cells=cells)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return book
