"""torchvision's image classification data sets, downloaded and read by its own classes."""

import contextlib
import inspect
import operator
import socket
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from errno import EACCES, EDQUOT, EEXIST, ENOSPC, ENOTDIR, EPERM, EROFS
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import tomli
from PIL import Image

from mnistgan.arrays import Labels
from mnistgan.catalog import SplitName
from mnistgan.config.sections import TORCHVISION
from mnistgan.datasets import download, image_set
from mnistgan.datasets.fitting import Fit, is_colored, mend_transparency, thumbnail
from mnistgan.datasets.image_set import ImageSet
from mnistgan.datasets.torchvision_import import import_torchvision, public_names
from mnistgan.errors import DataError, MnistganError, did_you_mean
from mnistgan.progress import OnProgress, Progress

_TABLE = tomli.loads((resources.files(__package__) / "torchvision.toml").read_text("utf-8"))
_NOT_WRITTEN = (EACCES, EDQUOT, EEXIST, ENOSPC, ENOTDIR, EPERM, EROFS)
_SECONDS = 60.0  # timeout of a download; torchvision itself sets none
_BLOCK = 256  # images per progress report
_LOOKED_AT = 16  # first images, which decide whether a data set is in color


def name_problem(name: str) -> str:
    """The reason why ``torchvision:NAME`` cannot be used, judged by the name alone.

    Empty if the name may be valid. Imports neither torch nor torchvision.
    """
    short = name.removeprefix(TORCHVISION)
    if short in _TABLE["refused"]:
        return f"{name}: {_TABLE['refused'][short]}"
    known = public_names()
    if known and short.isidentifier() and short not in known:
        hint = did_you_mean(name, [f"{TORCHVISION}{one}" for one in known])
        return f"{name!r} is not a data set of torchvision{hint}"
    return ""


def has_test(name: str) -> bool:
    """Whether a data set has labeled test images.

    Raises:
        DataError: the data set cannot be used.
    """
    return _split_argument(name, _class(name)[1], "test") is not None


def fetch(name: str, root: Path, on_progress: OnProgress) -> None:
    """Download the missing files of a data set, of all splits.

    Raises:
        DataError: the data set cannot be used or downloaded.
    """
    _open(name, "train", root, on_progress)
    if has_test(name):
        _open(name, "test", root, on_progress)


def read(name: str, split: SplitName, root: Path, fit: Fit, on_progress: OnProgress) -> ImageSet:
    """Read one split of a data set; missing files are downloaded into the data root first.

    Args:
        name: name as in a config, such as ``torchvision:SVHN``.
        split: ``train`` is the default split of the class.
        root: the data root.
        fit: size and channels of the result.
        on_progress: called while files are downloaded and images read.

    Raises:
        DataError: there is no such data set or split, it is not for image classification, or it
            cannot be downloaded or read.
    """
    dataset = _open(name, split, root, on_progress)
    images = convert(dataset, fit, name, on_progress)
    return replace(images, source=f"{name} ({root})") if getattr(dataset, "root", "") else images


# Opening ---------------------------------------------------------------------------------------


def _class(name: str) -> tuple[type[Any], Mapping[str, inspect.Parameter]]:
    """The class of a data set and its parameters, including those of its bases by ``**kwargs``.

    Raises:
        DataError: there is no such class, it is not for image classification, or it needs more
            arguments than a root.
    """
    if problem := name_problem(name):
        raise DataError(problem)
    module = import_torchvision("torchvision.datasets")
    kind = getattr(module, name.removeprefix(TORCHVISION), None)
    if not (isinstance(kind, type) and issubclass(kind, module.VisionDataset)):
        raise DataError(f"{name!r} is not a data set of torchvision")
    # A signature with **kwargs hides parameters such as root; those of the bases are added.
    found: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        own = inspect.signature(base).parameters
        found = {**own, **found}
        if all(one.kind is not one.VAR_KEYWORD for one in own.values()):
            break
    if "target_transform" not in found:
        raise DataError(f"{name}: is not a data set for image classification")
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = {key: one for key, one in found.items() if one.kind not in variable}
    needed = [key for key, one in parameters.items() if one.default is one.empty and key != "root"]
    if needed:
        raise DataError(
            f"{name}: needs arguments ({', '.join(needed)}); create it in Python, and pass it to "
            "mnistgan.datasets.from_torchvision"
        )
    return kind, parameters


def _split_argument(
    name: str, parameters: Mapping[str, inspect.Parameter], split: SplitName
) -> dict[str, Any] | None:
    """The constructor argument that selects a split; None if there is no such split."""
    if "train" in parameters:
        return {"train": split == "train"}
    if "split" in parameters:
        default = str(parameters["split"].default)  # such as trainval, train-standard, 10fold
        train = default if default.startswith("train") else "train"
        test = _TABLE["test_split"].get(name.removeprefix(TORCHVISION), "test")
        return {"split": train if split == "train" else test}
    # Omniglot's background=False is not a test split: it contains other classes.
    return {} if split == "train" else None


def _open(name: str, split: SplitName, root: Path, on_progress: OnProgress) -> Any:
    """Create the data set object."""
    # Some classes read pickles. All that are allowed here verify a checksum first.
    kind, parameters = _class(name)
    arguments = _split_argument(name, parameters, split)
    if arguments is None:
        raise DataError(f"{name}: has no test split; use its training images")
    if "root" in parameters:
        arguments["root"] = str(root)
    downloads = "download" in parameters
    try:
        if not downloads:
            return kind(**arguments)
        # First without a download: some classes refuse to download existing files, and a complete
        # root may be read-only.
        with contextlib.suppress(Exception):
            return kind(**arguments, download=False)
        with download.alone(root / name, on_progress), _downloading(name, on_progress):
            return kind(**arguments, download=True)
    except (MemoryError, MnistganError):
        raise
    except Exception as error:  # its code may raise anything
        raise DataError(f"{name}: {_what_failed(error, root, downloads)}") from error


def _what_failed(error: Exception, root: Path, downloads: bool) -> str:
    if isinstance(error, ImportError):
        return f"needs a package that is not installed: pip install {error.name}"
    at_root = f"cannot be read from {root}"
    if not downloads:
        return f"{at_root} ({_brief(error)}); torchvision does not download it; put its files there"
    if isinstance(error, OSError) and error.errno in _NOT_WRITTEN:
        path = error.filename or root
        return f"{path} cannot be written ({error.strerror}); choose another `data.root`"
    return (
        f"{at_root}, nor downloaded ({_brief(error)}); run again, copy its files there, or set "
        "`data.root` to a folder that has them"
    )


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]} ..."


@contextlib.contextmanager
def _downloading(name: str, on_progress: OnProgress) -> Iterator[None]:
    """A context that gives torchvision's downloader a timeout, progress and safe extraction."""
    # Some archives have no checksum, and torchvision tries a failed https address again over http.
    # So an archive may extract files only below its folder (PEP 706). All three are settings of the
    # whole process and are restored at the end.
    utils = import_torchvision("torchvision.datasets.utils")

    class Bar:
        """Replaces tqdm."""

        def __init__(self, total: int | None = None, **_: object) -> None:
            self.done, self.total = 0, total

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, count: int) -> None:
            self.done += count
            on_progress(Progress(f"fetching {name}", self.done, self.total, "bytes"))

    on_progress(Progress(f"fetching {name}", 0, None, "bytes"))
    archives: Any = tarfile.TarFile
    safe = getattr(tarfile, "data_filter", None)  # missing from the first releases of Python 3.10
    before = socket.getdefaulttimeout(), utils.tqdm, vars(archives).get("extraction_filter")
    try:
        socket.setdefaulttimeout(_SECONDS)
        utils.tqdm, archives.extraction_filter = Bar, safe and staticmethod(safe)
        yield
    finally:
        socket.setdefaulttimeout(before[0])
        utils.tqdm, archives.extraction_filter = before[1:]


# Reading ---------------------------------------------------------------------------------------


def convert(dataset: Any, fit: Fit, name: str, on_progress: OnProgress) -> ImageSet:
    """Convert a map-style data set of (PIL image or tensor, label).

    Args:
        dataset: an object with a length and pairs as items; tensors are uint8, or float in [0, 1].
        fit: size and channels of the result.
        name: name of the data set, for messages.
        on_progress: called with the number of images read.

    Raises:
        DataError: the object is not such a data set, is empty, or an item cannot be read.
    """
    try:
        count = len(dataset)
    except TypeError as error:
        raise DataError(f"{name}: has no length; give a map-style data set") from error
    if not count:
        raise DataError(f"{name}: has no images")
    images, labels, colored = image_set.allocate(count, fit), np.empty(count, np.int64), False
    for index in range(count):
        try:
            item, label = dataset[index]
            labels[index], picture = operator.index(label), _picture(item)
            images[index] = fit.picture(picture)
            colored |= index < _LOOKED_AT and is_colored(thumbnail(picture))
        except MemoryError:
            raise
        except Exception as error:  # a data set may raise anything
            raise DataError(
                f"{name}: image {index} cannot be used ({_brief(error)}); give pairs of an image "
                "and the number of its class"
            ) from error
        if (index + 1) % _BLOCK == 0 or index + 1 == count:
            on_progress(Progress(f"reading {name}", index + 1, count))
    classes = _classes(dataset, labels, name)
    color_notes = (image_set.GRAY_NOTE,) if colored and fit.channels == 1 else ()
    notes = color_notes + image_set.class_notes(labels, classes)
    if same := image_set.sameness(images):
        notes += (f"{same}; check the data set, data.background and data.alpha",)
    return ImageSet(images, labels, classes, name, notes)


def _picture(image: Any) -> Image.Image:
    """Convert a tensor, C x H x W, to a PIL image; return a PIL image unchanged.

    Raises:
        ValueError: the item is neither.
    """
    if isinstance(image, Image.Image):
        mend_transparency(image)
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
    """The data set's own class names if they are unique and printable, otherwise numbers."""
    numbers = image_set.numbered_classes(labels, name)
    given = getattr(dataset, "classes", None) or getattr(dataset, "categories", None)
    listed = given if isinstance(given, (list, tuple)) else ()
    names = tuple(", ".join(one) if isinstance(one, tuple) else str(one) for one in listed)
    usable = all(0 < len(one) <= 255 and one.isprintable() for one in names)
    return names if usable and len(numbers) <= len(names) == len(set(names)) else numbers
