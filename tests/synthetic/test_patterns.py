"""The patterns of random text, beside Python's regular expressions, which they are a part of."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistgan.errors import UsageError
from mnistgan.synthetic import patterns

SPECIAL = "[](){}|*+?^$\\"


def literal(char: str) -> str:
    return f"\\{char}" if char in SPECIAL else char


chars = st.characters(codec="utf-8", exclude_characters="-^")
sets = st.lists(
    st.one_of(
        chars.map(literal),
        st.tuples(st.integers(48, 90), st.integers(0, 32)).map(
            lambda one: "-".join(literal(chr(code)) for code in (one[0], sum(one)))
        ),
    ),
    min_size=1,
    max_size=4,
).map(lambda parts: f"[{''.join(parts)}]")
counts = st.one_of(
    st.just(""),
    st.integers(1, 6).map(lambda low: f"{{{low}}}"),
    st.tuples(st.integers(0, 3), st.integers(3, 6)).map(lambda two: f"{{{two[0]},{two[1]}}}"),
)
items = st.tuples(st.one_of(chars.map(literal), sets), counts).map("".join)
texts = st.lists(items, max_size=5).map(lambda parts: "x" + "".join(parts))


@given(texts, st.integers(0, 2**32))
def test_pythons_regular_expressions_match_what_is_drawn(text: str, seed: int) -> None:
    drawn = patterns.parse(text).draw(np.random.default_rng(seed))
    # For Python, an unescaped period is any character.
    expected = re.sub(r"(\\.)|\.", lambda found: found[1] or r"\.", text, flags=re.DOTALL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of "[[" and "--", which may change
        assert re.fullmatch(expected, drawn), (text, drawn)
    assert set(drawn) <= set(patterns.parse(text).characters)


@given(st.text(max_size=12))
def test_any_text_is_a_pattern_or_refused_in_one_sentence(text: str) -> None:
    try:
        found = patterns.parse(text)
    except UsageError as error:
        message = str(error)
    else:
        message = f"--pattern {text}: {found.draw(np.random.default_rng(0))}"
    assert message.startswith(f"--pattern {text}: ")


@pytest.mark.parametrize(
    ("text", "characters", "shortest", "longest"),
    [
        ("[0-9]{4,6}", "0123456789", 4, 6),
        ("20[0-9]{2}-[01][0-9]", "2013456789-", 7, 7),
        ("[ab-]{3}", "ab-", 3, 3),
        ("[-a]", "-a", 1, 1),
        (r"\[x\]{2}", "[x]", 4, 4),
        ("[0-9]{1,3}.[0-9]{2}", "0123456789.", 4, 6),
        ("ab{0,1}", "ab", 1, 2),
        ("ab{0}", "a", 1, 1),
    ],
)
def test_what_a_pattern_gives(text: str, characters: str, shortest: int, longest: int) -> None:
    pattern = patterns.parse(text)
    assert pattern.characters == characters
    drawn = [pattern.draw(np.random.default_rng(seed)) for seed in range(300)]
    assert {min(map(len, drawn)), max(map(len, drawn))} == {shortest, longest}
    assert set("".join(drawn)) == set(characters)


def test_lengths_and_characters_are_equally_frequent() -> None:
    rng = np.random.default_rng(3)
    drawn = [patterns.parse("[0-9]{4,6}").draw(rng) for _ in range(6000)]
    lengths = np.bincount([len(text) for text in drawn])[4:]
    assert np.abs(lengths - 2000).max() < 150, "three and a half standard deviations"
    digits = np.bincount([int(char) for text in drawn for char in text])
    assert np.abs(digits - 3000).max() < 200


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must give texts of 1 to 200 characters"),
        ("a{0}", "must give texts of 1 to 200 characters"),
        ("a{0,3}", "must give texts of 1 to 200 characters"),
        ("a{201}", "must give texts of 1 to 200 characters"),
        ("a{3,2}", "has a {m,n} with m greater than n"),
        ("[9-0]", "has the range 9-0, whose ends are swapped"),
        ("[^0]", "has a set that begins with ^"),
        ("a+", "cannot be read from '+' on"),
        ("(a|b)", "cannot be read from '(a|b)' on"),
        ("[0-9", "cannot be read from '[0-9' on"),
        ("[]", "cannot be read from '[]' on"),
        ("a{2,}", "cannot be read from '{2,}' on"),
        ("{2}", "cannot be read from '{2}' on"),
        ("a{2}{2}", "cannot be read from '{2}' on"),
        ("a\\", "cannot be read from '\\\\' on"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        patterns.parse(text)
    assert words in str(error.value)
    assert "a pattern has characters, sets such as [0-9a-f]" in str(error.value)
