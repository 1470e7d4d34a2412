"""What publishing says to its author: pictures, widths, bytes, what was written, what to look at. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.errors import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gemnb.publish.publication import Publication


def report(done: Publication, output: Path) -> list[str]:
    """Return the lines for a person: one per picture, the sum, what was written, and the remarks."""
    lines = [*_pictures(done), f"{output / done.page}: nothing written." if done.stopped else _written(done, output)]
    for remark in done.remarks:
        where = f"cell {remark.cell}: " if remark.cell else ""
        lines.append(("! " if remark.strict else "  ") + where + remark.text)
    return [printable(line) for line in lines]


def stops(done: Publication) -> bool:
    """Return whether `--strict` ends with an error."""
    return done.is_to_mend


def _pictures(done: Publication) -> list[str]:
    rows = []
    for stem in dict.fromkeys(figure.source.stem for figure in done.post.figures()):
        files = done.made[stem].files
        if files:
            widths = " ".join(str(file.width) for file in files)
            rows.append((files[-1].name, widths, f"{files[-1].size:,}", f"{sum(file.size for file in files):,}"))
    if not rows:
        return ["No picture."]
    shown = [
        done.made[stem].files[-1].size
        for stem in {f.source.stem for f in done.post.figures()}
        if done.made[stem].files
    ]
    last = (f"{len(rows)} picture{'' if len(rows) == 1 else 's'}", "", f"{sum(shown):,}", "")
    return _columns([("picture", "widths", "bytes", "all widths"), *rows, last])


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    return [
        "  ".join(
            text.rjust(width) if n > 1 else text.ljust(width)
            for n, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _written(done: Publication, output: Path) -> str:
    # The site's shortcode is written once, and is no file of the post.
    own = [path for path in done.written if path in done.files]
    site = [path.as_posix() for path in done.written if path not in done.files]
    changed = f"{len(own)} written" if own else "nothing changed"
    removed = f", {len(done.removed)} no longer needed and removed" if done.removed else ""
    beside = f" For the site: {', '.join(site)}." if site else ""
    return f"{output / done.page}: {len(done.files)} files, {changed}{removed}.{beside}"
