"""Which file an address on a published page leads to. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.publish.figures import INDEX
from gemnb.publish.flavors import FLAVORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.publish.index import Index
    from gemnb.publish.placing import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Which file an address on the page leads to.

    Attributes:
        link: File name to its address as publishing writes it.
        files: Address to file name.
        base: What stands before every name, on a page that a site generator built; else None.
    """

    link: Callable[[str], str]
    files: dict[str, str]
    base: str | None = None

    @classmethod
    def of(cls, index: Index, slug: str, page: Page, *, built: bool) -> Addresses:
        """Return the addresses of a page; `slug` is the name of the folder of its files."""
        flavor = FLAVORS.get(index.flavor)

        def link(name: str) -> str:
            return flavor.link(name, slug) if flavor else name

        names = [INDEX, *index.written]
        files = {link(name): name for name in names}
        if flavor is not None:
            files = {flavor.image(name, slug): name for name in names} | files
        if not built:
            return cls(link=link, files=files)
        # The generator made them absolute: then all lie in one place.
        split = (address.rpartition("/") for stanza in page.stanzas for address in stanza.picture)
        bases = Counter(f"{before}{slash}" for before, slash, name in split if name in index.written)
        base = bases.most_common(1)[0][0] if bases else ""
        return cls(link=link, files=files, base=base)

    def name(self, address: str) -> str:
        """Return the file name of an address, or nothing where it leads elsewhere."""
        if self.base is None:
            return self.files.get(address, "")
        name = address.removeprefix(self.base)
        return name if address.startswith(self.base) and name in self.files.values() else ""

    def is_same(self, found: str, written: str) -> bool:
        """Return whether an address on the page is one that publishing wrote."""
        if self.base is None or written not in self.files:
            return found == written
        return self.name(found) == self.files[written]
