"""A whole evaluation: every cell answered once, the table true to the answers, and everything there to look at."""

import csv
import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from agents.boxes import Box
from agents.views import View
from pipeline.evaluation import run as run_module
from pipeline.evaluation.config import EvaluationConfig, Way
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.paired import Side, as_table, compare
from pipeline.evaluation.predictions import Cell, Ledger, Prediction
from pipeline.evaluation.rows import drops, row
from pipeline.evaluation.run import cells_of, evaluate
from tests.evaluations import config

CELL = Cell("random", "signs", Way(strategy="cof"), 112, 0)


def quietly(one: EvaluationConfig) -> list[str]:
    said: list[str] = []
    evaluate(one, said.append)
    return said


def answer(number: int, right: bool = True, **values: object) -> Prediction:
    given = {
        "number": number,
        "id": f"q{number}",
        "group": f"q{number}",
        "category": "",
        "question": "What does the sign say?",
        "choices": (),
        "answer": "EXIT",
        "reply": "EXIT" if right else "OPEN",
        "right": right,
        "rule": "same text",
        "size": (400, 300),
        "evidence": (Box(100, 100, 140, 120),),
        "views": (),
        "faults": 0,
        "texts": ("EXIT",),
        "pictures": 1,
        "visual_tokens": 12,
        "prefilled_tokens": 40,
        "generated_tokens": 5,
        "seconds": 0.5,
    }
    return Prediction.model_validate({**given, **values})


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation") / "e"
    quietly(config(folder))
    return folder


def rows_of(folder: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads((folder / "results.json").read_text())["rows"]
    return rows


def test_there_is_one_row_per_model_benchmark_strategy_and_resolution(done: Path) -> None:
    keys = [(one["model"], one["benchmark"], one["strategy"], one["resolution"]) for one in rows_of(done)]
    assert keys == [("random", "signs", way, r) for way in ("direct", "cof") for r in (56, 112)]


def test_a_row_says_how_it_was_measured_and_what_it_cost(done: Path) -> None:
    for one in rows_of(done):
        assert (one["n"], one["answers"], one["seeds"]) == (2, 8, [0])
        assert one["decoding"] == {"temperature": 0.0, "max_tokens": 8}
        assert one.keys() >= {"ci95", "zooms", "visual_tokens", "prefilled_tokens", "generated_tokens", "seconds"}
        assert one.keys() >= {"faithful", "coverage", "iou", "crop_drop", "by_position", "unanswered"}


def test_an_evaluation_that_is_over_asks_nothing_again(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in sorted(done.rglob("*")) if path.is_file()}
    monkeypatch.setattr(run_module, "workers", None)  # Whoever wants workers now fails.
    quietly(config(done))
    assert {path: path.read_bytes() for path in sorted(done.rglob("*")) if path.is_file()} == before


def test_an_evaluation_that_was_killed_goes_on_where_it_was(done: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    ledger, whole = Ledger(folder), Ledger(done)
    cells = list(cells_of(config(folder)))
    ledger.add(cells[0], whole.read(cells[0])[:3])
    torn = folder / "predictions" / f"{cells[1].name}.jsonl"
    torn.write_text(answer(0).model_dump_json() + "\n" + answer(1).model_dump_json()[:50])
    quietly(config(folder))
    assert sorted(one.number for one in ledger.read(cells[0])) == list(range(8))
    assert sorted(one.number for one in ledger.read(cells[1])) == list(range(8))
    assert ledger.read(cells[1])[0] == answer(0)  # What was paid for is kept as it was.
    assert [one.texts for one in ledger.read(cells[0])[:3]] == [one.texts for one in whole.read(cells[0])[:3]]


def test_a_longer_benchmark_goes_on_from_a_shorter_one(tmp_path: Path) -> None:
    quietly(config(tmp_path, "benchmarks=[{name: signs, count: 2}]", "resolutions=[56]", "strategies=[direct]"))
    (first,) = rows_of(tmp_path)
    quietly(config(tmp_path, "benchmarks=[{name: signs, count: 4}]", "resolutions=[56]", "strategies=[direct]"))
    (second,) = rows_of(tmp_path)
    assert (first["answers"], second["answers"]) == (2, 4)


def test_answers_of_another_decoding_are_not_mixed_in(done: Path) -> None:
    with pytest.raises(EvaluationError, match="another temperature"):
        evaluate(config(done, temperature=0.7))


def test_another_model_of_the_same_name_is_not_mixed_in(done: Path, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="another model 'random'"):
        evaluate(config(done, f"models=[{{name: random, path: {tmp_path}}}]"))


@pytest.mark.ray
def test_several_workers_answer_as_one_does(tmp_path: Path) -> None:
    """On a benchmark that is drawn: workers have processes of their own, which know nothing of a test's."""
    drawn = "benchmarks=[{name: lamps, count: 5}]", "strategies=[cof]", "resolutions=[56]", "batch=2"
    folders = {workers: tmp_path / str(workers) for workers in (1, 2)}
    for workers, folder in folders.items():
        quietly(config(folder, *drawn, workers=workers))
    (cell,) = cells_of(config(tmp_path, *drawn))
    one, two = ({one.number: one.texts for one in Ledger(folder).read(cell)} for folder in folders.values())
    assert one == two and len(one) == 5


def test_seeds_ask_again_and_count_together(tmp_path: Path) -> None:
    quietly(config(tmp_path, "strategies=[direct]", "resolutions=[56]", seeds=[0, 1], temperature=1.0))
    (found,) = rows_of(tmp_path)
    assert (found["n"], found["answers"], found["seeds"]) == (2, 16, [0, 1])
    first, second = (
        Ledger(tmp_path).read(cell)
        for cell in cells_of(config(tmp_path, "strategies=[direct]", seeds=[0, 1]))
        if cell.resolution == 56
    )
    assert [one.texts for one in first] != [one.texts for one in second]


def test_the_page_has_curves_tables_and_failures_and_reaches_no_network(done: Path) -> None:
    page = (done / "report.html").read_text()
    assert page.count("<svg") == 1 and "Failures to look at" in page and "data:image/jpeg" in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_what_models_and_benchmarks_write_is_shown_and_not_run(tmp_path: Path) -> None:
    from pipeline.evaluation.bench import Bench
    from pipeline.evaluation.page import write_page

    hostile = "<script>window.hacked = 1</script>"
    told = [answer(number, False, reply=hostile, question=hostile, texts=(hostile,)) for number in range(4)]
    one = config(tmp_path)
    rows = [row(CELL, told, one)]
    drops(rows, [CELL])
    write_page(one, rows, {CELL: told}, Bench(one))
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page and "&lt;script&gt;window.hacked" in page


def test_prediction_files_have_the_shapes_that_others_read(done: Path) -> None:
    name = next(iter(cells_of(config(done)))).name
    lines = [json.loads(line) for line in (done / "exports" / "lmms-eval" / f"{name}.jsonl").read_text().splitlines()]
    assert [line["doc_id"] for line in lines] == list(range(8))
    assert lines[0].keys() >= {"doc", "target", "resps", "filtered_resps"}
    with (done / "exports" / "vlmevalkit" / f"{name}.tsv").open(newline="") as file:
        records = list(csv.DictReader(file, delimiter="\t"))
    assert [int(record["index"]) for record in records] == list(range(8))
    assert records[0].keys() >= {"question", "A", "B", "C", "D", "answer", "prediction"}


# rows


def told(predictions: list[Prediction]) -> dict[str, object]:
    return row(CELL, predictions, config(Path("x")))


def test_the_orders_of_one_question_count_as_one() -> None:
    found = told([answer(number, number < 3, group="one") for number in range(4)])
    assert (found["n"], found["answers"], found["accuracy"]) == (1, 4, 0.75)


def test_a_faithful_look_holds_all_the_evidence() -> None:
    around = View(box=Box(90, 90, 150, 130), width=56, height=56)
    half = View(box=Box(90, 90, 120, 130), width=56, height=56)
    found = told([answer(0, views=(half, around)), answer(1, views=(half,)), answer(2)])
    assert (found["faithful"], found["coverage"]) == (0.5, 0.75)
    assert found["zooms"] == 1.0 and found["zoom_rate"] == pytest.approx(2 / 3)


def test_accuracy_is_split_by_the_place_of_the_right_option() -> None:
    options = ("EXIT", "OPEN")
    given = [answer(n, n % 2 == 0, choices=options, answer="AB"[n % 2]) for n in range(6)]
    by_position = told(given)["by_position"]
    assert isinstance(by_position, dict)
    assert {letter: part["accuracy"] for letter, part in by_position.items()} == {"A": 1.0, "B": 0.0}


def test_a_drop_is_what_is_lost_against_the_policys_own_crops() -> None:
    noise = CELL._replace(way=Way(strategy="cof", crops="noise"))
    rows = [told([answer(0), answer(1)]), told([answer(0), answer(1, False)])]
    drops(rows, [CELL, noise])
    assert [one["crop_drop"] for one in rows] == [None, 0.5]


def test_a_second_judge_stands_beside_the_rule() -> None:
    judged = told([answer(0, True, judged=True), answer(1, False, judged=True), answer(2, False)])["judged"]
    assert judged == {"n": 2, "accuracy": 1.0, "agrees": 0.5}


# comparing


def test_two_ways_are_compared_question_by_question(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(CELL, [answer(number) for number in range(20)])
    ledger.add(CELL._replace(way=Way(strategy="direct")), [answer(number, number >= 8) for number in range(20)])
    (pair,) = compare(Side(tmp_path, "random", "cof"), Side(tmp_path, "random", "direct"))
    found = pair.difference
    assert (found.mean, found.gained, found.lost, found.questions) == (0.4, 8, 0, 20)
    assert found.low > 0.15 and found.p == pytest.approx(2 / 2**8)
    assert "| signs | 112 | 112 | 20 | +0.400 |" in as_table([pair])


def test_native_resolution_is_compared_with_every_other(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for resolution in (56, 112):
        ledger.add(CELL._replace(resolution=resolution), [answer(0)])
    ledger.add(CELL._replace(way=Way(strategy="uniform-high"), resolution=None), [answer(0)])
    pairs = compare(Side(tmp_path, "random", "cof"), Side(tmp_path, "random", "uniform-high"))
    assert [pair.resolutions for pair in pairs] == [("56", "native"), ("112", "native")]


def test_nothing_to_compare_is_said(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="nothing to compare"):
        compare(Side(tmp_path, "a", "cof"), Side(tmp_path, "a", "direct"))
