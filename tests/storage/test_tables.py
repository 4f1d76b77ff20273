"""The tables that users' scripts read."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistgan.errors import UsageError
from mnistgan.events import StepMetrics
from mnistgan.storage import tables

HEADER = "step,epoch,loss_D,loss_G,D(x),D(G(z1)),D(G(z2)),images/s\n"


def test_the_columns_are_fixed() -> None:
    assert ",".join(tables.METRICS_COLUMNS) + "\n" == HEADER
    assert tables.SAMPLES_COLUMNS == ("epoch", "step", "file")


def test_a_step_reads_back_equal(tmp_path: Path) -> None:
    metrics = StepMetrics(1, 1, 0.1, 1 / 3, 0.5, 1e-30, 0.25, 1234.56)
    path = tmp_path / "metrics.csv"
    path.write_text(HEADER + ",".join(map(str, tables.metrics_row(metrics))) + "\n")
    columns = tables.read_metrics(path)
    assert columns["loss_G"].tolist() == [1 / 3]
    assert columns["D(G(z1))"].tolist() == [1e-30]


def test_continuing_drops_what_a_later_kill_left(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("step,x\n1,a\n2,b\n3,c\n4,")
    with tables.continue_table(path, ("step", "x"), 2) as file:
        file.write("3,new\n")
    assert path.read_text() == "step,x\n1,a\n2,b\n3,new\n"


def test_starting_again_empties_the_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("step,x\n1,a\n")
    tables.continue_table(path, ("step", "x"), 0).close()
    assert path.read_text() == "step,x\n"


@pytest.mark.parametrize("text", ["", "a,b\n", "\0", HEADER + "x,1,2,3,4,5,6,7\n"])
def test_other_tables_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"metrics\.csv"):
        tables.read_metrics(path)


@given(st.text())
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(HEADER + text, encoding="utf-8", newline="")
    with contextlib.suppress(UsageError):
        tables.read_metrics(path)


@pytest.mark.parametrize("name", ["../g.pt", "/etc/passwd", "a/b.png", ""])
def test_an_index_never_leads_outside_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "index.csv").write_text(f"epoch,step,file\n1,7,{name}\n")
    with pytest.raises(UsageError, match="outside its folder"):
        tables.read_samples(tmp_path)


def test_samples_come_in_the_order_of_training(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("epoch,step,file\n10,70,b.png\n2,14,c.png\n")
    assert [grid.epoch for grid in tables.read_samples(tmp_path)] == [2, 10]


def test_a_run_without_an_index_has_no_samples(tmp_path: Path) -> None:
    assert tables.read_samples(tmp_path) == []
