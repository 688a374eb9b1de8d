"""The sample set on disk: draws what is missing, in several processes; no file is ever partial."""

import io
import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from pydantic import ValidationError

from pipeline import place
from pipeline.scenes.truth import DRAWING_VERSION, SceneTruth

QUALITY = 90


def draw_scenes(folder: Path, truth_folder: Path, count: int, seed: int, workers: int = 2) -> None:
    """Make sure that scenes 1 to `count` of this seed are in the folders.

    Writes `sa_<n>.jpg` and `sa_<n>.json` (SA-1B layout) to `folder` and the truth as `sa_<n>.json` to
    `truth_folder`. Scenes already there from the same seed and drawing code are left alone, as are those
    beyond `count`. With more than one worker the calling script needs the usual
    `if __name__ == "__main__"` guard.
    """
    missing = [index for index in range(count) if not _is_drawn(folder, truth_folder, seed, index)]
    draw = partial(_draw_to_disk, folder, truth_folder, seed)
    if workers <= 1 or len(missing) <= 1:
        for index in missing:
            draw(index)
        return
    with ProcessPoolExecutor(
        min(workers, len(missing)), mp_context=get_context("spawn"), initializer=_use_one_core
    ) as pool:
        for _ in pool.map(draw, missing):
            pass


def _is_drawn(folder: Path, truth_folder: Path, seed: int, index: int) -> bool:
    name = f"sa_{index + 1}"
    truth_path = truth_folder / f"{name}.json"
    if not all(path.is_file() for path in (folder / f"{name}.jpg", folder / f"{name}.json", truth_path)):
        return False
    try:
        truth = SceneTruth.model_validate_json(truth_path.read_bytes())
    except ValidationError:
        return False
    return (truth.seed, truth.version) == (seed, DRAWING_VERSION)


def _draw_to_disk(folder: Path, truth_folder: Path, seed: int, index: int) -> None:
    from PIL import Image

    from pipeline.scenes.draw import draw_scene

    scene = draw_scene(seed, index)
    name = f"sa_{index + 1}"
    encoded = io.BytesIO()
    Image.fromarray(scene.picture).save(encoded, "JPEG", quality=QUALITY, subsampling="4:2:0")
    # The truth comes last: its presence says that the other two files are complete and of its seed.
    place.remove(truth_folder / f"{name}.json")
    place.write(folder / f"{name}.jpg", encoded.getvalue())
    place.write(folder / f"{name}.json", json.dumps(scene.annotation).encode())
    place.write(truth_folder / f"{name}.json", scene.truth.model_dump_json(indent=1).encode())


def _use_one_core() -> None:
    import cv2

    cv2.setNumThreads(1)
