"""What a Hugo site's own files say: where it begins, and whether it shows raw HTML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KINDS = ("toml", "yaml", "yml", "json")
_NAMES = tuple(f"{name}.{kind}" for name in ("hugo", "config") for kind in _KINDS)
_UNSAFE = re.compile(r"""^[^#\n]*\bunsafe["']?[ \t]*[:=][ \t]*true\b""", re.MULTILINE)
# A pair of equal delimiters, in TOML, JSON or YAML, on one line or two.
_DOLLARS = tuple(
    re.compile(rf"""(?<![$\\]){marks}["']?\s*(?:,|-)\s*["']?{marks}(?!\$)""") for marks in (r"\$", r"\$\$")
)
_MAX_BYTES = 1024 * 1024


def site_above(path: Path) -> Path | None:
    """Return, where a folder lies inside a Hugo site's `content`, the site's folder; else None."""
    for folder in (path.absolute(), *path.absolute().parents):
        if folder.name == "content" and any((folder.parent / name).is_file() for name in _NAMES):
            return folder.parent
    return None


def shows_html(site: Path) -> bool:
    """Return whether a site's configuration sets `markup.goldmark.renderer.unsafe`; Hugo's default is not to."""
    return any(_UNSAFE.search(text) for text in _configurations(site))


def keeps_math(site: Path) -> bool:
    """Return whether a site's configuration has Hugo's Markdown pass `$…$` and `$$…$$` on as they are.

    That is goldmark's extension `passthrough` with both among its delimiters, from Hugo 0.122 on.
    """
    return any(
        "passthrough" in text and all(pattern.search(text) for pattern in _DOLLARS) for text in _configurations(site)
    )


def _configurations(site: Path) -> Iterator[str]:
    default = site / "config/_default"
    beside = [default / f"markup.{kind}" for kind in _KINDS]
    for path in [*(site / name for name in _NAMES), *(default / name for name in _NAMES), *beside]:
        try:
            if path.is_file() and path.stat().st_size <= _MAX_BYTES:
                yield path.read_text("utf-8", "replace")
        except OSError:
            continue
