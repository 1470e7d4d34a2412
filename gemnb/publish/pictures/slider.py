"""Before and after in one frame, with an edge to drag: HTML that needs no script. Pure.

The upper picture lies in a box whose width the reader changes by its lower right corner (CSS `resize`). Only
properties that JupyterLab's sanitiser lets through untrusted are used, with the forms it knows, and no `<style>`. A
feed reader that drops all styles is left with two pictures, before and after, each with its alternative text.
"""

from __future__ import annotations

from html import escape


def slider_html(  # noqa: PLR0913, PLR0917 - two pictures, two texts, one size
    before_src: str, after_src: str, before_alt: str, after_alt: str, width: int, height: int
) -> str:
    """Return a figure in which one picture covers part of another of the same shape.

    The edge is dragged with a mouse; telephones show both halves and do not drag.

    Args:
        before_src: Address of the picture on the left: a file name, or a `data:` URL.
        after_src: Address of the one on the right.
        before_alt: Alternative text of the left one.
        after_alt: Alternative text of the right one.
        width: Width of both in pixels; the frame is as wide, or narrower where there is less room.
        height: Height of both in pixels.
    """
    size = f'width="{int(width)}" height="{int(height)}"'
    before = f'src="{escape(before_src)}" alt="{escape(before_alt)}" {size}'
    after = f'src="{escape(after_src)}" alt="{escape(after_alt)}" {size}'
    # Absolute, so that the upper picture comes first in the text and still lies above. Its height is that of the
    # frame and its width follows: it does not shrink with its box. `background` hides the lower one where the upper
    # is transparent; `direction` puts the corner on the right in pages that run from right to left.
    return (
        f'<div style="position: relative; max-width: {int(width)}px; overflow: hidden; line-height: 0">'
        '<div dir="ltr" style="position: absolute; top: 0; bottom: 0; left: 0; width: 50%; min-width: 24px; '
        "max-width: 100%; overflow: hidden; resize: horizontal; border-right: 3px solid white; "
        'background: white; box-sizing: border-box; z-index: 1">'
        f'<img {before} style="display: block; height: 100%; width: auto; max-width: none; margin: 0"></div>'
        f'<img {after} style="display: block; width: 100%; height: auto; max-width: 100%; margin: 0"></div>'
    )
