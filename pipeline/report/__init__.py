"""The report of a run: one page that opens from disk, with its numbers and every trace and reject to look at."""

from pipeline.report.write import report

__all__ = ["report"]
