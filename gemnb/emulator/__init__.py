"""A local server that speaks the Gemini REST API, answers under `emulator/` only, and draws its pictures.

It imports nothing else of gemnb: it stands where Google stands.
"""

from gemnb.emulator.catalog import MODELS
from gemnb.emulator.faults import Fault
from gemnb.emulator.messages import Call
from gemnb.emulator.server import Emulator

__all__ = ["MODELS", "Call", "Emulator", "Fault"]
