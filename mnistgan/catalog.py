"""The data sets that have a name: what they hold, whose they are, where their files come from.

A table and nothing else, so that a config can be checked and the list be shown at once. Names,
checksums and folders are torchvision's, whose copy of a data set is found and used as it is. They
are not read by torchvision itself: its downloads have no time-out and do not resume, it unpacks
archives beside themselves, which a shared read-only folder does not allow, and it imports torch.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Literal, TypeAlias

Form: TypeAlias = Literal["idx", "emnist", "usps", "embedded"]
SplitName: TypeAlias = Literal["train", "test"]


@dataclass(frozen=True)
class Archive:
    """A file as it was published.

    Attributes:
        name: without its folder.
        md5: its published checksum.
        megabytes: about how long it is.
        unpacked_md5: of what it holds, where that is known; torchvision leaves both lying there.
    """

    name: str
    md5: str
    megabytes: float
    unpacked_md5: str | None = None


@dataclass(frozen=True)
class Split:
    """The training or the test images: how many, and the files that hold them, unpacked."""

    count: int
    images: str = ""
    labels: str = ""


@dataclass(frozen=True)
class DataSet:
    """A data set with a name.

    Attributes:
        name: as in ``--data NAME``.
        about: what is on the images.
        form: how its files are read.
        side: of its images, in pixels; all are square and grey.
        classes: the name of each label, in order.
        licence: as its authors state it.
        source: whose it is, and where.
        train: what a GAN is trained on.
        test: what is held back, if anything.
        folder: below the data root, as torchvision has it.
        archives: what is downloaded.
        mirrors: addresses that an archive's name is put behind, in the order of trying.
    """

    name: str
    about: str
    form: Form
    side: int
    classes: tuple[str, ...]
    licence: str
    source: str
    train: Split
    test: Split | None = None
    folder: str = ""
    archives: tuple[Archive, ...] = ()
    mirrors: tuple[str, ...] = ()

    @property
    def megabytes(self) -> float:
        """About how much there is to download."""
        return sum(archive.megabytes for archive in self.archives)

    def split(self, name: SplitName) -> Split | None:
        """The part of that name, if there is one."""
        return self.train if name == "train" else self.test


_DIGITS = tuple(string.digits)
_IDX_TRAIN = Split(60_000, "train-images-idx3-ubyte", "train-labels-idx1-ubyte")
_IDX_TEST = Split(10_000, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def _idx_archives(*md5: str, megabytes: tuple[float, float]) -> tuple[Archive, ...]:
    """MNIST's four files with the checksums of another set."""
    sizes = (megabytes[0], 0.03, megabytes[1], 0.01)
    parts = (_IDX_TRAIN.images, _IDX_TRAIN.labels, _IDX_TEST.images, _IDX_TEST.labels)
    return tuple(
        Archive(f"{name}.gz", checksum, size)
        for name, checksum, size in zip(parts, md5, sizes, strict=True)
    )


_MNIST = DataSet(
    "mnist",
    "handwritten digits",
    "idx",
    28,
    _DIGITS,
    "CC BY-SA 3.0",
    "LeCun, Cortes & Burges 1998, yann.lecun.com/exdb/mnist",
    _IDX_TRAIN,
    _IDX_TEST,
    "MNIST/raw",
    (
        Archive(
            "train-images-idx3-ubyte.gz",
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            9.9,
            "6bbc9ace898e44ae57da46a324031adb",
        ),
        Archive(
            "train-labels-idx1-ubyte.gz",
            "d53e105ee54ea40749a09fcbcd1e9432",
            0.03,
            "a25bea736e30d166cdddb491f175f624",
        ),
        Archive(
            "t10k-images-idx3-ubyte.gz",
            "9fb629c4189551a2d022fa330f9573f3",
            1.6,
            "2646ac647ad5339dbf082846283269ea",
        ),
        Archive(
            "t10k-labels-idx1-ubyte.gz",
            "ec29112dd5afa0611ce80d1b7f02629c",
            0.01,
            "27ae3e4e09519cfbb04c329615203637",
        ),
    ),
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
)

_FASHION = DataSet(
    "fashion-mnist",
    "articles of clothing",
    "idx",
    28,
    (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "MIT",
    "Xiao, Rasul & Vollgraf 2017, github.com/zalandoresearch/fashion-mnist",
    _IDX_TRAIN,
    _IDX_TEST,
    "FashionMNIST/raw",
    _idx_archives(
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
        megabytes=(26.4, 4.4),
    ),
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
)  # fmt: skip

_KMNIST = DataSet(
    "kmnist",
    "handwritten Japanese characters (cursive hiragana)",
    "idx",
    28,
    ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    "CC BY-SA 4.0",
    "Clanuwat et al. 2018, codh.rois.ac.jp/kmnist",
    _IDX_TRAIN,
    _IDX_TEST,
    "KMNIST/raw",
    _idx_archives(
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
        megabytes=(18.2, 3.0),
    ),
    ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
)

_QMNIST = DataSet(
    "qmnist",
    "handwritten digits: MNIST made again, with all 60,000 test images",
    "idx",
    28,
    _DIGITS,
    "BSD-style",
    "Yadav & Bottou 2019, github.com/facebookresearch/qmnist",
    Split(60_000, "qmnist-train-images-idx3-ubyte", "qmnist-train-labels-idx2-int"),
    Split(60_000, "qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int"),
    "QMNIST/raw",
    (
        Archive("qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370", 9.7),
        Archive("qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4", 0.5),
        Archive("qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412", 9.8),
        Archive("qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa", 0.5),
    ),
    ("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
)

_USPS = DataSet(
    "usps",
    "digits from envelopes",
    "usps",
    16,
    _DIGITS,
    "none stated",
    "Hull 1994, csie.ntu.edu.tw/~cjlin/libsvmtools/datasets",
    Split(7_291, "usps", "usps"),
    Split(2_007, "usps.t", "usps.t"),
    ".",
    (
        Archive("usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197", 6.6),
        Archive("usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118", 1.8),
    ),
    ("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/",),
)

_EMBEDDED = DataSet(
    "digits",
    "handwritten digits; embedded, no download",
    "embedded",
    8,
    _DIGITS,
    "CC BY 4.0",
    "Alpaydin & Kaynak 1998, archive.ics.uci.edu/dataset/80",
    Split(1_797),
)

_ALL_CHARACTERS = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)
# Where capital and small letter look alike they are one class, named by the capital.
_MERGED = tuple(char for char in _ALL_CHARACTERS if char not in "cijklmopsuvwxyz")


def _emnist(split: str, about: str, classes: tuple[str, ...], train: int, test: int) -> DataSet:
    """One of the six ways in which EMNIST is cut; all lie in one archive."""
    prefix, images, labels = f"emnist-{split}", "images-idx3-ubyte", "labels-idx1-ubyte"
    return DataSet(
        prefix,
        f"handwritten {about}",
        "emnist",
        28,
        classes,
        "none stated",
        "Cohen et al. 2017, nist.gov/itl/products-and-services/emnist-dataset",
        Split(train, f"{prefix}-train-{images}", f"{prefix}-train-{labels}"),
        Split(test, f"{prefix}-test-{images}", f"{prefix}-test-{labels}"),
        "EMNIST/raw",
        (Archive("gzip.zip", "58c8d27c78d21e728a6bc7b3cc06412e", 561.8),),
        ("https://biometrics.nist.gov/cs_links/EMNIST/",),
    )


DATA_SETS: dict[str, DataSet] = {
    one.name: one
    for one in (
        _MNIST,
        _EMBEDDED,
        _FASHION,
        _KMNIST,
        _QMNIST,
        _emnist("balanced", "letters and digits, as many of each", _MERGED, 112_800, 18_800),
        _emnist("byclass", "letters and digits", _ALL_CHARACTERS, 697_932, 116_323),
        _emnist("bymerge", "letters and digits, look-alikes merged", _MERGED, 697_932, 116_323),
        _emnist("digits", "digits", _DIGITS, 240_000, 40_000),
        _emnist("letters", "letters", tuple(string.ascii_uppercase), 124_800, 20_800),
        _emnist("mnist", "digits, chosen as MNIST's were", _DIGITS, 60_000, 10_000),
        _USPS,
    )
}
"""By name, in the order in which they are listed."""
