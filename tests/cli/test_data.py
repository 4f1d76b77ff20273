"""``mnistgan data``, and training on images of one's own, from the command line."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from mirror import serve
from PIL import Image
from support import Invoke, noise_images, to_idx

from mnistgan.catalog import DATA_SETS
from mnistgan.rendering.grids import read_png


def photos(folder: Path, count: int = 20) -> Path:
    """Colorful pictures of several sizes in two classes."""
    for number in range(count):
        path = folder / ("cats", "dogs")[number % 2] / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise_images(10 + number, 30 - number // 2, 3, seed=number)).save(path)
    return folder


@pytest.fixture
def mnist_copy(mnist_root: Path, tmp_path: Path) -> Path:
    """A root with a copy of the real archives."""
    shutil.copytree(mnist_root / "MNIST", tmp_path / "root" / "MNIST")
    for path in (tmp_path / "root").rglob("*.gz"):
        path.chmod(0o644)
    return tmp_path / "root"


class TestList:
    def test_every_set_with_what_one_must_know(self, invoke: Invoke) -> None:
        result = invoke("data")
        assert result.exit_code == 0
        rows = [line.split("\t") for line in result.stdout.splitlines()]
        assert [row[0] for row in rows] == list(DATA_SETS)
        assert {len(row) for row in rows} == {7}
        kmnist = rows[list(DATA_SETS).index("kmnist")]
        assert kmnist[1:6] == ["60,000 + 10,000", "28x28", "10", "CC BY-SA 4.0", "no (21 MB)"]
        assert "codh.rois.ac.jp" in kmnist[6]

    def test_which_are_here(self, invoke: Invoke, mnist_root: Path) -> None:
        result = invoke("data", "--data-root", mnist_root)
        here = {line.split("\t")[0] for line in result.stdout.splitlines() if "\tyes\t" in line}
        assert {"mnist", "digits"} <= here


class TestVerify:
    def test_the_real_archives(self, invoke: Invoke, mnist_root: Path) -> None:
        result = invoke("data", "verify", "mnist", "--data-root", mnist_root)
        assert result.exit_code == 0
        assert result.stdout.count("is as published") == 4

    def test_what_is_missing_or_damaged(self, invoke: Invoke, mnist_copy: Path) -> None:
        raw = mnist_copy / "MNIST" / "raw"
        (raw / "t10k-labels-idx1-ubyte.gz").unlink()
        (raw / "train-labels-idx1-ubyte.gz").write_bytes(b"<html>")
        result = invoke("data", "verify", "mnist", "--data-root", mnist_copy)
        assert result.exit_code == 1
        assert "train-labels-idx1-ubyte.gz: is damaged: its 6 bytes" in result.stdout
        assert "t10k-labels-idx1-ubyte.gz: is missing" in result.stdout
        # The advice names the folder in use: without it, another folder would be filled.
        advice = f"download it again: mnistgan data fetch mnist --data-root {mnist_copy}\n"
        assert advice in result.stdout

    def test_a_folder_names_every_file(self, invoke: Invoke, tmp_path: Path) -> None:
        photos(tmp_path / "photos")
        for number in range(7):
            (tmp_path / "photos" / "cats" / f"bad{number}.jpg").write_bytes(b"x")
        (tmp_path / "photos" / "dogs" / "notes.txt").write_text("x")
        result = invoke("data", "verify", "./photos")
        assert result.exit_code == 1
        assert result.stdout.count("cannot be read: cats/bad") == 7
        assert "not a picture by name: dogs/notes.txt" in result.stdout
        assert "20 images in 2 classes" in result.stdout

    def test_an_array_file(self, invoke: Invoke, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", images=noise_images(5, 8, 8))
        assert invoke("data", "verify", "a.npz").stdout == "5 images\n"
        (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-99])
        assert invoke("data", "verify", "a.npz").exit_code == 2


class TestFetch:
    def test_from_a_mirror_of_ones_own(
        self, invoke: Invoke, mnist_root: Path, tmp_path: Path
    ) -> None:
        for mirror in serve(mnist_root / "MNIST" / "raw"):
            arguments = ("data", "fetch", "mnist", "--data-root", "root", "--mirror")
            result = invoke(*arguments, mirror.address.rstrip("/"))
            assert result.exit_code == 0, result.output
            assert result.stdout == "root/MNIST/raw\n"
            assert len(mirror.asked) == 4
            (tmp_path / "root/MNIST/raw/t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
            assert invoke(*arguments, mirror.address).exit_code == 0
            assert len(mirror.asked) == 5
        assert invoke("data", "verify", "mnist", "--data-root", "root").exit_code == 0

    def test_no_mirror_answers(
        self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        dead = dataclasses.replace(DATA_SETS["kmnist"], mirrors=("http://127.0.0.1:9/",))
        monkeypatch.setitem(DATA_SETS, "kmnist", dead)
        result = invoke("data", "fetch", "kmnist", "--data-root", "root")
        assert result.exit_code == 2
        assert "127.0.0.1: refused the connection" in result.stderr
        assert not (tmp_path / "root").exists()

    def test_a_mirror_must_be_an_address(self, invoke: Invoke, tmp_path: Path) -> None:
        for mirror in ("127.0.0.1:9500", "", "file:///x", "http://"):
            result = invoke("data", "fetch", "mnist", "--data-root", "root", "--mirror", mirror)
            assert result.exit_code == 2
            assert "must start with http:// or https://" in result.stderr
        assert not (tmp_path / "root").exists()

    def test_the_root_goes_behind_the_command(self, invoke: Invoke) -> None:
        result = invoke("data", "--data-root", "root", "verify", "mnist")
        assert result.exit_code == 2
        assert "give --data-root after verify" in result.stderr

    def test_what_needs_none(self, invoke: Invoke) -> None:
        assert "nothing to fetch" in invoke("data", "fetch", "digits").stdout

    def test_an_unknown_name(self, invoke: Invoke) -> None:
        result = invoke("data", "fetch", "fashion")
        assert result.exit_code == 2
        assert "'fashion' is not a data set; did you mean 'fashion-mnist'?" in result.stderr


class TestShow:
    def test_a_row_a_class(self, invoke: Invoke, tmp_path: Path) -> None:
        result = invoke("data", "show", "digits", "--columns", 5, "--out", "grid.png")
        assert (result.exit_code, result.stdout) == (0, "grid.png\n")
        height, width = read_png(tmp_path / "grid.png").shape
        assert height // 10 < width  # ten rows of five and a caption each
        assert height > width

    def test_pictures_as_training_would_see_them(self, invoke: Invoke, tmp_path: Path) -> None:
        photos(tmp_path / "photos")
        result = invoke("data", "show", "./photos", "--channels", 3, "--image-size", 16)
        assert result.exit_code == 0, result.output
        assert read_png(tmp_path / "photos.png").ndim == 3
        gray = invoke("data", "show", "./photos")
        assert "note: the images are in color" in gray.stderr

    def test_mistakes(self, invoke: Invoke) -> None:
        result = invoke("data", "show", "digits", "--image-size", 1, "--background", "blue")
        assert result.exit_code == 2
        assert "data.image_size" in result.stderr
        assert "data.background: must be black, white or #rrggbb" in result.stderr
        assert invoke("data", "show", "digits", "--out", "a.jpg").exit_code == 2


@pytest.mark.slow
def test_a_colour_folder_trains_samples_animates_and_exports_in_colour(
    invoke: Invoke, tiny_toml: Path, tmp_path: Path
) -> None:
    photos(tmp_path / "photos")
    (tmp_path / "photos" / "cats" / "broken.png").write_bytes(b"x")
    for family in ("mlp", "dcgan"):
        config = () if family == "dcgan" else ("--config", tiny_toml)
        extra = () if family == "mlp" else ("--set", "model.family=dcgan",
            "--set", "model.generator.width=4", "--set", "model.discriminator.width=4")  # fmt: skip
        result = invoke(
            "train", *config, *extra, "--data", "photos/", "--channels", 3, "--image-size", 16,
            "--batch-size", 4, "--epochs", 2, "--output-dir", family,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        assert "warning: 1 of 21 pictures cannot be read and are skipped: cats/" in result.stderr
        assert "20 images of 16x16x3 from photos" in result.stderr
        real = read_png(tmp_path / family / "samples" / "real.png")
        assert real.ndim == 3
        assert (real[..., 0] != real[..., 1]).any()
        assert invoke("sample", "--ckpt", family, "-n", 4).exit_code == 0
        assert read_png(tmp_path / "samples.png").ndim == 3
        assert invoke("sample", "--ckpt", family, "-n", 4, "--format", "npz").exit_code == 0
        with np.load(tmp_path / "samples.npz") as file:
            assert file["images"].shape == (4, 16, 16, 3)
        assert invoke("animate", family, "--out", "a.gif").exit_code == 0
        with Image.open(tmp_path / "a.gif") as animation:
            pixels = np.asarray(animation.convert("RGB"))
        assert (pixels[..., 0] != pixels[..., 1]).any()
        assert invoke("export", "--ckpt", family, "--out", "g.onnx").exit_code == 0
        session = onnxruntime.InferenceSession(str(tmp_path / "g.onnx"))
        z = np.zeros((2, session.get_inputs()[0].shape[1]), np.float32)
        assert session.run(None, {"z": z})[0].shape == (2, 3, 16, 16)


def test_a_run_never_writes_among_its_pictures(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos(tmp_path / "photos"))
    result = invoke("train", "--data", ".", "--batch-size", 4)
    assert result.exit_code == 2
    assert "is inside the folder of the training images" in result.stderr
    result = invoke("data", "show", ".")
    assert result.exit_code == 2
    assert "is in the folder of the data set" in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["cats", "dogs"]
    assert invoke("train", "--data", ".", "--dry-run", "--batch-size", 4,
                  "--output-dir", "../run").exit_code == 0  # fmt: skip


def test_a_moved_folder_is_no_other_data(invoke: Invoke, tiny_toml: Path, tmp_path: Path) -> None:
    photos(tmp_path / "photos")
    invoke("train", "--config", tiny_toml, "--data", "./photos", "--batch-size", 4,
           "--output-dir", "run")  # fmt: skip
    (tmp_path / "photos").rename(tmp_path / "moved")
    result = invoke("train", "--resume", "run", "--data", "./moved", "--epochs", 3)
    assert result.exit_code == 0, result.output


def test_a_pair_of_idx_files_trains(invoke: Invoke, tiny_toml: Path, tmp_path: Path) -> None:
    (tmp_path / "my-images-idx3-ubyte").write_bytes(to_idx(noise_images(20, 28, 28)))
    (tmp_path / "my-labels-idx1-ubyte").write_bytes(to_idx(np.arange(20, dtype=np.uint8) % 10))
    arguments = ("train", "--config", tiny_toml, "--batch-size", 4, "--output-dir", "run")
    result = invoke(*arguments, "--data", "my-images-idx3-ubyte")
    assert result.exit_code == 0, result.output
    assert "20 images of 28x28x1 from my-images-idx3-ubyte" in result.stderr
    # Other images under the same name are no reason to go on with the run.
    (tmp_path / "my-images-idx3-ubyte").write_bytes(to_idx(noise_images(20, 28, 28, seed=1)))
    result = invoke("train", "--resume", "run", "--epochs", 3)
    assert result.exit_code == 2
    assert "does not contain the images that run was trained on" in result.stderr


def test_too_few_images(invoke: Invoke, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=noise_images(1, 28, 28))
    result = invoke("train", "--data", "a.npz", "--output-dir", "run")
    assert result.exit_code == 2
    assert "the data has 1; choose a smaller batch" not in result.stderr
    assert "a.npz holds a single image" in result.stderr
    assert not (tmp_path / "run").exists()
