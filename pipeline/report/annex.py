"""What a report shows besides its index: inside the page while it is little, else in a folder beside it."""

from pathlib import Path
from threading import Lock

from pipeline.place import files_below, remove, write

FOLDER = "report"
"""Beside `report.html`, in the run's folder."""
INSIDE_BYTES = 24_000_000
"""A page that holds no more than this besides its index is one file, as the demo's is; larger ones open slowly."""


class Annex:
    """The pictures and the data of a report. Several threads may add to it."""

    def __init__(self, run: Path, inside_bytes: int = INSIDE_BYTES) -> None:
        self.inside: dict[str, bytes] = {}
        """Files that go into the page, by name; none once they are too much."""
        self._folder, self._room = run / FOLDER, inside_bytes
        self._old = {f"{path.parent.name}/{path.name}": path for path in files_below(self._folder)}
        # What an earlier report left beside the page is used again, so the rest comes there too.
        self._beside = bool(self._old)
        self._names: set[str] = set()
        self._lock = Lock()

    @property
    def folder(self) -> str:
        """The folder beside the page; empty if all is inside it."""
        return FOLDER if self._beside else ""

    def claim(self, name: str) -> bool:
        """Have the picture of this name, which stands for its pixels, in the report; whether it is still to be made."""
        with self._lock:
            new = name not in self._names and name not in self._old
            self._names.add(name)
        return new

    def keep(self, name: str, data: bytes) -> None:
        """Have a file `<shelf>/<name>` in the report. Raises StoreError."""
        for due, content in self._due(name, data).items():
            # A page that is opened from disk may not fetch data, but it may run a script that brings them.
            write(self._folder / due, b"received(" + content + b");\n" if due.endswith(".js") else content)

    def sweep(self) -> None:
        """Remove what an earlier report left and this one has no use for."""
        for name in self._old.keys() - self._names:
            remove(self._old[name])

    def _due(self, name: str, data: bytes) -> dict[str, bytes]:
        """What has to be written now: all that was held back, at the moment when it becomes too much."""
        with self._lock:
            self._names.add(name)
            if self._beside:
                return {name: data}
            self.inside[name] = data
            self._room -= len(data)
            if self._room >= 0:
                return {}
            held, self.inside, self._beside = self.inside, {}, True
            return held
