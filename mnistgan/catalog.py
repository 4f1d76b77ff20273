"""The published data sets: what they contain, their licenses, and the sources of their files.

The table is ``catalog.toml``. Names, checksums and folders are those of torchvision, so a copy that
torchvision downloaded is found and used. Does not import torch, so that checking a config and
listing the data sets are fast.
"""

# torchvision's own classes are not used here. Importing them imports torch; their downloads have no
# timeout, do not resume, and try a single mirror for some of these data sets; and they unpack each
# archive beside itself, which a shared read-only folder does not allow.

from dataclasses import dataclass
from importlib import resources
from typing import Literal, TypeAlias

import tomli
from pydantic import TypeAdapter

Form: TypeAlias = Literal["idx", "emnist", "usps", "embedded"]
SplitName: TypeAlias = Literal["train", "test"]


@dataclass(frozen=True)
class Archive:
    """A published file.

    Attributes:
        name: file name.
        md5: published checksum.
        megabytes: approximate size.
        unpacked_md5: checksum of the unpacked content, if known; torchvision keeps both files.
    """

    name: str
    md5: str
    megabytes: float
    unpacked_md5: str | None = None


@dataclass(frozen=True)
class Split:
    """The training or the test images: their number, and the names of their unpacked files."""

    count: int
    images: str = ""
    labels: str = ""


@dataclass(frozen=True)
class DataSet:
    """A published data set.

    Attributes:
        name: NAME in ``--data NAME``.
        about: what the images show.
        form: format of its files.
        side: side of its images in pixels; all are square and gray.
        classes: the name of each label, in order.
        license: license that its authors state.
        source: authors, year and address.
        train: the images a GAN is trained on.
        test: held-out images, if there are any.
        folder: its folder below the data root, as in torchvision.
        archives: the files to download.
        mirrors: URLs of folders with the archives, tried in this order.
    """

    name: str
    about: str
    form: Form
    side: int
    classes: tuple[str, ...]
    license: str
    source: str
    train: Split
    test: Split | None = None
    folder: str = ""
    archives: tuple[Archive, ...] = ()
    mirrors: tuple[str, ...] = ()


def _read() -> dict[str, DataSet]:
    text = (resources.files("mnistgan") / "catalog.toml").read_text(encoding="utf-8")
    tables = {  # classes = "0123456789" in the TOML: tuple() splits it into one-character names
        name: table | {"name": name, "classes": tuple(table["classes"])}
        for name, table in tomli.loads(text).items()
    }
    return TypeAdapter(dict[str, DataSet]).validate_python(tables)


DATA_SETS = _read()
"""The data sets by name, in the order in which they are listed."""
