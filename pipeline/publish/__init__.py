"""Publishing: a finished dataset or a trained model goes to the Hugging Face Hub, and of it only what changed."""

from pipeline.export.config import ExportError


class PushError(ExportError):
    """What is to go to the Hub, or the Hub itself, cannot be used; the message says to the operator what to do."""
