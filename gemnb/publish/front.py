"""Front matter: from the notebook's metadata or its first raw cell to a value, and from there to YAML. Pure."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING

from gemnb.errors import NotebookError
from gemnb.publish.post import Front, file_slug

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemnb.model import JSONObject, JSONValue

MAX_YAML = 64 * 1024
"""Bytes of a raw cell that is read as YAML; front matter has some hundred."""

_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)?", re.ASCII
)
_KEY = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_FENCED = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)(?:\r?\n)?(?:---|\.\.\.)\s*\Z", re.DOTALL)
_OWN = ("title", "slug", "date", "tags", "categories", "summary", "cover", "section")
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")
_DEPTH = 8
_HINT = "docs/how-to/publish.md shows one."


def is_front_matter(source: str) -> bool:
    """Return whether the text of a raw cell is front matter: YAML between two lines `---`."""
    return _FENCED.match(source) is not None


def read_yaml(source: str) -> JSONObject:
    """Read the front matter of a raw cell; dates stay as they were typed.

    Raises:
        NotebookError: It is no YAML mapping, is too big, or uses anchors.
    """
    match = _FENCED.match(source)
    text = match.group(1) if match else source
    if len(text.encode("utf-8", "replace")) > MAX_YAML:
        raise NotebookError(f"The first raw cell has more than {MAX_YAML // 1024} kB; front matter has some lines.")
    value, reason = _loaded(text)
    if reason or not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise NotebookError(
            "The first raw cell is no front matter.", why=reason or "It is no YAML mapping.", hint=_HINT
        )
    return value


def make_front(said: Mapping[str, JSONValue], heading: str, notebook: str, slug: str | None = None) -> Front:
    """Return the front matter.

    Args:
        said: What the author said of the post.
        heading: The first heading of the narrative: the title where none is said.
        notebook: File name of the notebook without its ending: the last resort for title and slug.
        slug: Asked for on the command line, or None.

    Raises:
        NotebookError: A member has a type it cannot have, or the date is none.
    """
    title = _text(said, "title") or heading or notebook
    return Front(
        title=" ".join(title.split()),
        slug=file_slug(slug or _text(said, "slug") or title) or file_slug(notebook) or "post",
        date=_date(_text(said, "date")),
        tags=_texts(said, "tags"),
        categories=_texts(said, "categories"),
        summary=_text(said, "summary"),
        cover=_cover(said.get("cover")),
        section=file_slug(_text(said, "section") or "posts") or "posts",
        more={key: _plain(value, key, 0) for key, value in said.items() if key not in _OWN and _good_key(key)},
    )


def to_yaml(members: Mapping[str, JSONValue]) -> str:
    """Return members as a YAML front matter block; the same members give the same text."""
    lines = [line for key, value in members.items() for line in _member(key, value, 0)]
    return "\n".join(["---", *lines, "---"])


def _member(key: str, value: JSONValue, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(value, dict) and value:
        return [f"{indent}{key}:", *(line for k, v in value.items() for line in _member(_key(k), v, depth + 1))]
    return [f"{indent}{key}: {_scalar(value, key)}"]


def _key(key: str) -> str:
    return key if _KEY.fullmatch(key) else _json(key)


def _scalar(value: JSONValue, key: str) -> str:
    # A date in quotes is a text to some tools.
    if key in ("date", "lastmod", "publishDate") and isinstance(value, str) and _DATE.fullmatch(value):
        return value
    return _json(value)


def _json(value: JSONValue) -> str:
    """JSON is YAML but for characters that YAML does not print."""
    text = json.dumps(value, ensure_ascii=False)
    return _NOT_YAML.sub(lambda m: f"\\u{ord(m.group()):04x}", text)


def _loaded(text: str) -> tuple[object, str]:
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # untyped
        """YAML without anchors, which can grow without end, and with dates left as text."""

        def compose_node(self, parent: object, index: object) -> object:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("anchors have no place in front matter")
            return super().compose_node(parent, index)

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in rows if tag != "tag:yaml.org,2002:timestamp"]
        for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader), ""  # noqa: S506 - a SafeLoader with less
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return None, " ".join(str(error).split())


def _text(said: Mapping[str, JSONValue], key: str) -> str | None:
    value = said.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise _wrong(key, "a text")


def _texts(said: Mapping[str, JSONValue], key: str) -> tuple[str, ...]:
    value = said.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(word for part in value.split(",") if (word := part.strip()))
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return tuple(str(item) for item in value)
    raise _wrong(key, "a list of texts")


def _date(text: str | None) -> str | None:
    if text is None:
        return None
    match = _DATE.fullmatch(text)
    try:
        if match:
            dt.date.fromisoformat(match.group(1))
            return text
    except ValueError:  # the 31st of a short month
        pass
    raise _wrong("date", "an ISO date, such as 2026-11-21 or 2026-11-21T09:30:00+01:00")


def _cover(value: JSONValue) -> JSONObject | None:
    if value is None or value is False:
        return None
    if isinstance(value, str):
        return {"image": value}
    if isinstance(value, dict) and isinstance(value.get("image"), str):
        return {key: _plain(item, "cover", 0) for key, item in value.items() if _good_key(key)}
    raise _wrong("cover", "the NAME of a cell, or `image:` with one")


def _plain(value: object, key: str, depth: int) -> JSONValue:
    """Return a value of YAML as JSON; what is none is told."""
    if depth <= _DEPTH:
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list):
            return [_plain(item, key, depth + 1) for item in value]
        if isinstance(value, dict):
            return {str(k): _plain(item, key, depth + 1) for k, item in value.items()}
    raise _wrong(key, "plain text, numbers, lists and members of these")


def _good_key(key: str) -> bool:
    if _KEY.fullmatch(key):
        return True
    raise _wrong(key[:40], "a name of letters, digits, dots and dashes")


def _wrong(key: str, wanted: str) -> NotebookError:
    return NotebookError(f"The post's `{key}` is not {wanted}.", hint=_HINT)
