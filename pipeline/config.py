"""Every number and path of a run: one YAML, `key=value` on top, unknown keys refused."""

import difflib
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agents.agent import AgentConfig
from agents.boxes import BoxFrame
from agents.teachers import EndpointConfig
from agents.views import ZoomPolicy
from pipeline.export import ExportConfig, ExportSection
from pipeline.place import place_of


class ConfigError(Exception):
    """A configuration that cannot be used; one sentence for the operator."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SmallMasks(_Section):
    """How many of a photo's masks must be small."""

    below: float = Field(0.001, gt=0, le=1)
    """A mask is small when its area is below this share of the photo's."""
    least: float = Field(0.0, ge=0, le=1)
    """Photos with a smaller share of small masks are set aside."""
    most: float = Field(1.0, ge=0, le=1)
    """Photos with a larger share of small masks are set aside."""


class NearDuplicates(_Section):
    """Photos that look the same, by a perceptual hash of 64 bits."""

    bits: int = Field(4, ge=0, le=12)
    """Two photos are near-duplicates when at most so many bits of their hashes differ."""
    benchmarks: list[str] = []
    """Folders or globs of benchmark images: nothing that looks like one of them is taken."""


class SampleConfig(_Section):
    """Which photos."""

    images: str | list[str] = "drawn"
    """Folders, globs, SA-1B folders or tars (`sa_*.tar`), local or s3://; or `drawn` for the bundled sample set."""
    index: str | None = None
    """Folder of the indexes of tars, made once and shared by runs; null is `index` beside the run's folder."""
    count: int | None = Field(40, ge=1)
    """Photos to sample, by seed; null takes all."""
    min_side: int = 256
    """Photos with a shorter side, in pixels, are set aside."""
    max_side: int = 16384
    """Photos with a longer side, in pixels, are set aside."""
    min_masks: int | None = Field(None, ge=0)
    """Photos with fewer SA-1B masks are set aside; a photo without an annotation has none."""
    max_masks: int | None = Field(None, ge=0)
    """Photos with more SA-1B masks are set aside."""
    small_masks: SmallMasks | None = None
    """Set photos aside by the share of their masks that are small; null does not."""
    near_duplicates: NearDuplicates | None = None
    """Keep one of photos that look the same, and none that looks like a benchmark image; null compares none."""
    exclude: list[str] | None = None
    """Lists of photos to keep out, as those of benchmarks: names (`sa_123`) or SHA-256, one a line, or V*'s own
    `test_questions.jsonl`. Every worker must be able to read them."""


class ProposeConfig(_Section):
    """What is asked about a photo."""

    tile: int = Field(1280, ge=28)
    """Longest side of a tile, in native pixels."""
    whole: int = 1024
    """The whole photo is also shown, at an area of this squared: for writing that no tile holds."""
    overlap: int = Field(160, ge=0)
    """Pixels that neighbouring tiles share, so that a line cut by one is whole in the other."""
    max_tiles: int = Field(24, ge=1)
    """Tiles looked at in one photo, chosen by seed when there are more."""
    tasks_per_tile: int = 4
    tasks_per_image: int = 4
    choice_share: float = Field(0.4, ge=0, le=1)
    """Share of the questions that are posed with options."""
    regions: int = 40
    """Masked regions told to the teacher per tile, largest first."""
    resolutions: dict[str, float] = {
        "224": 5, "336": 4, "448": 4, "672": 3, "1024": 2, "1344": 1, "1920": 0.4, "2560": 0.3, "native": 0.3,
    }  # fmt: skip
    """Weights of the input resolutions R (area R*R) that tasks are posed at."""

    @model_validator(mode="after")
    def _sound(self) -> "ProposeConfig":
        if self.overlap >= self.tile:
            raise ValueError(f"an overlap of {self.overlap} leaves nothing of a tile of {self.tile}")
        if not any(weight > 0 for weight in self.resolutions.values()):
            raise ValueError("resolutions need a weight above 0")
        if wrong := [name for name in self.resolutions if name != "native" and not name.isdecimal()]:
            raise ValueError(f"a resolution is a number of pixels or `native`, not {wrong[0]!r}")
        return self


class ScreenConfig(_Section):
    """How a task is tried out."""

    blind_asks: int = 1
    evidence_margins: tuple[float, ...] = (0.15, 0.3, 0.5)
    """Each asks once on the evidence crop, cut with this margin."""
    evidence_pixels: int = 144 * 28**2
    """Area of an evidence crop: 144 visual tokens."""
    evidence_enlarge: float = Field(2.0, gt=0)
    """Evidence crops are enlarged less than zooms: an answer that needs more is not certain."""


class SegmenterConfig(_Section):
    """Who answers the agent's `segment`: SAM, or, without its weights, the masks that SA-1B ships beside photos."""

    checkpoint: str | None = None
    """SAM's weights, as `sam_vit_h_4b8939.pth`; null leaves the masks to answer."""
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    """Of the checkpoint. A run works it out and remembers it; if it is given, other weights are refused."""
    model: Literal["vit_h", "vit_l", "vit_b", "auto"] = "vit_h"
    """Which SAM the checkpoint holds; `auto` takes any whose sizes its tensors tell."""
    actors: int = Field(1, ge=1)
    """Worker processes with a SAM each, one GPU for each if there are any."""
    device: Literal["auto", "cuda", "cpu"] = "auto"
    threads: int = Field(2, ge=1)
    """CPU threads of each worker, where it has no GPU."""
    cache: int = Field(8, ge=1)
    """Photos whose embedding each worker keeps: 4 MB a photo."""
    points_per_side: int = Field(32, ge=1, le=128)
    """Regions of a photo without SA-1B masks are looked for at a grid of so many points a side."""
    pred_iou_thresh: float = 0.88
    """Such a region is kept if SAM thinks it at least this good."""
    stability_score_thresh: float = 0.95
    """And if its mask changes no more than this with the threshold it is cut at."""


class SummarizeConfig(_Section):
    tries: int = Field(2, ge=1)
    """Summaries asked for before a trace that fails its checks is rejected."""


class TeacherSection(EndpointConfig):
    """Who answers. `local` starts the bundled teacher on a free port of this machine."""

    local: bool = True
    frame: BoxFrame = BoxFrame.NATIVE
    """How this teacher writes boxes: Qwen2.5-VL `model`, Qwen3-VL `relative`, the local one `native`."""


class RuntimeConfig(_Section):
    """How a run is carried out; none of it changes what comes out."""

    cpus: int | None = None
    """CPUs that Ray may use; null is all of them."""
    workers: int = Field(2, ge=1)
    """Processes that take photos through the stages."""
    photos: int = Field(8, ge=1)
    """Photos in flight in each, with all their tasks: what waits on the endpoint costs no CPU."""
    local_teacher_threads: int = 2
    replay: str | None = None
    """Answer from this run folder's call log alone, without an endpoint."""
    progress_seconds: float = 15.0
    """Seconds between progress lines where there is no terminal."""


class RunConfig(_Section):
    """One run of the data pipeline."""

    out: str = "outputs/demo"
    """The run's folder."""
    seed: int = 0
    target: int | None = None
    """Accepted traces wanted; photos are taken until there are as many, `sample.count` at most."""
    sample: SampleConfig = SampleConfig()
    propose: ProposeConfig = ProposeConfig()
    screen: ScreenConfig = ScreenConfig()
    agent: AgentConfig = AgentConfig()
    zoom: ZoomPolicy = ZoomPolicy()
    summarize: SummarizeConfig = SummarizeConfig()
    segmenter: SegmenterConfig = SegmenterConfig()
    export: ExportSection = ExportSection()
    teacher: TeacherSection = TeacherSection()
    runtime: RuntimeConfig = RuntimeConfig()

    @property
    def folder(self) -> Path:
        return place_of(self.out)

    @property
    def exporting(self) -> ExportConfig:
        """How the export is done: one zoom policy for the whole run, which is the agent's."""
        return ExportConfig(policy=self.zoom, **dict(self.export))


FREE = ("out", "runtime", "sample.index", "teacher.base_url", "teacher.key_env", "teacher.timeout_seconds",
        "teacher.tries", "teacher.max_wait_seconds", "teacher.patience_seconds", "teacher.limits", "teacher.prices",
        "segmenter.checkpoint", "segmenter.model", "segmenter.actors", "segmenter.device", "segmenter.threads",
        "segmenter.cache")  # fmt: skip
"""Keys that may change between two starts of one run: they do not change its records.

Where SAM's checkpoint lies is one of them; what it holds is not: `segmenter.sha256` tells.
"""


Config = TypeVar("Config", bound=BaseModel)


def load(path: Path | None, overrides: list[str]) -> RunConfig:
    """The configuration of a run from a YAML file with `key=value` overrides; raises ConfigError."""
    return load_as(RunConfig, path, overrides)


def load_as(model: type[Config], path: Path | None, overrides: list[str]) -> Config:
    """A configuration of any kind; raises ConfigError naming what is wrong."""
    values = _read(path) if path else {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"{override!r} is not of the form key=value.")
        _put(values, key.strip().split("."), _value(override, text))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error, model)) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"The configuration {path} is not valid YAML: {str(error).splitlines()[0]}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"The configuration {path} must be a mapping of keys to values.")
    return values


def _value(override: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{override!r}: the value is not valid YAML; quote it.") from error


def _put(values: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{'.'.join(keys)}: {key} is a value, not a section.")
        values = inner
    values[keys[-1]] = value


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{where}: {first['msg']} (it is {str(first['input'])[:60]!r})."
    near = difflib.get_close_matches(where, keys(model), 1, 0.3)
    return f"There is no key {where!r}." + (f" Did you mean {near[0]!r}?" if near else "")


def keys(model: type[BaseModel] = RunConfig, prefix: str = "") -> list[str]:
    """Every key of the configuration, dotted."""
    found = []
    for name, field in model.model_fields.items():
        found.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += keys(field.annotation, f"{prefix}{name}.")
    return found


def fixed(config: RunConfig) -> dict[str, Any]:
    """The keys that decide what a run makes, flat: what a folder remembers and refuses to change."""
    return {
        key: value
        for key, value in _flat(config.model_dump(mode="json"))
        if not any(key == free or key.startswith(free + ".") for free in FREE)
    }


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in values.items():
        pairs += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return pairs
