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


@pytest.mark.ray
def test_ray_is_started_again_where_a_busy_machine_was_too_slow_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    begin, slow = ray.init, [Exception("The current node timed out during startup. This could happen because …")]

    def init(**options: Any) -> Any:
        if slow:
            raise slow.pop()
        return begin(**options)

    monkeypatch.setattr(ray, "init", init)
    with ray_session(RuntimeConfig(cpus=1)):
        assert ray.is_initialized()


def test_what_else_hinders_ray_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    tries: list[Any] = []

    def init(**options: Any) -> Any:
        tries.append(options)
        raise ValueError("no such thing")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(ValueError, match="no such thing"), ray_session(RuntimeConfig(cpus=1)):
        pass
    assert len(tries) == 1
