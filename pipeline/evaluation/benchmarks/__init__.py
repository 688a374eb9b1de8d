"""Every benchmark there is. Every file here is read, so a new one is one file."""

from importlib import import_module
from pkgutil import iter_modules

from pipeline.evaluation.items import BENCHMARKS

for _file in iter_modules(__path__):
    import_module(f"{__name__}.{_file.name}")

__all__ = ["BENCHMARKS"]
