"""The local teacher as a process of its own: on a free port, and never longer than whoever started it."""

import json
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from pipeline.teacher.launch import running_teacher
from pipeline.teacher.server import TeacherConfig


def models(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}/models", timeout=10) as response:
        return [model["id"] for model in json.load(response)["data"]]


def test_it_answers_while_the_block_runs_and_no_longer() -> None:
    with running_teacher(TeacherConfig(threads=1)) as url:
        assert models(url) == ["local-teacher"]
    with pytest.raises(urllib.error.URLError):
        models(url)


def test_it_ends_with_whoever_started_it() -> None:
    command = [sys.executable, "-m", "pipeline", "teacher", "--port", "0", "--with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["base_url"]
        server.stdin.close()  # as a kill of the parent would
        server.wait(timeout=20)
    with pytest.raises(urllib.error.URLError):
        models(url)


def test_its_faults_can_be_set_from_outside() -> None:
    with running_teacher(TeacherConfig(threads=1, error_rate=1.0)) as url:
        asked = urllib.request.Request(f"{url}/chat/completions", b'{"messages": []}')
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(asked, timeout=10)
        with caught.value as error:
            assert error.code == 500
