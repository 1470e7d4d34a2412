"""`%gemnb publish NOTEBOOK --to FLAVOR`: what `gemnb publish` does, from inside a notebook.

A kernel does not know which notebook it runs, and sees only what was saved: the notebook is named, and saved before.
"""

from __future__ import annotations

from pathlib import Path

from gemnb.cell import tokens
from gemnb.errors import CellSyntaxError
from gemnb.magic.vocabulary import usage

_TAKING = ("--to", "--output")


def publish(line: str) -> list[str]:
    """Publish a saved notebook and return what is printed.

    Raises:
        CellSyntaxError: The line cannot be understood.
        GemnbError: It cannot be published.
    """
    from gemnb.publish.publication import publish_notebook
    from gemnb.publish.report import report
    from gemnb.publish.wishes import Options

    words = iter(tokens(line))
    said: dict[str, str] = {}
    for word in words:
        key = word.text if word.text in _TAKING and not word.quoted else "notebook"
        value = word.text if key == "notebook" else getattr(next(words, None), "text", "")
        if key in said or not value or (key == "notebook" and word.text.startswith("-")):
            raise CellSyntaxError(f"%gemnb publish: {word.text!r} is not expected here.", hint=usage("publish"))
        said[key] = value
    if not {"notebook", "--to"} <= set(said):
        raise CellSyntaxError("%gemnb publish needs a notebook and a flavor.", hint=usage("publish"))
    output = Path(said.get("--output", "published"))
    return report(publish_notebook(Path(said["notebook"]), output, Options(to=said["--to"])), output)
