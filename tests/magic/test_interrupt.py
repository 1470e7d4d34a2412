"""Interrupting a cell that waits for an answer: in a real kernel, with a real signal."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import start_new_kernel

from gemnb.emulator import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gemnb.emulator import Emulator

CAT = "%%gemimg cat\nA cat"


class Kernel:
    """A kernel in a project, driven message by message."""

    def __init__(self, folder: Path) -> None:
        self.manager, self.client = start_new_kernel(
            kernel_name="python3", cwd=str(folder), extra_arguments=["--IPKernelApp.log_level=ERROR"]
        )

    def start(self, source: str) -> str:
        """Send a cell and return the id of its request."""
        return self.client.execute(source)

    def end(self, message: str) -> list[dict[str, Any]]:
        """Return the outputs of a cell, when it is done."""
        outputs = []
        while True:
            found = self.client.get_iopub_msg(timeout=60)
            if found["parent_header"].get("msg_id") != message:
                continue
            if found["msg_type"] == "status" and found["content"]["execution_state"] == "idle":
                return outputs
            outputs.append(found)

    def run(self, source: str) -> list[dict[str, Any]]:
        """Run a cell and return its outputs."""
        return self.end(self.start(source))

    def close(self) -> None:
        """End the kernel and close its channels."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(project: Path, emulator: Emulator) -> Iterator[Kernel]:
    """A kernel with gemnb loaded."""
    made = Kernel(project)
    made.run("%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512")
    yield made
    made.close()


def said(outputs: list[dict[str, Any]]) -> str:
    """Return what a person reads."""
    lines = [line for o in outputs if o["msg_type"] == "error" for line in o["content"]["traceback"]]
    return "\n".join([*lines, *(o["content"]["text"] for o in outputs if o["msg_type"] == "stream")])


def pictures(outputs: list[dict[str, Any]]) -> list[Any]:
    """Return the picture outputs."""
    return [
        o["content"]["data"]
        for o in outputs
        if o["msg_type"] == "display_data" and "image/png" in o["content"]["data"]
    ]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another process."""
    while not condition():
        threading.Event().wait(0.01)


def interrupt(kernel: Kernel, emulator: Emulator, fault: Fault) -> str:
    """Ask, interrupt while the call is under way, and return what the person reads."""
    emulator.script(fault)
    message = kernel.start(CAT)
    wait_until(lambda: len(emulator.calls) == 1)
    kernel.manager.interrupt_kernel()
    return said(kernel.end(message))


def test_an_interrupt_stops_the_waiting_and_the_answer_lands(
    kernel: Kernel, emulator: Emulator, project: Path
) -> None:
    """The cell ends before the answer is there, says what goes on, and the next run joins the call already paid."""
    shown = interrupt(kernel, emulator, Fault(kind="latency", seconds=4))
    kept_by_then = list((project / "cache").rglob("*.json"))
    again = kernel.run(CAT)

    assert "Interrupted. What was sent goes on" in shown
    assert "%gemnb cancel" in shown
    assert kept_by_then == []
    assert len(pictures(again)) == 1
    assert len(emulator.calls) == 1


def test_cancel_closes_what_an_interrupt_left(kernel: Kernel, emulator: Emulator) -> None:
    """`%gemnb cancel` ends the call at once; asking again is a new call."""
    interrupt(kernel, emulator, Fault(kind="stall"))
    cancelled = said(kernel.run("%gemnb cancel"))
    again = kernel.run(CAT)
    nothing = said(kernel.run("%gemnb cancel"))

    assert cancelled == "1 call closed, which may be billed all the same.\n"
    assert len(pictures(again)) == 1
    assert len(emulator.calls) == 2
    assert nothing == "0 calls closed.\n"
