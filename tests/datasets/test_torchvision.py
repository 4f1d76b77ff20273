"""torchvision's data sets by their names, and any data set of its kind."""

from __future__ import annotations

import gc
import gzip
import hashlib
import io
import pickle
import shutil
import socket
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mirror import Mirror
from PIL import Image
from scipy.io import savemat
from support import Invoke, noise_images, to_idx

from mnistgan import datasets
from mnistgan.catalog import SplitName
from mnistgan.cli.wording import for_shell
from mnistgan.config import DataConfig, toml
from mnistgan.datasets import torchvision_sets
from mnistgan.datasets.image_set import GRAY_NOTE
from mnistgan.datasets.torchvision_import import import_torchvision, public_names
from mnistgan.errors import ConfigError, DataError, UsageError
from mnistgan.evaluation import reference
from mnistgan.progress import Progress
from mnistgan.rendering.grids import read_png
from mnistgan.runs.plan import Override, plan_run

CLASSIFICATION = frozenset(
    [
        "CIFAR10",
        "CIFAR100",
        "CLEVRClassification",
        "Caltech101",
        "Caltech256",
        "Country211",
        "DTD",
        "EuroSAT",
        "FER2013",
        "FGVCAircraft",
        "FakeData",
        "FashionMNIST",
        "Flowers102",
        "Food101",
        "GTSRB",
        "INaturalist",
        "ImageNet",
        "Imagenette",
        "KMNIST",
        "LFWPeople",
        "MNIST",
        "Omniglot",
        "OxfordIIITPet",
        "PCAM",
        "Places365",
        "QMNIST",
        "RenderedSST2",
        "SEMEION",
        "STL10",
        "SUN397",
        "SVHN",
        "StanfordCars",
        "USPS",
    ]
)


def load(name: str, root: Path, split: SplitName = "train", **keys: Any) -> datasets.ImageSet:
    config = DataConfig.model_validate({"name": f"torchvision:{name}", "root": str(root), **keys})
    return datasets.load(config, split)


class Items:
    """The least that a map-style data set has."""

    def __init__(self, *items: Any, **attributes: Any) -> None:
        self._items = items
        vars(self).update(attributes)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Any:
        return self._items[index]


def pictures(count: int, color: bool = True, classes: int = 3) -> list[tuple[Image.Image, int]]:
    """Pairs of a picture of random pixels and a label."""
    shape = (count, 12, 9, 3) if color else (count, 12, 9)
    images = noise_images(*shape)
    return [(Image.fromarray(image), number % classes) for number, image in enumerate(images)]


@pytest.fixture
def svhn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A class in the place of torchvision's SVHN; what it was called with."""
    module = import_torchvision("torchvision.datasets")
    calls: list[dict[str, Any]] = []

    class SVHN(module.VisionDataset):  # type: ignore[misc, name-defined]
        def __init__(
            self,
            root: str,
            split: str = "train",
            transform: Any = None,
            target_transform: Any = None,
            download: bool = False,
        ) -> None:
            super().__init__(root, transform=transform, target_transform=target_transform)
            calls.append({"root": root, "split": split, "download": download})
            if not download and not (Path(root) / "svhn").exists():
                raise RuntimeError("Dataset not found or corrupted.")
            Path(root).mkdir(parents=True, exist_ok=True)
            (Path(root) / "svhn").touch()
            self._items = pictures(60 if split == "train" else 20)

        def __len__(self) -> int:
            return len(self._items)

        def __getitem__(self, index: int) -> Any:
            return self._items[index]

    monkeypatch.setattr(module, "SVHN", SVHN)
    return calls


class TestNames:
    def test_they_are_torchvisions(self) -> None:
        assert public_names() == import_torchvision("torchvision.datasets").__all__

    def test_nothing_else_has_the_form(self) -> None:
        for name in ("torchvision:", "torchvision:../SVHN", "torchvision:a b", "torchvision:a.b"):
            with pytest.raises(ConfigError, match="like torchvision:SVHN"):
                DataConfig(name=name)

    def test_a_mistake_is_told_with_the_configs_others(self) -> None:
        wrong = [("data.name", "torchvision:cifar100"), ("train.lr_g", 7)]
        with pytest.raises(ConfigError) as caught:
            plan_run(None, [Override(key, value, f"--{key}") for key, value in wrong])
        name, rate = sorted(caught.value.problems)
        assert name == (
            "data.name: 'torchvision:cifar100' is not a data set of torchvision; did you mean "
            "'torchvision:CIFAR100'? (from --data.name)"
        )
        assert rate.startswith("train.lr_g: ")

    def test_a_generators_file_may_name_a_set_that_is_unknown_here(self) -> None:
        """Its config is read wherever it was trained."""
        config = toml.validate({"data": {"name": "torchvision:OfNextYear"}}, "g.pt")
        with pytest.raises(DataError, match="is not a data set of torchvision"):
            datasets.load(config.data)

    @pytest.mark.parametrize("name", [one for one in public_names() if one not in CLASSIFICATION])
    def test_what_classifies_no_images_is_refused_before_a_download(
        self, name: str, tmp_path: Path
    ) -> None:
        with pytest.raises(DataError) as caught:
            load(name, tmp_path / "root")
        assert f"torchvision:{name}" in str(caught.value)
        assert not (tmp_path / "root").exists()

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("ImageFolder", "give the folder instead"),
            ("EMNIST", "such as emnist-letters"),
            ("LSUN", "could run code"),
            ("WIDERFace", "its labels are boxes"),
            ("UCF101", "not a data set for image classification"),
        ],
    )
    def test_a_refusal_says_what_to_do(self, name: str, hint: str, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=hint):
            load(name, tmp_path)

    def test_what_needs_arguments_is_for_python(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        module = import_torchvision("torchvision.datasets")

        class SVHN(module.VisionDataset):  # type: ignore[misc, name-defined]
            def __init__(self, root: str, year: int, target_transform: Any = None) -> None:
                raise AssertionError

        monkeypatch.setattr(module, "SVHN", SVHN)
        with pytest.raises(DataError, match=r"needs arguments \(year\).*from_torchvision"):
            load("SVHN", tmp_path)


class TestParts:
    @pytest.mark.parametrize(
        "name", [one for one in public_names() if one in CLASSIFICATION - {"FakeData"}]
    )
    def test_every_class_knows_the_parts_that_it_is_asked_for(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In an empty root its files are missing, which it notices after the arguments."""
        splits: list[SplitName] = ["train"]
        splits += ["test"] if torchvision_sets.has_test(f"torchvision:{name}") else []

        def refuse(*_: object, **__: object) -> None:
            raise OSError("no network here")

        monkeypatch.setattr("urllib.request.urlopen", refuse)
        for split in splits:
            with pytest.raises(DataError) as caught:
                load(name, tmp_path, split)
            assert not isinstance(caught.value.__cause__, TypeError)
            assert "Unknown value" not in str(caught.value)
            assert "\n" not in str(caught.value)

    def test_train_and_test(self, svhn: list[dict[str, Any]], tmp_path: Path) -> None:
        assert len(load("SVHN", tmp_path)) == 60
        assert len(load("SVHN", tmp_path, "test")) == 20
        where = {"root": str(tmp_path)}
        assert svhn == [
            {**where, "split": "train", "download": False},
            {**where, "split": "train", "download": True},
            {**where, "split": "test", "download": False},  # what is there is not fetched
        ]

    @pytest.mark.usefixtures("svhn")
    def test_fetched_and_verified(self, invoke: Invoke) -> None:
        assert invoke("data", "fetch", "torchvision:SVHN", "--data-root", "root").stdout == "root\n"
        result = invoke("data", "verify", "torchvision:SVHN", "--data-root", "root")
        assert result.stdout.endswith("60 images in 3 classes\n")

    @pytest.mark.usefixtures("svhn")
    def test_measures_are_held_against_the_test_part(self, tmp_path: Path) -> None:
        config = DataConfig(name="torchvision:SVHN", root=str(tmp_path), image_size=8)
        train, test = reference.split(config)
        assert (len(train), len(test)) == (60, 20)

    def test_without_a_test_part(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="has no test split"):
            load("FakeData", tmp_path, "test")
        config = DataConfig(name="torchvision:FakeData", image_size=8)
        train, test = reference.split(config)
        assert (len(train), len(test)) == (834, 166)
        # The other half of Omniglot has other characters, which are other classes.
        assert not datasets.has_test(DataConfig(name="torchvision:Omniglot"))


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "test"])
def test_mnist_is_ours_pixel_for_pixel(mnist_root: Path, tmp_path: Path, split: SplitName) -> None:
    shutil.copytree(mnist_root / "MNIST", tmp_path / "MNIST")
    for path in tmp_path.rglob("*"):
        path.chmod(0o755)
    theirs = load("MNIST", tmp_path, split)
    ours = datasets.load(DataConfig(root=str(mnist_root)), split)
    np.testing.assert_array_equal(theirs.images, ours.images)
    assert theirs.digest == ours.digest
    assert theirs.classes[7] == "7 - seven"
    assert theirs.notes == ()
    # Unpacked, it is only read.
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert load("MNIST", tmp_path, split).digest == ours.digest
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


class TestFakeData:
    def test_items_are_torchvisions_scaled_by_pillow(self, tmp_path: Path) -> None:
        data = load("FakeData", tmp_path, image_size=20, channels=3)
        theirs = import_torchvision("torchvision.datasets").FakeData()
        assert data.images.shape == (1000, 3, 20, 20)
        for index in (0, 500, 999):
            picture, label = theirs[index]
            expected = np.asarray(picture.resize((20, 20), Image.Resampling.BICUBIC))
            np.testing.assert_array_equal(data.images[index], np.moveaxis(expected, -1, 0))
            assert data.labels is not None
            assert data.labels[index] == label
        assert data.classes == tuple("0123456789")

    @pytest.mark.slow
    def test_it_trains_and_is_shown(self, invoke: Invoke, tiny_toml: Path, tmp_path: Path) -> None:
        result = invoke(
            "train", "--config", tiny_toml, "--data", "torchvision:FakeData", "--epochs", 1,
            "--channels", 3, "--image-size", 16,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        assert "1,000 images of 16x16x3 from torchvision:FakeData" in result.stderr
        real = next((tmp_path / "runs").iterdir()) / "samples" / "real.png"
        assert read_png(real).ndim == 3
        result = invoke("data", "show", "torchvision:FakeData", "--columns", 4)
        assert (result.exit_code, result.stdout) == (0, "FakeData.png\n")
        assert for_shell(GRAY_NOTE) in result.stderr
        assert "torchvision:NAME" in invoke("data").stderr

    def test_a_runs_folder_is_named_after_the_class(self) -> None:
        plan = plan_run("quickstart", [Override("data.name", "torchvision:FakeData", "--data")])
        assert ":" not in plan.directory.path.name
        assert datasets.stem("torchvision:FakeData") == "FakeData"


class TestDownload:
    @pytest.fixture
    def kmnist(
        self, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> dict[str, np.ndarray[Any, Any]]:
        """KMNIST with a few images, on a mirror of this machine."""
        kind = import_torchvision("torchvision.datasets").KMNIST
        arrays = {
            "train-images-idx3-ubyte": noise_images(9, 28, 28),
            "train-labels-idx1-ubyte": np.arange(9, dtype=np.uint8),
            "t10k-images-idx3-ubyte": noise_images(4, 28, 28, seed=1),
            "t10k-labels-idx1-ubyte": np.arange(4, dtype=np.uint8),
        }
        mirror.folder.mkdir()
        resources = []
        for name, array in arrays.items():
            raw = gzip.compress(to_idx(array))
            (mirror.folder / f"{name}.gz").write_bytes(raw)
            resources.append((f"{name}.gz", hashlib.md5(raw).hexdigest()))
        monkeypatch.setattr(kind, "mirrors", [mirror.address])
        monkeypatch.setattr(kind, "resources", resources)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        return arrays

    def test_into_the_data_root_with_progress(
        self, kmnist: dict[str, np.ndarray[Any, Any]], mirror: Mirror, tmp_path: Path
    ) -> None:
        utils = import_torchvision("torchvision.datasets.utils")
        before = socket.getdefaulttimeout(), utils.tqdm, vars(tarfile.TarFile)["extraction_filter"]
        seen: list[Progress] = []
        config = DataConfig(name="torchvision:KMNIST", root=str(tmp_path / "root"))
        data = datasets.load(config, on_progress=seen.append)
        np.testing.assert_array_equal(data.images[:, 0], kmnist["train-images-idx3-ubyte"])
        size = (mirror.folder / "train-images-idx3-ubyte.gz").stat().st_size
        assert Progress("fetching torchvision:KMNIST", size, size, "bytes") in seen
        assert seen[-1] == Progress("reading torchvision:KMNIST", 9, 9)
        after = socket.getdefaulttimeout(), utils.tqdm, vars(tarfile.TarFile)["extraction_filter"]
        assert after == before
        mirror.manner = "404"  # all of it is there now
        assert len(datasets.load(config, "test")) == 4

    def test_svhn_by_its_own_class(
        self, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """From a file of MATLAB's, in which 0 is the class 10."""
        kind = import_torchvision("torchvision.datasets").SVHN
        mirror.folder.mkdir()
        images, labels = noise_images(5, 32, 32, 3), np.array([10, 1, 2, 3, 10], np.uint8)
        splits: tuple[SplitName, ...] = ("train", "test")
        lists = {}
        for split in splits:
            path = mirror.folder / f"{split}_32x32.mat"
            savemat(path, {"X": images.transpose(1, 2, 3, 0), "y": labels[:, None]})
            md5 = hashlib.md5(path.read_bytes()).hexdigest()
            lists[split] = [f"{mirror.address}{path.name}", path.name, md5]
        monkeypatch.setattr(kind, "split_list", lists)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for split in splits:
            data = load("SVHN", tmp_path / "root", split, image_size=32, channels=3)
            np.testing.assert_array_equal(np.moveaxis(data.images, 1, -1), images)
            np.testing.assert_array_equal(data.labels, labels % 10)
        assert sorted(path.name for path in (tmp_path / "root").iterdir()) == [
            "test_32x32.mat",
            "train_32x32.mat",
        ]

    @pytest.mark.usefixtures("kmnist")
    def test_by_the_command(self, invoke: Invoke, mirror: Mirror, tmp_path: Path) -> None:
        result = invoke("data", "fetch", "torchvision:KMNIST", "--data-root", "root")
        assert (result.exit_code, result.stdout) == (0, "root\n"), result.output
        assert (tmp_path / "root/KMNIST/raw/t10k-labels-idx1-ubyte").is_file()
        mirrored = invoke("data", "fetch", "torchvision:KMNIST", "--mirror", mirror.address)
        assert mirrored.exit_code == 2
        assert "from its own addresses only" in mirrored.stderr

    @pytest.mark.parametrize("manner", ["404", "html", "altered", "short", "stalls", "silent"])
    @pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # torchvision's connections
    @pytest.mark.usefixtures("kmnist")
    def test_a_failure_is_one_sentence(
        self, invoke: Invoke, mirror: Mirror, manner: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(torchvision_sets, "_SECONDS", 0.2)  # of silence
        mirror.manner = manner
        result = invoke("data", "show", "torchvision:KMNIST", "--data-root", "root")
        assert result.exit_code == 2
        (line,) = result.stderr.splitlines()
        assert "torchvision:KMNIST: cannot be read from root, nor downloaded (" in line
        assert "run again, copy its files there" in line
        del result
        gc.collect()

    @pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
    def test_an_address_that_is_gone(
        self, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """urllib's error is an OSError with a file name, which is the address."""
        kind = import_torchvision("torchvision.datasets").FGVCAircraft
        monkeypatch.setattr(kind, "_URL", f"{mirror.address}fgvc-aircraft-2013b.tar.gz")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with pytest.raises(DataError, match=r"nor downloaded \(HTTP Error 404: Not Found\)"):
            load("FGVCAircraft", tmp_path)
        gc.collect()

    def test_a_root_that_cannot_be_written(self, svhn: list[Any], tmp_path: Path) -> None:
        (tmp_path / "root").write_text("in the way")
        with pytest.raises(DataError, match=r"root cannot be written.*another `data.root`"):
            load("SVHN", tmp_path / "root")
        assert len(svhn) == 2

    def test_what_torchvision_does_not_download(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="torchvision does not download it"):
            load("FER2013", tmp_path)


class TestStrangers:
    def test_no_pickle_is_read_before_its_checksum(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A folder of CIFAR10's that came along with a stranger's config."""

        class Evil:
            def __reduce__(self) -> Any:
                return Path.touch, (tmp_path / "was here",)

        kind = import_torchvision("torchvision.datasets").CIFAR10
        monkeypatch.setattr(kind, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for name, _ in [*kind.train_list, *kind.test_list, ("batches.meta", "")]:
            path = tmp_path / "root" / kind.base_folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pickle.dumps(Evil()))
        for split in ("train", "test"):
            with pytest.raises(DataError, match="cannot be read from"):
                load("CIFAR10", tmp_path / "root", split)
        assert not (tmp_path / "was here").exists()

    def test_an_archive_without_a_checksum_stays_below_the_root(
        self, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kind = import_torchvision("torchvision.datasets").FGVCAircraft
        monkeypatch.setattr(kind, "_URL", f"{mirror.address}fgvc-aircraft-2013b.tar.gz")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        mirror.folder.mkdir()
        with tarfile.open(mirror.folder / "fgvc-aircraft-2013b.tar.gz", "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
        with pytest.raises(DataError, match="outside"):
            load("FGVCAircraft", tmp_path / "root")
        assert mirror.asked
        assert not (tmp_path / "outside").exists()


class TestFromTorchvision:
    def test_pictures_of_any_size_and_mode(self) -> None:
        wide, rgba = Image.new("L", (20, 10), 200), Image.new("RGBA", (4, 4), (255, 0, 0, 0))
        config = DataConfig(image_size=20, background="white")
        data = datasets.from_torchvision(Items((wide, 1), (rgba, 0)), config)
        assert data.images[0, 0, :5].min() == 255
        assert set(data.images[0, 0, 5:15].ravel()) == {200}
        assert set(data.images[1].ravel()) == {255}
        assert data.labels is not None
        assert data.labels.tolist() == [1, 0]
        assert (data.classes, data.source) == (("0", "1"), "Items")

    @pytest.mark.parametrize("shape", [(1, 8, 8), (8, 8), (3, 8, 8)])
    def test_tensors_keep_every_level(self, shape: tuple[int, ...]) -> None:
        levels = np.resize(np.arange(256, dtype=np.uint8), (4, *shape))
        levels[:] = np.arange(4 * levels[0].size).reshape(levels.shape) % 256
        config = DataConfig.model_validate({"image_size": 8, "channels": 3 if shape[0] == 3 else 1})
        as_bytes = [(torch.from_numpy(one), 0) for one in levels]
        as_floats = [(one.float() / 255, label) for one, label in as_bytes]  # as ToTensor does
        for items in (as_bytes, as_floats):
            data = datasets.from_torchvision(Items(*items), config)
            np.testing.assert_array_equal(data.images.reshape(levels.shape), levels)

    def test_labels_of_any_kind_of_integer(self) -> None:
        picture = Image.new("L", (8, 8))
        items = [(picture, label) for label in (2, np.int32(1), torch.tensor(0))]
        data = datasets.from_torchvision(Items(*items))
        assert data.labels is not None
        assert data.labels.tolist() == [2, 1, 0]

    @pytest.mark.parametrize(
        ("attributes", "classes"),
        [
            ({"classes": ["ant", "bee", "cat"]}, ("ant", "bee", "cat")),
            ({"classes": [("ant", "emmet"), ("bee",), ("cat",)]}, ("ant, emmet", "bee", "cat")),
            ({"categories": ["ant", "bee", "cat", "dog"]}, ("ant", "bee", "cat", "dog")),
            ({"classes": ["crane", "crane", "cat"]}, ("0", "1", "2")),
            ({"classes": ["ant", "bee"]}, ("0", "1", "2")),
            ({"classes": ["ant", "\x1b[2J", "cat"]}, ("0", "1", "2")),
            ({"classes": 3}, ("0", "1", "2")),
        ],
    )  # fmt: skip
    def test_names_of_classes(self, attributes: dict[str, Any], classes: tuple[str, ...]) -> None:
        data = datasets.from_torchvision(Items(*pictures(6), **attributes))
        assert data.classes == classes

    def test_colour_that_is_given_up_is_noted(self) -> None:
        assert datasets.from_torchvision(Items(*pictures(3))).notes == (GRAY_NOTE,)
        assert datasets.from_torchvision(Items(*pictures(3, color=False))).notes == ()
        in_colour = DataConfig.model_validate({"channels": 3})
        assert datasets.from_torchvision(Items(*pictures(3)), in_colour).notes == ()

    @pytest.mark.parametrize(
        ("item", "reason"),
        [
            ({"image": 1}, "expected 2, got 1"),
            ((Image.new("L", (8, 8)), 0, 0), "too many values .*give pairs of an image"),
            ((Image.new("L", (8, 8)), "cat"), "'str' object cannot be interpreted as an integer"),
            ((Image.new("L", (8, 8)), None), "'NoneType' object cannot be interpreted"),
            ((Image.new("L", (8, 8)), 1.0), "'float' object cannot be interpreted"),
            ((np.zeros((8, 8)), 0), "of the type ndarray"),
            ((torch.full((1, 8, 8), -1.0), 0), "leave Normalize out"),
            ((torch.full((1, 8, 8), torch.nan), 0), "leave Normalize out"),
            ((torch.zeros(1, 8, 8, dtype=torch.int64), 0), r"tensor of torch\.int64"),
            ((torch.zeros(7, 8, 8), 0), "image 1 cannot be used"),
            ((torch.zeros(1, 0, 0), 0), "image 1 cannot be used"),
        ],
    )
    def test_items_that_cannot_be_used(self, item: Any, reason: str) -> None:
        with pytest.raises(DataError, match=reason):
            datasets.from_torchvision(Items((Image.new("L", (8, 8)), 0), item))

    def test_what_is_no_map_style_data_set(self) -> None:
        with pytest.raises(DataError, match="map-style"):
            datasets.from_torchvision(iter([]))
        with pytest.raises(DataError, match="has no images"):
            datasets.from_torchvision(Items())
        picture = Image.new("L", (8, 8))
        with pytest.raises(DataError, match="has labels from -1 to 0"):
            datasets.from_torchvision(Items((picture, -1), (picture, 0)))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(4, 20), st.sampled_from(["pad", "crop"]))
def test_pixels_are_pillows(width: int, height: int, side: int, fit: str) -> None:
    """Scaling, padding, cropping and gray, worked out with Pillow and NumPy alone."""
    pixels = noise_images(height, width, 3, seed=width * 41 + height)
    picture = Image.fromarray(pixels)
    if fit == "crop":
        short = min(width, height)
        left, top = round((width - short) / 2), round((height - short) / 2)
        picture = picture.crop((left, top, left + short, top + short))
    scale = side / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    scaled = np.asarray(picture.resize(size, Image.Resampling.BICUBIC))
    square = np.full((side, side, 3), (10, 20, 30), np.uint8)
    x, y = (side - size[0]) // 2, (side - size[1]) // 2
    square[y : y + size[1], x : x + size[0]] = scaled
    keys = {"image_size": side, "fit": fit, "background": "#0a141e"}
    items = Items((Image.fromarray(pixels), 0))
    color = datasets.from_torchvision(items, DataConfig.model_validate({**keys, "channels": 3}))
    np.testing.assert_array_equal(np.moveaxis(color.images[0], 0, -1), square)
    gray = datasets.from_torchvision(items, DataConfig.model_validate(keys))
    # Gray after scaling: the background becomes gray by itself.
    inside = (scaled @ np.array([19595, 38470, 7471]) + 0x8000) >> 16
    np.testing.assert_array_equal(gray.images[0, 0, y : y + size[1], x : x + size[0]], inside)


class TestImport:
    def run(self, code: str, folder: Path) -> None:
        process = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stderr

    @pytest.mark.slow
    def test_beside_a_torch_that_it_was_not_built_for(self, tmp_path: Path, trained: Path) -> None:
        """Where no library of compiled operators loads, data sets and transforms work."""
        self.run(
            f"""
            import torch

            def refuse(path):
                raise OSError("undefined symbol")

            torch.ops.load_library = refuse
            from mnistgan import SyntheticDigits, datasets
            from mnistgan.datasets import torchvision_import
            from mnistgan.config import DataConfig

            config = DataConfig(name="torchvision:FakeData", image_size=16)
            assert len(datasets.load(config)) == 1000
            assert len(torchvision_import._keep_alive) == 1
            digits = SyntheticDigits({str(trained)!r}, 3, transform=lambda image: image)
            assert digits[0].size == (28, 28)
            """,
            tmp_path,
        )

    @pytest.mark.slow
    def test_operators_that_load_are_left_alone(self, tmp_path: Path) -> None:
        self.run(
            """
            from mnistgan.datasets import torchvision_import

            torchvision = torchvision_import.import_torchvision()
            loaded = torchvision.extension._has_ops()
            assert loaded != bool(torchvision_import._keep_alive)
            if loaded:
                import torch

                boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 2]])
                assert torchvision.ops.nms(boxes, torch.tensor([1.0, 0.5]), 0.5).tolist() == [0]
            """,
            tmp_path,
        )

    def test_without_torchvision(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import_torchvision.cache_clear()
        monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
        with pytest.raises(UsageError, match="cannot be imported"):
            load("FakeData", tmp_path)
