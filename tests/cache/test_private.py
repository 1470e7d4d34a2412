"""`--publish false`: an answer and its inputs stay out of what is committed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator


def test_a_private_answer_is_kept_where_git_does_not_look(
    run_cells: Callable[..., list[Any]], emulator: Emulator, project: Path, make_picture: Callable[..., bytes]
) -> None:
    """Picture, prompt and input of `#| publish: false` are ignored by git, replay all the same, and are paid once."""
    (project / "me.png").write_bytes(make_picture())
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    cell = "%%gemimg me -i me.png\n#| publish: false\nMe, as a statue"
    start = "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512"
    _, first, again, _ = run_cells(start, cell, cell, "%%gemimg\nA public cat")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "cache"],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    committed = b"".join((project / name).read_bytes() for name in listed)

    assert first.outputs == again.outputs
    assert len(emulator.calls) == 2
    assert b"statue" not in committed
    assert b"A public cat" in committed
    assert any((project / "cache/private/blobs").rglob("*"))
