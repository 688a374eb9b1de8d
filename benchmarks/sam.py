"""What SAM costs: prompts a second with and without the embedding that is kept, regions of a photo, peak memory.

`python -m benchmarks.sam [--checkpoint sam_vit_b_01ec64.pth --model vit_b --device cuda]`; without a checkpoint, a SAM
with random weights, which takes the same time for a prompt and finds nothing worth having.
"""

import multiprocessing
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from agents.boxes import Box
from agents.photos import file_hash
from pipeline.config import SegmenterConfig
from pipeline.sam.prompt import Grid, Prompt
from pipeline.sam.worker import SamWorker

SIDES = (1500, 2250)
"""Width and height of the photo, in pixels: SA-1B's."""


def main(
    checkpoint: Annotated[Path | None, typer.Option(help="SAM's weights; random ones without.")] = None,
    model: Annotated[str, typer.Option(help="vit_h, vit_l, vit_b or auto.")] = "vit_b",
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
    prompts: Annotated[int, typer.Option(help="Prompts with the embedding kept.")] = 20,
    cold: Annotated[int, typer.Option(help="Prompts with the embedding made again each time.")] = 3,
    grid: Annotated[int, typer.Option(help="Points a side for the regions of a photo; 0 leaves them out.")] = 0,
) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        weights = checkpoint or _random(Path(folder) / f"{model}.pth", model)
        photo = _photo(Path(folder) / "photo.jpg")
        config = SegmenterConfig(checkpoint=str(weights), model=model, threads=threads)
        before = _peak()
        worker = SamWorker(config, device)
        rows = {"load the weights": (1, _seconds(worker.ready))}
        sha256 = file_hash(photo)

        def ask(number: int) -> None:
            where: dict[str, object] = {"point": (31 * number % SIDES[0], 47 * number % SIDES[1])}
            if number % 2:
                where = {"box": Box(number, number, number + 400, number + 300)}
            assert not worker.answer(str(photo), Prompt(photo=sha256, weights="", **where)).fault

        def afresh(number: int) -> None:
            worker.predictor.forget()
            ask(number)

        rows["a prompt, embedding made for it"] = (cold, _each(afresh, cold))
        rows["a prompt, embedding kept"] = (prompts, _each(ask, prompts))
        after = _peak()
        if grid:
            everywhere = Prompt(photo=sha256, weights="", grid=Grid(points_per_side=grid, **_thresholds(config)))
            rows[f"regions, {grid}x{grid} points"] = (1, _seconds(lambda: worker.answer(str(photo), everywhere)))
        _print(rows, f"{model} on {worker.ready()}, {threads} CPU threads, a photo of {SIDES[0]}x{SIDES[1]}")
        print(f"\nPeak resident memory: {before:.0f} MB before the model, {after:.0f} MB after the prompts", end="")
        print(f", {_peak():.0f} MB after the regions." if grid else ".")
        _print_gpu(device)


def _print(rows: dict[str, tuple[int, float]], title: str) -> None:
    print(f"\n{title}; Python {platform.python_version()}\n")
    print("| what | times | seconds each | a second |\n|---|---:|---:|---:|")
    for what, (times, seconds) in rows.items():
        print(f"| {what} | {times} | {seconds:.3f} | {1 / seconds:.2f} |")


def _print_gpu(device: str) -> None:
    if device != "cpu":
        import torch

        print(f"Peak GPU memory: {torch.cuda.max_memory_allocated() / 1e6:.0f} MB.")


def _thresholds(config: SegmenterConfig) -> dict[str, float]:
    return {name: getattr(config, name) for name in ("pred_iou_thresh", "stability_score_thresh")}


def _random(path: Path, model: str) -> Path:
    """A checkpoint of a named SAM with random weights, seed 0."""
    # In a process of its own, whose memory is not counted.
    process = multiprocessing.get_context("spawn").Process(target=_save_random, args=(path, model))
    process.start()
    process.join()
    return path


def _save_random(path: Path, model: str) -> None:
    import torch
    from segment_anything import sam_model_registry

    torch.manual_seed(0)
    torch.save(sam_model_registry[model]().state_dict(), path)


def _photo(path: Path) -> Path:
    """A drawn photo; what is in it makes no difference to the time."""
    down = Image.linear_gradient("L").resize(SIDES)
    Image.merge("RGB", (down, down.transpose(Image.Transpose.ROTATE_180), down)).save(path, quality=92)
    return path


def _each(ask: Callable[[int], object], times: int) -> float:
    """Seconds of one of so many prompts, on average."""
    started = time.perf_counter()
    for number in range(times):
        ask(number)
    return (time.perf_counter() - started) / times


def _seconds(do: Callable[[], object]) -> float:
    return _each(lambda _: do(), 1)


def _peak() -> float:
    """Most memory this process has had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    typer.run(main)
