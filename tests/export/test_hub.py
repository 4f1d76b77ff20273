"""Folders for a model hub, read by the hub's own library, and run as their cards say."""

from __future__ import annotations

import json
import re
import shutil
import socket
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from huggingface_hub.repocard import metadata_load
from huggingface_hub.repocard_data import EvalResult, eval_results_to_model_index
from markdown_it import MarkdownIt
from PIL import Image
from safetensors.numpy import load_file
from support import Invoke, Tiny, fenced

import mnistgan
from mnistgan.errors import UsageError
from mnistgan.export import hub, measured, onnx, safetensors
from mnistgan.models import networks
from mnistgan.sampling.generator import Generator, load_generator

pytestmark = pytest.mark.slow  # exports to ONNX

FILES = {"README.md", "config.json", "model.onnx", "model.safetensors", "samples.png"}

FIGURES: dict[str, Any] = {
    "verdict": "Fair: all ten digits.",
    "n": 500,
    "seed": 0,
    "data": "digits",
    "classifier": {"name": "mnistgan-lenet-v1", "sha256": "54bb", "accuracy": 0.99},
    "figures": {"frechet_distance": 1.25, "precision": 0.75, "copies": 1e-05, "agreement": None},
    "floor_n": 360,
    "floor": {"frechet_distance": 0.5, "precision": 0.875, "copies": 0.0, "agreement": None},
}
"""A figures.json, but for the figures that no test needs."""

HOSTILE = (
    "<script>alert(1)</script>", "a`b``c", "`", "| x |", "](http://x.example)", "---", "\u202eabc",
    "😀: {a: 1}", "www.x.example", "![i](http://x.example/i.png)", " & ", "*a* _b_", "$x$", "@you",
    '"', "'", "\\", "# no", "{{ 7 * 7 }}",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> NoReturn:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def measured_run(trained: Path, folder: Path, figures: dict[str, Any] = FIGURES) -> Path:
    """A copy of the run with the figures of an evaluation."""
    run = folder / "measured"
    (run / "evaluation").mkdir(parents=True)
    for name in ("g.pt", "config.toml"):
        (run / name).write_bytes((trained / name).read_bytes())
    (run / "evaluation" / "figures.json").write_text(json.dumps(figures))
    return run


def conditional(tiny: Tiny, folder: Path, *classes: str) -> Path:
    """A generator file with these classes."""
    keys = {"model.conditional": True, "model.classes": list(classes)}
    config = tiny(*keys.items())
    generator = Generator(networks.build_generator(config).eval(), config, step=7, epoch=1)
    safetensors.export_safetensors(generator, folder / "classes.safetensors")
    return folder / "classes.safetensors"


def card_in(folder: Path) -> Any:
    """The card as the hub's library reads it."""
    return ModelCard((folder / "README.md").read_text("utf-8"))


def metadata_in(folder: Path) -> dict[str, Any]:
    """The metadata of the card, as plain values."""
    found = metadata_load(folder / "README.md")
    assert found is not None
    return found


def results_in(folder: Path) -> dict[str, EvalResult]:
    """The figures of the card, by name."""
    return {one.metric_type: one for one in card_in(folder).data.eval_results or []}


class TestFolder:
    def test_what_it_holds(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        result = invoke("export", "--ckpt", trained, "--format", "hub", "--out", "FOLDER")
        assert result.exit_code == 0, result.output
        assert result.stdout == "FOLDER\n"
        folder = tmp_path / "FOLDER"
        assert {path.name for path in folder.iterdir()} == FILES
        assert [path.name for path in tmp_path.iterdir()] == ["FOLDER"]
        expected = load_generator(trained / "g.pt").network.state_dict()
        weights = load_file(folder / "model.safetensors")
        assert weights.keys() == expected.keys()
        for name, tensor in expected.items():
            np.testing.assert_array_equal(weights[name], tensor.numpy())
        config = json.loads((folder / "config.json").read_text("utf-8"))
        assert config["model"]["generator"]["widths"] == [16]
        assert config["data"]["name"] == "digits"
        # The picture is what the card says.
        assert invoke("sample", "--ckpt", trained, "-n", 100, "--out", "s.png").exit_code == 0
        with Image.open(folder / "samples.png") as one, Image.open(tmp_path / "s.png") as other:
            assert one.size == (604, 604)  # see grids.magnify
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other))

    def test_the_card_runs(self, invoke: Invoke, tiny: Tiny, trained: Path, tmp_path: Path) -> None:
        for source in (trained, conditional(tiny, tmp_path, *"abc")):
            shutil.rmtree(tmp_path / "FOLDER", ignore_errors=True)
            invoke("export", "--ckpt", source, "--format", "hub", "--out", "FOLDER")
            text = (tmp_path / "FOLDER" / "README.md").read_text("utf-8")
            first, second = fenced(text, "python")
            names: dict[str, Any] = {}
            exec(first, names)
            assert names["images"].shape == (100, 1, 28, 28)
            assert len(second.strip().splitlines()) <= 7
            exec(second, names)
            # The network's own answer to the same noise, from the original file.
            original = load_generator(source)
            inputs = [torch.from_numpy(names["z"])]
            inputs += [torch.from_numpy(names["labels"])] if "labels" in names else []
            made = original(*inputs)
            np.testing.assert_allclose(names["images"] * 255, made, atol=0.51)
            for line in "\n".join(fenced(text, "bash")).splitlines():
                if line.startswith("mnistgan sample"):
                    assert invoke(*line.split()[1:]).exit_code == 0

    def test_every_command_takes_it(
        self, invoke: Invoke, trained: Path, tmp_path: Path, hurried: None
    ) -> None:
        invoke("export", "--ckpt", trained, "--format", "hub", "--out", "h")
        for call in (
            ["info", "h"],
            ["sample", "--ckpt", "h", "-n", 4],
            ["animate", "--ckpt", "h", "--frames", 3],
            ["project", "--ckpt", "h", "--index", 1, "--out", "p.png"],
            ["export", "--ckpt", "h", "--out", "other.onnx"],
            ["evaluate", "--ckpt", "h", "-n", 100],
        ):
            result = invoke(*call)
            assert result.exit_code == 0, (call, result.output)
        for path in (Path("h"), "h"):
            images = mnistgan.sample(mnistgan.load_generator(path), 5)
            np.testing.assert_array_equal(images, mnistgan.sample(load_generator(trained), 5))
        # What was measured in the folder is on the card of the next one.
        again = invoke("export", "--ckpt", "h", "--format", "hub", "--out", "again")
        assert "no figures" not in again.stderr
        figures = json.loads((tmp_path / "h" / "evaluation" / "figures.json").read_text("utf-8"))
        found = results_in(tmp_path / "again")["recall"]
        assert found.metric_value == pytest.approx(figures["figures"]["recall"], rel=1e-5)
        assert found.metric_args is not None
        assert found.metric_args["floor"] == pytest.approx(figures["floor"]["recall"], rel=1e-5)

    def test_it_is_no_run(self, invoke: Invoke, trained: Path) -> None:
        Path("runs").mkdir()
        invoke("export", "--ckpt", trained, "--format", "hub", "--out", "runs/h")
        assert "contains no run" in invoke("sample", "-n", 1).stderr
        assert "is not a run directory" in invoke("train", "--resume", "runs/h").stderr

    def test_the_default_folder(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        run = measured_run(trained, tmp_path)
        assert invoke("export", "--ckpt", run, "--format", "hub").exit_code == 0
        assert {path.name for path in (run / "g-hub").iterdir()} == FILES

    def test_an_installed_generator(self, invoke: Invoke, tmp_path: Path) -> None:
        assert invoke("export", "--ckpt", "mnist-mlp", "--format", "hub").exit_code == 0
        package = Path(mnistgan.__file__).parent / "generators"
        assert not list(package.glob("*-hub"))
        figures = json.loads((package / "mnist-mlp.json").read_text("utf-8"))
        for name, found in results_in(tmp_path / "mnist-mlp-hub").items():
            assert found.metric_value == pytest.approx(figures["figures"][name], rel=1e-5)
            assert found.metric_args is not None
            assert found.metric_args["floor"] == pytest.approx(figures["floor"][name], rel=1e-5)
        card = card_in(tmp_path / "mnist-mlp-hub")
        assert card.data.model_name == "mnist-mlp"
        assert card.data.datasets == ["ylecun/mnist"]
        assert "CC BY-SA 3.0" in card.text

    def test_no_folder_is_named(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        run = measured_run(trained, tmp_path, {**FIGURES, "data": "/home/anna/photos"})
        invoke("export", "--ckpt", run, "--format", "hub", "--out", "h")
        places = (b"anna", str(tmp_path).encode(), str(Path(mnistgan.__file__).parent).encode())
        for path in (tmp_path / "h").iterdir():
            for place in places:
                assert place not in path.read_bytes(), path.name
        assert results_in(tmp_path / "h")["precision"].dataset_name == "unnamed images"


class TestRefusals:
    def test_a_folder_with_files(self, invoke: Invoke, trained: Path) -> None:
        Path("h").mkdir()
        assert invoke("export", "--ckpt", trained, "--format", "hub", "--out", "h").exit_code == 0
        again = invoke("export", "--ckpt", trained, "--format", "hub", "--out", "h")
        assert again.exit_code == 2
        assert "h: already exists and is not empty; choose another" in again.stderr

    def test_licenses(self, invoke: Invoke, trained: Path) -> None:
        for name in ("MIT License", 'mit"\nx: y', "", "../x"):
            result = invoke("export", "--ckpt", trained, "--format", "hub", "--license", name)
            assert result.exit_code == 2
            assert "is not the name of a license on the hub" in result.stderr
        result = invoke("export", "--ckpt", trained, "--license", "mit")
        assert result.exit_code == 2
        assert "--license is only for --format hub" in result.stderr

    def test_a_failure_leaves_nothing(
        self, invoke: Invoke, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(onnx, "ATOL", -1.0)
        result = invoke("export", "--ckpt", trained, "--format", "hub", "--out", "a/h")
        assert result.exit_code == 1
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "text", ["", "[]", "{}", '{"figures": 1}', json.dumps({**FIGURES, "n": "many"}), "[" * 9999]
    )
    def test_files_that_are_no_figures(
        self, invoke: Invoke, trained: Path, tmp_path: Path, text: str
    ) -> None:
        run = measured_run(trained, tmp_path)
        (run / "evaluation" / "figures.json").write_text(text)
        result = invoke("export", "--ckpt", run, "--format", "hub", "--out", "h")
        assert result.exit_code == 2
        assert "is not a file of mnistgan evaluate" in result.stderr
        assert not (tmp_path / "h").exists()

    def test_a_folder_with_neither(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="is not a run directory"):
            load_generator(tmp_path)


@pytest.fixture
def _no_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes an empty model.onnx, which takes no seconds."""

    def write(generator: Generator, path: Path) -> onnx.Exported:
        path.touch()
        return onnx.Exported(path, onnx.OPSET, 0.0)

    monkeypatch.setattr(onnx, "export_onnx", write)


@pytest.mark.usefixtures("_no_onnx")
class TestCard:
    def test_metadata(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        run = measured_run(trained, tmp_path)
        invoke("export", "--ckpt", run, "--format", "hub", "--license", "mit", "--out", "h")
        raw = metadata_in(tmp_path / "h")
        task = "unconditional-image-generation"
        assert raw == {
            "license": "mit",
            "library_name": "mnistgan",
            "pipeline_tag": task,
            "tags": ["gan", "mlp", "image-generation", "pytorch", "onnx", "digits"],
            "model-index": eval_results_to_model_index(
                "tiny",
                [
                    EvalResult(
                        task_type=task,
                        task_name="Image generation",
                        dataset_type="digits",
                        dataset_name="digits",
                        metric_type=kind,
                        metric_name=name,
                        metric_value=value,
                        metric_args={
                            "images": 500,
                            "classifier": "mnistgan-lenet-v1",
                            "floor": floor,
                            "floor_images": 360,
                        },
                    )
                    for kind, name, value, floor in (
                        (
                            "frechet_distance",
                            "Frechet distance (floor, real images: 0.5)",
                            1.25,
                            0.5,
                        ),
                        ("precision", "Precision (floor, real images: 0.875)", 0.75, 0.875),
                        (
                            "copies",
                            "Share of copies of training images (floor, real images: 0)",
                            1e-05,
                            0.0,
                        ),
                    )
                ],
            ),
        }
        text = (tmp_path / "h" / "README.md").read_text("utf-8")
        assert "| Frechet distance | 1.25 | 0.5 | 0 |" in text
        assert "Fair: all ten digits." in text
        assert "on 500 images against digits" in text
        assert "360 held-out real images" in text
        assert "The weights: mit." in text
        assert "with this license: CC BY 4.0." in text

    def test_not_measured(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        result = invoke("export", "--ckpt", trained, "--format", "hub", "--out", "h")
        assert "the card has no figures" in result.stderr
        assert "states no license" in result.stderr
        raw = metadata_in(tmp_path / "h")
        assert raw["license"] == "unknown"
        assert "model-index" not in raw
        text = (tmp_path / "h" / "README.md").read_text("utf-8")
        assert "Not measured." in text
        assert "mnistgan evaluate --ckpt FOLDER\n" in text
        assert "No license is stated for the weights." in text

    def test_measured_while_training(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        run = measured_run(trained, tmp_path)
        (run / "evaluation" / "figures.json").unlink()
        step = load_generator(run).step
        head = (
            "epoch,step,n,frechet_distance,kernel_distance,kernel_distance_std,precision,recall,"
            "density,coverage,classifier_score,confidence,kl_to_labels,kl_to_uniform,"
            "missing_classes\n"
        )
        rest = ",0.5,0.1,inf,0.25,0.5,0.5,8,0.9,0.1,0.1,0\n"
        rows = f"1,{step - 1},200,7.5{rest}2,{step},300,3.5{rest}"
        (run / "evaluations.csv").write_text(head + rows)
        invoke("export", "--ckpt", run, "--format", "hub", "--out", "h")
        found = results_in(tmp_path / "h")
        assert found["frechet_distance"].metric_value == 3.5
        assert found["frechet_distance"].metric_args == {"images": 300}
        assert "precision" not in found, "it is infinite, which is no figure"
        assert "| Frechet distance | 3.5 | - | 0 |" in (tmp_path / "h/README.md").read_text()
        # The figures of another step are not those of this generator.
        (run / "evaluations.csv").write_text(head + f"1,{step - 1},200,7.5{rest}")
        invoke("export", "--ckpt", run, "--format", "hub", "--out", "other")
        assert not results_in(tmp_path / "other")

    def test_figures_of_another_generator(
        self, invoke: Invoke, trained: Path, tmp_path: Path
    ) -> None:
        """``evaluate --ckpt FILE`` writes to ``evaluation``, whichever file it measures."""
        run = measured_run(trained, tmp_path)
        (run / "config.toml").unlink()
        invoke("export", "--ckpt", run / "g.pt", "--format", "hub", "--out", "h")
        assert not results_in(tmp_path / "h")

    def test_hostile_names(self, invoke: Invoke, tiny: Tiny, tmp_path: Path) -> None:
        source = conditional(tiny, tmp_path, *HOSTILE)
        name = "x`\n---\n<img src=x onerror=alert(1)> [a](b)"
        figures = {**FIGURES, "classifier": {"name": name}, "verdict": name, "data": name}
        (tmp_path / "evaluation").mkdir()
        (tmp_path / "evaluation" / "figures.json").write_text(json.dumps(figures))
        source.rename(tmp_path / "model.safetensors")
        result = invoke("export", "--ckpt", tmp_path, "--format", "hub", "--out", "h")
        assert result.exit_code == 0, result.output
        text = (tmp_path / "h" / "README.md").read_text("utf-8")
        raw = metadata_in(tmp_path / "h")
        (result_of,) = raw["model-index"][0]["results"]
        assert {one["args"]["classifier"] for one in result_of["metrics"]} == {name}
        assert raw["tags"][-2:] == ["conditional", "digits"]
        body = ModelCard(text).text
        tokens = MarkdownIt("commonmark").enable("table").parse(body)
        inner = [child for token in tokens for child in token.children or []]
        kinds = {token.type for token in (*tokens, *inner)}
        assert not kinds & {"html_block", "html_inline", "link_open", "hr"}
        assert [one.attrs["src"] for one in inner if one.type == "image"] == ["samples.png"]
        shown = name.replace("\n", "\\n")
        code = [one.content for one in inner if one.type == "code_inline"]
        assert code.count(shown) == 2, "the verdict and the classifier"
        for one in HOSTILE:
            assert one.replace("\u202e", "\\u202e") in code

    def test_names_that_are_words_are_no_code(
        self, invoke: Invoke, tiny: Tiny, tmp_path: Path
    ) -> None:
        source = conditional(tiny, tmp_path, "Ankle boot", "T-shirt", "0")
        invoke("export", "--ckpt", source, "--format", "hub", "--out", "h")
        text = (tmp_path / "h" / "README.md").read_text("utf-8")
        assert re.search("from 0: Ankle boot, T-shirt, 0$", text, re.MULTILINE)

    def test_more_classes_than_fit(self, invoke: Invoke, tiny: Tiny, tmp_path: Path) -> None:
        source = conditional(tiny, tmp_path, *(f"c{number}" for number in range(65)))
        invoke("export", "--ckpt", source, "--format", "hub", "--out", "h")
        assert "c60, c61 and 3 more\n" in (tmp_path / "h" / "README.md").read_text("utf-8")

    @pytest.mark.parametrize(
        ("data", "more"), [("./mine", " --data PATH"), ("mine.npz", " --data PATH"), ("digits", "")]
    )
    @pytest.mark.parametrize("is_measured", [True, False])
    def test_the_command_that_measures_it(
        self, invoke: Invoke, tiny: Tiny, tmp_path: Path, data: str, more: str, is_measured: bool
    ) -> None:
        config = tiny(("data.name", data))
        network = networks.build_generator(config).eval()
        generator = Generator(network, config, step=7, epoch=1)
        safetensors.export_safetensors(generator, tmp_path / "g.safetensors")
        if is_measured:
            figures = measured.Measured(n=100, figures={"precision": 0.5})
            hub.export_hub(generator, tmp_path / "h", measured=figures)
        else:
            said = invoke("export", "--ckpt", "g.safetensors", "--format", "hub", "--out", "h")
            assert f"run mnistgan evaluate --ckpt h{more}, then export" in said.stderr
        text = (tmp_path / "h" / "README.md").read_text("utf-8")
        assert f"\nmnistgan evaluate --ckpt FOLDER{more}\n```\n" in text
        if more:
            assert "give them with --data" in invoke("evaluate", "--ckpt", "h").stderr

    def test_images_without_a_name(self, tiny: Tiny, tmp_path: Path) -> None:
        config = tiny(("data.name", str(tmp_path / "mine.npz")), ("name", None))
        network = networks.build_generator(config).eval()
        hub.export_hub(Generator(network, config, step=7, epoch=1), tmp_path / "h")
        text = (tmp_path / "h" / "README.md").read_text("utf-8")
        assert "mnistgan evaluate --ckpt FOLDER --data PATH\n" in text
        assert "mine" not in text
        assert "# mlp-unnamed\n" in text

    @pytest.mark.parametrize("source", ["torchvision:SVHN", "emnist-letters", "fashion-mnist"])
    def test_other_data(self, tiny: Tiny, tmp_path: Path, source: str) -> None:
        config = tiny(("data.name", source), ("data.channels", 3))
        network = networks.build_generator(config).eval()
        hub.export_hub(Generator(network, config, step=7, epoch=1), tmp_path / "h")
        card = card_in(tmp_path / "h")
        known = ["zalando-datasets/fashion_mnist"] if source == "fashion-mnist" else None
        assert card.data.datasets == known
        assert card.data.tags[-1] == source.removeprefix("torchvision:")
        assert "28 x 28 color images" in card.text
        assert ("with this license: MIT." in card.text) == (source == "fashion-mnist")
