"""The ways to a model. `gemnb.backends.gemini` imports the SDK and is imported on the first miss only."""

from gemnb.backends.base import Backend, Reply, Secret, is_loopback

__all__ = ["Backend", "Reply", "Secret", "is_loopback"]
