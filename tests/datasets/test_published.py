"""The data sets of the catalog against torchvision's own reading of the same files."""

from __future__ import annotations

import bz2
import gzip
import shlex
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from published import COUNT, Small
from pydantic import TypeAdapter
from sklearn.datasets import load_digits, load_svmlight_file

from mnistgan import catalog, datasets
from mnistgan.catalog import DATA_SETS, SplitName
from mnistgan.cli.wording import for_shell
from mnistgan.config import DataConfig
from mnistgan.datasets import archives, published
from mnistgan.datasets.torchvision_import import import_torchvision
from mnistgan.datasets.verification import verify
from mnistgan.errors import DataError
from mnistgan.storage import user_dirs

RAW = Path("MNIST") / "raw"
IDX = [name for name, one in DATA_SETS.items() if one.form == "idx"]
EMNIST = [name for name, one in DATA_SETS.items() if one.form == "emnist"]
SIZES = {"usps": 16}


def load(name: str, root: Path, split: SplitName = "train", **keys: Any) -> datasets.ImageSet:
    config = {"name": name, "root": str(root), "image_size": SIZES.get(name, 28), **keys}
    return datasets.load(DataConfig.model_validate(config), split)


def torchvision_class(name: str) -> Any:
    names = {"fashion-mnist": "FashionMNIST"}
    return getattr(import_torchvision().datasets, names.get(name, name.partition("-")[0].upper()))


class TestCatalog:
    @pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
    def test_files_and_checksums_are_torchvisions(self, name: str) -> None:
        ours, theirs = DATA_SETS[name], torchvision_class(name)
        assert [(one.name, one.md5) for one in ours.archives] == theirs.resources
        assert set(theirs.mirrors) <= set(ours.mirrors)
        assert ours.folder == f"{theirs.__name__}/raw"

    def test_those_of_qmnist_emnist_and_usps_are_too(self) -> None:
        qmnist = torchvision_class("qmnist").resources
        addresses = [
            (f"{DATA_SETS['qmnist'].mirrors[0]}{one.name}", one.md5)
            for one in DATA_SETS["qmnist"].archives
        ]
        assert addresses == [tuple(one) for split in ("train", "test") for one in qmnist[split]]
        emnist = torchvision_class("emnist")
        for name in EMNIST:
            (archive,) = DATA_SETS[name].archives
            assert f"{DATA_SETS[name].mirrors[0]}{archive.name}" == emnist.url
            assert archive.md5 == emnist.md5
        usps = torchvision_class("usps").split_list
        for archive, split in zip(DATA_SETS["usps"].archives, ("train", "test"), strict=True):
            url = f"{DATA_SETS['usps'].mirrors[0]}{archive.name}"
            assert [url, archive.name, archive.md5] == usps[split]

    @pytest.mark.parametrize("name", [*IDX, *EMNIST])
    def test_classes_are_torchvisions(self, name: str) -> None:
        theirs = torchvision_class(name)
        if name.startswith("emnist-"):
            classes = [one for one in theirs.classes_split_dict[name[7:]] if one != "N/A"]
        else:
            classes = theirs.classes
        ours = DATA_SETS[name].classes
        assert [one.partition(" - ")[0].lower() for one in classes] == [one.lower() for one in ours]


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", [*IDX, "usps"])
def test_read_as_torchvision_reads(
    name: str, split: SplitName, small: Small, tmp_path: Path
) -> None:
    data_set = small(name, tmp_path)
    ours = load(name, tmp_path, split)
    folder = tmp_path / data_set.folder
    for path in folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    theirs = torchvision_class(name)(tmp_path, train=split == "train")
    np.testing.assert_array_equal(ours.images[:, 0], np.asarray(theirs.data))
    targets = np.asarray(theirs.targets)
    np.testing.assert_array_equal(ours.labels, targets[:, 0] if targets.ndim == 2 else targets)
    assert len(ours) == COUNT[split]


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", EMNIST)
@pytest.mark.parametrize("unpacked", [False, True])
def test_emnist_stands_upright(
    name: str, split: SplitName, unpacked: bool, small: Small, tmp_path: Path
) -> None:
    data_set = small(name, tmp_path)
    raw = tmp_path / data_set.folder
    with zipfile.ZipFile(raw / "gzip.zip") as file:
        contents = {entry: gzip.decompress(file.read(entry)) for entry in file.namelist()}
    if unpacked:
        (raw / "gzip.zip").unlink()
    ours = None if unpacked else load(name, tmp_path, split)
    for entry, content in contents.items():
        (raw / Path(entry).stem).write_bytes(content)
    ours = ours or load(name, tmp_path, split)
    theirs = torchvision_class("emnist")(tmp_path, split=name[7:], train=split == "train")
    np.testing.assert_array_equal(ours.images[:, 0], theirs.data.numpy().swapaxes(1, 2))
    first = 1 if name == "emnist-letters" else 0  # torchvision's class 0 of letters is empty
    np.testing.assert_array_equal(ours.labels, theirs.targets.numpy() - first)


@pytest.fixture
def real(mnist_root: Path, tmp_path: Path) -> Path:
    """A root with a copy of the real archives, that a test may damage."""
    shutil.copytree(mnist_root / RAW, tmp_path / "root" / RAW)
    for path in (tmp_path / "root" / RAW).iterdir():
        path.chmod(0o644)
    return tmp_path / "root"


LAYOUTS: dict[str, Callable[[str], str]] = {
    "flat, gzipped": lambda name: f"{name}.gz",
    "flat, unpacked": lambda name: name,
    "a folder raw": lambda name: f"raw/{name}.gz",
    "Kaggle": lambda name: name.replace("-idx", ".idx"),
    "Kaggle, gzipped": lambda name: f"{name.replace('-idx', '.idx')}.gz",
    "Kaggle, in folders": lambda name: f"{name}/{name}",
    "Kaggle's names where torchvision looks": lambda name: f"{RAW}/{name.replace('-idx', '.idx')}",
    "unpacked by a browser": lambda name: f"{RAW}/{name}.gz",
}
NEVER_UNPACKED = {"unpacked by a browser"}


@pytest.mark.parametrize("layout", LAYOUTS)
class TestOtherLayouts:
    """The real files of MNIST, as Kaggle and a download by hand leave them."""

    @pytest.fixture(autouse=True)
    def no_download(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mnistgan.datasets.download.fetch", None)

    @pytest.fixture
    def laid_out(self, layout: str, mnist_root: Path, tmp_path: Path) -> Path:
        root = tmp_path / "my data"
        for archive in DATA_SETS["mnist"].archives:
            path = root / LAYOUTS[layout](archive.name.removesuffix(".gz"))
            path.parent.mkdir(parents=True, exist_ok=True)
            raw = (mnist_root / RAW / archive.name).read_bytes()
            packed = path.suffix == ".gz" and layout not in NEVER_UNPACKED
            path.write_bytes(raw if packed else gzip.decompress(raw))
        return root

    def test_they_are_found(self, layout: str, laid_out: Path, mnist_root: Path) -> None:
        data = load("mnist", laid_out, "test")
        raw = gzip.decompress((mnist_root / RAW / "t10k-images-idx3-ubyte.gz").read_bytes())
        assert data.images.tobytes() == raw[16:]
        assert data.notes == ()
        folder = datasets.fetch("mnist", laid_out)
        assert folder is not None
        assert folder.is_dir()
        rows = {row[0]: row for row in archives.rows(laid_out)}
        here = archives.HEAD.index("here")
        assert rows["mnist"][here] == "yes"
        assert rows["fashion-mnist"][here].startswith("no (")
        lines, usable = verify(DataConfig(name="mnist", root=str(laid_out)))
        assert usable, lines

    def test_a_damaged_file_is_not_taken(self, layout: str, laid_out: Path) -> None:
        name = "train-labels-idx1-ubyte"
        path = laid_out / LAYOUTS[layout](name)
        raw = bytearray(path.read_bytes())
        raw[-20] ^= 1
        path.write_bytes(raw)
        inspected = {
            archive.name: archives.inspect(archive, DATA_SETS["mnist"], laid_out).trouble
            for archive in DATA_SETS["mnist"].archives
        }
        assert [one for one, trouble in inspected.items() if trouble] == [f"{name}.gz"]

    def test_the_folder_as_data_says_what_to_do(self, layout: str, laid_out: Path) -> None:
        folders = [laid_out] if str(RAW) not in LAYOUTS[layout]("") else [laid_out, laid_out / RAW]
        for folder in folders:
            with pytest.raises(DataError, match="it has the files of mnist: use") as error:
                datasets.load(DataConfig(name=str(folder)))
            words = shlex.split(for_shell(str(error.value)).rpartition("use ")[2])
            assert words[::2] == ["--data", "--data-root"]
            assert len(load(words[1], Path(words[3]), "test")) == 10_000


class TestTheRealMnist:
    def test_both_parts_are_torchvisions(self, real: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in real.rglob("*")}
        ours: dict[SplitName, datasets.ImageSet] = {
            "train": load("mnist", real),
            "test": load("mnist", real, "test"),
        }
        assert {path: path.stat().st_mtime_ns for path in real.rglob("*")} == before
        for split, data in ours.items():
            theirs = import_torchvision().datasets.MNIST(
                real, train=split == "train", download=True
            )
            np.testing.assert_array_equal(data.images[:, 0], theirs.data.numpy())
            np.testing.assert_array_equal(data.labels, theirs.targets.numpy())

    def test_unpacked_files_do_as_well(self, real: Path) -> None:
        before = load("mnist", real)
        for path in list((real / RAW).glob("*.gz")):
            path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
        assert load("mnist", real).digest == before.digest

    @pytest.mark.parametrize("unpacked", [False, True])
    @pytest.mark.parametrize("damage", ["cut", "flipped", "html"])
    def test_a_damaged_file_is_named(self, real: Path, unpacked: bool, damage: str) -> None:
        path = real / RAW / "train-labels-idx1-ubyte.gz"
        if unpacked:
            path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
            path = path.with_suffix("")
        raw = path.read_bytes()
        path.write_bytes(
            {
                "cut": raw[: len(raw) // 2],
                "flipped": raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:],
                "html": b"<html>Service unavailable</html>",
            }[damage]
        )
        with pytest.raises(DataError, match=rf"{path.name}: is damaged.*datasets.fetch\('mnist'"):
            load("mnist", real)


def test_an_unpacked_file_without_a_checksum_must_have_the_right_shape(
    small: Small, tmp_path: Path
) -> None:
    data_set = small("kmnist", tmp_path)
    images = tmp_path / data_set.folder / f"{data_set.train.images}.gz"
    raw = gzip.decompress(images.read_bytes())
    images.unlink()
    plain = images.with_suffix("")
    for content in (raw[:-1], raw + b"x", raw[:16], b"", b"<html>"):
        plain.write_bytes(content)
        with pytest.raises(DataError, match="images-idx3-ubyte: is damaged"):
            load("kmnist", tmp_path)
    plain.write_bytes(raw)
    data = load("kmnist", tmp_path)
    assert len(data) == COUNT["train"]
    assert "unpacked files, for which no checksum is published" in data.notes[0]


def usps_line(label: object, values: Any) -> str:
    return " ".join([str(label), *(f"{i}:{value}" for i, value in enumerate(values, 1))])


class TestUsps:
    @given(
        hnp.arrays(np.float64, (3, 256), elements=st.floats(-1, 1)),
        st.lists(st.integers(1, 10), min_size=3, max_size=3),
        st.sampled_from(["\n", " \n"]),
    )
    def test_lines_are_read_as_scikit_learn_reads_them(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        rows: np.ndarray[Any, Any],
        labels: list[int],
        end: str,
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "usps.bz2"
        lines = (usps_line(*pair) + end for pair in zip(labels, rows, strict=True))
        path.write_bytes(bz2.compress("".join(lines).encode()))
        features, targets = load_svmlight_file(str(path), n_features=256, dtype=np.float32)
        pixels, ours = published._usps(DATA_SETS["usps"], path.parent, path)
        np.testing.assert_array_equal(ours, targets - 1)
        wanted = ((features.toarray() + 1) / 2 * 255).astype(np.uint8)
        np.testing.assert_array_equal(pixels.reshape(3, 256), wanted)

    @pytest.mark.parametrize(
        "wrong",
        [
            "",
            "7",
            "<html>",
            usps_line(0, [0] * 256),
            usps_line(11, [0] * 256),
            usps_line("7.5", [0] * 256),
            usps_line(7, [0] * 255),
            usps_line(7, [0] * 257),
            usps_line(7, [1.5] + [0] * 255),
            usps_line(7, ["nan"] + [0] * 255),
            usps_line(7, ["x"] + [0] * 255),
            usps_line(7, ["0:0"] + [0] * 255),
            usps_line(7, [0] * 256).replace(" 1:0 2:0", " 2:0 1:0"),
            usps_line(7, [0] * 256).replace(" 5:0", " 5"),
            usps_line(7, ["\u00b2"] + [0] * 255),
        ],
    )
    def test_any_other_line_is_named(self, wrong: str, tmp_path: Path) -> None:
        path = tmp_path / "usps.bz2"
        right = usps_line(7, [0] * 256)
        path.write_bytes(bz2.compress(f"{right}\n{wrong}\n{right}\n".encode()))
        with pytest.raises(DataError, match=r"usps\.bz2: is damaged: line 2 is not 'label 1:value"):
            published._usps(DATA_SETS["usps"], tmp_path, path)


class TestDigits:
    def test_what_they_hold(self, tmp_path: Path) -> None:
        digits = load("digits", tmp_path)
        assert digits.images.shape == (1797, 1, 28, 28)
        assert digits.images.dtype == np.uint8
        assert digits.images.max() == 255
        assert digits.classes == tuple("0123456789")
        assert digits.labels is not None
        assert digits.labels[:10].tolist() == list(range(10))

    def test_they_are_scikit_learns(self, tmp_path: Path) -> None:
        digits, bunch = load("digits", tmp_path, image_size=8), load_digits()
        levels = digits.images[:, 0].astype(np.float64) * (16 / 255)
        np.testing.assert_allclose(levels, bunch.images, atol=0.04)
        np.testing.assert_array_equal(digits.labels, bunch.target)

    @pytest.mark.parametrize(("size", "channels"), [(8, 1), (28, 3), (32, 1), (64, 3)])
    def test_size_and_channels_as_asked(self, size: int, channels: int, tmp_path: Path) -> None:
        images = load("digits", tmp_path, image_size=size, channels=channels).images
        assert images.shape == (1797, channels, size, size)
        assert images.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(images[:, 0], images[:, -1])

    def test_there_is_no_test_part(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="has no test split"):
            load("digits", tmp_path, "test")


def test_the_root_comes_from_flag_then_environment_then_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNISTGAN_DATA", "/from/environment")
    assert user_dirs.data_root("/from/flag") == Path("/from/flag")
    assert user_dirs.data_root() == Path("/from/environment")
    monkeypatch.delenv("MNISTGAN_DATA")
    assert user_dirs.data_root().parts[-1].lower() == "mnistgan"


def test_every_set_says_whose_it_is() -> None:
    types = TypeAdapter(dict[str, catalog.DataSet])  # catalog.toml has values of these types only
    assert types.validate_json(types.dump_json(DATA_SETS), strict=True) == DATA_SETS
    for name, data_set in DATA_SETS.items():
        assert name == data_set.name
        assert data_set.license
        assert data_set.source
        assert len(set(data_set.classes)) == len(data_set.classes)
