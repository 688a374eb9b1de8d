"""Strategies: plain functions over one policy and one accounting. Every file here is read, so a new one is one file."""

from importlib import import_module
from pkgutil import iter_modules

from pipeline.evaluation.strategies.registry import STRATEGIES, Strategy

for _file in iter_modules(__path__):
    import_module(f"{__name__}.{_file.name}")

__all__ = ["STRATEGIES", "Strategy"]
