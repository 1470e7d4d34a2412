"""What a worker needs, imported once for all of them: the fork server loads this module before it forks."""

from __future__ import annotations

from gemnb.reproduce.run import import_papermill

import_papermill()

import gemnb.reproduce.engine  # noqa: E402, F401 - after papermill, which is imported without what takes seconds
