"""Read a notebook's JSON and write it back as it was: indentation, escapes, line ends, byte order mark, key order.

Jupyter indents by one space, VS Code keeps what it finds, Colab writes two spaces or none, scripts write anything.
A tool that changes one member of a notebook must not change every line of it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from gemnb.errors import NotebookError
from gemnb.notebook.files import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gemnb.model import JSONObject, JSONValue

_BOM = b"\xef\xbb\xbf"
_INDENT = re.compile(r"[\[{]\n([ \t]+)")
_HEAD = 4096  # characters in which indentation and separators show themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    r"""How a notebook's JSON is written. The defaults are Jupyter's.

    Attributes:
        indent: What each level is indented by; None for one line.
        separators: Between items, and between a key and its value.
        ascii_only: Whether characters beyond ASCII are written as `\uXXXX`.
        ending: What follows the last brace.
        newline: The line end.
        mark: Whether a byte order mark stands first.
        exact: Whether this style gave the bytes that were read; if not, what was read has a form of its own
            (other spacing, `1.50` for `1.5`), and writing keeps its meaning and not its bytes.
    """

    indent: str | None = " "
    separators: tuple[str, str] = (",", ": ")
    ascii_only: bool = False
    ending: str = "\n"
    newline: str = "\n"
    mark: bool = False
    exact: bool = True


JUPYTER = Style()
"""As nbformat and JupyterLab write."""


def read_styled(data: bytes, name: str = "The file") -> tuple[JSONObject, Style]:
    """Return a JSON document and the style that writes the same bytes again.

    Args:
        data: The bytes of a notebook.
        name: What the file is called, for messages.

    Raises:
        NotebookError: It is no JSON object, or holds what writing it again would lose (a name twice, a number
            too big).
    """
    try:
        text = data.decode("utf-8-sig")
        document = json.loads(text)
        if isinstance(document, dict):
            return document, _style_of(data, text, document)
        reason = "Its JSON is not an object."
    except (ValueError, RecursionError) as error:
        reason = str(error)
    raise NotebookError(f"{name} is no notebook.", why=reason)


def write_styled(document: JSONObject, style: Style = JUPYTER) -> bytes:
    """Return the bytes of a document in a style.

    Raises:
        NotebookError: It is nested too deeply to be written.
    """
    try:
        text = json.dumps(
            document,
            indent=style.indent,
            separators=style.separators,
            ensure_ascii=style.ascii_only,
        )
    except RecursionError:
        reason = "It is nested too deeply."
    else:
        text = (text + style.ending).replace("\n", style.newline)  # within strings, JSON escapes line ends
        # A lone surrogate has no UTF-8 form; its escape is JSON, and what every writer of JSON makes of it.
        return (_BOM if style.mark else b"") + text.encode("utf-8", "backslashreplace")
    raise NotebookError("The notebook cannot be written.", why=reason)


def replace_notebook(path: Path, output: Path | None, before: bytes, after: bytes) -> None:
    """Write a notebook that was read as `before`, unless nothing changes.

    Raises:
        NotebookError: It was saved by somebody else meanwhile, or cannot be written.
    """
    if output is not None:
        write_notebook(output, after)
    elif after != before:
        if read_bytes(path) != before:
            raise NotebookError(
                f"{path} was saved by another program meanwhile; it was not written.",
                hint="Save and close it in Jupyter, then run this again.",
            )
        write_notebook(path, after)


def write_notebook(path: Path, data: bytes) -> None:
    """Replace a notebook's file whole or not at all: temporary file beside it, fsync, rename.

    Its permissions stay; where it is a symbolic link, the file it leads to is replaced.

    Raises:
        NotebookError: It cannot be written; the file is as it was.
    """
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.urandom(6).hex()}.tmp")
    try:
        try:
            _write(temporary, data, target)
            os.replace(temporary, target)  # noqa: PTH105 - the call that is meant, by its name
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        _sync(target.parent)
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        return
    raise NotebookError(f"{path} cannot be written; it is as it was.", why=reason)


def _style_of(data: bytes, text: str, document: JSONObject) -> Style:
    for style in _candidates(data, text):
        if write_styled(document, style) == data:
            return style
    _refuse_losses(text)
    return Style(exact=False)


def _candidates(data: bytes, text: str) -> Iterator[Style]:
    """Yield the styles that the text can have been written in, the likeliest first; two of them at most as a rule."""
    newline = "\r\n" if "\r\n" in text else "\n"
    body = text.rstrip("\r\n")
    ending = text[len(body) :].replace("\r\n", "\n")
    match = _INDENT.search(text[:_HEAD].replace("\r\n", "\n"))
    forms = [(",", ": ")] if match else [(", ", ": "), (",", ":"), (",", ": ")]
    escapes = (False, True) if not text.isascii() or "\\u" not in text else (True, False)
    for separators in forms:
        for ascii_only in escapes:
            yield Style(
                indent=match.group(1) if match else None,
                separators=separators,
                ascii_only=ascii_only,
                ending=ending,
                newline=newline,
                mark=data.startswith(_BOM),
            )
            if text.isascii() and "\\u" not in text:
                break  # both write the same


def _refuse_losses(text: str) -> None:
    """Refuse what another writing would not only format anew but lose.

    Raises:
        ValueError: A name stands twice in one object, or a number is beyond what can be held.
    """

    def members(pairs: list[tuple[str, JSONValue]]) -> JSONObject:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("A name stands twice in one object of its JSON.")
        return found

    def number(digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            raise ValueError(f"The number {digits[:40]} in it is too big.")
        return value

    cast("JSONValue", json.loads(text, object_pairs_hook=members, parse_float=number))


def _write(temporary: Path, data: bytes, target: Path) -> None:
    with temporary.open("xb") as file:
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
