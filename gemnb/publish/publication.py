"""From a notebook file to a folder with a page, its pictures and their evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gemnb.compose import open_cache
from gemnb.errors import GemnbError, NotebookError, nearest
from gemnb.publish.bundle import Earlier, Folder
from gemnb.publish.document import read_document
from gemnb.publish.escape import same
from gemnb.publish.figures import INDEX
from gemnb.publish.flavors import FLAVORS
from gemnb.publish.gather import make_post
from gemnb.publish.index import make_index
from gemnb.publish.making import Maker, make_files, original_name
from gemnb.publish.narrative import leaves_open
from gemnb.publish.place import Place
from gemnb.publish.post import Narrative, Prompt
from gemnb.publish.readback import read_page
from gemnb.publish.remarks import remarks_of
from gemnb.publish.render import render
from gemnb.publish.sites import keeps_math, shows_html
from gemnb.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor
    from pathlib import Path

    from gemnb.publish.document import Document
    from gemnb.publish.flavors import Flavor
    from gemnb.publish.making import Files, Made
    from gemnb.publish.post import Post, Remark
    from gemnb.publish.wishes import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What was published.

    Attributes:
        post: The post.
        page: Path of the page below the output folder.
        folder: Path of the folder of its files.
        made: The files of each picture, by stem.
        files: Every file of the publication by its path below the output folder, in the order of writing.
        remarks: What the author should be told, in the order of cells.
        written: Paths of what was written in this run.
        removed: Paths of what an earlier run had made and is no longer needed.
        stopped: Whether nothing was written, since it is to be mended first and `strict` was said.
    """

    post: Post
    page: PurePosixPath
    folder: PurePosixPath
    made: Mapping[str, Made]
    files: Mapping[PurePosixPath, bytes]
    remarks: tuple[Remark, ...]
    written: tuple[PurePosixPath, ...] = ()
    removed: tuple[PurePosixPath, ...] = ()
    stopped: bool = False

    @property
    def is_to_mend(self) -> bool:
        """Whether a remark is one that `strict` stops at."""
        return any(remark.strict for remark in self.remarks)


def publish_notebook(
    notebook: Path, output: Path, options: Options, *, executor: Executor | None = None
) -> Publication:
    """Publish a notebook into a folder.

    Publishing again changes no byte; one changed cell changes its own files, the page and the index. With
    `options.strict` nothing is written where a strict remark was made.

    Args:
        notebook: The notebook.
        output: For Hugo and Jekyll the site, for Markdown and HTML the folder of pages.
        options: How.
        executor: Where copies of pictures are made; None for threads, one per core.

    Raises:
        NotebookError: It is no notebook, its front matter is wrong, or its page was changed by hand.
        SettingsError: There is no such flavor, or what it needs is not installed.
        StoreError: The folder cannot be written, or the cache not be read.
    """
    flavor = find_flavor(options.to)
    options = replace(
        options,
        site_shows_html=options.site_shows_html or shows_html(output),
        site_keeps_math=options.site_keeps_math or (options.to == "hugo" and keeps_math(output)),
    )
    document = read_document(notebook)
    post = make(document, notebook.absolute(), options)
    folder = Folder(output, flavor.layout(post.front))
    earlier = folder.earlier()

    def read(name: str) -> bytes | None:
        return folder.read(folder.layout.folder / name)

    look = lookup(document, notebook.absolute())
    publication = assemble(post, look, options, earlier=earlier, read=read, executor=executor)
    if not options.force:
        folder.refuse_to_lose(earlier, publication.files[publication.page])
    if options.strict and publication.is_to_mend:
        return replace(publication, stopped=True)
    written = folder.write(publication.files)
    return replace(
        publication,
        written=(*written, *_site(folder, flavor)),
        removed=tuple(folder.remove_left(earlier, publication.files)),
    )


def find_flavor(name: str) -> Flavor:
    """Return the flavor of a name.

    Raises:
        NotebookError: There is none; the nearest one is named.
    """
    if name in FLAVORS:
        return FLAVORS[name]
    near = nearest(name, FLAVORS)
    raise NotebookError(
        f"There is no flavor {name!r}.",
        hint=(f"Did you mean --to {near}?  " if near else "") + "Known: " + ", ".join(FLAVORS),
    )


def lookup(document: Document, notebook: Path) -> Callable[[str], bytes]:
    """Return where originals are looked up: in what is packed into the notebook, and in its project's cache."""
    # Without its private part: what a cell keeps private must not be found here at all.
    cache = open_cache(load_settings(notebook.parent).cache, look_only=True)

    def blob(digest: str) -> bytes:
        packed = document.packed(digest)
        return cache.blob(digest) if packed is None else packed

    return blob


def make(document: Document, notebook: Path, options: Options) -> Post:
    """Return the post of a notebook's document, looked up in its project.

    Raises:
        NotebookError: Its front matter is wrong.
        StoreError: The cache cannot be read.
    """
    flavor = find_flavor(options.to)
    settings = load_settings(notebook.parent)
    place = Place(
        folder=notebook.parent,
        root=settings.root,
        cache=open_cache(settings.cache, look_only=True),
        private=open_cache(settings.cache / "private", look_only=True),
        kept=settings.cache,
    )
    wishes = replace(options.wishes, keep_heading=options.wishes.keep_heading or flavor.keeps_heading)
    return make_post(document, notebook.name, wishes, place)


def assemble(  # noqa: PLR0913 - what a publication is made of
    post: Post,
    blob: Callable[[str], bytes],
    options: Options,
    *,
    earlier: Earlier | None = None,
    read: Callable[[str], bytes | None] = lambda _name: None,
    executor: Executor | None = None,
) -> Publication:
    """Return a publication with all its bytes; nothing is written.

    Args:
        post: The post.
        blob: Digest to bytes of originals and previews; its errors mean that they are not there.
        options: How.
        earlier: What an earlier run left.
        read: Name to bytes of the files of that run.
        executor: Where copies of pictures are made.

    Raises:
        NotebookError: A prompt does not come out exactly; what stands before it in the notebook hides it.
    """
    flavor = find_flavor(options.to)
    if options.site_keeps_math:
        flavor = replace(flavor, mathematics=same, lead=same)
    layout = flavor.layout(post.front)
    maker = Maker(
        blob=blob,
        earlier=earlier.made if earlier else {},
        read=read,
        widths=options.widths,
        quality=options.quality,
        executor=executor,
    )
    files = make_files([figure.source for figure in post.figures()], maker)
    originals = _originals(post, files, blob, read) if options.originals else {}
    page = render(post, flavor, files.of(), originals)
    data = page.encode("utf-8", "replace")
    shows = read_page(data.decode(), flavor.back, is_html=flavor.name == "html")
    _check_prompts(post, [one.prompt for one in shows if one.prompt is not None])
    beside = post.attached | files.data
    name = layout.page.name if layout.page.parent == layout.folder else layout.page.as_posix()
    index = make_index(post, flavor.name, name, files, shows, beside | {name: data})
    # The index last: it names only what is there.
    everything = {layout.folder / file: content for file, content in beside.items()}
    everything |= {layout.page: data, layout.folder / INDEX: index}
    return Publication(
        post=post,
        page=layout.page,
        folder=layout.folder,
        made=files.made,
        files=everything,
        remarks=remarks_of(post, files, options),
    )


def _check_prompts(post: Post, found: list[str]) -> None:
    from gemnb.publish.escape import shown

    rest = iter(found)
    above: list[Narrative] = []
    for block in post.blocks:
        if isinstance(block, Narrative):
            above.append(block)
        elif isinstance(block, Prompt) and shown(block.text) not in rest:
            opener = next((one for one in reversed(above) if leaves_open(one.text)), None)
            where = f"Cell {opener.cell}" if opener else "A cell above it"
            raise NotebookError(
                f"The prompt of cell {block.cell} would not stand on the page as it went to the model: "
                f"{block.text[:60]!r}",
                why=f"{where} leaves something open (a comment, or HTML) that swallows it.",
                hint=f"Close it in {f'cell {opener.cell}' if opener else 'that cell'}, and publish again.",
            )


def _originals(
    post: Post, files: Files, blob: Callable[[str], bytes], read: Callable[[str], bytes | None]
) -> dict[str, str]:
    """Add the originals, byte for byte, and return their names by digest."""
    from gemnb.canonical import blob_digest

    found: dict[str, str] = {}
    for figure in post.figures():
        source = figure.source
        if source.provenance is None or source.original in found:
            continue
        name = original_name(source)
        kept = read(name)
        if kept is None or blob_digest(kept) != source.original:
            try:
                kept = blob(source.original)
            except GemnbError:
                kept = (
                    source.embedded if source.embedded and blob_digest(source.embedded) == source.original else None
                )
        if kept is not None:
            files.data[name] = kept
            found[source.original] = name
    return found


def _site(folder: Folder, flavor: Flavor) -> list[PurePosixPath]:
    """Put what the site needs once: never over a file that is there, but for one that an earlier gemnb put there."""
    wanted = {PurePosixPath(path): data for path, data in flavor.site.items()}
    before = (None, *flavor.site_before)
    return folder.write({path: data for path, data in wanted.items() if folder.read(path) in before})
