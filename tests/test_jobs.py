"""Runs as jobs of a cluster: what is handed over and what is not, and a real cluster that is handed some."""

import shlex
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest
import yaml

from pipeline import jobs
from pipeline.config import ConfigError
from pipeline.parcel import parcel
from tests.head import Head, running_head
from tests.runs import ROOT, Ended, Run, asking, cof, oracle, photos, until

pytestmark = pytest.mark.timeout(1200)

CONFIGS = ROOT / "configs"
HOSTED = CONFIGS / "hosted.yaml"
SHARED = ["out=s3://bucket/run", "sample.images=s3://bucket/photos"]
NODES_SECRET = "sk-only-the-nodes-have-this"
OUR_SECRET = "sk-only-this-machine-has-this"


def test_only_code_prompts_and_configurations_travel(tmp_path: Path) -> None:
    from ray._private.runtime_env.packaging import create_package

    travelling = ["agents/a.py", "configs/mine.yaml", "pipeline/stages/b.py", "prompts/c.md"]
    staying = [".env", ".git/config", ".venv/lib.py", "key.pem", "outputs/run.json", "photos/1.jpg", "notes.txt"]
    secret = ["configs/.env", "configs/prod.env", "pipeline/tls.key", "agents/id.pem", "pipeline/__pycache__/b.pyc"]
    for name in travelling + staying + secret:
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    package = tmp_path / "package.zip"
    excludes = parcel(HOSTED, SHARED)["runtime_env"]["excludes"]
    create_package(str(tmp_path / "repository"), package, include_gitignore=True, excludes=excludes)
    with zipfile.ZipFile(package) as archive:
        assert {name for name in archive.namelist() if not name.endswith("/")} == set(travelling)


def test_the_command_line_reaches_the_run_as_it_was_typed() -> None:
    odd = "teacher.abilities={'a b': {forms: false}}"
    words = shlex.split(parcel(HOSTED, [*SHARED, odd], pilot=20)["entrypoint"].partition("; exec ")[2])
    run = ["python", "-m", "pipeline", "synthesize", "--config", "configs/hosted.yaml", "--pilot", "20"]
    assert words == [*run, *SHARED, odd]


def test_the_cluster_is_asked_for_a_key_by_name_where_the_configuration_names_one() -> None:
    assert parcel(HOSTED, SHARED)["entrypoint"].startswith('[ -n "$OPENAI_API_KEY" ] || ')
    assert parcel(CONFIGS / "vllm.yaml", SHARED)["entrypoint"].startswith("exec python ")


def test_of_the_environment_nothing_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", OUR_SECRET)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", OUR_SECRET)
    assert OUR_SECRET not in str(parcel(HOSTED, SHARED, install=True))


def test_dependencies_are_installed_only_where_that_is_asked_for_and_ray_never() -> None:
    assert "uv" not in parcel(HOSTED, SHARED)["runtime_env"]
    named = parcel(HOSTED, SHARED, install=True)["runtime_env"]["uv"]
    assert any(one.startswith("openai") for one in named) and any(one.startswith("s3fs") for one in named)
    assert not any(one.startswith("ray") for one in named)


@pytest.mark.parametrize(
    ("overrides", "place"),
    [
        (["out=outputs/run"], "out=outputs/run"),
        ([*SHARED, "sample.images=photos"], "sample.images=photos"),
        ([*SHARED, "sample.images=[s3://bucket/a, b]"], "sample.images=b"),
        ([*SHARED, "segmenter.checkpoint=sam.pth"], "segmenter.checkpoint=sam.pth"),
    ],
)
def test_a_place_that_nodes_do_not_reach_is_refused(overrides: list[str], place: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{place} is a place on this machine alone\. .*s3://"):
        parcel(HOSTED, overrides)


def test_full_paths_uris_and_the_drawn_photos_are_places_for_a_cluster() -> None:
    assert parcel(HOSTED, ["out=/shared/run", "sample.images=drawn"])["metadata"]["run"] == "/shared/run"
    assert parcel(HOSTED, ["out=s3://b/run", "sample.images=[/shared/a, s3://b/c]"])["metadata"]["run"] == "s3://b/run"


def test_a_configuration_that_does_not_travel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("out: s3://bucket/run\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml does not travel to the cluster\. Copy it into .*configs"):
        parcel(path, SHARED)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN"])
def test_the_value_of_a_secret_is_refused_and_not_repeated(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, OUR_SECRET)
    with pytest.raises(ConfigError, match=rf"^The value of \${name} stands in .*set \${name} on the cluster") as caught:
        parcel(HOSTED, [*SHARED, f"teacher.base_url=https://user:{OUR_SECRET}@host/v1"])
    assert OUR_SECRET not in str(caught.value)


def test_a_key_in_the_place_of_its_name_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match=r"^teacher\.key_env is the name of an environment variable") as caught:
        parcel(HOSTED, [*SHARED, f"teacher.key_env={OUR_SECRET}"])
    assert OUR_SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "driver", "code"),
    [
        ("SUCCEEDED", 0, 0),
        ("FAILED", 2, 2),
        ("FAILED", -9, 137),
        ("FAILED", None, 1),
        ("STOPPED", None, 130),
    ],
)
def test_a_job_exits_as_its_command_did(status: str, driver: int | None, code: int) -> None:
    assert jobs.exit_code(SimpleNamespace(status=status, driver_exit_code=driver)) == code


@pytest.mark.parametrize("address", ["", "head:8265", "ray://head:10001", "auto"])
def test_an_address_that_is_no_dashboards_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=r"is not the address of a Ray dashboard\. Give it as RAY_ADDRESS=http://"):
        jobs.status(address)


def test_a_dashboard_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:2")
    with pytest.raises(ConfigError, match=r"^The Ray dashboard at http://127\.0\.0\.1:1 cannot be used \(.*:1\.\)"):
        jobs.status("http://127.0.0.1:1")


def test_a_ray_without_its_dashboard_is_one_sentence_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "")
    monkeypatch.setattr("ray.dashboard.modules.job.sdk.requests", None)
    with pytest.raises(ConfigError, match=r"^Jobs need more of Ray .* Install chain-of-focus\[cluster\]\.$"):
        jobs.status("http://127.0.0.1:1")


class Unsteady:
    """A cluster with one job, whose log and status are cut off now and then."""

    def __init__(self) -> None:
        self.tails = self.lists = 0

    def list_jobs(self) -> list[Any]:
        from ray.job_submission import JobStatus

        self.lists += 1
        if self.lists == 2:
            raise ConnectionError("the port-forward ended")
        status = JobStatus.SUCCEEDED if self.tails == 3 else JobStatus.RUNNING
        about = {"metadata": {"project": "chain-of-focus", "run": "s3://bucket/run"}, "message": "Finished."}
        times = {"start_time": 1, "end_time": None, "driver_exit_code": 0}
        return [SimpleNamespace(submission_id="job", status=status, **about, **times)]

    async def tail_job_logs(self, _: str) -> AsyncIterator[str]:
        self.tails += 1
        yield "one\n"
        if self.tails == 1:
            raise RuntimeError("WebSocket connection closed unexpectedly")
        yield "two\nthr"

    def get_job_logs(self, _: str) -> str:
        return "one\ntwo\nthree\n"


def test_a_log_whose_connection_breaks_is_told_once_and_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PAUSE", 0.0)
    cluster = Unsteady()
    monkeypatch.setattr(jobs, "_client", lambda _: cluster)
    told: list[str] = []
    assert jobs.follow("http://head:8265", "job", told.append) == 0
    assert "".join(told).splitlines()[:3] == ["one", "two", "three"]
    assert [line.split()[1] for line in "".join(told).splitlines()[3:]] == ["SUCCEEDED"]


def test_a_dashboard_that_stays_away_ends_the_following(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Unsteady):
        def list_jobs(self) -> list[Any]:
            raise ConnectionError("gone")

    monkeypatch.setattr(jobs, "PATIENCE", 0.0)
    monkeypatch.setattr(jobs, "_client", lambda _: Gone())
    with pytest.raises(ConfigError, match=r"cannot be used \(gone\).*jobs that run go on\.$"):
        jobs.follow("http://head:8265", "job", print)


def test_ray_takes_the_cluster_of_kuberay_with_its_bounds() -> None:
    from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr

    cluster = yaml.safe_load((CONFIGS / "cluster.yaml").read_text())
    cluster["metadata"]["namespace"] = "default"  # as Kubernetes fills in
    kinds = _derive_autoscaling_config_from_ray_cr(cluster)["available_node_types"]
    assert bounds(kinds) == {"headgroup": (0, 0), "cpu": (1, 8), "gpu": (0, 2)}
    assert kinds["headgroup"]["resources"]["CPU"] == 0 and kinds["gpu"]["resources"]["GPU"] == 1


def test_ray_takes_the_cluster_of_machines_with_its_bounds() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    cluster = prepare_config(yaml.safe_load((CONFIGS / "cluster-vm.yaml").read_text()))
    validate_config(cluster)
    assert bounds(cluster["available_node_types"]) == {"head": (0, 0), "cpu": (1, 8), "gpu": (0, 2)}


def bounds(kinds: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {name: (kind["min_workers"], kind["max_workers"]) for name, kind in kinds.items()}


class Place(NamedTuple):
    """A cluster that has a secret, photos, and a folder for runs."""

    head: Head
    folder: Path

    def submit(self, url: str, name: str, *more: str) -> list[str]:
        given = asking(url, self.folder / name, self.folder / "photos", "teacher.key_env=NODES_API_KEY", *more)
        return ["submit", "--config", str(CONFIGS / "demo.yaml"), *given[1:]]

    def run(self, *arguments: str) -> Run:
        return Run(arguments, "pipeline", ROOT, **self.head.environment, HERE_API_KEY=OUR_SECRET)

    def cof(self, *arguments: str) -> Ended:
        return cof(*arguments, **self.head.environment)

    def known(self) -> bytes:
        """All that the dashboard tells of jobs."""
        bearer = {"Authorization": f"Bearer {self.head.environment['RAY_AUTH_TOKEN']}"}
        with urlopen(Request(f"{self.head.address}/api/jobs/", headers=bearer), timeout=60) as response:
            return bytes(response.read())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("jobs")
    photos(folder / "photos", 1)
    with running_head(folder, NODES_API_KEY=NODES_SECRET) as head:
        yield Place(head, folder)


class Done(NamedTuple):
    """A run that was submitted and followed to its end."""

    ended: Ended
    keys: set[str]
    """That the teacher was shown."""


@pytest.fixture(scope="module")
def done(place: Place) -> Done:
    with oracle() as (_, script), place.run(*place.submit(script.url, "done")) as run:
        return Done(run.end(), set(script.keys))


@pytest.mark.ray
@pytest.mark.e2e
def test_a_run_is_done_on_the_cluster_and_its_log_and_exit_come_here(place: Place, done: Done) -> None:
    assert done.ended.code == 0, done.ended
    first, *log, last = done.ended.out.splitlines()
    assert "images 1 · tasks 3 · traces 3" in log
    assert last.split()[:2] == [first.split()[0], "SUCCEEDED"]
    assert (place.folder / "done" / "dataset" / "README.md").exists()


@pytest.mark.ray
@pytest.mark.e2e
def test_a_secret_is_used_where_the_nodes_have_it_and_neither_told_nor_written(place: Place, done: Done) -> None:
    assert done.keys == {f"Bearer {NODES_SECRET}"}
    files = [path.read_bytes() for path in place.head.files.rglob("*") if path.is_file()]
    said = [place.known(), done.ended.out.encode(), *files]
    assert b"NODES_API_KEY" in said[0] and len(files) > 10
    assert not [text[:200] for text in said if NODES_SECRET.encode() in text or OUR_SECRET.encode() in text]


@pytest.mark.ray
def test_an_error_of_the_operators_on_the_cluster_is_one_here(place: Place) -> None:
    with place.run(*place.submit("http://127.0.0.1:1/v1", "refused", "teacher.key_env=NOT_THERE")) as run:
        ended = run.end()
    assert ended.code == 2, ended
    assert "error: $NOT_THERE is not set on the nodes of the cluster" in ended.out
    assert "FAILED" in place.cof("status").out


@pytest.mark.ray
@pytest.mark.e2e
def test_ctrl_c_leaves_a_job_running_and_stop_ends_it(place: Place) -> None:
    with oracle() as (teacher, script):
        teacher.stop(lambda _: True)
        with place.run(*place.submit(script.url, "stopped")) as run:
            until(teacher.silent.is_set, "the run's first request")
            run.interrupt()
            left = run.end()
        assert left.code == 130, left
        assert f"`make stop RAY_ADDRESS={place.head.address} JOB=" in left.out
        assert place.cof("status").out.splitlines()[-1].split()[1] == "RUNNING"
        stopped = place.cof("stop")
        assert stopped.code == 0 and stopped.out.split()[1] == "STOPPED", stopped
    again = place.cof("status", "--job", stopped.out.split()[0])
    assert again.code == 130 and "Stopped. Run the same command again" in again.out, again
    assert place.cof("stop").out == "No job is running.\n"


@pytest.mark.ray
def test_a_job_that_is_not_there_is_one_sentence(place: Place) -> None:
    for command in ("status", "stop"):
        ended = place.cof(command, "--job", "nobody")
        assert ended.code == 2, ended
        assert (
            ended.err == "error: There is no run's job nobody on this cluster. `make status` lists those there are.\n"
        )
