"""`gemnb publish`: from a notebook to a post."""

from __future__ import annotations

import sys
from pathlib import Path

import click

_FLAVORS = ("hugo", "jekyll", "markdown", "html")


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(_FLAVORS), required=True, help="The dialect of the site.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("published"),
    show_default=True,
    help="For Hugo and Jekyll the site's folder; else the folder in which the post's own folder is made.",
)
@click.option("--slug", help="Last part of the post's address; else of its front matter, else of its title.")
@click.option("--section", help="Folder of posts below content/, for Hugo; else of its front matter, else posts.")
@click.option("--link", default="", metavar="URL", help="Address of the notebook, for readers.")
@click.option(
    "--widths", default="", metavar="W,W,…", help="Widths of copies in pixels.  [default: 480,768,1024,1440]"
)
@click.option("--quality", type=click.IntRange(1, 100), default=82, show_default=True, help="Of WebP.")
@click.option("--originals", is_flag=True, help="Publish the originals too, byte for byte, and link them.")
@click.option("--code", is_flag=True, help="Show code where no tag hides it.")
@click.option("--caption-facts", is_flag=True, help="Captions say model, date, cost and attempt.")
@click.option("--no-prompt-in-pictures", is_flag=True, help="Leave the prompt out of the metadata of copies.")
@click.option(
    "--picture-budget", type=click.IntRange(0), default=250_000, show_default=True, help="Bytes; 0 for none."
)
@click.option(
    "--page-budget", type=click.IntRange(0), default=4_000_000, show_default=True, help="Bytes; 0 for none."
)
@click.option("--force", is_flag=True, help="Overwrite a page that was changed by hand.")
@click.option(
    "--strict",
    is_flag=True,
    help="Write nothing, and end with 1, where an alternative text lacks, or anything else is marked !.",
)
def publish(notebook: Path, to: str, output: Path, widths: str, *, strict: bool, **said: object) -> None:
    """Publish a notebook as a post: each prompt from its record, pictures at several widths, and their evidence.

    Nothing is run and nobody is asked. Publishing again changes no byte.

    Exit code: 0 published, 1 --strict found something and wrote nothing, 2 usage, 4 a folder cannot be read or
    written.
    """
    from gemnb.publish.making import WIDTHS
    from gemnb.publish.publication import publish_notebook
    from gemnb.publish.report import report, stops
    from gemnb.publish.sites import site_above
    from gemnb.publish.wishes import Options, Wishes

    if notebook.is_dir():
        raise click.UsageError(f"{notebook} is a folder. Give one notebook: gemnb publish NOTEBOOK --to {to}")
    if to == "hugo" and (site := site_above(output)) is not None:
        section = output.absolute().relative_to(site / "content").parts
        raise click.UsageError(
            f"{output} lies in the content of a Hugo site. Give the site: --output {site}"
            + (f" --section {section[0]}" if section else "")
        )
    options = Options(
        to=to,
        wishes=Wishes(
            slug=_text(said["slug"]),
            section=_text(said["section"]),
            link=str(said["link"]),
            code=bool(said["code"]),
            facts=bool(said["caption_facts"]),
            prompts=not said["no_prompt_in_pictures"],
        ),
        widths=_widths(widths) if widths else WIDTHS,
        quality=int(str(said["quality"])),
        originals=bool(said["originals"]),
        picture_budget=int(str(said["picture_budget"])),
        page_budget=int(str(said["page_budget"])),
        force=bool(said["force"]),
        strict=strict,
    )
    done = publish_notebook(notebook, output, options)
    for line in report(done, output):
        click.echo(line)
    if strict and stops(done):
        click.echo("--strict: nothing was written; what is marked ! is to be mended first.", err=True)
        sys.exit(1)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _widths(text: str) -> tuple[int, ...]:
    words = text.replace(" ", "").split(",")
    if not all(word.isascii() and word.isdigit() and 16 <= int(word) <= 16_383 for word in words):
        raise click.BadParameter("widths are whole numbers from 16 to 16383 (WebP's most), with commas between them.")
    return tuple(sorted({int(word) for word in words}))
