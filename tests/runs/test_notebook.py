"""Notebooks: a generator's grid, the live bar, and the lesson in examples/, executed unchanged."""

from __future__ import annotations

import json
import re
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import Tiny

import mnistgan
from mnistgan import datasets
from mnistgan.errors import UsageError
from mnistgan.events import Warned
from mnistgan.models import networks
from mnistgan.sampling.generator import Generator
from mnistgan.training.trainer import Trainer

LESSON = Path(__file__).parents[2] / "examples" / "notebook.ipynb"


def test_a_generator_shows_itself(trained: Path) -> None:
    generator = mnistgan.load_generator(trained)
    shown = np.asarray(Image.open(BytesIO(generator._repr_png_())))
    samples = mnistgan.sample(generator, 64)
    strip, gap, factor = 30, 2, 2  # the caption's height; the grid is enlarged
    corner = shown[strip + gap * factor :, gap * factor :][: 28 * factor : factor, ::factor]
    assert np.array_equal(corner[:, :28], samples[0, 0])
    assert shown[:strip].any(), "a caption"


def test_the_live_bar_draws_in_notebooks_only(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("IPython")
    with pytest.raises(UsageError, match="in a program, use on_event=print"):
        mnistgan.LiveBar()
    monkeypatch.setitem(sys.modules, "IPython.core.getipython", None)
    with pytest.raises(UsageError, match=re.escape('pip install "mnistgan[notebook]"')):
        mnistgan.LiveBar()


def test_the_live_bar(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    getipython = pytest.importorskip("IPython.core.getipython")
    display = pytest.importorskip("IPython.display")
    frames: list[dict[str, str]] = []

    class Handle:
        def update(self, frame: dict[str, str], raw: bool) -> None:
            frames.append(frame)

    def show(frame: dict[str, str], **_: Any) -> Handle:
        frames.append(frame)
        return Handle()

    monkeypatch.setattr(getipython, "get_ipython", lambda: "a shell")
    monkeypatch.setattr(display, "display", show)
    bar = mnistgan.LiveBar()
    bar(Warned("a < b"))
    for event in Trainer(tiny(), datasets.load(tiny().data)):
        bar(event)
    assert "the first step" in frames[0]["text/plain"]
    last = frames[-1]
    assert "epoch 2/2, step 14/14" in last["text/plain"]
    assert 'value="14" max="14"' in last["text/html"]
    assert last["text/html"].count("data:image/png;base64,") == 2, "real and generated"
    assert all(name in last["text/html"] for name in ("D(x)", "D(G(z))", "loss_D", "loss_G"))
    assert "a &lt; b" in last["text/html"]
    assert "finished at step 14" in last["text/html"]


def test_the_lesson_is_kept_without_outputs() -> None:
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.slow
def test_the_lesson_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(LESSON, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=600, startup_timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable  # the kernel of this Python, whoever else is
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert {output.get("name", "stdout") for output in outputs} == {"stdout"}, "no warnings"
    shown = [output.data for output in outputs if "data" in output]
    (bar,) = [data["text/html"] for data in shown if "text/html" in data]
    assert "finished at step 1680" in bar
    assert sum("image/png" in data for data in shown) == 5


def test_thousands_of_classes_do_not_fill_a_cell(tiny: Tiny) -> None:
    config = tiny(("model.conditional", True), ("model.classes", [f"{n}" for n in range(10_000)]))
    many = Generator(networks.build_generator(config).eval(), config, 0, 0)
    with Image.open(BytesIO(many._repr_png_())) as picture:
        assert picture.width < 2000
