"""nbconvert's exporters: `jupyter nbconvert --to gemnb-hugo post.ipynb`. Imported by nbconvert only.

nbconvert writes what it is handed below `--output-dir`; pages and pictures lie there as `gemnb publish` lays them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbconvert.exporters.base import Exporter
from traitlets import Bool, Unicode

from gemnb.notebook import cells_of
from gemnb.publish.document import make_document
from gemnb.publish.publication import assemble, find_flavor, lookup, make
from gemnb.publish.wishes import Options, Wishes

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from gemnb.model import JSONObject


class _GemnbExporter(Exporter):
    """A post made from the records of a notebook."""

    flavor = ""

    link = Unicode("", help="Address of the notebook, for readers.").tag(config=True)
    originals = Bool(False, help="Publish the originals too, byte for byte.").tag(config=True)
    caption_facts = Bool(False, help="Captions say model, date, cost and attempt.").tag(config=True)

    def from_notebook_node(  # type: ignore[override]  # bytes, which nbconvert's writer takes as they are
        self,
        nb: NotebookNode,
        resources: Any = None,
        **kw: Any,  # noqa: ARG002 - nbconvert's signature
    ) -> tuple[bytes, Any]:
        """Return the page, and its files among the resources.

        Raises:
            GemnbError: As `gemnb.publish.publish_notebook` does.
        """
        kept = self._init_resources(resources)  # type: ignore[no-untyped-call]
        metadata = kept.get("metadata", {})
        notebook = Path(metadata.get("path") or "", f"{metadata.get('name') or 'notebook'}.ipynb").absolute()
        raw: JSONObject = _plain(nb)
        document = make_document(raw, cells_of(raw, notebook.name), notebook.name)
        wishes = Wishes(link=self.link, facts=self.caption_facts)
        options = Options(to=self.flavor, wishes=wishes, originals=self.originals)
        done = assemble(make(document, notebook, options), lookup(document, notebook), options)
        site = find_flavor(self.flavor).site
        kept["outputs"] = {path.as_posix(): data for path, data in done.files.items()} | dict(site)
        # Where nobody named the result, the page lies where `gemnb publish` puts it.
        if kept.get("unique_key") in (None, metadata.get("name")):
            kept["unique_key"] = done.page.with_suffix("").as_posix()
        kept["output_extension"] = done.page.suffix
        for remark in done.remarks:
            where = f"cell {remark.cell}: " if remark.cell else ""
            (self.log.warning if remark.strict else self.log.info)("%s%s", where, remark.text)
        return done.files[done.page], kept


class HugoExporter(_GemnbExporter):
    """A page bundle for Hugo."""

    flavor = "hugo"
    export_from_notebook = "Post for Hugo (gemnb)"


class JekyllExporter(_GemnbExporter):
    """A post for Jekyll."""

    flavor = "jekyll"
    export_from_notebook = "Post for Jekyll (gemnb)"


class MarkdownExporter(_GemnbExporter):
    """A folder with a page of Markdown."""

    flavor = "markdown"
    export_from_notebook = "Post in Markdown (gemnb)"


class HtmlExporter(_GemnbExporter):
    """A folder with a page that runs no script."""

    flavor = "html"
    export_from_notebook = "Post in HTML (gemnb)"


def _plain(value: Any) -> Any:
    """Return a notebook node as plain JSON values."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
