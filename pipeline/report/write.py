"""Writing the report: the page with its index, and the pages of data that it loads as they are looked at."""

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from rich.console import Console
from rich.progress import track

from pipeline.export.rows import Item
from pipeline.export.statistics import Statistics
from pipeline.place import write
from pipeline.report.annex import INSIDE_BYTES, Annex
from pipeline.report.entries import Entry, entry, index_line
from pipeline.report.overview import overview
from pipeline.report.pictures import make_pictures
from pipeline.report.stories import stories
from pipeline.store import Store
from pipeline.story import Story

PAGE = 200
"""Entries that are loaded at a time."""
SCRIPTS = ("page.js", "index.js", "overview.js", "photo.js", "entry.js", "inspector.js", "start.js")
"""In the order in which they build on each other; they are one script in the page."""
_AT_ONCE = 16
"""Photos whose stories are in memory at a time."""


def report(run: Path, inside_bytes: int = INSIDE_BYTES) -> Path:
    """Write `report.html` into a run's folder, and `report/` beside it where there is more than `inside_bytes`.

    Raises ConfigError if the folder is no run, and StoreError.
    """
    told, annex = overview(run), Annex(run, inside_bytes)
    told |= _entries(run, annex)
    annex.sweep()
    told |= {"folder": annex.folder, **_inside(annex)}
    path = run / "report.html"
    write(path, _page(told).encode())
    return path


def _entries(run: Path, annex: Annex) -> dict[str, Any]:
    """Put every story into the annex, page by page; the index and the counts of what is exported."""
    index: list[Entry] = []
    statistics, told, number = Statistics(), _with_pictures(run, annex), 0
    while some := list(islice(told, PAGE)):
        page = {"number": number, "entries": [entry(story, missing) for story, missing in some]}
        annex.keep(f"data/{number}.js", _json(page).encode())
        index += [index_line(story) for story, _ in some]
        for story, _ in some:
            _count(story, statistics)
        number += 1
    return {"index": index, "pageSize": PAGE, "counts": statistics.tables}


def _with_pictures(run: Path, annex: Annex) -> Iterator[tuple[Story, str]]:
    """Every story, its pictures made, and why there are none if they cannot be made."""
    terminal = Console(stderr=True)
    count = sum(1 for _ in Store(run).ids("records", "sample"))
    photos = track(
        stories(run), "photos", total=count, console=terminal, transient=True, disable=not terminal.is_terminal
    )
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while some := list(islice(photos, _AT_ONCE)):
            for told, missing in zip(some, pool.map(partial(make_pictures, annex=annex), some), strict=True):
                yield from ((story, missing) for story in told)


def _count(story: Story, statistics: Statistics) -> None:
    if story.task and story.trace and not story.reject:
        statistics.add(Item(id=story.id, task=story.task, trace=story.trace, calls=()), "train")


def _inside(annex: Annex) -> dict[str, Any]:
    """The pages of data and the pictures that the page itself holds."""
    # They were made in several threads, in any order.
    inside = dict(sorted(annex.inside.items()))
    pages = {name: data for name, data in inside.items() if name.startswith("data/")}
    pictures = {name: base64.b64encode(data).decode() for name, data in inside.items() if name not in pages}
    return {"pages": [json.loads(data) for data in pages.values()], "pictures": pictures}


def _page(told: dict[str, Any]) -> str:
    """The HTML. It may run its own script alone and reach nothing, whatever it holds."""
    style, script = _asset("page.css"), "".join(map(_asset, SCRIPTS))
    template = Environment(undefined=StrictUndefined, autoescape=True).from_string(_asset("page.html"))
    # Nothing in the data can end the element that holds it.
    data = _json(told).replace("<", "\\u003c")
    return template.render(run=told["run"], style=style, script=script, data=data, hash=_hash)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """How a content security policy names an inline script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
