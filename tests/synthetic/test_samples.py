"""Requests for images that cannot be met are refused before a generator is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistgan.errors import UsageError
from mnistgan.sampling.blocks import sample
from mnistgan.sampling.generator import load_generator
from mnistgan.synthetic import samples
from mnistgan.synthetic.samples import SampleRequest


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": None}, "give either -n, or --per-digit"),
        ({"count": 5, "per_digit": 5}, "give either -n, or --per-digit"),
        ({"count": 5, "format": "npz", "digits": "1", "balanced": True}, "remove --balanced"),
        ({"count": 5, "format": "png", "min_confidence": 0.5}, "--min-confidence is only for"),
        ({"count": 5, "format": "idx", "same_z": True}, "--same-z is only for --format grid, png"),
        ({"count": 5, "format": "npz", "same_z": True, "balanced": True}, "--balanced selects"),
        (
            {"count": 5, "format": "npz", "same_z": True, "min_confidence": 0.5},
            "--min-confidence selects images and would break up --same-z",
        ),
        ({"count": 5, "format": "npz", "min_confidence": -0.1}, "must be from 0 to 1"),
        ({"count": 5, "format": "npz", "min_confidence": 1.1}, "must be from 0 to 1"),
        ({"count": 5, "format": "npz", "min_confidence": float("nan")}, "must be from 0 to 1"),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        SampleRequest(**options)


def test_from_python(trained: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.npz"
    assert samples.write(trained, SampleRequest(5, seed=3, format="npz"), target) == (target, None)
    with np.load(target) as arrays:
        np.testing.assert_array_equal(
            arrays["images"], sample(load_generator(trained), 5, seed=3)[:, 0]
        )
