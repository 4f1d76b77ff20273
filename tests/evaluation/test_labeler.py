"""Labels by the classifier of a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import Tiny, noise_images

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.errors import DataError
from mnistgan.evaluation import classifier
from mnistgan.evaluation.labeler import labeler_for


def test_the_shipped_classifier_needs_no_data() -> None:
    labeler = labeler_for(DataConfig(name="mnist"), Path("nowhere"))
    images = noise_images(500, 1, 28, 28)
    labels, confidences = labeler(images)
    predictions = classifier.shipped().network.predict(images)
    np.testing.assert_array_equal(labels, predictions.labels)
    np.testing.assert_allclose(confidences, predictions.probabilities.max(axis=1), rtol=1e-5)
    assert labels.dtype == np.int64
    assert labeler.classes == tuple("0123456789")


@pytest.mark.usefixtures("hurried")
def test_of_other_data_one_is_trained(tiny: Tiny) -> None:
    config = tiny().data
    data = datasets.load(config)
    labeler = labeler_for(config)
    labels, confidences = labeler(data.images[:256])
    assert data.labels is not None
    assert (labels == data.labels[:256]).mean() > 0.9
    assert 0 < confidences.min() <= confidences.max() <= 1


def test_data_without_classes_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=noise_images(20, 28, 28))
    with pytest.raises(DataError, match="one folder per class"):
        labeler_for(DataConfig(name=str(tmp_path / "a.npz")))


def test_a_root_of_ones_own_is_looked_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[DataConfig] = []

    def load(config: DataConfig, **_: object) -> None:
        asked.append(config)
        raise DataError("not here")

    monkeypatch.setattr(datasets, "load", load)
    with pytest.raises(DataError, match="not here"):
        labeler_for(DataConfig(name="kmnist"), tmp_path)
    assert asked[0].root == str(tmp_path)
