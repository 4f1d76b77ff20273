"""Digits on demand: conditional models, from the config to labeled files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import Invoke, StopAfter, Tiny

from mnistgan import datasets
from mnistgan.arrays import Images, Labels
from mnistgan.config import DataConfig, toml
from mnistgan.errors import DataError, FileFormatError, UsageError
from mnistgan.evaluation import classifier
from mnistgan.evaluation.labeler import Labeler
from mnistgan.events import StepMetrics
from mnistgan.export.onnx import export_onnx
from mnistgan.models import networks
from mnistgan.runs import comparison
from mnistgan.sampling import blocks, conditioning
from mnistgan.sampling.blocks import SamplingOptions
from mnistgan.sampling.conditioning import ClassSequence
from mnistgan.sampling.generator import Generator, load_generator
from mnistgan.storage import checkpoint, tables
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.synthetic.selection import ImageStream, Sampler
from mnistgan.synthetic.torch_dataset import SyntheticDigits
from mnistgan.training.trainer import Trainer

DIGITS = tuple("0123456789")
MLP: dict[str, Any] = {"model.conditional": True}
DCGAN: dict[str, Any] = {
    "model": {
        "family": "dcgan",
        "conditional": True,
        "generator": {"width": 4},
        "discriminator": {"width": 4},
    }
}


class LabelsAsConfidences(Labeler):
    """Returns the labels that it is asked about."""

    def confidences(self, images: Images, labels: Labels) -> npt.NDArray[np.float64]:
        return labels.astype(np.float64)


@pytest.fixture(scope="module")
def digits() -> datasets.ImageSet:
    return datasets.load(DataConfig(name="digits"))


@pytest.fixture
def conditional(tiny: Tiny, digits: datasets.ImageSet, tmp_path: Path) -> Path:
    """The file of a conditional generator that has learned a little."""
    trainer = Trainer(tiny(*MLP.items(), ("train.epochs", 1)), digits)
    list(trainer)
    checkpoint.save_generator(tmp_path / "c.pt", trainer.config, trainer.state())
    return tmp_path / "c.pt"


class TestAsked:
    def test_classes_take_turns(self) -> None:
        assert ClassSequence((3, 1, 4)).labels(2, 5).tolist() == [4, 3, 1, 4, 3]
        assert ClassSequence((3, 1), repeat=2).labels(0, 6).tolist() == [3, 3, 1, 1, 3, 3]

    @given(st.lists(st.integers(0, 99), min_size=1), st.integers(1, 9), st.integers(0, 999))
    def test_a_label_depends_on_its_index_alone(
        self, classes: list[int], repeat: int, start: int
    ) -> None:
        class_sequence = ClassSequence(tuple(classes), repeat)
        together = class_sequence.labels(0, start + 7)
        np.testing.assert_array_equal(together[start:], class_sequence.labels(start, 7))

    def test_a_grids_labels_ascend_and_are_shared_out(self) -> None:
        labels = conditioning.in_a_grid(DIGITS, 64)
        assert (np.diff(labels) >= 0).all()
        assert set(np.bincount(labels)) == {6, 7}

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("7", (7,)),
            ("1,3, 5", (1, 3, 5)),
            ("0-9", tuple(range(10))),
            ("8-9,0", (8, 9, 0)),
            (None, tuple(range(10))),
        ],
    )
    def test_digits_are_read(self, text: str | None, expected: tuple[int, ...]) -> None:
        assert conditioning.parse(text, DIGITS).classes == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("Sneaker", (2,)), ("bag", (1,)), ("t-shirt-bag", (0, 1)), ("1-2", (1, 2))],
    )
    def test_names_are_read(self, text: str, expected: tuple[int, ...]) -> None:
        assert conditioning.parse(text, ("T-shirt", "Bag", "Sneaker")).classes == expected

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("0-2", ["0", "1", "2"]),
            ("2-11", ["2", "10", "11"]),
            ("2", ["2"]),
            ("10,2", ["10", "2"]),
            ("02-10", ["2", "10"]),
        ],
    )
    def test_a_range_goes_by_the_names_that_people_see(self, text: str, names: list[str]) -> None:
        """Also in old generator files, whose classes are in the order of text."""
        for classes in (("0", "1", "10", "11", "2"), ("0", "1", "2", "10", "11")):
            labels = conditioning.parse(text, classes).classes
            assert [classes[label] for label in labels] == names

    @pytest.mark.parametrize(
        ("text", "classes", "names"),
        [
            ("7", ("06", "07", "08"), ["07"]),
            ("6-8", ("08", "07", "06"), ["06", "07", "08"]),
            ("-2-1", ("-2", "0", "1", "3"), ["-2", "0", "1"]),
            ("8-11", ("5", "8", "11", "x", "9"), ["8", "9", "11"]),
            ("a-c", ("a", "b", "c"), ["a", "b", "c"]),
            ("0-B", (*DIGITS, "A", "B"), [*DIGITS, "A", "B"]),
            ("10", (*DIGITS, "A", "B"), ["A"]),
        ],
    )
    def test_other_names(self, text: str, classes: tuple[str, ...], names: list[str]) -> None:
        assert [classes[label] for label in conditioning.parse(text, classes).classes] == names

    @pytest.mark.parametrize("text", ["1", "0-3", "1-2", "4-2"])
    def test_the_number_of_a_class_is_not_another_ones_name(self, text: str) -> None:
        with pytest.raises(UsageError, match=r"is not a class of this generator \(0, 2, 4\)"):
            conditioning.parse(text, ("0", "2", "4"))

    @pytest.mark.parametrize("text", ["10", "", "9-0", "seven", "1,,2", "-1", "0-", "²"])
    def test_what_is_no_class_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError, match=r"is not a class of this generator \(0, 1"):
            conditioning.parse(text, DIGITS)

    @pytest.mark.parametrize(
        ("text", "classes", "message"),
        [
            ("12", tuple(map(str, range(12))), "'12' is not a class of this generator (0 to 11)"),
            (
                "11-9",
                tuple(map(str, range(12))),
                "'11-9' is not a class of this generator (0 to 11); write 9-11",
            ),
            (
                "1, 2 - 0",
                tuple("012"),
                "'2 - 0' is not a class of this generator (0, 1, 2); write 0-2",
            ),
            (
                "bag-t-shirt",
                ("T-shirt", "Bag"),
                "'bag-t-shirt' is not a class of this generator (T-shirt, Bag); write t-shirt-bag",
            ),
            (
                "bags",
                ("T-shirt", "Bag"),
                "'bags' is not a class of this generator (T-shirt, Bag); did you mean 'Bag'?",
            ),
            (
                "3",
                tuple(map(str, range(0, 24, 2))),
                "'3' is not a class of this generator (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, ...)",
            ),
        ],
    )
    def test_what_to_write_instead(self, text: str, classes: tuple[str, ...], message: str) -> None:
        with pytest.raises(UsageError) as error:
            conditioning.parse(text, classes)
        assert str(error.value) == message

    @given(st.text(max_size=8))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            class_sequence = conditioning.parse(text, DIGITS)
        except UsageError as error:
            assert "\n" not in str(error).replace(text, "")  # noqa: PT017 - either is fine
        else:
            assert set(class_sequence.classes) <= set(range(10))


class TestTraining:
    @pytest.mark.parametrize("keys", [MLP, DCGAN, MLP | {"train.loss": "wasserstein-gp"}])
    def test_labels_reach_both_players(
        self, tiny: Tiny, digits: datasets.ImageSet, keys: dict[str, Any]
    ) -> None:
        trainer = Trainer(tiny(*keys.items(), ("train.r1", 0.1), ("train.epochs", 1)), digits)
        assert trainer.config.model.classes == DIGITS
        before = [one.clone() for one in _label_weights(trainer)]
        assert len(before) == 2
        assert all(isinstance(event, object) for event in trainer)
        for old, new in zip(before, _label_weights(trainer), strict=True):
            assert (old != new).any(dim=1).all()  # every class has been taught

    @pytest.mark.parametrize("keys", [MLP, DCGAN])
    def test_the_label_changes_image_and_verdict(self, tiny: Tiny, keys: dict[str, Any]) -> None:
        config = tiny(*keys.items(), ("model.classes", list(DIGITS)))
        generator = networks.build_generator(config).eval()
        discriminator = networks.build_discriminator(config).eval()
        z = torch.ones(10, config.model.latent_dim)
        with torch.no_grad():
            images = generator(z, torch.arange(10))
            assert images.shape == (10, 1, 28, 28)
            assert len({tuple(image.flatten().tolist()) for image in images}) == 10
            verdicts = discriminator(images[:1].expand(10, -1, -1, -1), torch.arange(10))
        assert verdicts.shape == (10,)
        assert len(set(verdicts.tolist())) == 10

    def test_a_projection_is_what_the_paper_says(self, tiny: Tiny) -> None:
        config = tiny(*DCGAN.items(), ("model.classes", list(DIGITS)))
        discriminator = networks.build_discriminator(config)
        assert isinstance(discriminator, networks.ProjectionDiscriminator)
        images, labels = torch.rand(5, 1, 28, 28), torch.tensor([0, 9, 3, 3, 1])
        features = discriminator.features(images)
        inner = (features * discriminator.vectors.weight[labels]).sum(dim=1)
        expected = discriminator.logits(features)[:, 0] + inner
        torch.testing.assert_close(discriminator(images, labels), expected)

    def test_a_stop_changes_nothing(self, tiny: Tiny, digits: datasets.ImageSet) -> None:
        config = tiny(*MLP.items())
        whole = _numbers(Trainer(config, digits))
        first, rest = Trainer(config, digits, stop=StopAfter(5)), Trainer(config, digits)
        begun = _numbers(first)
        rest.restore(first.state())
        assert begun + _numbers(rest) == whole

    @pytest.mark.slow
    def test_it_learns_the_digits_that_it_is_asked_for(
        self, tiny: Tiny, digits: datasets.ImageSet
    ) -> None:
        config = tiny(
            *MLP.items(),
            ("model.generator.widths", [64]),
            ("model.discriminator.widths", [64]),
            ("train", {"epochs": 40, "batch_size": 64, "device": "cpu", "ema_decay": 0.99}),
        )
        trainer = Trainer(config, digits)
        list(trainer)
        generator = Generator(trainer.sampled, trainer.config, trainer.step, trainer.epoch)
        images = blocks.sample(generator, 500).reshape(500, -1) / 255
        assert digits.labels is not None
        means = np.stack([digits.images[digits.labels == one].mean(axis=0) for one in range(10)])
        distances = np.square(images[:, None] - means.reshape(10, -1) / 255).sum(axis=2)
        assert (distances.argmin(axis=1) == np.arange(500) % 10).mean() > 0.8  # chance: 0.1

    def test_data_without_classes_is_refused(self, tiny: Tiny, digits: datasets.ImageSet) -> None:
        bare = replace(digits, labels=None, classes=())
        with pytest.raises(DataError, match=r"model needs classes; .* model\.conditional = false"):
            Trainer(tiny(*MLP.items()), bare)

    def test_other_classes_are_refused(self, tiny: Tiny, digits: datasets.ImageSet) -> None:
        config = tiny(*MLP.items(), ("model.classes", ["a", "b"]))
        with pytest.raises(DataError, match=r"has the classes .* model\.classes has"):
            Trainer(config, digits)

    def test_classes_without_labels_are_a_mistake(self, tiny: Tiny) -> None:
        with pytest.raises(UsageError, match="classes need conditional = true"):
            tiny(("model.classes", ["a", "b"]))

    def test_the_command_trains_and_goes_on(
        self, invoke: Invoke, tiny_toml: Path, tmp_path: Path
    ) -> None:
        given_toml = ("train", "--config", tiny_toml, "--set", "model.conditional=true")
        assert invoke(*given_toml, "--epochs", 1, "--output-dir", "parts").exit_code == 0
        written = toml.read_toml(tmp_path / "parts" / "config.toml")
        assert written["model"]["classes"] == list(DIGITS)
        more = invoke(*given_toml, "--epochs", 2, "--resume", "parts")  # a TOML without classes
        assert more.exit_code == 0, more.output
        assert invoke(*given_toml, "--epochs", 2, "--output-dir", "whole").exit_code == 0
        for name in ("g.pt", "metrics.csv", "samples/epoch_002.png"):
            whole, parts = (tmp_path / run / name for run in ("whole", "parts"))
            if name != "metrics.csv":  # images a second differ
                assert whole.read_bytes() == parts.read_bytes()

    @pytest.mark.usefixtures("hurried")
    def test_agreement_is_measured_on_the_way(
        self, invoke: Invoke, tiny_toml: Path, tmp_path: Path
    ) -> None:
        sets = ("--set", "model.conditional=true", "--set", "evaluate.every=1")
        command = ("train", "--config", tiny_toml, *sets, "--set", "evaluate.n=100")
        result = invoke(*command, "--epochs", 1, "--output-dir", "run")
        assert result.exit_code == 0, result.output
        assert "agreement 0." in result.stderr
        assert invoke("train", "--resume", "run", "--epochs", 2).exit_code == 0
        rows = tables.read_evaluations(tmp_path / "run" / "evaluations.csv")
        assert rows["epoch"].tolist() == [1, 2]
        assert ((rows["agreement"] >= 0) & (rows["agreement"] <= 1)).all()
        (row,) = comparison.compare([RunDirectory(tmp_path / "run")])
        assert row.figures["agreement"][0] == rows["agreement"][-1]


def _label_weights(trainer: Trainer) -> list[torch.Tensor]:
    """What the two players have learned of each class, a row a class."""
    names = ("labels.weight", "vectors.weight")
    return [
        weights
        for network in (trainer.generator, trainer.discriminator)
        for name, weights in network.named_parameters()
        if name in names
    ]


def _numbers(trainer: Trainer) -> list[tuple[float, ...]]:
    return [(one.loss_d, one.loss_g, one.d_real) for one in trainer if isinstance(one, StepMetrics)]


class TestSampling:
    def test_labels_are_needed_where_they_were_learned(
        self, conditional: Path, trained: Path
    ) -> None:
        z, labels = torch.zeros(2, 8), torch.tensor([1, 2])
        with pytest.raises(UsageError, match="conditional: give labels"):
            load_generator(conditional)(z)
        with pytest.raises(UsageError, match="without labels: give z alone"):
            load_generator(trained)(z, labels)

    def test_mixed_labels_lie_between(self, conditional: Path) -> None:
        generator = load_generator(conditional)
        z = torch.zeros(3, 8)
        one_hot = torch.nn.functional.one_hot(torch.tensor([4, 4, 7]), 10).float()
        np.testing.assert_array_equal(generator(z, one_hot), generator(z, torch.tensor([4, 4, 7])))
        between = generator(z[:1], (one_hot[:1] + one_hot[2:]) / 2)
        assert (between[0] != generator(z, one_hot)[0]).any()

    def test_large_images_pass_in_parts(
        self, conditional: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        generator = load_generator(conditional)
        whole = blocks.sample(generator, 256).astype(int)
        monkeypatch.setattr(blocks, "_MOST_NUMBERS", 100 * 28 * 28)
        assert np.abs(whole - blocks.sample(generator, 256)).max() <= 1

    def test_a_generator_is_not_asked_for_what_it_does_not_know(self, trained: Path) -> None:
        generator = load_generator(trained)
        with pytest.raises(UsageError, match="trained without labels"):
            blocks.sample(generator, 3, digits=1)

    def test_images_depend_on_draw_and_index_alone(self, conditional: Path) -> None:
        generator = load_generator(conditional)
        images = blocks.sample(generator, 300, seed=2)
        np.testing.assert_array_equal(images[:30], blocks.sample(generator, 30, seed=2))
        sevens = blocks.sample(generator, 30, seed=2, digits=7)
        np.testing.assert_array_equal(images[7:30:10], sevens[7::10])  # the noise is the same
        assert (images[:7] != sevens[:7]).any()

    @given(st.floats(0.01, 6), st.integers(0, 99))
    def test_truncated_noise_keeps_its_order(self, limit: float, seed: int) -> None:
        plain = SamplingOptions(seed).z(0, 4).flatten()
        cut = SamplingOptions(seed, truncation=limit).z(0, 4).flatten()
        assert cut.abs().max() <= limit
        assert (torch.diff(cut[plain.argsort()]) >= 0).all()

    def test_truncated_noise_is_truncated_normal(self) -> None:
        cut = torch.cat([SamplingOptions(truncation=1.0).z(number, 64) for number in range(20)])
        assert cut.std().item() == pytest.approx(0.5396, abs=0.002)  # of N(0, 1) within [-1, 1]

    @pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
    def test_what_is_no_truncation(self, limit: float) -> None:
        with pytest.raises(UsageError, match="give a positive number"):
            SamplingOptions(truncation=limit)

    def test_every_form_keeps_its_labels(self, conditional: Path) -> None:
        generator = load_generator(conditional)
        source = Sampler(generator, SamplingOptions(5, ClassSequence((3, 8))))
        ((images, labels),) = ImageStream(source, 6)
        assert labels is not None
        assert labels.tolist() == [3, 8, 3, 8, 3, 8]
        np.testing.assert_array_equal(images, blocks.sample(generator, 6, 5, [3, 8]))
        items = SyntheticDigits(conditional, 20, labels=True)
        assert [items[index][1] for index in range(20)] == [*range(10), *range(10)]
        assert items.classes == DIGITS
        assert isinstance(SyntheticDigits(conditional, 20)[3], torch.Tensor)

    def test_the_classifiers_classes_may_be_in_another_order(self, conditional: Path) -> None:
        generator = load_generator(conditional)
        labeler = LabelsAsConfidences(classifier.shipped(), tuple(reversed(DIGITS)))
        found = Sampler(generator, labeler=labeler).block(0).confidences
        assert found is not None
        assert found.tolist() == [9 - index % 10 for index in range(256)]

    def test_classes_that_the_data_has_not_are_refused(self, invoke: Invoke, tiny: Tiny) -> None:
        classes = [f"class {number}" for number in range(12)]
        config = tiny(*MLP.items(), ("data.name", "mnist"), ("model.classes", classes))
        weights = networks.build_generator(config).state_dict()
        state = {"generator": weights, "step": 0, "epoch": 0}
        checkpoint.save_generator(Path("strange.pt"), config, state)
        more = ("-n", 30, "--format", "npz", "--min-confidence", 0.1)
        result = invoke("sample", "--ckpt", "strange.pt", *more)
        assert result.exit_code == 2
        assert "remove --min-confidence" in result.stderr

    def test_a_file_without_its_classes_is_none(self, tiny: Tiny, tmp_path: Path) -> None:
        config = tiny(*MLP.items())
        state = {"generator": {}, "step": 0, "epoch": 0}
        checkpoint.save_generator(tmp_path / "g.pt", config, state)
        with pytest.raises(FileFormatError, match="has no classes"):
            load_generator(tmp_path / "g.pt")


class TestCommands:
    def test_a_row_a_digit(self, invoke: Invoke, conditional: Path, tmp_path: Path) -> None:
        result = invoke("sample", "--ckpt", conditional, "--digits", "0-2", "--per-digit", 5)
        assert result.exit_code == 0, result.output
        images = blocks.sample(load_generator(conditional), 15, 0, [*5 * [0], *5 * [1], *5 * [2]])
        with Image.open(tmp_path / "samples.png") as file:
            picture = np.asarray(file)
        # 5 x 3 images take 152 x 92, which fits 900 pixels 5 times.
        assert picture.shape == (92 * 5, 152 * 5)
        places = picture[:-10, :-10].reshape(3, 30, 5, 5, 30, 5)[:, 2:, :, :, 2:, :]
        shown = places.transpose(0, 3, 1, 4, 2, 5)  # row, column, y, x, and 5 x 5 equal pixels
        expected = images[:, 0].reshape(3, 5, 28, 28, 1, 1)
        np.testing.assert_array_equal(shown, np.broadcast_to(expected, shown.shape))

    def test_sevens(self, invoke: Invoke, conditional: Path, tmp_path: Path) -> None:
        more = ("--digit", 7, "-n", 12, "--format", "npz", "--truncation", 1.5)
        assert invoke("sample", "--ckpt", conditional, *more).exit_code == 0
        with np.load(tmp_path / "samples.npz") as arrays:
            assert arrays["labels"].tolist() == [7] * 12

    def test_mnists_files_need_no_classifier(
        self, invoke: Invoke, conditional: Path, tmp_path: Path
    ) -> None:
        more = ("-n", 20, "--format", "idx", "--test", 10)
        result = invoke("sample", "--ckpt", conditional, *more)
        assert result.exit_code == 0, result.output
        raw = tmp_path / "synthetic" / "MNIST" / "raw"
        assert (raw / "train-labels-idx1-ubyte").read_bytes()[8:] == bytes([*range(10)] * 2)

    def test_shards_know_what_was_asked(
        self, invoke: Invoke, conditional: Path, tmp_path: Path
    ) -> None:
        command = ("sample", "--ckpt", conditional, "-n", 6, "--format", "shards")
        assert invoke(*command, "--digits", "1,2").exit_code == 0
        with np.load(tmp_path / "shards" / "shard-00001.npz") as arrays:
            assert arrays["labels"].tolist() == [1, 2] * 3
        again = invoke(*command, "--digits", "1,3")
        assert again.exit_code == 2
        assert "other labels" in again.stderr

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("-n", 3, "--per-digit", 2), "give either -n, or --per-digit"),
            ((), "give either -n, or --per-digit"),
            (("-n", 3, "--digits", "x"), "'x' is not a class"),
            (("-n", 3, "--digits", "1", "--balanced", "--format", "npz"), "remove --balanced"),
            (("-n", 3, "--truncation", -1), "positive"),
            (("--per-digit", 1001), "a grid holds at most"),
        ],
    )
    def test_mistakes(
        self, invoke: Invoke, conditional: Path, options: tuple[object, ...], words: str
    ) -> None:
        result = invoke("sample", "--ckpt", conditional, *options)
        assert result.exit_code == 2
        assert words in result.stderr

    def test_an_unconditional_generator_knows_no_digits(
        self, invoke: Invoke, trained: Path
    ) -> None:
        for options in (("-n", 3, "--digit", 7), ("--per-digit", 7)):
            result = invoke("sample", "--ckpt", trained, *options)
            assert result.exit_code == 2
            assert "was trained without labels" in result.stderr
            assert "--set model.conditional=true" in result.stderr

    @pytest.mark.slow
    def test_onnx_takes_labels(self, conditional: Path, tmp_path: Path) -> None:
        import onnxruntime

        generator = load_generator(conditional)
        path = export_onnx(generator, tmp_path / "g.onnx").path
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        assert [(one.name, one.type) for one in session.get_inputs()] == [
            ("z", "tensor(float)"),
            ("labels", "tensor(int64)"),
        ]
        z, labels = SamplingOptions().z(0, 8)[:3], np.array([7, 0, 7])
        (out,) = session.run(None, {"z": z.numpy(), "labels": labels})
        expected = generator(z, torch.from_numpy(labels))
        assert np.abs(out * 255 - expected).max() <= 1

    @pytest.mark.usefixtures("hurried")
    def test_evaluate_tells_agreement(
        self, invoke: Invoke, conditional: Path, tmp_path: Path
    ) -> None:
        result = invoke("evaluate", "--ckpt", conditional, "-n", 200)
        assert result.exit_code == 0, result.output
        assert "agreement" in result.stdout
        assert "Frechet distance by class" in result.stdout
        figures = json.loads((tmp_path / "evaluation" / "figures.json").read_text())
        assert 0 <= figures["figures"]["agreement"] <= 1
        assert figures["floor"]["agreement"] > 0.5
        assert set(figures["figures"]["class_distances"]) == set(DIGITS)
