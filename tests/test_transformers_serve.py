"""Against a server that nobody here wrote: `transformers serve` with a tiny random Qwen2.5-VL, whose text is noise."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("fastapi")

from pipeline.store import Store
from tests.runs import cof, photos
from tests.scripted import closed_port

pytestmark = pytest.mark.e2e

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{% if part.type == 'text' %}{{ part.text }}{% else %}<|vision_start|><|image_pad|><|vision_end|>{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)


def save_model(folder: Path) -> None:
    """A model as the Hub has them: weights, tokenizer, processor and chat template."""
    from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    from tests.policies import policy

    owner = policy()
    owner.model.save_pretrained(folder)
    pixels: dict[str, Any] = {"patch_size": 14, "temporal_patch_size": 2, "merge_size": 2}
    size = {"shortest_edge": 28 * 28, "longest_edge": 16 * 28 * 28}
    Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(size=size, **pixels),
        owner.tokenizer,
        Qwen2VLVideoProcessor(size=size, **pixels),
        chat_template=TEMPLATE,
    ).save_pretrained(folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """Address and model of the server, and what it prints."""
    folder = tmp_path_factory.mktemp("served")
    model, log = folder / "model", folder / "log.txt"
    save_model(model)
    url = closed_port()
    port = url.removesuffix("/v1").rpartition(":")[2]
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model), "--port", port]
    env = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with log.open("w") as out:
        process = subprocess.Popen([*command, "--device", "cpu"], env=env, stdout=out, stderr=out)
    try:
        _wait(url.replace("/v1", "/health"), process, log)
        yield url, str(model), log
    finally:
        process.terminate()
        process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, log.read_text()[-2000:]
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-2000:])


def test_noise_becomes_rejects_with_a_reason(
    server: tuple[str, str, Path], tmp_path: Path, on_cluster: dict[str, str]
) -> None:
    url, model, log = server
    images, out = photos(tmp_path / "photos", 2), tmp_path / "run"
    teacher = f"teacher={{local: false, base_url: '{url}', model: '{model}', frame: model, max_tokens: 16}}"
    ended = cof("synthesize", f"out={out}", f"sample.images={images}", "sample.count=null", teacher, **on_cluster)
    # A run without a single trace is the operator's to look into.
    assert ended.err == "error: Nothing to export: no trace came this far (0 left out by the export).\n", (
        log.read_text()[-2000:]
    )
    assert "is asked for JSON in words, is told of tools in words" in ended.out
    store = Store(out)
    assert [reject.reason for reject in store.rejected("propose")] == ["unusable reply"] * 2
    assert not list(store.failed("propose"))


def test_no_request_was_malformed(server: tuple[str, str, Path]) -> None:
    _, _, log = server
    text = log.read_text()
    answers = [line for line in text.splitlines() if "POST /v1/chat/completions" in line]
    assert len(answers) > 4
    assert all(line.endswith("200 OK") for line in answers), answers
