"""`gemnb verify`: check notebooks without running them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.notebook import Notebook
    from gemnb.verify import Check

FORMATS = ("text", "json", "junit", "markdown", "html")  # a test holds them against gemnb.report's
INDEX = (
    "index.gemnb.json"  # stands beside each page that `gemnb publish` wrote; a test holds it against gemnb.publish's
)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="The form of the report; without it, what the ending of FILE says (.txt .json .xml .md .html), or text.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write the report there."
)
def verify(paths: tuple[Path, ...], form: str | None, output: Path | None) -> None:
    """Check notebooks against themselves and the cache; nothing is executed.

    PATHS are notebooks, folders of them, globs, or folders that `gemnb publish` wrote.

    Exit code: 0 all consistent or bound, 1 drift or missing, 2 usage or no notebook, 4 store unavailable.
    """
    from gemnb.errors import NotebookError

    form = form or (_form_of(output.name) if output else "text")
    if form is None:
        raise click.BadParameter(
            f"{output} does not say which form it is to have. Add --format, or end it in .txt .json .xml .md .html.",
            param_hint="-o",
        )
    if output is not None:
        from gemnb.cli.outputs import check_file

        check_file(output)  # before minutes of checking
    found: list[tuple[Path, Sequence[Check]]] = []
    troubled: list[tuple[Path, str]] = []
    for path in _found(paths):
        try:
            found.append((path, _checks_of(path, with_images=form == "html")))
        except NotebookError as error:  # the others are checked all the same
            troubled.append((path, " ".join(error.lines())))
            for line in error.lines():
                click.echo(line, err=True)
    from gemnb.report import render
    from gemnb.verify import verify_code, verify_lines

    report = render(verify_lines(found, troubled), form)
    if output is None:
        click.echo(report)
    else:
        from gemnb.cli.outputs import write_file

        write_file(output, report + "\n")
    sys.exit(2 if troubled else verify_code(found))


def _form_of(name: str) -> str | None:
    from gemnb.report import format_of

    return format_of(name)


def _found(paths: Sequence[Path]) -> list[Path]:
    """Return the notebooks of the paths, and the folders at or below them that hold a published page."""
    from gemnb.errors import NotebookError
    from gemnb.notebook import find_notebooks

    both: list[Path] = []
    for path in paths:
        pages = _pages(path) if path.is_dir() or path.name == INDEX else []
        both += pages
        try:
            both += find_notebooks([path]) if path.name != INDEX else []
        except NotebookError:
            if not pages:
                raise
    return list(dict.fromkeys(both))


def _pages(path: Path) -> list[Path]:
    from gemnb.publish import find_published

    return find_published(path)


def _checks_of(path: Path, *, with_images: bool) -> Sequence[Check]:
    """Return the checks of one notebook, or of one published page."""
    if path.is_dir():
        from gemnb.publish import verify_published

        return verify_published(path)
    notebook = _loaded(path.absolute())
    from gemnb.compose import open_for_looking
    from gemnb.settings import load_settings
    from gemnb.user_folders import previews_file
    from gemnb.verify import Alike, verify_notebook

    settings = load_settings(path.absolute().parent)
    cache = open_for_looking(settings)
    alike = Alike(previews_file())
    return verify_notebook(
        path.absolute(), cache, settings.root, with_images=with_images, notebook=notebook, alike=alike
    )


def _loaded(path: Path) -> Notebook:
    """Return a notebook; while its file is read, what checks it is imported."""
    from concurrent.futures import ThreadPoolExecutor

    from gemnb.notebook import load_bytes, read_bytes

    with ThreadPoolExecutor(1) as beside:
        data = beside.submit(read_bytes, path)
        import gemnb.verify  # noqa: F401
    return load_bytes(data.result(), str(path))
