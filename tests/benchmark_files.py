"""Small benchmarks in the exact layouts in which the large ones are published."""

import base64
import csv
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from agents.boxes import Box, Size
from agents.photos import ORIENTATION_TAG, encode_jpeg

RED = (220, 20, 40)
INSTRUCTION = "Answer with the option's letter from the given choices directly."
HR_COLUMNS = ("index", "question", "answer", "category", "A", "B", "C", "D", "cycle_category", "image")
ORDERS = ("abcd", "dacb", "cdab", "bdca")
"""Of HR-Bench's options, `a` the right one: it is A, B, C and D in turn, and the others follow no rule."""


SMALL = Size(320, 200)


def marked(box: Box, size: Size = SMALL, shade: int = 128) -> Image.Image:
    """A grey photo with a red box."""
    image = Image.new("RGB", size, (shade, shade, shade))
    ImageDraw.Draw(image).rectangle((box.x1, box.y1, box.x2 - 1, box.y2 - 1), fill=RED)
    return image


def is_red(picture: Image.Image) -> bool:
    """Whether all of a picture is the red of the boxes, as far as JPEG keeps it."""
    low, high = zip(*picture.getextrema(), strict=True)
    return all(abs(value - wanted) < 40 for values in (low, high) for value, wanted in zip(values, RED, strict=True))


def save_sideways(image: Image.Image, path: Path) -> None:
    """A JPEG stored on its side, with the EXIF orientation that turns it upright."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(path, quality=95, exif=exif)


class Thing(NamedTuple):
    """A question of V* Bench about what is in one box of its photo."""

    question: str = "What is the material of the glove?"
    options: tuple[str, ...] = ("rubber", "cotton", "kevlar", "leather")
    label: str = "A"
    category: str = "direct_attributes"
    boxes: tuple[Box, ...] = (Box(40, 100, 90, 160),)


NEAR = Thing("Is the dog on the left or right side of the 自転車?", ("right", "left"), "B", "relative_position")


def vstar(folder: Path, things: Sequence[Thing]) -> Path:
    """V* Bench: a JSONL with the shuffled options in its text, and per photo a JSON with the right one first."""
    lines = []
    for number, thing in enumerate(things):
        name = f"{thing.category}/sa_{number + 4690}.jpg"
        (folder / thing.category).mkdir(parents=True, exist_ok=True)
        marked(thing.boxes[0]).save(folder / name, quality=95)
        right = thing.options[ord(thing.label) - ord("A")]
        annotation = {
            "target_object": ["thing"] * len(thing.boxes),
            "bbox": [[box.x1, box.y1, *box.size] for box in thing.boxes],
            "question": thing.question,
            "options": [right, *(option for option in thing.options if option != right)],
        }
        (folder / name).with_suffix(".json").write_text(json.dumps(annotation), encoding="utf-8")
        options = [f"({letter}) {option}" for letter, option in zip("ABCD", thing.options, strict=False)]
        lines.append(
            {
                "image": name,
                "text": "\n".join((thing.question, *options, INSTRUCTION)),
                "category": thing.category,
                "label": thing.label,
                "question_id": str(number),
            }
        )
    return write_lines(folder / "test_questions.jsonl", lines)


def write_lines(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def hr_rows(questions: Sequence[str], size: Size = SMALL) -> list[dict[str, Any]]:
    """Four rows for each question, of which each has a photo of its own."""
    rows: list[dict[str, Any]] = []
    for number, question in enumerate(questions):
        photo = base64.b64encode(encode_jpeg(marked(Box(10, 10, 40, 40), size, shade=number))).decode()
        for cycle, order in enumerate(ORDERS):
            options = {letter: f'"{option}" says so' for letter, option in zip("ABCD", order, strict=True)}
            answer = "ABCD"[order.index("a")]
            asked = {
                "index": len(rows),
                "question": question,
                "answer": answer,
                "category": ("single", "cross")[number % 2],
            }
            rows.append({**asked, **options, "cycle_category": cycle, "image": photo})
    return rows


def hr_bench(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """HR-Bench, as TSV or Parquet by the name of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([{key: row[key] for key in HR_COLUMNS} for row in rows]), path)
        return path
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HR_COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def mme_row(truth: str = "A", **values: Any) -> dict[str, Any]:
    """A question of MME-RealWorld-Lite."""
    return {
        "Question_id": "perception/remote_sensing/position/2527",
        "Image": "dota_v2 P7036 (1).png",
        "Text": "Where is the yellow crane in the picture?",
        "Question Type": "Multiple Choice",
        "Answer choices": [
            "(A) In the upper right area",
            "(B) In the upper left area",
            "(C) In the lower right area\r\n of it",
            "(D)In the lower left area",
            "(E) This image doesn't feature the position.",
        ],
        "Ground truth": truth,
        "Category": "position",
        "Subtask": "Remote Sensing",
        "Task": "Perception",
        **values,
    }


def mme_zip(path: Path, rows: Sequence[dict[str, Any]], photos: Sequence[str] = ("dota_v2 P7036 (1).png",)) -> Path:
    """MME-RealWorld-Lite's data.zip; a photo's name may be any."""
    picture = io.BytesIO()
    marked(Box(0, 0, 20, 20)).save(picture, "PNG")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/MME-RealWorld-Lite.json", json.dumps(rows, ensure_ascii=False, indent=4))
        for name in photos:
            archive.writestr(f"data/imgs/{name}", picture.getvalue())
    return path
