"""What errors say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mnistgan.errors import ConfigError, did_you_mean, one_of, printable


def test_choices_read_as_a_sentence() -> None:
    assert one_of(["a"]) == "a"
    assert one_of(["a", "b", "c"]) == "a, b or c"
    assert did_you_mean("dcgn", ["mlp", "dcgan"]) == "; did you mean 'dcgan'?"
    assert did_you_mean("xyz", ["mlp", "dcgan"]) == ""


@given(st.text())
def test_a_strangers_text_cannot_drive_the_terminal(text: str) -> None:
    shown = printable(text)
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert printable(shown) == shown


def test_a_problem_is_one_line() -> None:
    error = ConfigError("run.toml", ["a\nb: unknown key"])
    assert str(error) == "run.toml: a\\nb: unknown key"
