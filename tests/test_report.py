"""The report: all that a run knows is in one page that opens from disk, and a real browser shows it as it should."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from agents.boxes import whole
from agents.photos import encode_jpeg, open_photo
from agents.views import View, render
from pipeline.cli import app
from pipeline.config import ConfigError
from pipeline.export import ExportResult
from pipeline.place import place_of, read, write
from pipeline.records import Rejected
from pipeline.report import report
from pipeline.report.pictures import picture_name
from pipeline.report.stories import stories
from pipeline.store import Outcome
from pipeline.story import Story, story_of
from pipeline.summary import summarize_run
from tests.chromium import Browser, chromium, program
from tests.drawn import draw, record_of
from tests.finished import Finished

HOSTILE = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">'
EXPORTED = ExportResult(rows={"train": 2}, shards=1, pictures=4, photos=2, bytes=1, dropped=())


@pytest.fixture
def run(tmp_path: Path) -> Finished:
    """A run with a zooming, a direct and a rejected task, and a suggestion that never became a task."""
    made = Finished(tmp_path)
    image = made.zooming.task.image.id
    told = {"photo": "photo0.jpg", "question": "Who?", "answer": "me"}
    aside = Rejected(id=f"{image}-x00", stage="propose", reason="the same task again", evidence=told, image=image)
    tasks = [one.model_dump_json() for one in (made.zooming.task, made.task(made.zooming.task.image, 1, "CAFE"))]
    made.store.finish("propose", image, Outcome(tasks, [aside]))
    summary = summarize_run(made.store, made.config, EXPORTED)
    made.store.write_json("summary.json", summary.model_dump(mode="json"))
    return made


class Page:
    """What a written report holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.html = path.read_text(encoding="utf-8")
        held = re.search(r'<script type="application/json" id="data">(.*?)</script>', self.html, re.DOTALL)
        assert held
        self.data: dict[str, Any] = json.loads(held.group(1))

    @property
    def entries(self) -> dict[str, Any]:
        """Each entry by its id, wherever its page of data lies."""
        scripts = sorted((self.path.parent / "report" / "data").glob("*.js"))
        texts = [script.read_text(encoding="utf-8") for script in scripts]
        pages = self.data["pages"] + [json.loads(text[len("received(") : -len(");\n")]) for text in texts]
        return {entry["id"]: entry for page in pages for entry in page["entries"]}


def page_of(run: Finished, inside_bytes: int = 10**9) -> Page:
    return Page(report(run.folder, inside_bytes))


def beside(run: Finished, pattern: str = "*/*") -> dict[str, bytes]:
    """The files in the folder beside the page."""
    return {path.name: path.read_bytes() for path in sorted((run.folder / "report").glob(pattern))}


# What is in it


def test_every_task_and_every_reject_is_in_the_index(run: Finished) -> None:
    states = {line["id"]: (line["state"], line["reason"]) for line in page_of(run).data["index"]}
    assert states == {
        run.zooming.id: ("trace", ""),
        run.direct.id: ("trace", ""),
        run.vain.id: ("set aside", "search: no accepted answer"),
        f"{run.vain.image}-x00": ("set aside", "propose: the same task again"),
    }


def test_every_line_of_the_index_has_its_entry_at_its_place(run: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.report.write.PAGE", 3)
    data = page_of(run).data
    assert [[entry["id"] for entry in page["entries"]] for page in data["pages"]] == [
        [line["id"] for line in data["index"][:3]],
        [line["id"] for line in data["index"][3:]],
    ]
    assert (data["pageSize"], [page["number"] for page in data["pages"]]) == (3, [0, 1])


def test_in_one_pass_the_stories_are_those_that_are_told_one_by_one(run: Finished) -> None:
    run.store.fail("search", run.vain.id, "Traceback")
    run.keep(run.direct, question="What does <image> say?")
    found = [story for photo in stories(run.folder) for story in photo]
    assert found == [story_of(run.folder, story.id) for story in found]
    assert len(found) == 4 and any(story.reject and story.reject.stage == "export" for story in found)


def test_stories_of_one_photo_come_together(run: Finished) -> None:
    photos = [{story.id[:16] for story in photo} for photo in stories(run.folder)]
    assert sorted(photos, key=min) == [{image} for image in sorted((run.zooming.id[:16], run.direct.id[:16]))]


def test_a_search_is_told_with_its_wrong_turns_verdicts_and_hints(run: Finished) -> None:
    first, second = page_of(run).entries[run.zooming.id]["attempts"]
    assert [step["astray"] for step in (*first["steps"], *second["steps"])] == [True, False]
    assert (first["correct"], first["answer"], first["hint"]) == (False, "I cannot", "Look lower.")
    assert second["correct"]


def test_a_reject_is_told_as_far_as_it_came(run: Finished) -> None:
    entry = page_of(run).entries[run.vain.id]
    assert (len(entry["attempts"]), entry["attempts"][0]["answer"], entry["trace"]) == (1, "CAKE", [])
    assert ["answers", '["CAKE"]'] in entry["evidence"]


def test_the_trace_is_told_in_its_order(run: Finished) -> None:
    kinds = [part["kind"] for part in page_of(run).entries[run.zooming.id]["trace"]]
    assert kinds == ["think", "focus", "zoom", "think", "answer"]


def test_a_bug_is_told_without_the_folders_of_this_machine(run: Finished) -> None:
    run.store.forget("search", run.vain.id)
    run.store.fail("search", run.vain.id, 'File "/home/someone/cof/agents/agent.py", line 3\nZeroDivisionError')
    page = page_of(run)
    assert page.entries[run.vain.id]["bug"] == 'File "agent.py", line 3\nZeroDivisionError'
    assert "met a bug" in {line["state"] for line in page.data["index"]}


def test_what_is_exported_is_counted(run: Finished) -> None:
    counts = page_of(run).data["counts"]
    assert counts["zooms"] == [["0", 1, "50.0%"], ["1", 1, "50.0%"]]
    assert counts["kind"] == [["text", 2, "100.0%"]]


def test_a_run_that_is_not_finished_has_a_report(run: Finished) -> None:
    (run.folder / "summary.json").unlink()
    page = page_of(run)
    assert page.data["summary"] is None and len(page.data["index"]) == 4


def test_what_was_trained_is_told_with_its_curves(run: Finished) -> None:
    row = {"model": "sft", "resolution": 224, "accuracy": 0.5, "ci95": [0.25, 0.75], "zooms": None}
    write(run.folder / "train" / "results.json", json.dumps({"rows": [row]}).encode())
    write(run.folder / "train" / "curves.png", b"\x89PNG")
    (training,) = page_of(run).data["results"]
    assert (training["title"], training["columns"][0]) == ("Training", "model")
    assert training["rows"] == [["sft", "224", "0.500", "0.250 to 0.750", ""]]
    assert training["curves"] == "data:image/png;base64,iVBORw=="


def test_a_table_within_a_row_of_an_evaluation_stays_on_its_own_page(run: Finished) -> None:
    rows = [{"model": "sft", "accuracy": 0.5, "judged": None}, {"model": "rl", "accuracy": 0.6, "judged": {"n": 3}}]
    write(run.folder / "evaluate" / "results.json", json.dumps({"rows": rows}).encode())
    shown = {one["title"]: one for one in page_of(run).data["results"]}["Evaluation"]
    assert (shown["columns"], shown["rows"]) == (["model", "accuracy"], [["sft", "0.500"], ["rl", "0.600"]])


def test_the_command_writes_it_and_says_where(run: Finished) -> None:
    done = CliRunner().invoke(app, ["report", str(run.folder)])
    assert (done.exit_code, done.output) == (0, f"report: {run.folder / 'report.html'}\n")
    assert run.zooming.id in (run.folder / "report.html").read_text(encoding="utf-8")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a run folder"):
        report(tmp_path)


# Pictures


def test_a_look_is_byte_for_byte_what_was_sent_to_the_model(run: Finished) -> None:
    report(run.folder, inside_bytes=0)
    image, photo = run.zooming.task.image, open_photo(run.zooming.task.image.path)
    for step in run.zooming.trajectory.looks:
        assert step.view
        name = picture_name(image, step.view)
        assert (run.folder / "report" / name).read_bytes() == encode_jpeg(render(photo, step.view))


def test_a_photo_is_shown_with_no_side_longer_than_1024_pixels(run: Finished, tmp_path: Path) -> None:
    image = record_of(draw(tmp_path / "large.jpg", 2048, 1000))
    run.keep(run.zooming, image=image)
    photo = page_of(run, inside_bytes=0).entries[run.zooming.id]["task"]["photo"]
    assert (photo["width"], photo["height"]) == (2048, 1000)
    with Image.open(run.folder / "report" / photo["picture"]) as shown:
        assert shown.size == (1024, 500)


def test_nothing_is_rendered_twice(run: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    views: list[tuple[Any, View]] = []

    def counted(photo: Any, view: View) -> Any:
        views.append((photo.size, view))
        return render(photo, view)

    monkeypatch.setattr("pipeline.report.pictures.render", counted)
    report(run.folder, inside_bytes=0)
    first = len(views)
    report(run.folder, inside_bytes=0)
    assert first == len(views) == len(beside(run, "*/*.jpg"))


@pytest.mark.parametrize("inside_bytes", [0, 10**9])
def test_the_same_run_gives_the_same_bytes(run: Finished, inside_bytes: int) -> None:
    first, files = page_of(run, inside_bytes).html, beside(run)
    assert (page_of(run, inside_bytes).html, beside(run)) == (first, files)


def test_a_small_report_is_one_file(run: Finished) -> None:
    page = page_of(run)
    assert not (run.folder / "report").exists() and page.data["folder"] == ""
    assert len(page.data["pictures"]) == 7


def test_what_is_too_much_for_a_page_lies_beside_it(run: Finished) -> None:
    small, large = page_of(run), page_of(run, inside_bytes=20_000)
    assert (large.data["folder"], large.data["pages"], large.data["pictures"]) == ("report", [], {})
    assert len(beside(run)) == len(small.data["pictures"]) + len(small.data["pages"])


def test_what_an_earlier_report_left_is_removed(run: Finished) -> None:
    stale = run.folder / "report" / "data" / "9.js"
    write(stale, b"received({});")
    report(run.folder)
    assert not stale.exists()


def test_a_photo_that_is_gone_costs_only_its_pictures(run: Finished) -> None:
    Path(run.zooming.task.image.path).unlink()
    entries = page_of(run).entries
    assert entries[run.zooming.id]["task"]["photo"]["missing"] == "the file is gone"
    assert entries[run.direct.id]["task"]["photo"]["missing"] == ""


def test_another_photo_in_its_place_is_not_shown(run: Finished) -> None:
    draw(Path(run.zooming.task.image.path), seed=77)
    assert page_of(run).entries[run.zooming.id]["task"]["photo"]["missing"] == "the file is another one now"


# What must not be in it


def test_the_page_names_no_folder_of_this_machine_and_no_address(run: Finished, tmp_path: Path) -> None:
    html = page_of(run).html
    assert str(tmp_path) not in html and not re.search(r"https?:|\bfile://", html)


def test_a_question_cannot_end_the_element_that_holds_it(run: Finished) -> None:
    run.keep(run.zooming, question=HOSTILE)
    page = page_of(run)
    assert page.entries[run.zooming.id]["task"]["question"] == HOSTILE
    assert page.html.count("<script") == 2 and "<img src=x" not in page.html


def test_a_run_behind_a_uri_is_read_and_written_there(run: Finished) -> None:
    there = place_of("memory://report-of-a-run/run")
    for path in run.folder.rglob("*.json"):
        write(there.joinpath(*path.relative_to(run.folder).parts), path.read_bytes())
    page = read(report(there, inside_bytes=0))
    assert page and run.zooming.id.encode() in page
    assert read(there / "report" / "data" / "0.js")


# In a browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if program() is None:
        pytest.skip("no Chromium with its driver here: install the packages chromium and chromium-driver, or Chrome's")
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def page(run: Finished, browser: Browser) -> Iterator[Page]:
    """The report of the run; whatever a test does with it, the console stays silent."""
    written = page_of(run)
    yield written
    assert browser.said() == []


def number(browser: Browser, name: str) -> int:
    return int(browser.text(f'[data-number="{name}"]'))


def listed(browser: Browser) -> list[str | None]:
    """Ids of the entries to choose from."""
    browser.wait(lambda: browser.count(".list a") > 0)
    return browser.values(".list a", "data-id")


def chosen(browser: Browser) -> str:
    """The id of the entry that is looked at."""
    return browser.text(".story .chips a")


def crop_size(browser: Browser) -> list[int]:
    """Width and height of the crop of the step that is looked at, in its own pixels; waits for it to be loaded."""
    crop = "document.querySelector('.stop.current img')"
    browser.wait(lambda: bool(browser.value_of(f"{crop}?.naturalWidth")))
    return [browser.value_of(f"{crop}.{side}") for side in ("naturalWidth", "naturalHeight")]


def test_it_opens_with_the_numbers_of_the_summary(run: Finished, browser: Browser, page: Page) -> None:
    browser.open(page.path)
    summary = run.store.read_json("summary.json")
    assert summary
    for name in ("images", "tasks", "traces", "teacher_calls"):
        assert number(browser, name) == summary[name]
    assert number(browser, "rejects") == sum(sum(reasons.values()) for reasons in summary["rejects"].values()) == 2


def test_a_filter_leaves_exactly_what_fits_it(run: Finished, browser: Browser, page: Page) -> None:
    browser.open(page.path, "traces")
    assert len(listed(browser)) == 4
    browser.choose("reason", "search: no accepted answer")
    assert listed(browser) == [run.vain.id] and chosen(browser) == run.vain.id
    browser.choose("reason", "")
    browser.choose("zooms", "1")
    assert listed(browser) == [run.zooming.id]


@pytest.mark.parametrize(
    ("facet", "value", "fitting"), [("state", "trace", 2), ("kind", "text", 3), ("resolution", "224", 3)]
)
def test_entries_are_filtered_by_state_kind_and_resolution(
    browser: Browser, page: Page, facet: str, value: str, fitting: int
) -> None:
    browser.open(page.path, "traces")
    browser.choose(facet, value)
    assert [line["id"] for line in page.data["index"] if line[facet] == value] == listed(browser)
    assert len(listed(browser)) == fitting


def test_a_slash_starts_a_search(run: Finished, browser: Browser, page: Page) -> None:
    browser.open(page.path, "traces")
    listed(browser)
    browser.press("/", *"hall")
    browser.wait(lambda: browser.count(".list a") == 1)
    assert listed(browser) == [run.direct.id]


def test_where_nothing_fits_the_page_says_so(browser: Browser, page: Page) -> None:
    browser.open(page.path, "text=nowhere")
    assert browser.text(".list") == "Nothing fits these filters."


def test_a_bar_of_a_chart_leads_to_what_it_counts(run: Finished, browser: Browser, page: Page) -> None:
    browser.open(page.path)
    browser.click('a.bar[href*="no+accepted+answer"]')
    assert listed(browser) == [run.vain.id]


def test_j_and_k_go_to_the_next_entry_and_back(browser: Browser, page: Page) -> None:
    browser.open(page.path, "traces")
    first, second, *_ = listed(browser)
    assert chosen(browser) == first
    browser.press("j")
    browser.wait(lambda: chosen(browser) == second)
    assert browser.value_of("location.hash").endswith(f"trace={second}")
    browser.press("k")
    browser.wait(lambda: chosen(browser) == first)


def test_a_link_opens_its_trace(run: Finished, browser: Browser, page: Page) -> None:
    browser.open(page.path, f"trace={run.direct.id}")
    assert chosen(browser) == run.direct.id
    assert browser.values(".list .current", "data-id") == [run.direct.id]


def test_a_link_to_no_trace_says_so(browser: Browser, page: Page) -> None:
    browser.open(page.path, "trace=nothing")
    assert browser.text(".story") == "There is no nothing in this run."


def test_stepping_shows_each_crop_and_its_box(run: Finished, browser: Browser, page: Page) -> None:
    browser.open(page.path, f"trace={run.zooming.id}")
    chosen(browser)
    for look in run.zooming.trajectory.looks:
        view = look.view
        assert view
        browser.press("n")
        assert crop_size(browser) == list(view.size)
        edge = ".look.current .edge"
        drawn = [int(browser.values(edge, name)[0] or 0) for name in ("x", "y", "width", "height")]
        assert drawn == [view.box.x1, view.box.y1, *view.box.size]
        browser.press("n")  # past the answer that the look led to


def test_the_photo_is_in_native_pixels_under_its_boxes(run: Finished, browser: Browser, page: Page) -> None:
    browser.open(page.path, f"trace={run.zooming.id}")
    chosen(browser)
    assert browser.values("svg.photo", "viewBox") == [" ".join(map(str, whole(run.zooming.task.image.size)))]
    assert browser.count("svg.photo .evidence") == len(run.zooming.task.evidence)


def test_thought_observation_verdict_and_hint_are_told_in_step(run: Finished, browser: Browser, page: Page) -> None:
    browser.open(page.path, f"trace={run.zooming.id}")
    chosen(browser)
    look, answer, again, right, zoom = browser.texts(".stop")
    assert look.splitlines()[0].startswith("1") and "I look at [20, 20, 120, 120]." in look and "closer look" in look
    assert "I cannot" in answer and "wrong" in answer and "Look lower." in answer
    assert again.splitlines()[0].startswith("2") and "MARKET" in right and "right" in right
    exported = next(part["view"]["box"] for part in page.entries[run.zooming.id]["trace"] if part["kind"] == "zoom")
    assert str(exported) in zoom


def test_wrong_turns_are_grey_and_the_others_are_not(run: Finished, browser: Browser, page: Page) -> None:
    browser.open(page.path, f"trace={run.zooming.id}")
    chosen(browser)
    look, answer, again, right, zoom = browser.values(".stop", "class")
    assert all("astray" in str(kind) for kind in (look, answer))
    assert not any("astray" in str(kind) for kind in (again, right, zoom))
    assert browser.style(".stop.astray figure", "filter") == "grayscale(1)"
    assert browser.style(".stop.kept figure", "filter") == "none"


@pytest.mark.parametrize("where", ["question", "thought"])
def test_markup_is_shown_and_not_run(run: Finished, browser: Browser, where: str) -> None:
    if where == "question":
        run.keep(run.zooming, question=HOSTILE)
    else:
        run.keep_step(run.zooming, thought=HOSTILE)
    browser.open(page_of(run).path, f"trace={run.zooming.id}")
    chosen(browser)
    assert HOSTILE in browser.texts(f".story .{where}")
    assert browser.value_of("window.hacked") is None and browser.count("img[src=x]") == 0
    assert browser.said() == []


def test_a_script_that_slipped_in_would_not_run(browser: Browser, page: Page) -> None:
    browser.open(page.path)
    browser.value_of("document.body.insertAdjacentHTML('beforeend', `<img src=x onerror='window.hacked = 1'>`)")
    browser.wait(lambda: any("Content Security Policy" in line for line in browser.said()))
    assert browser.value_of("window.hacked") is None


def test_an_entry_without_a_photo_is_shown_by_what_is_known_of_it(run: Finished, browser: Browser, page: Page) -> None:
    browser.open(page.path, f"trace={run.vain.image}-x00")
    assert chosen(browser) == f"{run.vain.image}-x00"
    assert "the same task again" in browser.text(".story .status") and "Who?" in browser.text(".story h2")


# Ten thousand of them


@pytest.fixture
def many(run: Finished, monkeypatch: pytest.MonkeyPatch) -> Page:
    """A report of ten thousand traces, four to a photo."""
    (photo,) = [photo for photo in stories(run.folder) if photo[0].id == run.direct.id]

    def multiplied(_run: Path) -> Iterator[list[Story]]:
        for image in range(2500):
            yield [photo[0]._replace(id=f"{image:016x}-{task:02d}") for task in range(4)]

    monkeypatch.setattr("pipeline.report.write.stories", multiplied)
    return page_of(run, inside_bytes=0)


def test_of_ten_thousand_traces_only_what_is_looked_at_is_loaded(many: Page, browser: Browser) -> None:
    browser.open(many.path)
    browser.text(".tile")
    loaded = "document.querySelectorAll('script[src]').length"
    assert (len(many.data["index"]), browser.value_of(loaded)) == (10_000, 0)
    browser.open(many.path, f"trace={7500 // 4:016x}-00")
    assert chosen(browser) == f"{7500 // 4:016x}-00"
    assert browser.values("script[src]", "src") == ["report/data/37.js"]
    assert browser.count(".list a") == 100 and browser.text(".pager span").endswith("7600 of 10,000")
    browser.press("j")
    browser.wait(lambda: chosen(browser) == f"{7500 // 4:016x}-01")
    assert browser.value_of(loaded) == 1 and browser.said() == []


def test_without_the_folder_beside_it_the_page_says_what_is_missing(run: Finished, browser: Browser) -> None:
    page = page_of(run, inside_bytes=0)
    (run.folder / "report" / "data" / "0.js").unlink()
    browser.open(page.path, f"trace={run.direct.id}")
    browser.wait(lambda: "is missing beside this page" in browser.text(".story"))


def test_pictures_beside_the_page_are_shown(run: Finished, browser: Browser) -> None:
    browser.open(page_of(run, inside_bytes=0).path, f"trace={run.zooming.id}")
    chosen(browser)
    browser.press("n")
    look = run.zooming.trajectory.looks[0].view
    assert look and crop_size(browser) == list(look.size)
    assert browser.said() == []
