"""Every benchmark there is: importing this registers them all, and a new one needs its file and a line here."""

from pipeline.evaluation.benchmarks import (
    hrbench,
    lamps,
    mme_realworld,
    shards,
    vstar,
)

__all__ = [
    "hrbench",
    "lamps",
    "mme_realworld",
    "shards",
    "vstar",
]
