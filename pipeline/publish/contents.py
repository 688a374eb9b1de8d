"""What goes to the Hub: the dataset of a run, or the files of a trained model. And what must not."""

import re
from pathlib import Path
from typing import Literal, NamedTuple

from pipeline.place import is_here
from pipeline.publish import PushError
from pipeline.publish.model_card import card_of, is_form, published
from pipeline.training.manner import Manner, manner_of
from pipeline.training.policy import base_of

Kind = Literal["dataset", "model"]

MOST_BYTES = 50 * 1000**3
"""Of one file, as the Hub's "Repository limitations and recommendations" have it."""
FORBIDDEN = (
    (r"\.(bin|ckpt|joblib|pickle|pkl|pt|pth)$", "it may be a pickle, which runs code where it is loaded"),
    (
        r"(^|/)(checkpoint-\d|global_step\d|optimizer|scheduler|rng_state|trainer_state)|\.distcp$",
        "it belongs to a training, not to the model",
    ),
    (r"(^|/)calls/|\.(jsonl|log)$", "it is a log, and may hold what nobody else is to read"),
)
"""Names that never go, and why."""
OURS: dict[Kind, tuple[str, ...]] = {
    "dataset": ("data/*", "rl/*", "sharegpt/*", "images/*", "photos/*"),
    "model": ("*.safetensors", "*.safetensors.index.json", "adapter_config.json", "config.json"),
}
"""What is removed from the Hub when it is here no longer: a shard or a part of a model left over would be read."""


class Content(NamedTuple):
    """What is to be on the Hub."""

    kind: Kind
    files: dict[str, Path]
    """By their names there."""


def content_of(run: Path, repo: str, work: Path) -> Content:
    """The dataset of a run, a dataset or a model, by what its folder holds.

    A model that has no card of its own gets one, written into the folder `work`. Raises PushError.
    """
    if not is_here(run):
        raise PushError(
            f"{run} is not on this machine, and only from files that stay can a push go on where it was. "
            "Copy its dataset to a folder here (`aws s3 sync`, `gcloud storage rsync`) and push that."
        )
    if not run.is_dir():
        raise PushError(f"There is no folder {run}. Name a run, a dataset or a model.")
    for folder in (run / "dataset", run):
        if (folder / "export.json").is_file():
            return Content("dataset", _sound(_files(folder)))
    if manner := manner_of(run):
        return Content("model", _sound(_model(run, manner, repo, work)))
    raise PushError(
        f"{run} holds neither a dataset nor a model. Finish the run with `make synthesize`, "
        f"or name the folder of one model, as {run}/train/rl/model."
    )


def _files(folder: Path) -> dict[str, Path]:
    """All files below a folder by name; hidden ones stay, and so does what is in hidden folders."""
    names = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path for name, path in names.items() if not re.search(r"(^|/)\.", name)}


def _model(folder: Path, manner: Manner, repo: str, work: Path) -> dict[str, Path]:
    """The files of a model and its card."""
    files = _files(folder)
    if not any(name.endswith(".safetensors") for name in files):
        raise PushError(f"{folder} holds no weights as safetensors. Name the folder that training saved a model in.")
    if (base := base_of(folder)) and not published(base):
        raise PushError(
            f"The adapter in {folder} is for {base}, which is on this machine alone. "
            "Fold it in with `cof merge` and push the merged model."
        )
    if "README.md" not in files or is_form(files["README.md"]):
        files["README.md"] = work / "README.md"
        files["README.md"].write_text(card_of(folder, manner, repo), encoding="utf-8")
    return files


def _sound(files: dict[str, Path]) -> dict[str, Path]:
    """The same files; raises PushError if one of them must not go."""
    for name, path in files.items():
        reasons = [why for pattern, why in FORBIDDEN if re.search(pattern, name)]
        if path.stat().st_size > MOST_BYTES:
            reasons.append(f"the Hub takes no file above {MOST_BYTES // 1000**3} GB")
        if reasons:
            raise PushError(f"{path} must not go to the Hub: {reasons[0]}. Move it elsewhere and push again.")
    return files
