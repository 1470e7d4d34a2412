"""How a reference is spelled: as a variable, or with one of the schemes."""

import re

VARIABLE = re.compile(r"([^\W\d]\w*)(?:\[-?\d+\]|\.[^\W\d]\w*)*")
SCHEME = re.compile(r"(?:var|file|record|blob|(?i:data|https?)):")
