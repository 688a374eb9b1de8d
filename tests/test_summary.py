"""The summary of a run as a person reads it."""

from pathlib import Path

from pipeline.export import ExportResult
from pipeline.summary import Summary, as_text, summarize_run
from tests.finished import Finished

EXPORTED = ExportResult(rows={"train": 2}, shards=1, pictures=4, photos=2, bytes=1, dropped=())


def summary_of(root: Path) -> Summary:
    run = Finished(root)
    for _ in range(8):
        run.store.time("search", 30.0)
    return summarize_run(run.store, run.config, EXPORTED)


def test_seconds_are_those_of_all_records_together(tmp_path: Path) -> None:
    assert summary_of(tmp_path).seconds == {"search": 240.0}


def test_it_says_what_the_seconds_are(tmp_path: Path) -> None:
    lines = as_text(summary_of(tmp_path)).splitlines()
    assert "seconds: of all records together, waiting for the teacher included; many are in flight at once" in lines
