"""The image classification sets of torchvision, downloaded and read by its own classes."""

from __future__ import annotations

import contextlib
import errno
import inspect
import operator
import socket
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mnistgan.arrays import Labels
from mnistgan.catalog import SplitName
from mnistgan.config.sections import TORCHVISION
from mnistgan.datasets import download
from mnistgan.datasets.fitting import Fit, is_colored, thumbnail
from mnistgan.datasets.image_set import (
    GRAY_NOTE,
    ImageSet,
    allocate,
    class_notes,
    numbered_classes,
)
from mnistgan.datasets.torchvision_import import import_torchvision, public_names
from mnistgan.errors import DataError, MnistganError, did_you_mean
from mnistgan.progress import OnProgress, Progress, no_progress

_NOT_DATA_SETS = ("VisionDataset", "wrap_dataset_for_transforms_v2")
_FOLDER = "reads a folder of pictures; name the folder instead, such as --data ./photos"
_PICKLE = (
    "keeps its index in a pickle without a checksum, which could run code; export its pictures to "
    "a folder, and name that"
)
_REFUSED = {
    "ImageFolder": _FOLDER,
    "DatasetFolder": _FOLDER,
    "EMNIST": "comes in six splits, each with a name of its own, such as emnist-letters",
    "LSUN": _PICKLE,
    "LSUNClass": _PICKLE,
}
# The signatures of most of these promise class labels; the first item tells, after the download.
_OTHER_LABELS = {
    "CelebA": "attributes",
    "Cityscapes": "masks",
    "CocoCaptions": "captions",
    "CocoDetection": "boxes",
    "Flickr8k": "captions",
    "Flickr30k": "captions",
    "Kitti": "boxes",
    "LFWPairs": "pairs",
    "SBU": "captions",
    "VOCDetection": "boxes",
    "VOCSegmentation": "masks",
    "WIDERFace": "boxes",
}
# Held back where there is no test part, or one without labels.
_HELD_BACK = {
    "CLEVRClassification": "val",
    "ImageNet": "val",
    "Imagenette": "val",
    "Places365": "val",
}
_NOT_WRITTEN = (
    errno.EACCES,
    errno.EDQUOT,
    errno.EEXIST,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
)
_SECONDS = 60.0  # of silence; torchvision itself would wait for ever
_BLOCK = 256
_LOOKED_AT = 16  # pictures that tell whether a set is in colour


def name_problem(name: str) -> str:
    """Why ``torchvision:NAME`` cannot be used, as far as the name tells; empty where it may be.

    Imports neither torch nor torchvision. That the name can be one at all, the config has seen to.
    """
    known = [one for one in public_names() if one not in _NOT_DATA_SETS]
    short = name.removeprefix(TORCHVISION)
    if short in _REFUSED:
        return f"{name}: {_REFUSED[short]}"
    if short in _OTHER_LABELS:
        labels = _OTHER_LABELS[short]
        return f"{name}: is not a set for image classification (its labels are {labels})"
    if known and short.isidentifier() and short not in known:
        hint = did_you_mean(name, [f"{TORCHVISION}{one}" for one in known])
        return f"{name!r} is not a data set of torchvision{hint}"
    return ""


def has_test(name: str) -> bool:
    """Whether a set holds images back, with labels.

    Raises:
        DataError: it cannot be used at all.
    """
    return _split_argument(name, _parameters(name, _class(name)), "test") is not None


def fetch(name: str, root: Path, on_progress: OnProgress = no_progress) -> None:
    """Download what a set lacks, all its parts.

    Raises:
        DataError: it cannot be downloaded, or cannot be used at all.
    """
    splits: tuple[SplitName, ...] = ("train", "test") if has_test(name) else ("train",)
    for split in splits:
        _open(name, split, root, on_progress)


def read(
    name: str, split: SplitName, root: Path, fit: Fit, on_progress: OnProgress = no_progress
) -> ImageSet:
    """One part of a set, which is downloaded into the data root first where it is missing.

    Args:
        name: as in a config, ``torchvision:SVHN``.
        split: ``train`` is what the class gives by default.
        root: the data root.
        fit: what to make of the images.
        on_progress: called while files are fetched and images read.

    Raises:
        DataError: there is no such set or part, it is not one of image classification, or it cannot
            be downloaded or read.
    """
    dataset = _open(name, split, root, on_progress)
    source = f"{name} ({root})" if getattr(dataset, "root", None) else name
    return convert(dataset, fit, name, on_progress, source)


# Opening ---------------------------------------------------------------------------------------


def _class(name: str) -> type[Any]:
    if problem := name_problem(name):
        raise DataError(problem)
    module = import_torchvision("torchvision.datasets")
    found = getattr(module, name.removeprefix(TORCHVISION), None)
    if not (isinstance(found, type) and issubclass(found, module.VisionDataset)):
        raise DataError(f"{name!r} is not a data set of torchvision")
    return found


def _parameters(name: str, kind: type[Any]) -> Mapping[str, inspect.Parameter]:
    """What a class can be called with, through its bases as long as they are passed ``**kwargs``.

    Raises:
        DataError: it is no set for image classification, or must be called with more than a root.
    """
    found: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        if "__init__" in vars(base):
            own = dict(inspect.signature(vars(base)["__init__"]).parameters)
            found = own | found
            if all(one.kind is not one.VAR_KEYWORD for one in own.values()):
                break
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    needed = [
        key
        for key, one in found.items()
        if one.default is one.empty and one.kind not in variable and key not in ("self", "root")
    ]
    if "target_transform" not in found:
        raise DataError(f"{name}: is not a set for image classification")
    if needed:
        raise DataError(
            f"{name}: needs arguments ({', '.join(needed)}); open it in Python, and give it to "
            "mnistgan.datasets.from_torchvision"
        )
    return found


def _split_argument(
    name: str, parameters: Mapping[str, inspect.Parameter], split: SplitName
) -> dict[str, Any] | None:
    """The argument that chooses a part; None where there is no such part."""
    if "train" in parameters:
        return {"train": split == "train"}
    if "split" in parameters:
        default = str(parameters["split"].default)  # such as trainval, train-standard, 10fold
        train = default if default.startswith("train") else "train"
        held_back = _HELD_BACK.get(name.removeprefix(TORCHVISION), "test")
        return {"split": train if split == "train" else held_back}
    # Omniglot's background=False is no test part: it has other characters, so other classes.
    return {} if split == "train" else None


def _open(name: str, split: SplitName, root: Path, on_progress: OnProgress) -> Any:
    """A set as torchvision reads it; every pickle among its files it holds against a checksum."""
    kind = _class(name)
    parameters = _parameters(name, kind)
    chosen = _split_argument(name, parameters, split)
    if chosen is None:
        raise DataError(f"{name}: has no test part; only its training part can be used")
    arguments = {"root": str(root), **chosen} if "root" in parameters else chosen
    offline = {"download": False} if "download" in parameters else {}
    try:  # some classes refuse to download what is there, and a complete root may be read-only
        return kind(**arguments, **offline)
    except MemoryError:
        raise
    except Exception as error:
        if not offline:
            raise DataError(
                f"{name}: cannot be read from {root} ({_brief(error)}); torchvision does not "
                "download it, so put its files there"
            ) from error
    try:
        with download.alone(root / name, on_progress), _downloading(name, on_progress):
            return kind(**arguments, download=True)
    except (MemoryError, MnistganError):
        raise
    except Exception as error:
        raise DataError(f"{name}: {_what_failed(error, root)}") from error


def _what_failed(error: Exception, root: Path) -> str:
    if isinstance(error, ImportError):
        return f"needs a package that is not installed: pip install {error.name}"
    if isinstance(error, OSError) and error.errno in _NOT_WRITTEN:
        return (
            f"{error.filename or root} cannot be written ({error.strerror}); free some space, or "
            "choose another --data-root"
        )
    return (
        f"cannot be read from {root}, nor downloaded ({_brief(error)}); run again, or copy its "
        "files there from a computer on which torchvision downloaded them, or name the folder that "
        "holds them with --data-root"
    )


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]} ..."


@contextlib.contextmanager
def _downloading(name: str, on_progress: OnProgress) -> Iterator[None]:
    """Give torchvision's downloader what it lacks: a time-out, our progress, safe archives.

    Some archives have no checksum, and a failed https address is tried again over http, so what
    they hold is unpacked below their folder only (PEP 706). All three are settings of the whole
    process, put back at the end.
    """
    utils = import_torchvision("torchvision.datasets.utils")

    class Bar:
        """What torchvision reports to, in the place of tqdm."""

        def __init__(self, total: int | None = None, **_: object) -> None:
            self.done, self.total = 0, total

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, count: int) -> None:
            self.done += count
            on_progress(Progress(f"fetching {name}", self.done, self.total, "bytes"))

    on_progress(Progress(f"fetching {name}", 0, None, "bytes"))
    archives: Any = tarfile.TarFile
    safe = getattr(tarfile, "data_filter", None)  # which the first releases of 3.10 lack
    before = socket.getdefaulttimeout(), utils.tqdm, vars(archives).get("extraction_filter")
    try:
        socket.setdefaulttimeout(_SECONDS)
        utils.tqdm = Bar
        archives.extraction_filter = safe and staticmethod(safe)
        yield
    finally:
        socket.setdefaulttimeout(before[0])
        utils.tqdm, archives.extraction_filter = before[1:]


# Reading ---------------------------------------------------------------------------------------


def convert(
    dataset: Any, fit: Fit, name: str, on_progress: OnProgress = no_progress, source: str = ""
) -> ImageSet:
    """A map-style data set of (PIL image or tensor, label) as an image set.

    Args:
        dataset: with a length, whose items are pairs; tensors are uint8, or float in [0, 1].
        fit: what to make of the images.
        name: of the data set, for messages.
        on_progress: called with the images read.
        source: where it came from; by default its name.

    Raises:
        DataError: it is no such data set, is empty, or an item cannot be read.
    """
    try:
        count = len(dataset)
    except TypeError as error:
        raise DataError(f"{name}: has no length; give a map-style data set") from error
    if not count:
        raise DataError(f"{name}: holds no image")
    images, labels = allocate(count, fit), np.empty(count, np.int64)
    colored = False
    for index in range(count):
        try:
            picture, labels[index] = _item(dataset[index])
            images[index] = fit.picture(picture)
            colored = colored or (index < _LOOKED_AT and is_colored(thumbnail(picture)))
        except MemoryError:
            raise
        except Exception as error:  # a data set may raise anything
            raise DataError(
                f"{name}: image {index} cannot be used ({_brief(error)}); give images with the "
                "number of their class each"
            ) from error
        if (index + 1) % _BLOCK == 0 or index + 1 == count:
            on_progress(Progress(f"reading {name}", index + 1, count))
    classes = _classes(dataset, labels, name)
    notes = (GRAY_NOTE,) if colored and fit.channels == 1 else ()
    return ImageSet(images, labels, classes, source or name, notes + class_notes(labels, classes))


def _item(item: Any) -> tuple[Image.Image, int]:
    """A pair of an image and its label.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        raise ValueError("it is not a pair of an image and a label")
    try:
        label = operator.index(item[1])
    except TypeError:
        raise ValueError(f"its label is of the type {type(item[1]).__name__}") from None
    return _picture(item[0]), label


def _picture(image: Any) -> Image.Image:
    """A PIL image as it is, or a tensor, C x H x W, as one.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(image, Image.Image):
        return image
    import torch

    functional = import_torchvision("torchvision.transforms.v2.functional")
    if not isinstance(image, torch.Tensor):
        raise ValueError(f"it is of the type {type(image).__name__}, not a PIL image or a tensor")
    if image.is_floating_point():
        if not bool(((image >= 0) & (image <= 1)).all()):
            raise ValueError("its values are not in [0, 1]; leave Normalize out of the transform")
        image = functional.to_dtype(image, torch.uint8, scale=True)  # exact for k / 255
    if image.dtype != torch.uint8:
        raise ValueError(f"it is a tensor of {image.dtype}; give uint8, or float in [0, 1]")
    picture: Image.Image = functional.to_pil_image(image)
    return picture


def _classes(dataset: Any, labels: Labels, name: str) -> tuple[str, ...]:
    """The data set's own names of its classes, where it has usable ones; else their numbers."""
    try:
        numbers = numbered_classes(labels)
    except ValueError as error:
        raise DataError(f"{name}: {error}") from error
    given = getattr(dataset, "classes", None) or getattr(dataset, "categories", None)
    listed = given if isinstance(given, (list, tuple)) else ()
    names = tuple(", ".join(one) if isinstance(one, tuple) else str(one) for one in listed)
    usable = all(0 < len(one) <= 255 and one.isprintable() for one in names)
    return names if usable and len(numbers) <= len(names) == len(set(names)) else numbers
