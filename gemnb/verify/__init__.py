"""Check notebooks against themselves and the cache: nothing is executed or written, nothing they say is trusted.

The path of a picture: `notebooks` (cells in order) → `outputs` (what stands below a cell), `answers` (the record and
its bytes), `sources` (the cell as it stands), `bindings` (what its names stood for) → `findings`. `holdings` hashes
bytes, on several threads, and `sketches` looks at pictures.
"""

from gemnb.verify.findings import Check, Finding
from gemnb.verify.lines import verify_code, verify_lines, verify_report
from gemnb.verify.notebooks import verify_notebook

__all__ = ["Check", "Finding", "verify_code", "verify_lines", "verify_notebook", "verify_report"]
