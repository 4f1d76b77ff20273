"""Labels for images without labels, by the classifier of their data set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnistgan.arrays import Images, Labels
from mnistgan.config import DataConfig, toml
from mnistgan.evaluation import classifier, reference
from mnistgan.evaluation.classifier import Classifier
from mnistgan.progress import OnProgress, no_progress


@dataclass(frozen=True)
class Labeler:
    """Labels images.

    Attributes:
        classifier: the classifier to use.
        classes: the name of each label, in order.
    """

    classifier: Classifier
    classes: tuple[str, ...]

    def __call__(self, images: Images) -> tuple[Labels, npt.NDArray[np.float64]]:
        """The most probable class of each image, and its probability in [0, 1].

        The same blocks of images give the same result with the same build of torch.

        Args:
            images: uint8, N x C x H x W.

        Returns:
            int64, N; float64, N.
        """
        predictions = self.classifier.network.predict_batch(images)
        return predictions.labels, predictions.confidences

    def confidences(self, images: Images, labels: Labels) -> npt.NDArray[np.float64]:
        """The probability of each image's label, in [0, 1]; float64, N."""
        probabilities = self.classifier.network.predict_batch(images).probabilities
        return np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]


def labeler_for(
    config: DataConfig, root: Path | None = None, on_progress: OnProgress = no_progress
) -> Labeler:
    """Create the labeler for images like those of a data set.

    MNIST's classifier ships with the package; a classifier for another data set is trained and
    cached.

    Args:
        config: the data set.
        root: folder of the data sets; by default the config's.
        on_progress: called while images are read and a classifier is trained.

    Raises:
        DataError: the data cannot be loaded, or has no classes.
    """
    if reference.is_shipped_for(config):
        return Labeler(classifier.shipped(), classifier.SHIPPED_CLASSES)
    real = reference.load(toml.replace_data(config, root=root), on_progress)
    return Labeler(real.classifier, real.train.classes)
