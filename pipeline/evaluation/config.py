"""Every number and path of an evaluation: one YAML, `key=value` on top, unknown keys refused."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from agents.dialects import Dialect
from agents.teachers import EndpointConfig
from pipeline.evaluation.benchmarks import BENCHMARKS
from pipeline.evaluation.items import BenchmarkConfig
from pipeline.evaluation.strategies import STRATEGIES
from pipeline.evaluation.switches import Switches
from pipeline.training.config import Loading
from pipeline.training.manner import Manner


class Contestant(Loading):
    """One model of an evaluation: a folder or Hub id, or endpoints that serve it."""

    name: str
    """As the table calls it."""
    path: str | None = None
    endpoints: tuple[EndpointConfig, ...] = ()
    """Addresses that serve the same model; workers take them in turn."""
    manner: Manner = Manner(dialect=Dialect.TOOL_CALL)
    """How a served model reads and writes; a folder says that itself."""

    @model_validator(mode="after")
    def _one_place(self) -> "Contestant":
        if bool(self.path) == bool(self.endpoints):
            raise ValueError(f"the model {self.name!r} has either a path or endpoints")
        return self


class Way(Switches):
    """A strategy, and its switches where they are not as usual."""

    strategy: str
    models: tuple[str, ...] = ()
    """Those that are to go this way, by name; none is all."""

    @model_validator(mode="after")
    def _reads_its_switches(self) -> "Way":
        if self.strategy not in STRATEGIES:
            raise ValueError(f"there is no strategy {self.strategy!r}; choose from {sorted(STRATEGIES)}")
        reads = STRATEGIES[self.strategy].reads
        if unread := [key for key in self.changed if key not in reads]:
            raise ValueError(f"{self.strategy} does not read {unread[0]!r}; it reads {sorted(reads) or 'no switch'}")
        return self

    @property
    def label(self) -> str:
        """As the table calls it: the strategy, and what is different."""
        return " ".join([self.strategy, *(f"{key}={_short(value)}" for key, value in self.changed.items())])


class EvaluationConfig(BaseModel):
    """One evaluation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    out: str = "outputs/demo/evaluate"
    models: tuple[Contestant, ...] = Field(min_length=1)
    benchmarks: tuple[BenchmarkConfig, ...] = Field(min_length=1)
    strategies: tuple[Way, ...] = (Way(strategy="direct"), Way(strategy="cof"))
    resolutions: tuple[int, ...] = (224, 336, 448, 672, 1024, 1920, 2560, 2880)
    """R: photos are posed at an area of R*R pixels. 4K, that is 3840x2160, is 2880."""
    seeds: tuple[int, ...] = (0,)
    """Each asks every question again; at temperature 0 one says all."""
    temperature: float = Field(0.0, ge=0)
    max_tokens: int = Field(1024, ge=1)
    """Tokens a policy may write at a time."""
    batch: int = Field(16, ge=1)
    """Questions side by side, in one process."""
    workers: int = Field(1, ge=1)
    """Processes that evaluate at the same time, over Ray where there is more than one."""
    gpus: float = Field(0.0, ge=0)
    """Of each worker."""
    judge: EndpointConfig | None = None
    """Who judges replies besides the rule; null is nobody. Both verdicts are kept, and the rule's counts."""

    @field_validator("strategies", "benchmarks", mode="before")
    @classmethod
    def _by_name(cls, asked: Any, told: ValidationInfo) -> Any:
        """A name alone stands for what has only that."""
        key = "strategy" if told.field_name == "strategies" else "name"
        return [{key: one} if isinstance(one, str) else one for one in asked] if isinstance(asked, list) else asked

    @field_validator("benchmarks")
    @classmethod
    def _there_are(cls, asked: tuple[BenchmarkConfig, ...]) -> tuple[BenchmarkConfig, ...]:
        if unknown := [one.name for one in asked if one.name not in BENCHMARKS]:
            raise ValueError(f"there is no benchmark {unknown[0]!r}; choose from {sorted(BENCHMARKS)}")
        if len({one.name for one in asked}) < len(asked):
            raise ValueError("a benchmark is asked for twice")
        return asked

    @model_validator(mode="after")
    def _names_its_models(self) -> "EvaluationConfig":
        names = [model.name for model in self.models]
        if len(set(names)) < len(names):
            raise ValueError("two models have one name")
        if unknown := [name for way in self.strategies for name in way.models if name not in names]:
            raise ValueError(f"there is no model {unknown[0]!r}; there are {names}")
        return self

    @property
    def folder(self) -> Path:
        return Path(self.out)


def _short(value: object) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
