"""Owns one device with a SAM on it, opens the photos itself, and answers with plain regions."""

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from agents.photos import PhotoError, open_photo
from pipeline.config import ConfigError, SegmenterConfig
from pipeline.sam.prompt import Answer, Prompt

if TYPE_CHECKING:
    from pipeline.sam.predictor import PhotoPredictor

_NO_MEMORY = r"allocate memory|ALLOC_FAILED"
"""What torch says when memory is out and it has no error of its own for it: the CPU's, cuDNN's, cuBLAS's."""


class SamWorker:
    """One SAM; `device` is `cuda` or `cpu`. It is loaded when it is first needed, and answers one prompt at a time."""

    def __init__(self, config: SegmenterConfig, device: str) -> None:
        self.config, self.device = config, device

    def ready(self) -> str:
        """The device, once the model is on it; raises ConfigError if it cannot be."""
        return str(self.predictor.device)

    def answer(self, path: str, prompt: Prompt) -> Answer:
        """The regions a prompt means in the photo that lies at `path`, or why there are none."""
        try:
            return Answer(regions=tuple(self.predictor.answer(prompt, lambda: open_photo(path))))
        except PhotoError as error:
            return Answer(fault=str(error))
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
        self._let_go()
        return Answer(fault=f"SAM is out of memory: {Path(path).name} on {self.device}")

    @cached_property
    def predictor(self) -> "PhotoPredictor":
        """SAM on its device; raises ConfigError."""
        from pipeline.sam.weights import load_sam

        sam = load_sam(Path(self.config.checkpoint or ""), self.config.model)

        import torch

        from pipeline.sam.predictor import PhotoPredictor

        if self.device == "cpu":
            torch.set_num_threads(self.config.threads)
        elif not torch.cuda.is_available():
            raise ConfigError("torch finds no GPU for SAM: install torch for CUDA, or set segmenter.device=cpu.")
        return PhotoPredictor(sam.to(self.device), self.config.cache)

    def _let_go(self) -> None:
        import torch

        self.predictor.forget()
        if self.device != "cpu":
            torch.cuda.empty_cache()


def _out_of_memory(error: Exception) -> bool:
    """Whether it is memory that is out."""
    import torch

    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or bool(re.search(_NO_MEMORY, str(error)))
