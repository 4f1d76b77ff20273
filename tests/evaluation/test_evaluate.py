"""``mnistgan evaluate``: the classifier, reports, scores, and measuring while training."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Invoke, StopAfter, Tiny, noise_images

from mnistgan import datasets
from mnistgan.config import DataConfig
from mnistgan.datasets import ImageSet
from mnistgan.evaluation import classifier, measures, reference, results, tstr
from mnistgan.evaluation.candidates import Candidates
from mnistgan.evaluation.measures import Array
from mnistgan.evaluation.reference import Reference
from mnistgan.events import Evaluated, Event, RunEnded
from mnistgan.progress import StopToken
from mnistgan.rendering.grids import read_png, save_png
from mnistgan.runs import event_lines
from mnistgan.runs.plan import Override, plan_resume
from mnistgan.runs.run import Run, train
from mnistgan.sampling.generator import load_generator
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory

pytestmark = pytest.mark.slow  # trains many runs


@pytest.fixture
def digits(hurried: None) -> Reference:
    """The embedded digits, and a classifier that was trained on them for a moment."""
    return reference.load(DataConfig(name="digits"))


class TestClassifier:
    def test_the_shipped_one_knows_digits(self, mnist_root: Path) -> None:
        shipped = classifier.shipped()
        test = datasets.load(DataConfig(root=str(mnist_root)), "test")
        accuracy = classifier.accuracy(shipped.network, test)
        assert accuracy == pytest.approx(shipped.accuracy, abs=2e-4)
        assert accuracy >= 0.993
        assert len(shipped.sha256) == 64

    def test_it_is_small(self) -> None:
        folder = Path(classifier.__file__).parent
        assert (folder / f"{classifier.SHIPPED}.pt").stat().st_size < 1_000_000

    def test_an_image_is_seen_the_same_in_any_company(self) -> None:
        shipped, images = classifier.shipped().network, noise_images(700, 1, 28, 28)
        together, alone = shipped.predict(images), shipped.predict(images[600:601])
        np.testing.assert_array_equal(together.features[600:601], alone.features)
        assert together.probabilities.sum(axis=1) == pytest.approx(1)

    def test_one_of_its_own_is_trained_once(self, digits: Reference, cache_folder: Path) -> None:
        assert digits.classifier.accuracy is not None
        assert digits.classifier.accuracy > 0.9
        path = cache_folder / "classifiers" / f"{digits.classifier.name}.pt"
        before = path.stat().st_mtime_ns
        again = reference.load(DataConfig(name="digits"))
        assert again.classifier.sha256 == digits.classifier.sha256
        assert path.stat().st_mtime_ns == before
        path.write_bytes(path.read_bytes()[:-9])
        assert reference.load(DataConfig(name="digits")).classifier.name == digits.classifier.name

    def test_what_it_saw_is_kept(
        self, digits: Reference, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # By its classifier: on another number of threads, another test may have trained another.
        name = f"{digits.train.digest[:16]}-{digits.classifier.sha256[:16]}.npy"
        path = cache_folder / "features" / name
        with monkeypatch.context() as blind:
            blind.setattr(classifier.LeNet, "predict", None)
            again = reference.load(DataConfig(name="digits"))
        np.testing.assert_array_equal(again.train_features, digits.train_features)
        path.write_bytes(path.read_bytes()[:-7])
        whole = reference.load(DataConfig(name="digits"))
        np.testing.assert_array_equal(whole.train_features, digits.train_features)

    def test_the_same_data_and_seed_give_the_same_weights(self) -> None:
        labels = np.arange(256) % 3
        data = ImageSet(noise_images(256, 1, 12, 12), labels, ("a", "b", "c"), "noise")
        one, other = (classifier.fit(data, epochs=2, seed=5) for _ in range(2))
        for left, right in zip(one.parameters(), other.parameters(), strict=True):
            np.testing.assert_array_equal(left.detach().numpy(), right.detach().numpy())


class TestReport:
    def test_real_images_are_at_the_floor(self, digits: Reference) -> None:
        result = results.evaluate(digits.test.images, digits)
        assert result.figures == result.floor
        assert result.figures.precision > 0.5
        assert result.figures.missing == ()
        assert result.figures.copies == 0

    def test_training_images_are_copies(self, digits: Reference) -> None:
        result = results.evaluate(digits.train.images[:200], digits)
        assert result.figures.copies == 1
        assert result.figures.nearest_distance == 0

    def test_noise_is_far_from_it(self, digits: Reference) -> None:
        noise = results.evaluate(noise_images(300, 1, 28, 28), digits)
        assert noise.figures.frechet_distance > 20 * noise.floor.frechet_distance
        assert noise.figures.precision < 0.1
        assert noise.figures.coverage < 0.1

    def test_a_missing_class_is_named(self, digits: Reference) -> None:
        assert digits.train.labels is not None
        without = digits.train.images[digits.train.labels != 4]
        result = results.evaluate(without, digits)
        assert result.figures.missing == ("4",)
        assert result.figures.kl_to_labels > 0.05

    def test_the_manifolds_of_many_images_are_those_of_some(
        self, digits: Reference, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Images sorted by class, as in a folder, are taken from all classes."""
        seen: list[tuple[Array, Array]] = []
        manifold = measures.manifold

        def note(real: Array, fake: Array) -> measures.Manifold:
            seen.append((real, fake))
            return manifold(real, fake)

        monkeypatch.setattr(measures, "manifold", note)
        images = np.concatenate((digits.test.images[:150], noise_images(150, 1, 28, 28)))
        whole = results.evaluate(images, digits)
        monkeypatch.setattr(measures, "MANIFOLD_IMAGES", 100)
        some = results.evaluate(images, digits)
        # Of the images and of the floor, twice.
        assert [(len(one), len(two)) for one, two in seen][::2] == [(300, 300), (100, 100)]
        np.testing.assert_array_equal(seen[0][1], whole.predictions.features)
        of_all = {row.tobytes(): index for index, row in enumerate(whole.predictions.features)}
        used = {of_all[row.tobytes()] for row in seen[2][1]}
        assert len(used) == 100
        assert 25 < sum(index < 150 for index in used) < 75
        assert some.figures.frechet_distance == whole.figures.frechet_distance, "all count"

    def test_the_same_seed_gives_the_same_figures(self, digits: Reference) -> None:
        images = noise_images(200, 1, 28, 28)
        first, again = (results.evaluate(images, digits, seed=3).to_json() for _ in range(2))
        assert json.dumps(first, allow_nan=False) == json.dumps(again)


def test_a_classifier_learns_from_good_fakes(digits: Reference) -> None:
    """Real images in the fakes' place reach what real images reach; noise does not."""
    assert digits.train.labels is not None
    good = tstr.score(digits.train.images, digits.train.labels, digits)
    assert good.tstr > 0.8
    assert good.trts > 0.8
    assert good.labels == "its own"
    bad = tstr.score(noise_images(300, 1, 28, 28), None, digits)
    assert bad.tstr < 0.5
    assert bad.labels.startswith("by mnistgan-lenet")


@pytest.mark.usefixtures("hurried")
class TestCommand:
    def test_a_run_beside_the_floor(self, invoke: Invoke, trained: Path, tmp_path: Path) -> None:
        result = invoke("evaluate", trained, "-n", 200, "--json", "f.json", "--out", "pictures")
        assert result.exit_code == 0, result.output
        assert "Frechet distance (mnistgan-lenet-" in result.stdout
        verdict = json.loads((tmp_path / "f.json").read_text())["verdict"]
        assert result.stdout.startswith(f"{verdict}\n200 images against digits\n")
        assert "n=200" in result.stdout
        assert "the floor is 200 held-out real images" in result.stdout
        figures = json.loads((tmp_path / "f.json").read_text())
        assert (figures["n"], figures["seed"], figures["data"]) == (200, 0, "digits")
        assert set(figures["figures"]) == set(figures["floor"])
        assert figures["figures"]["frechet_distance"] > figures["floor"]["frechet_distance"]
        for name in ("classes", "certainty", "nearest"):
            assert read_png(tmp_path / "pictures" / f"{name}.png").size

    def test_images_from_files_with_labels(self, invoke: Invoke, tmp_path: Path) -> None:
        digits = datasets.load(DataConfig(name="digits"))
        assert digits.labels is not None
        np.savez(tmp_path / "a.npz", images=digits.images[:400, 0], labels=digits.labels[:400])
        result = invoke(
            "evaluate", "--images", "a.npz", "--data", "digits", "--score", "tstr", "--json", "-"
        )
        assert result.exit_code == 0, result.output
        figures = json.loads(result.stdout)
        assert figures["n"] == 400
        assert figures["scores"]["labels"] == "its own"
        assert (tmp_path / "evaluation" / "classes.png").exists()

    @pytest.mark.parametrize(
        ("names", "labels"),
        [
            (("3", "7"), [3, 7, 3]),  # a folder of some of the classes
            (("0", "1"), [0, 1, 0]),
            (("cat", "dog"), None),
        ],
    )
    def test_labels_are_matched_by_the_names_of_their_classes(
        self, names: tuple[str, ...], labels: list[int] | None
    ) -> None:
        images = np.zeros((3, 1, 8, 8), np.uint8)
        measured = Candidates(images, np.array([0, 1, 0]), names, DataConfig(name="digits"))
        found = measured.labels_among(tuple("0123456789"))
        assert (None if found is None else found.tolist()) == labels

    def test_labels_without_names_are_matched_by_number(self) -> None:
        images = np.zeros((3, 1, 8, 8), np.uint8)
        measured = Candidates(images, np.array([0, 1, 0]), ("0", "1"), DataConfig(name="digits"))
        found = measured.labels_among(("T-shirt", "trouser", "pullover"))
        assert found is not None
        assert found.tolist() == [0, 1, 0]

    def test_a_folder_of_two_classes_agrees_with_them(self, invoke: Invoke, tmp_path: Path) -> None:
        digits = datasets.load(DataConfig(name="digits"))
        assert digits.labels is not None
        for digit in (3, 7):
            (tmp_path / "some" / str(digit)).mkdir(parents=True)
            for number, image in enumerate(digits.images[digits.labels == digit][:40]):
                save_png(tmp_path / "some" / str(digit) / f"{number}.png", image[0])
        result = invoke("evaluate", "--images", "some", "--data", "digits", "--json", "-")
        assert result.exit_code == 0, result.output
        metrics = json.loads(result.stdout)["figures"]
        assert metrics["agreement"] > 0.5
        assert set(metrics["class_distances"]) == {"3", "7"}

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("a", "--ckpt", "b"), "give only one of RUN, --ckpt and --images"),
            (("--ckpt", "none.pt"), "none.pt: cannot be read"),
            (("--images", "none.npz", "--data", "digits"), "none.npz: cannot be read"),
            (("--images", "bare.npz", "--data", "./bare.npz"), "has no classes"),
            ((), "runs/: contains no run"),
        ],
    )
    def test_mistakes(
        self, invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], words: str
    ) -> None:
        np.savez(tmp_path / "bare.npz", images=noise_images(200, 28, 28))
        result = invoke("evaluate", *arguments)
        assert result.exit_code == 2, result.output
        assert words in result.stderr
        assert not (tmp_path / "evaluation").exists()


@pytest.mark.usefixtures("hurried")
class TestWhileTraining:
    def test_history_plots_and_the_best_generator(
        self, invoke: Invoke, tiny_toml: Path, tmp_path: Path
    ) -> None:
        result = invoke(
            "train", "--config", tiny_toml, "--set", "evaluate.every=1", "--set", "evaluate.n=150",
            "--epochs", 3, "--output-dir", "run",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        # The verdict at the end may name the distance once more, depending on the classifier.
        assert len(re.findall(r"^epoch \d: Frechet distance", result.stderr, re.MULTILINE)) == 3
        table = tables.read_evaluations(tmp_path / "run" / "evaluations.csv")
        assert table["epoch"].tolist() == [1, 2, 3]
        assert (tmp_path / "run" / "curves.png").exists()
        best = 1 + int(table["frechet_distance"].argmin())
        assert load_generator(tmp_path / "run" / "g-best.pt").epoch == best

    def test_the_best_generator_has_not_collapsed(
        self, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also after a resume, though a collapsed one is nearer by the Frechet distance."""
        distances, varieties = iter([1.0, 9.0, 7.0, 2.0, 8.0]), iter([0.01, 1.0, 1.0, 0.01, 1.0])

        def measure(*_: Any, **__: Any) -> results.Figures:
            shares = dict.fromkeys("0123456789", 0.1)
            return results.Figures(
                next(distances), 0, 0, 1, 0.8, 1, 0.9, 9, shares, (), 0, 0, 1, next(varieties)
            )

        monkeypatch.setattr(results, "measure", measure)
        config = tiny(("evaluate.every", 1), ("evaluate.n", 150), ("train.epochs", 3))
        events: list[Event] = []
        run = RunDirectory(train(config, tmp_path / "run", on_event=events.append))
        assert [one.is_best for one in events if isinstance(one, Evaluated)] == [True, True, True]
        assert events[-1] == RunEnded(
            "finished", 21, 3, "Good: all ten digits; Frechet distance 7."
        )
        more = plan_resume(run.path, None, [Override("train.epochs", 5, "")])
        events = list(Run(more))
        assert [one.is_best for one in events if isinstance(one, Evaluated)] == [False, False]
        assert load_generator(run.best_file).epoch == 3
        lines = [event_lines.evaluated(one) for one in events if isinstance(one, Evaluated)]
        assert lines[0].endswith("coverage 0.900  collapsed")

    def test_a_resumed_run_measures_the_same(
        self, invoke: Invoke, tiny_toml: Path, tmp_path: Path
    ) -> None:
        measured = ("--set", "evaluate.every=1", "--set", "evaluate.n=150")
        invoke("train", "--config", tiny_toml, *measured, "--epochs", 3, "--output-dir", "whole")
        invoke("train", "--config", tiny_toml, *measured, "--epochs", 1, "--output-dir", "parts")
        invoke("train", "--resume", "parts", "--epochs", 3)
        for name in ("evaluations.csv", "g.pt"):
            whole, parts = (tmp_path / run / name for run in ("whole", "parts"))
            assert whole.read_bytes() == parts.read_bytes(), name

    def test_a_killed_run_measures_again_and_keeps_the_best(
        self, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also what was measured after the last save, and without the output that tells of it."""
        distances = iter([3.0, 1.0, 2.0, 2.0])
        frechet = "mnistgan.evaluation.measures.frechet_distance"
        monkeypatch.setattr(frechet, lambda *_: next(distances))
        config = tiny(("evaluate.every", 1), ("evaluate.n", 150), ("train.epochs", 3),
                      ("outputs.curves", False))  # fmt: skip
        whole = RunDirectory(train(config, tmp_path / "whole"))
        table, best = whole.evaluations_file.read_bytes(), whole.best_file.read_bytes()
        whole.checkpoint_files()[0].unlink()  # as if killed between the row and the save
        off = [Override("outputs.metrics", False, "")]
        list(Run(plan_resume(whole.path, None, [])))
        assert next(distances, None) is None, "measured again"
        assert whole.evaluations_file.read_bytes() == table
        distances = iter([2.0])
        whole.checkpoint_files()[0].unlink()
        whole.evaluations_file.unlink()
        list(Run(plan_resume(whole.path, None, off)))
        assert next(distances, None) is None, "measured again"
        assert whole.best_file.read_bytes() == best

    def test_a_measurement_that_was_cut_off_is_made_up_for(
        self, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = tiny(("evaluate.every", 1), ("evaluate.n", 150))
        train(config, tmp_path / "whole")
        stop, measure = StopToken(), results.measure

        def stop_meanwhile(*args: Any, **options: Any) -> Any:
            stop.request()
            return measure(*args, **options)

        events: list[Event] = []
        with monkeypatch.context() as patch:
            patch.setattr(results, "measure", stop_meanwhile)
            train(config, tmp_path / "parts", on_event=events.append, stop=stop)
        assert not any(isinstance(event, Evaluated) for event in events)
        assert events[-1] == RunEnded("stopped", 7, 1)
        list(Run(plan_resume(tmp_path / "parts", None, []), stop=StopAfter(0)))
        assert (tmp_path / "parts" / "evaluations.csv").read_text().count("\n") == 2
        list(Run(plan_resume(tmp_path / "parts", None, [])))
        for name in ("evaluations.csv", "g.pt", "g-best.pt"):
            whole, parts = (tmp_path / run / name for run in ("whole", "parts"))
            assert whole.read_bytes() == parts.read_bytes(), name

    def test_a_stop_at_the_very_end_of_a_measurement_loses_nothing(
        self, tiny: Tiny, tmp_path: Path
    ) -> None:
        """A signal between the measurement and the end of its cutting off."""

        class Late(StopToken):
            @contextlib.contextmanager
            def cutting_off(self) -> Iterator[None]:
                with super().cutting_off():
                    yield
                    self.request()

        config = tiny(("evaluate.every", 1), ("evaluate.n", 150))
        train(config, tmp_path / "whole")
        train(config, tmp_path / "parts", stop=Late())
        assert not (tmp_path / "parts" / "g-best.pt").exists()
        list(Run(plan_resume(tmp_path / "parts", None, [])))
        for name in ("evaluations.csv", "g.pt", "g-best.pt"):
            whole, parts = (tmp_path / run / name for run in ("whole", "parts"))
            assert whole.read_bytes() == parts.read_bytes(), name

    def test_data_without_classes_is_refused_before_anything_is_written(
        self, invoke: Invoke, tiny_toml: Path, tmp_path: Path
    ) -> None:
        np.savez(tmp_path / "a.npz", images=noise_images(600, 28, 28))
        result = invoke(
            "train", "--config", tiny_toml, "--data", "a.npz", "--set", "evaluate.every=1",
            "--output-dir", "run",
        )  # fmt: skip
        assert result.exit_code == 2
        assert "has no classes" in result.stderr
        assert not (tmp_path / "run").exists()


def test_a_set_too_small_to_be_split() -> None:
    tiny = ImageSet(noise_images(5, 1, 28, 28), np.zeros(5, np.int64), ("0", "1"), "five")
    with pytest.raises(Exception, match="too few to hold some out"):
        reference.split(DataConfig(name="./five.npz"), train=tiny)
