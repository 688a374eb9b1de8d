"""The Ray session: what is said where there is none."""

from typing import Any

import pytest

from pipeline.config import ConfigError, RuntimeConfig
from pipeline.session import ray_session


def test_a_cluster_that_is_not_there_is_one_sentence_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(**_: Any) -> None:
        raise ConnectionError("Failed to connect")

    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setattr("ray.init", gone)
    with (
        pytest.raises(
            ConfigError, match=r"^The Ray cluster at 10\.0\.0\.1:6379 cannot be joined\. .*unset RAY_ADDRESS"
        ),
        ray_session(RuntimeConfig()),
    ):
        pass
