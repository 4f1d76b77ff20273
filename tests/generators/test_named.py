"""Generators by name: those that ship, those of other packages, and ``mnistgan plugins``."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from support import Install, Invoke

import mnistgan
from mnistgan import catalog, generators
from mnistgan.config import DataConfig
from mnistgan.errors import UsageError
from mnistgan.evaluation import classifier, reference
from mnistgan.generators import named
from mnistgan.sampling.generator import load_generator

SHIPPED = {"mnist": 10, "mnist-mlp": 10, "quickstart": 10}
"""Each shipped generator, and the number of its classes."""

FOLDER = Path(generators.__file__).parent


def test_the_shipped_ones_are_installed_and_small() -> None:
    files = [path for path in FOLDER.iterdir() if path.suffix != ".py" and path.is_file()]
    assert {path.stem for path in files} == set(SHIPPED) == set(named.names())
    assert sum(path.stat().st_size for path in files) < 8_000_000


@pytest.mark.parametrize("name", SHIPPED)
def test_one_is_described_as_its_file_is(name: str, invoke: Invoke) -> None:
    result = invoke("plugins", "generators", name, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    path = FOLDER / f"{name}.safetensors"
    assert found["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found["bytes"] == path.stat().st_size
    assert found["image"] == [1, 28, 28]
    assert len(found["classes"]) == SHIPPED[name]
    assert found["evaluation"]["n"] == 10_000
    assert found["evaluation"]["data"] == found["data"]
    assert found["evaluation"]["figures"]["missing"] == []
    generator = load_generator(name)
    assert (generator.config.name, generator.epoch) == (found["recipe"], found["epoch"])
    assert not any(np.isnan(weight).any() for weight in load_file(path).values())


@pytest.mark.parametrize("name", ["mnist", "mnist-mlp"])
def test_the_digits_are_those_that_were_asked_for(name: str) -> None:
    """By the shipped classifier: the agreement of the figures, within four standard errors."""
    stated = json.loads((FOLDER / f"{name}.json").read_text())["figures"]["agreement"]
    images = mnistgan.sample(load_generator(name), 1000, seed=3)
    right = classifier.shipped().network.predict(images).labels == np.arange(1000) % 10
    assert stated > 0.97
    assert right.mean() == pytest.approx(stated, abs=4 * (stated * (1 - stated) / 1000) ** 0.5)


@pytest.mark.slow
def test_the_figures_are_measured_again(mnist_root: Path) -> None:
    """Of 2,000 images: recall and precision depend little on the number, the distance is higher."""
    stated = json.loads((FOLDER / "mnist.json").read_text())
    real = reference.load(DataConfig(root=str(mnist_root)))
    images = mnistgan.sample(load_generator("mnist"), 2000)
    labels = np.arange(2000) % 10
    again = mnistgan.evaluate(images, real, labels=labels)
    assert again.classifier.sha256 == stated["classifier"]["sha256"]
    assert again.figures.agreement == pytest.approx(stated["figures"]["agreement"], abs=0.012)
    distance = again.figures.frechet_distance
    assert stated["figures"]["frechet_distance"] < distance < 3 * again.floor.frechet_distance


class TestCkpt:
    def test_a_name(self, invoke: Invoke, tmp_path: Path) -> None:
        result = invoke("sample", "--ckpt", "mnist", "--digit", 7, "-n", 3, "--format", "npz")
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        with np.load(tmp_path / "samples.npz") as file:
            expected = mnistgan.sample(load_generator(FOLDER / "mnist.safetensors"), 3, digits=7)[
                :, 0
            ]
            np.testing.assert_array_equal(file["images"], expected)

    def test_a_path_of_the_same_name(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        shutil.copytree(trained, tmp_path / "mnist")
        both = invoke("sample", "--ckpt", "mnist", "-n", 4, "--format", "npz")
        assert both.exit_code == 0
        assert "using the generator mnist of mnistgan" in both.stderr
        assert "for the path, give ./mnist" in both.stderr
        named_one = np.load(tmp_path / "samples.npz")["images"]
        path = invoke("sample", "--ckpt", "./mnist", "-n", 4, "--format", "npz")
        assert path.stderr == ""
        images = np.load(tmp_path / "samples.npz")["images"]
        assert (images != named_one).any()
        np.testing.assert_array_equal(images, mnistgan.sample(load_generator(trained), 4)[:, 0])
        python = load_generator(tmp_path / "mnist")
        assert python.config.name == load_generator(Path("./mnist")).config.name == "tiny"
        assert load_generator("mnist").config.name != "tiny"

    def test_a_mistake(self, invoke: Invoke) -> None:
        result = invoke("sample", "--ckpt", "mnits", "-n", 4)
        assert result.exit_code == 2
        assert result.stderr == (
            "mnistgan: error: --ckpt mnits: is neither a path nor the name of a generator; did you "
            "mean 'mnist'?\n"
        )

    @pytest.mark.parametrize("command", ["animate", "export", "project", "evaluate", "play"])
    def test_every_command_takes_one(self, command: str, invoke: Invoke) -> None:
        """Each gets as far as its own complaint."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.complains(command, invoke, taken.getsockname()[1])

    def complains(self, command: str, invoke: Invoke, port: int) -> None:
        complaint = {
            "animate": ("--walk", "classes", "--out", "walk.xyz"),
            "export": ("--out", "g.xyz"),
            "project": ("none.png",),
            "evaluate": ("--data", "none.npz"),
            "play": ("--port", port),
        }
        result = invoke(command, "--ckpt", "mnist-mlp", *complaint[command])
        assert result.exit_code == 2, result.output
        assert "mnist-mlp" not in result.stderr
        assert str(complaint[command][-1]) in result.stderr

    def test_an_export_is_written_to_the_current_folder(
        self, invoke: Invoke, tmp_path: Path
    ) -> None:
        before = sorted(FOLDER.iterdir())
        result = invoke("export", "--ckpt", "quickstart", "--format", "safetensors")
        assert (result.exit_code, result.stdout) == (0, "quickstart.safetensors\n")
        assert (tmp_path / "quickstart.safetensors").is_file()
        assert sorted(FOLDER.iterdir()) == before


class TestOfOthers:
    SOURCE = 'from pathlib import Path\nSEVENS = Path(__file__).with_name("sevens.safetensors")\n'

    def put(self, install: Install, trained: Path, **more: Any) -> Path:
        site = install(self.SOURCE, "SEVENS", name="sevens", kind="generators", **more)
        generator = load_generator(trained)
        from mnistgan.export.safetensors import export_safetensors

        export_safetensors(generator, site / "sevens.safetensors")
        return site

    def test_one(self, install: Install, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        self.put(install, trained)
        listed = invoke("plugins", "generators")
        assert listed.exit_code == 0
        assert "sevens (acme 2.5)" in listed.stdout
        assert "not measured" in listed.stdout
        assert invoke("sample", "--ckpt", "sevens", "-n", 4).exit_code == 0
        assert (tmp_path / "samples.png").is_file()

    def test_figures_beside_it(self, install: Install, invoke: Invoke, trained: Path) -> None:
        site = self.put(install, trained)
        shutil.copy(FOLDER / "mnist.json", site / "sevens.json")
        shown = invoke("plugins", "generators", "sevens").stdout
        assert "Good: all ten digits" in shown
        (site / "sevens.json").write_text("[]")
        broken = invoke("plugins", "generators", "sevens")
        assert broken.exit_code == 2
        assert "sevens.json: is not a JSON file of mnistgan evaluate" in broken.stderr
        listed = invoke("plugins", "generators")
        assert listed.exit_code == 0, "a broken one does not hide the others"
        assert "mnist (mnistgan" in listed.stdout

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("raise RuntimeError('no')", "cannot be imported (RuntimeError: no)"),
            ("SEVENS = 7", "is not a pathlib.Path but 7"),
            ("from pathlib import Path\nSEVENS = Path('no.pt')", "is not a .safetensors file"),
        ],
    )
    def test_broken(self, source: str, message: str, install: Install, invoke: Invoke) -> None:
        install(source, "SEVENS", name="sevens", kind="generators")
        result = invoke("sample", "--ckpt", "sevens", "-n", 4)
        assert result.exit_code == 2
        assert f"the generator 'sevens' of the package acme 2.5 {message}" in result.stderr
        assert result.stderr.endswith("; fix or uninstall that package\n")

    def test_two_packages_with_one_name(
        self, install: Install, invoke: Invoke, trained: Path
    ) -> None:
        self.put(install, trained)
        install("SEVENS = 7", "SEVENS", name="sevens", package="other", kind="generators")
        with pytest.raises(UsageError, match=r"provided by acme 2\.5 and other 2\.5"):
            load_generator("sevens")


class TestPlugins:
    def test_all_kinds(self, invoke: Invoke) -> None:
        everything = json.loads(invoke("plugins", "--json").stdout)
        assert list(everything) == ["generators", "outputs"]
        assert [one["name"] for one in everything["generators"]] == sorted(SHIPPED)
        listed = invoke("plugins").stdout.splitlines()
        assert listed[0] == "generators"
        assert [line.split()[0] for line in listed[1:4]] == sorted(SHIPPED)
        assert listed[4] == "outputs"

    def test_outputs_are_those_of_mnistgan_outputs(self, invoke: Invoke) -> None:
        for arguments in ([], ["samples"], ["--json"], ["samples", "--json"]):
            ours = invoke("plugins", "outputs", *arguments)
            assert ours.exit_code == 0
            assert ours.stdout == invoke("outputs", *arguments).stdout

    def test_an_unknown_name(self, invoke: Invoke) -> None:
        result = invoke("plugins", "generators", "mnits")
        assert result.exit_code == 2
        assert "no installed package provides the generator 'mnits'; did you mean" in result.stderr

    def test_torch_is_not_imported(self) -> None:
        code = (
            "import sys; from typer.testing import CliRunner; from mnistgan.cli.app import app;"
            "result = CliRunner().invoke(app, ['plugins', 'generators']);"
            "assert result.exit_code == 0 and 'sha256' in result.output, result.output;"
            "assert 'torch' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


def test_the_license_of_the_data_is_the_catalogs() -> None:
    license_of = {one.name: one.license for one in catalog.DATA_SETS.values()}
    for name in SHIPPED:
        described = _described(name)
        assert described["license"] == license_of[described["data"]]


def _described(name: str) -> dict[str, Any]:
    plugin = named.find(name)
    assert plugin is not None
    return plugin.describe()
