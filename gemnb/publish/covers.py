"""The cover of a post, where it is the NAME of a cell. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.publish.post import Figure, Remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.publish.post import Block, Front
    from gemnb.publish.withheld import Withheld

_MOST = 200


def missing_cover(front: Front, blocks: Sequence[Block], withheld: Withheld) -> Remark | None:
    """Return what the author is told of a cover that is a NAME without a picture on the page; None where all is well.

    Args:
        front: The front matter; a cover that is no name, but a path or an address, is the theme's business.
        blocks: Of the post.
        withheld: What no page may show.
    """
    name = front.cover["image"] if front.cover else None
    shown = dict.fromkeys(block.name for block in blocks if isinstance(block, Figure) and block.name)
    if not isinstance(name, str) or not name.isidentifier() or name in shown:
        return None
    cell = withheld.names.get(name)
    why = (
        f"it depends on cell {cell}, which says `publish: false`" if cell else "no cell of that NAME shows a picture"
    )
    hint = f"; say `cover:` with one of {', '.join(shown)}"[:_MOST] if shown else ""
    return Remark(cell=cell or 0, text=f"the cover {name[:60]} is left out: {why}{hint}")
