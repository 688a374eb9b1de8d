"""Configuration: one YAML, `key=value` on top, and a sentence for whatever cannot be meant."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from pipeline.config import ConfigError, RunConfig, fixed, keys, load, load_as
from pipeline.evaluation.config import EvaluationConfig
from pipeline.training.config import TrainConfig


def yaml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    return path


def complaint(path: Path | None, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, list(overrides))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_a_file_everything_has_a_default() -> None:
    assert load(None, []) == RunConfig()


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    assert load(yaml(tmp_path, ""), []) == RunConfig()


def test_a_file_sets_what_it_names(tmp_path: Path) -> None:
    config = load(yaml(tmp_path, "seed: 3\nagent:\n  steps: 5\n"), [])
    assert (config.seed, config.agent.steps, config.agent.attempts) == (3, 5, RunConfig().agent.attempts)


def test_key_and_value_come_on_top_of_the_file(tmp_path: Path) -> None:
    config = load(yaml(tmp_path, "agent:\n  steps: 5\n  attempts: 2\n"), ["agent.steps=7"])
    assert (config.agent.steps, config.agent.attempts) == (7, 2)


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("seed=7", "seed", 7),
        ("out=outputs/x=y", "out", "outputs/x=y"),
        ("sample.count=null", "sample.count", None),
        ("sample.images=photos/*.jpg", "sample.images", "photos/*.jpg"),
        (" seed = 7", "seed", 7),
        ("zoom.margin=0.5", "zoom.margin", 0.5),
        ("zoom.crop_source=resized", "zoom.crop_source", "resized"),
        ("teacher.local=false", "teacher.local", False),
        ("teacher.frame=relative", "teacher.frame", "relative"),
        ("agent.tools=[zoom, crop]", "agent.tools", ["zoom", "crop"]),
        ("propose.resolutions={native: 1}", "propose.resolutions.native", 1.0),
    ],
)
def test_values_are_read_as_yaml(override: str, key: str, value: object) -> None:
    config = load(None, [override])
    dumped = config.model_dump(mode="json")
    for part in key.split("."):
        dumped = dumped[part]
    assert dumped == value


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("agent.stps=3", "There is no key 'agent.stps'. Did you mean 'agent.steps'?"),
        ("sample.imges=x", "There is no key 'sample.imges'. Did you mean 'sample.images'?"),
        ("teacher.base_ulr=x", "There is no key 'teacher.base_ulr'. Did you mean 'teacher.base_url'?"),
        ("sed=3", "There is no key 'sed'. Did you mean 'seed'?"),
        ("seed", "'seed' is not of the form key=value."),
        ("seed.x=3", "seed"),
        ("seed=soon", "seed: "),
        ("choice_share=2", "There is no key 'choice_share'. Did you mean 'propose.choice_share'?"),
        ("propose.choice_share=2", "propose.choice_share: "),
        ("teacher.frame=polar", "teacher.frame: "),
        ("zoom.crop_source=thin_air", "zoom.crop_source: "),
        ("agent=fast", "agent: "),
    ],
)
def test_what_cannot_be_meant_is_said_in_one_sentence(override: str, words: str) -> None:
    assert complaint(None, override).startswith(words)


def test_a_value_that_is_taken_for_a_section_is_named() -> None:
    assert complaint(None, "seed=3", "seed.x=4") == "seed.x: seed is a value, not a section."


def test_an_unknown_key_in_a_file_names_the_nearest(tmp_path: Path) -> None:
    assert "Did you mean 'agent.steps'?" in complaint(yaml(tmp_path, "agent:\n  step: 3\n"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "none.yaml cannot be read: No such file" in complaint(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["seed: [1", "a: b: c", "\tseed: 1", "seed: !!python/object:os.system x"])
def test_a_file_that_is_no_yaml_is_named(text: str, tmp_path: Path) -> None:
    assert "run.yaml is not valid YAML" in complaint(yaml(tmp_path, text))


@pytest.mark.parametrize("text", ["- seed", "seed", "7"])
def test_a_file_that_is_no_mapping_is_named(text: str, tmp_path: Path) -> None:
    assert "must be a mapping of keys to values" in complaint(yaml(tmp_path, text))


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_bytes(b"\xff\xfe\x00\x81")
    assert "run.yaml" in complaint(tmp_path / "run.yaml")


@pytest.mark.parametrize("override", ["seed=[1", "out='half", "out=: :", "out=@home"])
def test_an_override_that_is_no_yaml_is_refused(override: str) -> None:
    assert override.partition("=")[0] in complaint(None, override)


@pytest.mark.parametrize(
    "override",
    [
        "agent.steps=0",
        "agent.attempts=0",
        "agent.tools=[zom]",
        "teacher.tries=0",
        "teacher.timeout_seconds=-1",
        "sample.count=-3",
        "propose.overlap=1280",
        "propose.tile=0",
        "propose.max_tiles=-1",
        "propose.resolutions={big: 1}",
        "propose.resolutions={}",
        "zoom.max_pixels=0",
        "zoom.margin=-0.5",
        "summarize.tries=0",
    ],
)
def test_a_value_no_run_can_work_with_is_refused(override: str) -> None:
    assert override.partition("=")[0].split(".")[0] in complaint(None, override)


def test_every_key_is_listed_dotted() -> None:
    assert {"seed", "agent", "agent.steps", "teacher.base_url", "export", "zoom.margin"} <= set(keys())


@pytest.mark.parametrize(
    "override",
    [
        "out=elsewhere",
        "runtime.cpus=3",
        "runtime.progress_seconds=1",
        "teacher.base_url=http://x",
        "teacher.tries=9",
    ],
)
def test_what_may_change_between_two_starts_is_not_remembered(override: str) -> None:
    assert fixed(load(None, [override])) == fixed(RunConfig())


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "sample.count=3",
        "agent.steps=3",
        "zoom.margin=1",
        "teacher.model=x",
        "teacher.temperature=1",
        "propose.resolutions={native: 1}",
    ],
)
def test_what_decides_the_records_is_remembered(override: str) -> None:
    assert fixed(load(None, [override])) != fixed(RunConfig())


def test_no_key_is_part_of_a_configuration() -> None:
    assert not any("api_key" in key or "secret" in key for key in keys())


RUNS = [path for path in sorted(Path("configs").glob("*.yaml")) if not path.name.startswith("cluster")]
"""All but the descriptions of clusters, which are Ray's to read: see test_jobs."""


@pytest.mark.parametrize("path", RUNS, ids=str)
def test_the_configurations_that_come_along_are_sound(path: Path) -> None:
    text = path.read_text()
    kind = EvaluationConfig if "\nmodels:" in text else TrainConfig if "\nmodel:" in text else RunConfig
    assert isinstance(load_as(kind, path, []), BaseModel)


def test_the_zoom_policy_is_set_in_one_place_only() -> None:
    assert complaint(None, "export.policy.margin=0.5").startswith("There is no key 'export.policy'.")


def test_the_export_cuts_its_crops_as_the_agent_does() -> None:
    assert load(None, ["zoom.margin=0.5"]).exporting.policy.margin == 0.5
