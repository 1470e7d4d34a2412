"""Check notebooks against themselves and the cache: nothing is executed, nothing they say is trusted.

The path of a picture: `notebooks` (cells in order) → `outputs` (what stands below a cell), `answers` (the record and
its bytes), `sources` (the cell as it stands), `bindings` (what its names stood for) → `findings`. `holdings` hashes
bytes, on several threads, `sketches` looks at pictures, and `alike` remembers what it saw.
"""

from gemnb.verify.alike import Alike
from gemnb.verify.findings import Check, Finding
from gemnb.verify.lines import verify_code, verify_lines, verify_report
from gemnb.verify.notebooks import verify_notebook

__all__ = ["Alike", "Check", "Finding", "verify_code", "verify_lines", "verify_notebook", "verify_report"]
