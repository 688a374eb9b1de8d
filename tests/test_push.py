"""Pushing over real HTTP to a Hub on loopback: what goes, what stays, what is ridden out and what is refused."""

import hashlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from rich.filesize import decimal

from pipeline.__main__ import main
from pipeline.place import place_of
from pipeline.publish import PushError, contents, repo
from pipeline.publish.push import push
from tests.finished import Finished
from tests.hub import EXPIRED, READER, TOKEN, Blob, Hub
from tests.hub import hub as running_hub
from tests.runs import ROOT, Run, cof, files, until

NAME = "org/traces"
TRAIN = "data/train-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Finished(tmp_path_factory.mktemp("finished")).folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A run's folder that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with running_hub(tmp_path / "home") as running:
        yield running


@pytest.fixture
def said() -> list[str]:
    return []


def on_hub(hub: Hub) -> dict[str, str]:
    """Name and hash of each file that is there, but for the Hub's own."""
    held = hub.dataset(NAME).files
    return {name: blob.sha256 for name, blob in held.items() if name != ".gitattributes"}


def large(run: Path) -> str:
    """A photo of several parts of a stream in a run's dataset; its hash."""
    data = Random(0).randbytes(3 * 2**20)
    (run / "dataset/photos/00").mkdir(exist_ok=True)
    (run / "dataset/photos/00/large.jpg").write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def test_a_first_push_makes_a_private_repository_of_the_whole_dataset(hub: Hub, finished: Path) -> None:
    push(finished, NAME)
    assert hub.dataset(NAME).private
    assert on_hub(hub) == files(finished / "dataset")


def test_a_dataset_may_be_named_itself(hub: Hub, finished: Path) -> None:
    push(finished / "dataset", NAME)
    assert on_hub(hub) == files(finished / "dataset")


def test_a_repository_is_opened_when_everything_has_arrived(hub: Hub, finished: Path) -> None:
    push(finished, NAME, public=True)
    assert not hub.dataset(NAME).private
    assert hub.door.asked[-1] == f"PUT /api/datasets/{NAME}/settings"


def test_a_private_repository_can_be_opened_later(hub: Hub, finished: Path) -> None:
    push(finished, NAME)
    push(finished, NAME, public=True)
    assert not hub.dataset(NAME).private


def test_nothing_goes_to_a_public_repository_unasked(hub: Hub, run: Path) -> None:
    push(run, NAME, public=True)
    (run / "dataset" / TRAIN).write_bytes(b"secret")
    with pytest.raises(PushError, match="is public"):
        push(run, NAME)
    assert on_hub(hub)[TRAIN] != hashlib.sha256(b"secret").hexdigest()


@pytest.mark.usefixtures("hub")
def test_the_run_is_only_read(run: Path) -> None:
    before = files(run)
    push(run, NAME)
    assert files(run) == before


def test_pushing_again_sends_nothing(hub: Hub, finished: Path, said: list[str]) -> None:
    push(finished, NAME)
    asked, commits = len(hub.door.asked), list(hub.dataset(NAME).commits)
    push(finished, NAME, say=said.append)
    assert all(line.startswith("GET") for line in hub.door.asked[asked:])
    assert hub.dataset(NAME).commits == commits
    files = [path for path in (finished / "dataset").rglob("*") if path.is_file()]
    there = f"{len(files)} unchanged ({decimal(sum(path.stat().st_size for path in files))})"
    assert said[-1] == f"pushed {there}: {hub.url}/datasets/{NAME} (private)"


def test_a_changed_shard_is_sent_alone(hub: Hub, run: Path, said: list[str]) -> None:
    push(run, NAME)
    sent = len(hub.sent)
    (run / "dataset" / TRAIN).write_bytes(b"PAR1" + bytes(995) + b"!")
    push(run, NAME, say=said.append)
    assert on_hub(hub) == files(run / "dataset")
    assert hub.sent[sent:] == [on_hub(hub)[TRAIN]]
    assert said[-1].startswith("pushed 1 changed (1.0 kB) · 15 unchanged (")


def test_a_shard_that_is_gone_goes_from_the_hub_and_what_others_put_there_stays(hub: Hub, run: Path) -> None:
    push(run, NAME)
    hub.dataset(NAME).files["LICENSE"] = Blob(b"mine", lfs=False)
    (run / "dataset" / TRAIN).rename(run / "dataset/data/train-00000-of-00002.parquet")
    sent = len(hub.sent)
    push(run, NAME)
    assert on_hub(hub) == {**files(run / "dataset"), "LICENSE": hashlib.sha256(b"mine").hexdigest()}
    assert len(hub.sent) == sent  # it is in the storage under its hash


def test_hidden_files_stay(hub: Hub, run: Path) -> None:
    for name in (".env", "data/.draft", ".cache/huggingface/token"):
        path = run / "dataset" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("key")
    push(run, NAME)
    assert not [name for name in on_hub(hub) if "/." in f"/{name}"]


def test_a_dry_run_says_what_would_happen_to_each_file(hub: Hub, run: Path, said: list[str]) -> None:
    push(run, NAME)
    (run / "dataset" / TRAIN).unlink()
    (run / "dataset/README.md").write_text("---\nlicense: other\n---\n")
    (run / "dataset/data/other.parquet").write_bytes(b"PAR1\0")
    before, commits = on_hub(hub), len(hub.dataset(NAME).commits)
    push(run, NAME, dry_run=True, say=said.append)
    states = {line.split()[-1]: line.split()[0] for line in said[:-1]}
    assert states.keys() == before.keys() | files(run / "dataset").keys()
    changed = {"README.md": "changed", "data/other.parquet": "new", TRAIN: "gone"}
    assert states == dict.fromkeys(states, "unchanged") | changed
    assert said[-1].startswith("would push 1 new (5 bytes) · 1 changed (23 bytes) · 14 unchanged (")
    assert (on_hub(hub), len(hub.dataset(NAME).commits)) == (before, commits)


def test_a_dry_run_makes_no_repository(hub: Hub, finished: Path, said: list[str]) -> None:
    push(finished, NAME, dry_run=True, say=said.append)
    assert not hub.repos
    assert all(line.startswith("new") for line in said[:-1])


@pytest.mark.parametrize("status", [429, 500])
def test_a_hub_in_trouble_is_asked_again(status: int, hub: Hub, finished: Path, said: list[str]) -> None:
    asked = ("GET /api/datasets", "repos/create", "validate-yaml", "preupload", "batch", "PUT /objects", "commit/main")
    for where in asked:
        hub.door.fail(where, status, retry_after="0")
    push(finished, NAME, say=said.append)
    assert f"{hub.url} is busy or out of reach; asking again in 0 s" in said
    hub.door.fail("/tree/", status, retry_after="0")
    push(finished, NAME)
    assert on_hub(hub) == files(finished / "dataset")


def test_a_hub_that_stays_in_trouble_is_one_sentence(hub: Hub, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repo, "TRIES", 2)
    hub.door.fail("GET /api/datasets", 503, times=9)
    with pytest.raises(PushError, match=r"is too busy \(not now\)\. Run the same command again later"):
        push(finished, NAME)


def test_a_connection_cut_in_the_middle_of_a_file_is_mended(hub: Hub, run: Path) -> None:
    sha256 = large(run)
    hub.door.cut(f"PUT /objects/{sha256}")
    push(run, NAME)
    assert hub.door.asked.count(f"PUT /objects/{sha256}") == 2
    assert on_hub(hub) == files(run / "dataset")


def test_a_commit_whose_answer_was_lost_is_not_made_twice(hub: Hub, finished: Path) -> None:
    hub.door.lose("commit/main")
    push(finished, NAME)
    assert len(hub.dataset(NAME).commits) == 2  # the Hub's own first one, and this
    assert on_hub(hub) == files(finished / "dataset")


def test_a_push_that_was_killed_goes_on_and_sends_nothing_twice(hub: Hub, run: Path) -> None:
    hub.door.fall_silent("PUT /objects", after=3)
    with Run(["push", str(run), NAME], "pipeline", ROOT, **hub.environment) as first:
        assert hub.door.silent.wait(60)
        until(lambda: len(hub.sent) == 3, "the third object")
        first.kill()
    assert hub.dataset(NAME).files.keys() == {".gitattributes"}
    hub.door.heal()
    ended = cof("push", run, NAME, **hub.environment)
    assert ended.code == 0, ended
    assert on_hub(hub) == files(run / "dataset")
    assert len(hub.sent) == len(set(hub.sent)) == sum(blob.lfs for blob in hub.dataset(NAME).files.values())


@pytest.mark.parametrize("how", ["environment", "login"])
def test_an_expired_token_is_one_sentence_without_the_token(how: str, hub: Hub, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "home/token").write_text(EXPIRED)
    ended = cof("push", finished, NAME, **{**hub.environment, "HF_TOKEN": EXPIRED if how == "environment" else ""})
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {hub.url} does not take the token: it has expired")
    assert "`hf auth login`" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert EXPIRED not in ended.err


@pytest.mark.parametrize("where", ["PUT /objects", "lfs/objects/batch", "commit/main"])
def test_a_token_that_expires_on_the_way_loses_nothing(where: str, hub: Hub, finished: Path) -> None:
    hub.door.fail(where, 401, times=99, after=2 if where == "PUT /objects" else 0)
    with pytest.raises(PushError, match="it has expired or was revoked"):
        push(finished, NAME)
    hub.door.heal()
    push(finished, NAME)
    assert on_hub(hub) == files(finished / "dataset")
    assert len(hub.sent) == len(set(hub.sent))


def test_a_server_that_repeats_the_token_is_not_quoted(hub: Hub, finished: Path) -> None:
    hub.door.fail("GET /api/datasets", 418, f"what is {TOKEN} to me?")
    with pytest.raises(PushError, match="refused: what is … to me") as caught:
        push(finished, NAME)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.usefixtures("hub")
def test_a_token_that_may_only_read_is_told_what_is_missing(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", READER)
    with pytest.raises(PushError, match=rf"may not write to {NAME}.*/settings/tokens"):
        push(finished, NAME)


def test_without_a_token_nothing_is_asked(hub: Hub, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(PushError, match=r"There is no token .* `hf auth login`"):
        push(finished, NAME)
    assert not hub.door.asked


@pytest.mark.usefixtures("hub")
def test_a_hub_without_xet_is_told_how_to_do_without(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hf_xet")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    with pytest.raises(PushError, match="set HF_HUB_DISABLE_XET=1"):
        push(finished, NAME)


@pytest.mark.parametrize("name", ["traces", "org/traces/more", "org/", "https://huggingface.co/org/traces", ""])
def test_what_is_no_name_of_a_repository_is_refused(name: str, finished: Path) -> None:
    with pytest.raises(PushError, match="is written `owner/name`"):
        push(finished, name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("optimizer.pt", "a pickle"),
        ("training_args.bin", "a pickle"),
        ("data/checkpoint-10/model.safetensors", "a training"),
        ("rng_state_0.json", "a training"),
        ("calls/propose/ab.json", "a log"),
        ("asked.jsonl", "a log"),
    ],
)
def test_what_must_not_go_is_refused_by_name(name: str, why: str, hub: Hub, run: Path) -> None:
    path = run / "dataset" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    with pytest.raises(PushError, match=f"{name} must not go to the Hub: it .*{why}.* Move it elsewhere"):
        push(run, NAME)
    assert not hub.door.asked


@pytest.mark.usefixtures("hub")
def test_a_file_above_what_the_hub_takes_is_refused(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MOST_BYTES", 20_000)
    with pytest.raises(PushError, match=r"validation-00000-of-00001.parquet must not go .* takes no file above"):
        push(finished, NAME)


def test_a_run_that_has_no_dataset_yet_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PushError, match="Finish the run with `make synthesize`"):
        push(tmp_path, NAME)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PushError, match="There is no folder"):
        push(tmp_path / "none", NAME)


def test_a_run_behind_a_uri_is_to_be_copied_first() -> None:
    with pytest.raises(PushError, match="memory://pushes/run is not on this machine"):
        push(place_of("memory://pushes/run"), NAME)


def test_the_command_takes_its_options(
    hub: Hub, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["cof", "push", str(finished), NAME, "--public", "--dry-run"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert capsys.readouterr().out.endswith(f"{hub.url}/datasets/{NAME} (public)\n")
    assert not hub.repos


LOADING = """
import sys
from datasets import load_dataset

for config in ("default", "rl"):
    there, here = load_dataset(sys.argv[1], config), load_dataset(sys.argv[2], config)
    for split in here:
        pushed, exported = (rows[split].with_format("arrow")[:] for rows in (there, here))
        print(config, split, len(exported), pushed.equals(exported))
"""


def test_what_was_pushed_loads_as_the_same_rows(hub: Hub, finished: Path, tmp_path: Path) -> None:
    push(finished, NAME)
    (tmp_path / "loading.py").write_text(LOADING)
    with Run([NAME, str(finished / "dataset")], "loading", tmp_path, **hub.environment) as loading:
        ended = loading.end()
    assert ended.code == 0, ended
    expected = [f"{config} {split} 1 True" for config in ("default", "rl") for split in ("train", "validation")]
    assert ended.out.splitlines() == expected
    assert any("/resolve/" in line for line in hub.door.asked)
