"""The command line: what it says and how it exits when something is not right."""

import sys
from typing import Any

import pytest

from agents.sender import EndpointError
from pipeline.__main__ import main
from pipeline.config import ConfigError
from pipeline.export import ExportError
from pipeline.place import StoreError


def exit_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setattr(sys, "argv", ["cof", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


def raising(error: BaseException) -> Any:
    def run(*_: Any, **__: Any) -> None:
        raise error

    return run


def test_an_option_that_does_not_exist_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_of(monkeypatch, "synthesize", "--nope") == 2
    assert "No such option: --nope" in capsys.readouterr().err


def test_a_command_that_does_not_exist_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_of(monkeypatch, "synthesise") == 2
    assert "No such command 'synthesise'" in capsys.readouterr().err


def test_ctrl_c_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("pipeline.runner.synthesize", raising(KeyboardInterrupt()))
    assert exit_of(monkeypatch, "synthesize") == 130
    assert capsys.readouterr().err == "Stopped. Run the same command again to go on where it was.\n"


@pytest.mark.parametrize("kind", [ConfigError, EndpointError, StoreError, ExportError])
def test_an_error_of_the_operators_is_one_sentence(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.runner.synthesize", raising(kind("This is the remedy.")))
    assert exit_of(monkeypatch, "synthesize") == 2
    assert capsys.readouterr().err == "error: This is the remedy.\n"


def test_a_bug_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.runner.synthesize", raising(ZeroDivisionError("a bug")))
    monkeypatch.setattr(sys, "argv", ["cof", "synthesize"])
    with pytest.raises(ZeroDivisionError):
        main()
