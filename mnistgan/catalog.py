"""The data sets that have a name: what they hold, their license, and where their files come from.

The table itself is ``catalog.toml``; names, checksums and folders are torchvision's, whose copy of
a data set is found and used as it is. Imports no torch, so that a config is checked and the sets
are listed at once.
"""

# Why not torchvision's own classes: importing them imports torch, and their downloads have no
# time-out, do not resume, and try one mirror for some of these sets. They also unpack each archive
# beside itself, which a shared read-only folder does not allow.

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
        name: without its folder.
        md5: its published checksum.
        megabytes: its approximate size.
        unpacked_md5: checksum of its content, where known; torchvision leaves both on the disk.
    """

    name: str
    md5: str
    megabytes: float
    unpacked_md5: str | None = None


@dataclass(frozen=True)
class Split:
    """The training or the test images: their number, and the unpacked files that hold them."""

    count: int
    images: str = ""
    labels: str = ""


@dataclass(frozen=True)
class DataSet:
    """A data set with a name.

    Attributes:
        name: as in ``--data NAME``.
        about: what the images show.
        form: how its files are read.
        side: of its images, in pixels; all are square and gray.
        classes: the name of each label, in order.
        license: as its authors state it.
        source: authors, year and address.
        train: the images a GAN is trained on.
        test: held-out images, where the set has any.
        folder: below the data root, as in torchvision.
        archives: the files to download.
        mirrors: URLs of folders that hold the archives, in the order in which they are tried.
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
    tables = {  # tuple() of a string of one-character names gives its characters
        name: table | {"name": name, "classes": tuple(table["classes"])}
        for name, table in tomli.loads(text).items()
    }
    return TypeAdapter(dict[str, DataSet]).validate_python(tables)


DATA_SETS = _read()
"""By name, in the order in which they are listed."""
