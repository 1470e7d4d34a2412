"""The command line: one module per verb, imported when it is called. Words and exit codes only."""

from __future__ import annotations

from importlib import import_module

import click

from gemnb.errors import CacheError, GemnbError, StoreError

_VERBS = {
    "reproduce": "gemnb.cli.reproduce",
    "verify": "gemnb.cli.verify",
    "plan": "gemnb.cli.plan",
    "lock": "gemnb.cli.lock",
    "pack": "gemnb.cli.pack",
    "slim": "gemnb.cli.slim",
    "publish": "gemnb.cli.publish",
    "cache": "gemnb.cli.cache",
    "emulate": "gemnb.cli.emulate",
}
"""The verbs in the order of `gemnb --help`, and the modules in which each is the command of its own name."""


class _Verbs(click.Group):
    """Imports a verb when it is needed; turns gemnb's errors into their lines on stderr and an exit code."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in _VERBS:
            return None
        command = getattr(import_module(_VERBS[name]), name)
        return command if isinstance(command, click.Command) else None

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except GemnbError as error:
            failure = error
        for line in failure.lines():
            click.echo(line, err=True)
        raise SystemExit(4 if isinstance(failure, StoreError) else 1 if isinstance(failure, CacheError) else 2)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=__name__.partition(".")[0])
def main() -> None:
    """Notebooks of generated pictures that anyone can reproduce and check."""
