"""Unpack a body with a gigabyte of memory and fifteen seconds of processor; say what came of it."""

import resource
import sys
from pathlib import Path

from PIL import Image  # noqa: F401 - before the limit: its libraries map a lot

from gemnb.arrival import unpack
from gemnb.errors import MalformedAnswer
from gemnb.model import Content, Request

data = Path(sys.argv[1]).read_bytes()
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (15, 15))
request = Request(model="emulator/sketch-1", contents=(Content(role="user", parts=({"text": "A cat"},)),))
try:
    record, _ = unpack(request, data, {})
except MalformedAnswer as error:
    sys.stdout.write(f"MalformedAnswer: {error}")
else:
    for picture in record.pictures:
        sys.stdout.write(f"kept {picture.original.width}×{picture.original.height}\n")
