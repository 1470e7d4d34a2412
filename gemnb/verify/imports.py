"""Imports in a notebook (`gemnb.keep` with a statement): document, bytes, and what the cache kept of them.

That all fits says: this picture is the one the statement was made of. What is stated cannot be checked.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gemnb.canonical import short
from gemnb.errors import CacheError
from gemnb.inputs.importing import kept_imports
from gemnb.inputs.statements import (
    IMPORT_MIMETYPE,
    NOT_VERIFIABLE,
    STATED,
    import_document,
    import_plain,
    parse_import,
)
from gemnb.notebook import Shown
from gemnb.notebook.files import joined
from gemnb.verify.answers import check_picture
from gemnb.verify.findings import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gemnb.inputs.statements import Import
    from gemnb.model import Image, JSONObject
    from gemnb.notebook import NotebookCell
    from gemnb.verify.findings import Check
    from gemnb.verify.holdings import Holdings

_PICTURES = ("image/png", "image/jpeg")
_LONG = 60  # characters of a stranger's text that are repeated


def shown_imports(cell: NotebookCell) -> tuple[Shown, ...]:
    """Return the outputs of a cell that say they are imports, in order."""
    return tuple(shown for output in cell.outputs if (shown := _shown(output)) is not None)


def imports_picture(source: str) -> bool:
    """Return whether the last line of a cell is `gemnb.keep` with a statement, so that the cell shows an import."""
    return _call(source) is not None


def verify_imports(cells: Iterable[NotebookCell], holdings: Holdings, *, with_images: bool) -> Iterator[Check]:
    """Yield one check per import of a notebook, and one per cell that should show one and does not.

    Args:
        cells: The notebook's.
        holdings: What is known of bytes.
        with_images: Each check carries the picture as it stands in the notebook.
    """
    found = [(cell, shown_imports(cell)) for cell in cells if cell.is_code]
    made = {id(shown): _parsed(shown) for _, own in found for shown in own}
    _learn((one for one in made.values() if not isinstance(one, str)), holdings)
    kept: Mapping[str, list[Import]] | None = None
    for cell, own in found:
        if not own and imports_picture(cell.source):
            trouble = Trouble()
            trouble.missing.append("the cell imports a picture, and below it stands no import; run it")
            yield trouble.check(cell.number, "", "")
        for shown in own:
            trouble, one = Trouble(), made[id(shown)]
            if isinstance(one, str):
                trouble.drifted.append(one)
            else:
                kept = _kept(holdings) if kept is None else kept
                _check(one, shown, holdings, trouble)
                _check_kept(one, kept, trouble)
                _check_cell(one, cell.source if len(own) == 1 else "", trouble)
            trouble.notes.append(f"what it is said to be is {NOT_VERIFIABLE}")
            picture = "" if isinstance(one, str) else short(one.picture.original.blob)
            shows = with_images and shown.mime_type is not None and shown.encoded is not None
            image = (str(shown.mime_type), str(shown.encoded)) if shows else None
            yield trouble.check(cell.number, "", picture, image)


def _parsed(shown: Shown) -> Import | str:
    try:
        return parse_import(shown.document)
    except CacheError as error:
        return f"its import cannot be read: {error.why or error.what}"


def _learn(imports: Iterable[Import], holdings: Holdings) -> None:
    wanted: list[str] = []
    for made in imports:
        pair = [image.blob for image in (made.picture.original, made.picture.preview) if image]
        wanted += pair
        if len(pair) == 2 and not holdings.alike.has(*pair):
            holdings.to_sketch.update(pair)
    holdings.read(wanted)


def _kept(holdings: Holdings) -> Mapping[str, list[Import]]:
    packed = holdings.packed.pointers if holdings.packed else {}
    store = holdings.cache.store
    there = ((key, store.get(key) or b"") for key in store.keys("imports/"))
    return kept_imports([*packed.items(), *there])


def _check(made: Import, shown: Shown, holdings: Holdings, trouble: Trouble) -> None:
    images = {image.blob: image for image in (made.picture.original, made.picture.preview) if image}
    embedded = _check_embedded(images, shown, holdings, trouble)
    if shown.plain != (wanted := import_plain(made)):
        trouble.drifted.append(f"text/plain says {shown.plain[-_LONG:]!r}, and the import {wanted[-_LONG:]!r}")
    if shown.others:
        also = " and ".join(kind[:_LONG] for kind in shown.others[:3])
        trouble.drifted.append(f"the output also holds {also}, which is shown in the picture's place")
    image = images.get(embedded or "", made.picture.preview or made.picture.original)
    for key, fact in (("width", image.width), ("height", image.height), ("alt", made.alt)):
        if shown.facts.get(key, fact) != fact:
            now = str(shown.facts[key])[:_LONG]
            trouble.drifted.append(f"the metadata says {key} {now!r}, and the import {str(fact)[:_LONG]!r}")
    if shown.document != import_document(made):
        trouble.drifted.append("the import's document holds more than gemnb writes")
    for blob in images:
        holdings.check(blob, trouble)
    check_picture(made.picture, holdings, trouble)


def _check_embedded(images: Mapping[str, Image], shown: Shown, holdings: Holdings, trouble: Trouble) -> str | None:
    data = shown.decode()
    embedded = None if data is None else holdings.learn(data)
    if shown.encoded is None:
        trouble.missing.append("the output holds no picture beside its import")
    elif embedded is None:
        trouble.drifted.append("what stands in the place of the embedded picture is no base64")
    elif embedded not in images:
        said = f"its bytes have the digest {short(embedded)}"
        trouble.drifted.append(f"the embedded picture is not the one that was imported: {said}")
    elif shown.mime_type != (kind := images[embedded].mime_type):
        trouble.drifted.append(f"the embedded picture is {kind}, filed under {shown.mime_type}")
    return embedded


def _check_kept(made: Import, kept: Mapping[str, list[Import]], trouble: Trouble) -> None:
    """The cache, where it has this picture as an import, has this very statement."""
    known = kept.get(made.picture.original.blob, [])
    if not known:
        trouble.notes.append("the import is in this notebook only, not in the cache")
    elif made.stated not in [one.stated for one in known]:
        for name in STATED:
            then, now = getattr(known[-1].stated, name), getattr(made.stated, name)
            if then != now:
                trouble.drifted.append(f"its {name} was {_said(then)} when it was kept, and is {_said(now)}")


def _check_cell(made: Import, source: str, trouble: Trouble) -> None:
    """The cell as it stands, where it says so in so many words, states the same."""
    call = _call(source)
    for keyword in call.keywords if call else ():
        if keyword.arg not in STATED or not isinstance(keyword.value, ast.Constant):
            continue
        then, now = getattr(made.stated, keyword.arg), keyword.value.value
        if then != now:
            trouble.drifted.append(f"the cell now states the {keyword.arg} {_said(now)}, and it was {_said(then)}")


def _said(text: object) -> str:
    return "not stated" if text is None else repr(str(text)[:_LONG])


def _call(source: str) -> ast.Call | None:
    if "keep" not in source or source.rstrip().endswith(";"):  # IPython shows nothing of the latter
        return None
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # with magics, or no Python
        return None
    last = body[-1].value if body and isinstance(body[-1], ast.Expr) else None
    if not isinstance(last, ast.Call):
        return None
    name = last.func
    of_gemnb = isinstance(name, ast.Attribute) and isinstance(name.value, ast.Name) and name.value.id == "gemnb"
    is_keep = (of_gemnb and isinstance(name, ast.Attribute) and name.attr == "keep") or (
        isinstance(name, ast.Name) and name.id == "keep"
    )
    return last if is_keep and any(keyword.arg in STATED for keyword in last.keywords) else None


def _shown(output: JSONObject) -> Shown | None:
    data = output.get("data")
    if not isinstance(data, dict) or IMPORT_MIMETYPE not in data:
        return None
    kind = next((kind for kind in _PICTURES if kind in data), None)
    metadata = output.get("metadata")
    facts = metadata.get(kind or "") if isinstance(metadata, dict) else None
    return Shown(
        document=data[IMPORT_MIMETYPE],
        plain=joined(data.get("text/plain")),
        mime_type=kind,
        encoded=None if kind is None else joined(data[kind]),
        facts=facts if isinstance(facts, dict) else {},
        others=tuple(sorted(set(data) - {IMPORT_MIMETYPE, "text/plain", kind})),
    )
