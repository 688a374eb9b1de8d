"""A first stage that lets one photo through and holds the others back, until everything has been started."""

import asyncio
from pathlib import Path

from typing_extensions import override

from agents.endpoint import Journal
from pipeline.records import Candidate, Rejected
from pipeline.stage import Stage

_PAUSE = 0.1


class Gate(Stage):
    """Opens for all when the run's folder holds the file `open`; the file `first` names who need not wait."""

    name = "gate"
    consumes = Candidate

    @override
    async def process(self, record: Candidate, journal: Journal) -> tuple[list[Candidate], list[Rejected]]:
        folder = self.config.folder
        while not may_pass(folder, record):
            await asyncio.sleep(_PAUSE)
        return [record], []


def may_pass(folder: Path, record: Candidate) -> bool:
    return (folder / "open").exists() or (folder / "first").read_text() == record.id


def close(folder: Path, but_for: Candidate) -> None:
    folder.mkdir(parents=True)
    (folder / "first").write_text(but_for.id)


def open_for_all(folder: Path) -> None:
    (folder / "open").touch()
