"""A report with everything a stranger's notebook could put into it."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from gemnb.report import Line, Report, Troubled

HOSTILE = (
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '" onload="alert(1)',
    "a|b`c`**d** [x](javascript:alert(1)) @admin #1 www.example.com https://example.com",
    "]]><!--",
    "\x00\x1b[31m\x07\ud800\ufffe\u202e",
    "&lt;b&gt;",
    "line\nbreak\ttab",
)


def png() -> str:
    """Return the base64 of a small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture
def report() -> Report:
    """A consistent picture, a bound one with notes, a drifted and a missing one, a notebook in trouble."""
    return Report(
        command="verify",
        lines=(
            Line(
                notebook="posts/a.ipynb",
                cell=3,
                name="cat",
                picture="3f9a2c81d4e0",
                verdict="consistent",
                well=True,
                image=("image/png", png()),
            ),
            Line(
                notebook="posts/a.ipynb",
                cell=4,
                name="hat",
                picture="aaaaaaaaaaaa",
                verdict="bound",
                well=True,
                bound=("style",),
                notes=("--alt was edited after the picture was made",),
            ),
            Line(
                notebook="posts/a.ipynb",
                cell=5,
                name="",
                picture="bbbbbbbbbbbb",
                verdict="drifted",
                well=False,
                reasons=("the prompt was edited after the picture was made: 'a cat' became 'a dog'", "second"),
                image=("image/png", png()),
            ),
            Line(
                notebook="posts/b.ipynb",
                cell=1,
                name="both",
                picture="",
                verdict="missing",
                well=False,
                reasons=("the cell has no picture with a record; run it",),
            ),
        ),
        troubled=(Troubled(notebook="posts/c.ipynb", reason="posts/c.ipynb is no notebook: it is empty."),),
    )


@pytest.fixture(params=HOSTILE, ids=ascii)
def hostile(request: pytest.FixtureRequest) -> Report:
    """A report whose every text is a stranger's."""
    text = request.param
    line = Line(
        notebook=f"{text}.ipynb",
        cell=1,
        name=text,
        picture=text,
        verdict=text,
        well=False,
        reasons=(text, text),
        notes=(text,),
        bound=(text,),
        image=(f"image/png{text}", text),
    )
    return Report(command="verify", lines=(line,), troubled=(Troubled(notebook=text, reason=text),))
