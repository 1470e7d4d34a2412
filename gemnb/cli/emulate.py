"""`gemnb emulate`: the emulator as a server of its own."""

from __future__ import annotations

import click


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.", show_default=True)
@click.option("--latency", type=click.FloatRange(0, 600), default=0.0, help="Seconds before each answer.")
def emulate(port: int, latency: float) -> None:
    """Run the emulator: a local server that speaks the Gemini REST API, with synthetic pictures."""
    from gemnb.emulator import Emulator

    with Emulator(port=port, latency=latency) as emulator:
        click.echo(f"gemnb's emulator listens on {emulator.url} (this machine only, synthetic pictures).")
        click.echo(f"GEMNB_EMULATOR={emulator.url} lets notebooks use it. Ctrl-C ends it.")
        emulator.wait()
