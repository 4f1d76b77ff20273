"""The verdict: its rules, and what they say of collapsed, half-collapsed, noisy and real images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import noise_images

from mnistgan.arrays import Images
from mnistgan.config import DataConfig
from mnistgan.evaluation import reference, results, verdict
from mnistgan.evaluation.reference import Reference
from mnistgan.evaluation.verdict import judge

DIGITS = tuple("0123456789")
EQUAL = dict.fromkeys(DIGITS, 0.1)
REAL = {
    "frechet_distance": 0.5, "precision": 0.9, "recall": 0.85, "density": 1.0, "coverage": 0.97,
    "kl_to_labels": 0.004, "missing_classes": 0.0, "variety": 1.0, "copies": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Good: all ten digits; Frechet distance at the floor."),
        ({"frechet_distance": 6.0}, "Good: all ten digits; Frechet distance 12 times the floor."),
        ({"frechet_distance": 1.7}, "Good: all ten digits; Frechet distance 3.4 times the floor."),
        ({"frechet_distance": 20.0}, "Fair: all ten digits; Frechet distance 40 times the floor."),
        (
            {"precision": 0.5, "frechet_distance": 6.0},
            "Fair: all ten digits; only 50% of the images look real; Frechet distance 12 times the "
            "floor.",
        ),
        (
            {"recall": 0.1, "frechet_distance": 6.0},
            "Poor: all ten digits; the images cover only 10% of the real ones; Frechet distance 12 "
            "times the floor.",
        ),
        ({"agreement": 0.1}, "Mislabeled: only 10% of the images show the class that was"),
        ({"copies": 0.6}, "Copied: 60% of the images repeat training images."),
        ({"variety": 0.6}, "Partly collapsed: many of the images are alike."),
        (
            {"variety": 0.04, "coverage": 0.05, "recall": 0.0},
            "Collapsed: the images are nearly all alike; precision means nothing here.",
        ),
        (
            {"coverage": 0.05, "recall": 0.0},
            "Collapsed: the images are nearly all alike; precision means nothing here.",
        ),
        (
            {"precision": 0.0, "variety": 0.05},
            "Collapsed: the images are nearly all alike; hardly any image looks real.",
        ),
        (
            {"precision": 0.0, "frechet_distance": 60.0, "recall": 0.0},
            "Failed: hardly any image looks real; Frechet distance 120 times the floor.",
        ),
    ],
)
def test_the_rules(changes: dict[str, float], sentence: str) -> None:
    found = str(judge(REAL | changes, REAL, EQUAL))
    assert found.startswith(sentence)
    assert found.count(".") == 1 + found.count("3.4")


@pytest.mark.parametrize(
    ("present", "kl", "sentence"),
    [
        ("8", 2.3, "Collapsed: only 8s; precision means nothing here."),
        ("17", 1.6, "Collapsed: only 1s and 7s; precision means nothing here."),
        ("01234", 0.69, "Partly collapsed: five of ten digits are missing."),
        ("01234567", 0.22, "Partly collapsed: 8s and 9s are missing."),
    ],
)
def test_classes_that_are_missing(present: str, kl: float, sentence: str) -> None:
    shares = {name: (name in present) / len(present) for name in DIGITS}
    missing = [name for name in DIGITS if name not in present]
    figures = REAL | {"kl_to_labels": kl, "missing_classes": float(len(missing))}
    assert str(judge(figures, REAL, shares, missing)) == sentence
    by_count = str(judge(figures, REAL))
    assert by_count.partition(":")[0] == sentence.partition(":")[0]
    assert "missing" in by_count


def test_copies_do_not_hide_a_collapse() -> None:
    shares = dict.fromkeys("01234", 0.2) | dict.fromkeys("56789", 0.0)
    half = REAL | {"copies": 1.0, "kl_to_labels": 0.69, "missing_classes": 5.0}
    copied = judge(half, REAL, shares, tuple("56789"))
    assert copied is not None
    assert str(copied) == (
        "Copied: 100% of the images repeat training images; five of ten digits are missing."
    )
    assert copied.is_collapse
    assert not copied.is_failure
    alike = judge(REAL | {"copies": 1.0, "variety": 0.6}, REAL, EQUAL)
    assert str(alike).endswith("training images; many of the images are alike.")


@pytest.mark.parametrize(
    ("changes", "kind", "is_collapse"),
    [
        ({}, "Good", False),
        ({"copies": 1.0}, "Copied", False),
        ({"variety": 0.6}, "Partly collapsed", True),
        ({"variety": 0.1}, "Collapsed", True),
        ({"variety": 0.1, "copies": 1.0}, "Collapsed", True),
        ({"variety": 0.6, "precision": 0.05}, "Failed", False),
    ],
)
def test_whether_it_is_a_collapse(changes: dict[str, float], kind: str, is_collapse: bool) -> None:
    found = judge(REAL | changes, REAL, EQUAL)
    assert found is not None
    assert (found.kind, found.is_collapse) == (kind, is_collapse)


def test_a_class_that_is_too_frequent() -> None:
    shares = EQUAL | {"8": 0.55}
    said = str(judge(REAL | {"kl_to_labels": 0.6}, REAL, shares))
    assert said == "Partly collapsed: 55% of the images are 8s."
    shares = {"coat": 0.55, "dress": 0.45}
    said = str(judge(REAL | {"kl_to_labels": 0.6}, REAL, shares))
    assert said == "Partly collapsed: 55% of the images show coat."


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e308, 1e308, 0.0])
def test_any_number_in_a_file_is_judged(value: float) -> None:
    for name in REAL:
        said = str(judge(REAL | {name: value}, REAL | {name: value}, EQUAL | {"8": value}))
        assert len(said) < 200, said
    assert judge({}) is None
    assert str(judge({"precision": 0.9})) == "Good: no sign of a collapse."
    assert judge({"precision": 0.5, "missing_classes": 1.0}) is not None


@pytest.mark.parametrize(
    ("present", "absent", "words"),
    [
        ("8", "012345679", "only 8s are left; nine digits are missing"),
        ("0123456", "789", "7s, 8s and 9s are missing"),
        ("", "0123456789", "ten of ten digits are missing"),
        (("coat",), ("a", "b", "c", "d"), "only images of coat are left; four classes are missing"),
    ],
)
def test_missing_classes_in_words(present: Any, absent: Any, words: str) -> None:
    assert verdict.missing_classes(tuple(present), tuple(absent)) == words


def test_variety_is_counted_against_real_images() -> None:
    real, few = noise_images(300, 1, 8, 8), np.tile(noise_images(4, 1, 8, 8), (80, 1, 1, 1))
    rng = np.random.default_rng(0)
    assert results._variety(real, few, rng) == 4 / 256
    assert results._variety(real, noise_images(300, 1, 8, 8, seed=1), rng) == 1
    assert results._variety(few, few, rng) == 1  # data that repeats itself


# Real images of MNIST, and what is made of them --------------------------------------------------


@pytest.fixture(scope="module")
def mnist(mnist_root: Path) -> Reference:
    return reference.load(DataConfig(root=str(mnist_root)))


def measured(images: Images, mnist: Reference) -> results.Figures:
    return results.measure(mnist.classifier.network.predict(images), mnist, images=images)


@pytest.mark.slow
def test_verdicts_on_images_of_mnist(mnist: Reference) -> None:
    rng = np.random.default_rng(0)
    shuffled = mnist.test.take(rng.permutation(len(mnist.test)))  # the second half is easier
    test, labels = shuffled.images, shuffled.labels
    assert labels is not None

    def noisy(images: Images, deviation: float) -> Images:
        noise = rng.normal(0, deviation, images.shape)
        return (images + noise).clip(0, 255).astype(np.uint8)

    real = test[5000:5600]
    one = np.repeat(test[labels == 8][:1], 600, axis=0)
    smudge = np.repeat(test.mean(axis=0, keepdims=True).astype(np.uint8), 600, axis=0)
    floor = measured(mnist.test.images[::16], mnist).numbers()  # 625 images
    for images, said in (
        (real, "Good: all ten digits; Frechet distance"),
        (one, "Collapsed: only 8s, nearly all alike; precision means nothing here."),
        (noisy(one, 6), "Collapsed: only 8s, nearly all alike; precision means nothing here."),
        (noisy(smudge, 6), "Collapsed: "),
        (np.zeros_like(real), "Collapsed: the images are nearly all alike; hardly any"),
        (test[labels == 8][:600], "Collapsed: only 8s; precision means nothing here."),
        (np.repeat(real[:10], 60, axis=0), "Collapsed: "),
        (np.concatenate((one[:300], real[:300])), "Partly collapsed: 5"),
        (test[labels < 5][:600], "Partly collapsed: five of ten digits are missing."),
        (noise_images(600, 1, 28, 28), "Failed: hardly any image looks real;"),
        (noisy(real, 120), "Failed: hardly any image looks real;"),
        (noisy(real, 60), "Poor: all ten digits; the images cover only"),
    ):
        verdict = str(measured(images, mnist).verdict(floor))
        assert verdict.startswith(said), verdict
