"""What ``--json`` prints: one document on stdout, of the shape that docs/json.md describes."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import reference  # of docs/
import torch
from PIL import Image
from support import Invoke, Tiny, fenced, noise_images
from typer.testing import Result

import mnistgan
from mnistgan.catalog import DATA_SETS
from mnistgan.config import presets, schema, toml
from mnistgan.datasets.torchvision_import import import_torchvision
from mnistgan.outputs import registry
from mnistgan.runs import environment
from mnistgan.text import to_json

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")

# The shapes ------------------------------------------------------------------------------------

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
ANY: Schema = {}


def or_null(one: Schema) -> Schema:
    return {"anyOf": [one, {"type": "null"}]}


def list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def map_of(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def one_of(*choices: str) -> Schema:
    return {"enum": list(choices)}


def table(optional: Schema | None = None, /, **keys: Schema) -> Schema:
    """An object with exactly these keys, apart from optional ones."""
    return {
        "type": "object",
        "properties": {**keys, **(optional or {})},
        "required": sorted(keys),
        "additionalProperties": False,
    }


SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
FIGURES = table(
    **dict.fromkeys(
        ("frechet_distance", "kernel_distance", "kernel_distance_std", "density",
         "classifier_score", "kl_to_labels", "kl_to_uniform", "variety", "nearest_distance"),
        or_null(NUMBER),
    ),
    **dict.fromkeys(
        ("precision", "recall", "coverage", "confidence", "copies", "agreement"), or_null(SHARE)
    ),
    shares=map_of(SHARE),
    missing=list_of(TEXT),
    class_distances=or_null(map_of(or_null(NUMBER))),
)  # fmt: skip
EVALUATE = table(
    {"scores": table(tstr=SHARE, trts=SHARE, trtr=SHARE, labels=TEXT)},
    verdict=TEXT,
    n=COUNT,
    seed=COUNT,
    data=TEXT,
    classifier=table(name=TEXT, sha256=TEXT, accuracy=SHARE),
    figures=FIGURES,
    floor_n=COUNT,
    floor=FIGURES,
)
MEMBER = table(
    label=TEXT,
    steps=COUNT,
    measured_with=TEXT,
    figures=map_of(or_null(NUMBER)),
    verdict=or_null(TEXT),
    settings=map_of(ANY),
)
COMPARE = table(
    is_comparable=FLAG,
    rows=list_of(
        table(
            label=TEXT,
            runs={"type": "integer", "minimum": 1},
            steps=COUNT,
            measured_with=TEXT,
            figures=map_of(table(mean=or_null(NUMBER), std=or_null(NUMBER))),
            members=list_of(MEMBER),
        )
    ),
)
EXACT = table(is_equal=FLAG, differences=list_of(TEXT))
PROJECT = table(
    generator=TEXT,
    restarts=COUNT,
    steps=COUNT,
    seed=COUNT,
    images=list_of(
        table(
            **{"class": or_null(TEXT)},
            name=TEXT,
            inverted=FLAG,
            rms=SHARE,
            length=NUMBER,
            z=list_of(NUMBER),
        )
    ),
)
RUN_CONFIG = {
    key: value
    for key, value in schema.run_config(registry.installed_outputs("mnistgan")).items()
    if key != "$schema"
}
CONFIG = {"$ref": "#/definitions/RunConfig"}
INFO_FILE = table(
    file=TEXT,
    kind=one_of("generator", "checkpoint"),
    bytes=COUNT,
    epoch=COUNT,
    step=COUNT,
    parameters_G=COUNT,
    image={"type": "string", "pattern": r"^[13]x\d+x\d+$"},
    written_by=map_of(TEXT),
    config=CONFIG,
)
INFO_RUN = table(
    run=TEXT,
    newest_valid_checkpoint=or_null(TEXT),
    step=COUNT,
    checkpoints=map_of(TEXT),
    generator=TEXT,
    environment=map_of(ANY),
    config=CONFIG,
)
INFO_ENV = table(
    versions=table(
        mnistgan=TEXT,
        python=TEXT,
        **dict.fromkeys(("torch", "torchvision", "numpy", "typer", "rich"), or_null(TEXT)),
    ),
    system=TEXT,
    cores=or_null(COUNT),
    arithmetic=or_null(
        table(
            device=one_of("cpu", "cuda", "mps"),
            device_name=TEXT,
            precision=one_of("float32", "bfloat16"),
            threads={"type": "integer", "minimum": 1},
            cuda=or_null(TEXT),
        )
    ),
    data_root=or_null(TEXT),
    cache=or_null(TEXT),
    plugins=list_of(table(kind=one_of("generators", "outputs"), name=TEXT, package=TEXT)),
    problems=list_of(TEXT),
)
SWEEP = table(
    name=TEXT,
    figure=TEXT,
    direction=one_of("minimize", "maximize"),
    best=or_null(COUNT),
    trials=list_of(
        table(
            number=COUNT,
            state=one_of("complete", "pruned", "fail"),
            value=or_null(NUMBER),
            seconds=or_null(NUMBER),
            settings=map_of(ANY),
        )
    ),
)
PRESETS = list_of(table(name=TEXT, summary=TEXT))
SPLIT = table(count=COUNT)
DATA = table(
    data_root=TEXT,
    cache=TEXT,
    data_sets=list_of(
        table(
            name=TEXT,
            about=TEXT,
            side=COUNT,
            classes=list_of(TEXT),
            train=SPLIT,
            test=or_null(SPLIT),
            license=TEXT,
            source=TEXT,
            megabytes=NUMBER,
            is_here=FLAG,
        )
    ),
)
VERIFY = table(
    name=TEXT,
    is_usable=FLAG,
    archives=list_of(table(path=TEXT, trouble=TEXT, has_checksum=FLAG)),
    unreadable=list_of(TEXT),
    others=list_of(TEXT),
    notes=list_of(TEXT),
    images=or_null(COUNT),
    classes=list_of(TEXT),
)
NAMES = list_of(table(name=TEXT, package=TEXT))
PLUGINS = table(generators=NAMES, outputs=NAMES)
GENERATOR = table(
    name=TEXT,
    package=TEXT,
    file=TEXT,
    bytes=COUNT,
    sha256=TEXT,
    recipe=TEXT,
    epoch=COUNT,
    image={"type": "array", "items": COUNT, "minItems": 3, "maxItems": 3},
    classes=list_of(TEXT),
    data=TEXT,
    license=or_null(TEXT),
    evaluation=or_null(EVALUATE),
)
GENERATORS = list_of({"anyOf": [GENERATOR, table(name=TEXT, package=TEXT, error=TEXT)]})
OUTPUT = table(
    name=TEXT,
    package=TEXT,
    about=TEXT,
    needs=list_of(TEXT),
    options=list_of(table(name=TEXT, default=ANY, help=TEXT)),
)

SHOWN = {
    "mnistgan evaluate": [EVALUATE],
    "mnistgan compare": [COMPARE, EXACT],
    "mnistgan project": [PROJECT],
    "mnistgan info": [INFO_FILE, INFO_RUN, INFO_ENV],
    "mnistgan sweep": [SWEEP],
    "mnistgan init": [PRESETS],
    "mnistgan data": [DATA],
    "mnistgan data verify": [VERIFY],
    "mnistgan plugins": [PLUGINS, GENERATORS, OUTPUT],
    "mnistgan outputs": [NAMES],
}
"""The shapes of the examples below each heading of the page."""


def check(content: Any, shape: Schema) -> None:
    """Check a document against a shape, in which configs have the shape of a run config."""
    definitions = {**RUN_CONFIG["definitions"], "RunConfig": RUN_CONFIG}
    checker = jsonschema.Draft7Validator({**shape, "definitions": definitions})
    assert [f"{error.json_path}: {error.message}" for error in checker.iter_errors(content)] == []


def document(result: Result, shape: Schema, exit_code: int = 0) -> Any:
    """The one document on stdout, checked against its shape."""
    assert result.exit_code == exit_code, result.output

    def refuse(word: str) -> None:
        pytest.fail(f"{word} is not JSON")

    content = json.loads(result.stdout, parse_constant=refuse)  # fails if anything follows
    assert re.match(r"[\[{]\n? *\S", result.stdout)
    assert result.stdout.endswith(("}\n", "]\n"))
    check(content, shape)
    return content


# The page --------------------------------------------------------------------------------------


def test_the_page_describes_each_command() -> None:
    commands = {
        name
        for name, context in reference.walk_commands()
        if any("--json" in one.opts for one in context.command.get_params(context))
    }
    assert commands == set(SHOWN) == set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE))


def test_every_flag_is_the_same() -> None:
    flags = {
        (tuple(one.opts), getattr(one, "is_flag", None), getattr(one, "help", None))
        for _, context in reference.walk_commands()
        for one in context.command.get_params(context)
        if "--json" in one.opts
    }
    about = "Print one JSON document to stdout, and nothing else there."
    assert flags == {(("--json",), True, about)}


@pytest.mark.parametrize("command", SHOWN)
def test_the_examples_have_these_shapes(command: str) -> None:
    _, _, section = PAGE.partition(f"\n## {command}\n")
    examples = fenced(section.partition("\n## ")[0], "json")
    for example, shape in zip(examples, SHOWN[command], strict=True):
        check(json.loads(example), shape)


# The documents ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("hurried")
def test_evaluate(invoke: Invoke, trained: Path, tmp_path: Path) -> None:
    result = invoke("evaluate", trained, "-n", 100, "--out", "e", "--json")
    content = document(result, EVALUATE)
    assert result.stdout == (tmp_path / "e" / "figures.json").read_text()
    assert content["n"] == 100
    assert sum(content["figures"]["shares"].values()) == pytest.approx(1)
    assert result.stderr == "pictures: e/classes.png, e/certainty.png, e/nearest.png\n"


@pytest.mark.usefixtures("hurried")
def test_evaluate_with_scores(invoke: Invoke, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=noise_images(100, 28, 28), labels=np.arange(100) % 10)
    arguments = ("--images", "a.npz", "--data", "digits", "--score", "tstr")
    content = document(invoke("evaluate", *arguments, "--json"), EVALUATE)
    assert content["scores"]["labels"] == "its own"


def copies(trained: Path, folder: Path, figures: dict[str, tuple[float, float]]) -> None:
    """Two copies of a run, a and b, with the seeds 0 and 1 and with figures."""
    for seed, name in enumerate("ab"):
        run = folder / name
        shutil.copytree(trained, run)
        text = (run / "config.toml").read_text()
        (run / "config.toml").write_text(re.sub(r"(?m)^seed = 0$", f"seed = {seed}", text))
        measured = {key: values[seed] for key, values in figures.items()}
        content = {"n": 100, "classifier": {"name": "x"}, "figures": measured}
        (run / "evaluation").mkdir()
        (run / "evaluation" / "figures.json").write_text(json.dumps(content))


def test_compare(invoke: Invoke, trained: Path, tmp_path: Path) -> None:
    copies(trained, tmp_path, {"frechet_distance": (3.0, 5.0), "precision": (0.5, 0.25)})
    result = invoke("compare", "a", "b", "--json")
    content = document(result, COMPARE)
    (row,) = content["rows"]
    assert (row["label"], row["runs"], content["is_comparable"]) == ("a, b", 2, True)
    # The mean of 3 and 5, and with n - 1: sqrt((1 + 1) / 1).
    assert row["figures"]["frechet_distance"] == {"mean": 4.0, "std": pytest.approx(2**0.5)}
    assert [one["settings"] for one in row["members"]] == [{"seed": 0}, {"seed": 1}]
    assert row["members"][1]["figures"]["precision"] == 0.25
    assert "written: comparison/table.csv" in result.stderr
    single = document(invoke("compare", "a", "--json"), COMPARE)["rows"][0]
    assert single["figures"]["frechet_distance"] == {"mean": 3.0, "std": None}


def test_infinity_is_null(invoke: Invoke, trained: Path, tmp_path: Path) -> None:
    """It may be in a file: Python's json writes and reads Infinity."""
    copies(trained, tmp_path, {"frechet_distance": (float("inf"), 5.0)})
    (row,) = document(invoke("compare", "a", "b", "--json"), COMPARE)["rows"]
    assert row["figures"]["frechet_distance"] == {"mean": None, "std": None}
    assert row["members"][0]["figures"]["frechet_distance"] is None


def test_numbers_of_any_depth() -> None:
    content = {"a": (1.5, float("nan")), "b": [{"c": float("-inf")}], "d": Path("x"), "e": True}
    expected = {"a": [1.5, None], "b": [{"c": None}], "d": "x", "e": True}
    assert json.loads(to_json(content)) == expected


def test_compare_exact(invoke: Invoke, trained: Path, tmp_path: Path) -> None:
    copies(trained, tmp_path, {"frechet_distance": (3.0, 5.0)})
    assert document(invoke("compare", "--exact", trained, trained, "--json"), EXACT) == {
        "is_equal": True,
        "differences": [],
    }
    differ = document(invoke("compare", "--exact", "a", "b", "--json"), EXACT, exit_code=1)
    assert differ == {"is_equal": False, "differences": ["config.toml: seed is 0 and 1"]}


def test_project(invoke: Invoke, trained: Path) -> None:
    quick = ("--restarts", 1, "--steps", 3, "--index", "4,7", "--ckpt", trained)
    result = invoke("project", *quick, "--json")
    content = document(result, PROJECT)
    assert [one["name"] for one in content["images"]] == ["train image 4", "train image 7"]
    for one in content["images"]:
        assert one["length"] == pytest.approx(float(np.linalg.norm(one["z"])), rel=1e-5)
    assert result.stderr == "projection.png\n"


@pytest.mark.parametrize("name", ["g.pt", "checkpoint"])
def test_info_of_a_file(invoke: Invoke, trained: Path, name: str) -> None:
    path = trained / name if name == "g.pt" else next((trained / "checkpoints").glob("*.pt"))
    content = document(invoke("info", path, "--json"), INFO_FILE)
    assert content["bytes"] == path.stat().st_size
    assert content["kind"] == ("generator" if name == "g.pt" else "checkpoint")


def test_info_of_a_run(invoke: Invoke, trained: Path) -> None:
    content = document(invoke("info", trained, "--json"), INFO_RUN)
    assert content["step"] == 14
    assert content["environment"] == json.loads((trained / "environment.json").read_text())
    config = content["config"]
    assert toml.to_table(toml.validate(config, "it")) == config


def test_presets(invoke: Invoke) -> None:
    result = invoke("init", "--json")
    assert [one["name"] for one in document(result, PRESETS)] == presets.names()
    assert result.stderr == ""
    for more in (("dcgan",), ("--schema",)):
        refused = invoke("init", *more, "--json")
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "--json lists the presets; omit PRESET and --schema" in refused.stderr
    assert not list(Path().iterdir())


def test_data_sets(invoke: Invoke, tmp_path: Path) -> None:
    content = document(invoke("data", "--json"), DATA)
    assert content["data_root"] == str(tmp_path / "no-data")
    found = {one["name"]: one for one in content["data_sets"]}
    assert list(found) == list(DATA_SETS)
    assert (found["mnist"]["train"], found["mnist"]["test"]) == ({"count": 60000}, {"count": 10000})
    assert found["digits"]["test"] is None
    assert {name for name, one in found.items() if one["is_here"]} == {"digits"}
    misplaced = invoke("data", "--json", "verify", "mnist")
    assert (misplaced.exit_code, misplaced.stdout) == (2, "")
    assert "give --json after verify, not before it" in misplaced.stderr


def test_verify_a_published_set(invoke: Invoke, tmp_path: Path) -> None:
    raw = tmp_path / "root" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-labels-idx1-ubyte.gz").write_bytes(b"<html>")
    result = invoke("data", "verify", "mnist", "--data-root", "root", "--json")
    content = document(result, VERIFY, exit_code=1)
    troubles = [one["trouble"] for one in content["archives"]]
    assert sorted(one.partition(":")[0] for one in troubles) == ["is damaged", *["is missing"] * 3]
    assert content["notes"] == ["download it again: mnistgan data fetch mnist --data-root root"]
    assert document(invoke("data", "verify", "digits", "--json"), VERIFY)["is_usable"]


def test_verify_ones_own_images(invoke: Invoke, tmp_path: Path) -> None:
    for number, name in enumerate(("cats", "dogs")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for image in noise_images(3, 8, 8, seed=number):
            Image.fromarray(image).save(tmp_path / "photos" / name / f"{image[0, 0]}.png")
    (tmp_path / "photos" / "cats" / "bad.png").write_bytes(b"x")
    (tmp_path / "photos" / "dogs" / "notes.txt").write_text("x")
    content = document(invoke("data", "verify", "./photos", "--json"), VERIFY, exit_code=1)
    assert (content["images"], content["classes"]) == (6, ["cats", "dogs"])
    assert [one.partition(" ")[0] for one in content["unreadable"]] == ["cats/bad.png"]
    assert content["others"] == ["dogs/notes.txt"]
    np.savez(tmp_path / "a.npz", images=noise_images(5, 8, 8))
    assert document(invoke("data", "verify", "a.npz", "--json"), VERIFY)["images"] == 5


def test_plugins(invoke: Invoke) -> None:
    content = document(invoke("plugins", "--json"), PLUGINS)
    assert {"mnist", "mnist-mlp", "quickstart"} <= {one["name"] for one in content["generators"]}
    assert content["outputs"] == document(invoke("outputs", "--json"), NAMES)
    assert content["outputs"] == document(invoke("plugins", "outputs", "--json"), NAMES)
    described = document(invoke("outputs", "samples", "--json"), OUTPUT)
    assert described == document(invoke("plugins", "outputs", "samples", "--json"), OUTPUT)
    listed = document(invoke("plugins", "generators", "--json"), GENERATORS)
    assert [one["name"] for one in listed] == [one["name"] for one in content["generators"]]


@pytest.mark.slow
@pytest.mark.usefixtures("hurried")
def test_sweep(invoke: Invoke, tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(toml.to_toml(tiny(("outputs.curves", False))))
    search = 'name = "try"\nbase = "tiny.toml"\n[objective]\nn = 100\n[search]\n'
    (tmp_path / "s.toml").write_text(f'{search}"model.generator.widths" = {{choices = [[8], [4]]}}')
    command = ("sweep", "--config", "s.toml", "--trials", 2)
    result = invoke(*command, "--json")
    content = document(result, SWEEP)
    assert (content["name"], content["direction"]) == ("try", "minimize")
    assert [one["number"] for one in content["trials"]] == [0, 1]
    values = {one["value"]: one["number"] for one in content["trials"]}
    assert content["best"] == values[min(values)]
    assert all(one["settings"]["model.generator.widths"][0] in (8, 4) for one in content["trials"])
    assert "sweeps/try/trials.csv\n" in result.stderr


# The installation ------------------------------------------------------------------------------


@pytest.fixture
def without_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    import_torchvision.cache_clear()
    monkeypatch.setitem(sys.modules, "torchvision", None)


def test_the_installation(invoke: Invoke, tmp_path: Path) -> None:
    content = document(invoke("info", "--env", "--json"), INFO_ENV)
    assert content["versions"]["mnistgan"] == mnistgan.__version__
    assert content["versions"]["torch"] == str(torch.__version__)
    assert content["versions"]["numpy"] == np.__version__
    assert content["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert content["arithmetic"]["threads"] == torch.get_num_threads()
    assert content["arithmetic"]["cuda"] == torch.version.cuda
    assert content["data_root"] == str(tmp_path / "no-data")
    assert content["problems"] == []
    names = [one["name"] for one in content["plugins"] if one["kind"] == "outputs"]
    assert names == list(registry.installed_outputs("mnistgan"))
    assert set(content) == {one.name for one in dataclasses.fields(environment.Environment)}


def test_the_installation_in_words(invoke: Invoke, tmp_path: Path) -> None:
    lines = invoke("info", "--env").stdout.splitlines()
    assert [one for one in lines if one[:1].strip()] == [
        "Versions",
        "Machine",
        "Folders",
        "Plugins",
    ]
    words = {" ".join(one.split()) for one in lines}
    assert {f"torch {torch.__version__}", f"data sets {tmp_path / 'no-data'}"} <= words


@pytest.mark.usefixtures("without_torchvision")
def test_an_installation_without_torchvision(invoke: Invoke) -> None:
    content = document(invoke("info", "--env", "--json"), INFO_ENV)
    (problem,) = content["problems"]
    assert problem.startswith("torchvision cannot be imported (")
    assert content["arithmetic"] is not None
    lines = invoke("info", "--env").stdout.splitlines()
    assert lines[-2:] == ["Problems", f"  problem  {problem}"]


def test_an_installation_without_torch(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    content = document(invoke("info", "--env", "--json"), INFO_ENV)
    assert content["arithmetic"] is None
    assert content["versions"]["torch"] is not None, "it is installed"
    assert content["problems"][0].startswith("torch cannot be used (ModuleNotFoundError: ")


def test_a_data_root_without_a_home(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTGAN_DATA", "~nobody-of-this-name/x")
    content = document(invoke("info", "--env", "--json"), INFO_ENV)
    assert content["data_root"] is None
    assert "has no home folder" in content["problems"][0]


@pytest.mark.parametrize("arguments", [(), ("g.pt", "--env")])
def test_info_of_one_thing(invoke: Invoke, arguments: tuple[str, ...]) -> None:
    result = invoke("info", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "give either FILE|RUN or --env" in result.stderr


# Mistakes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ("evaluate --json f.json", "evaluate --json > f.json"),
        ("evaluate 'a b' --json f.json -n 100", "evaluate 'a b' --json -n 100 > f.json"),
        ("evaluate --json=f.json", "evaluate --json > f.json"),
        ("evaluate --json -", "evaluate --json"),
        ("project seven.png --json z.JSON", "project seven.png --json > z.JSON"),
        ("project --json 'my z.json' seven.png", "project --json seven.png > 'my z.json'"),
        ("info run --json ../i.json", "info run --json > ../i.json"),
        ("compare a b --json c.json", "compare a b --json > c.json"),
        ("sweep --config s.toml --json t.json", "sweep --config s.toml --json > t.json"),
        ("init --json p.json", "init --json > p.json"),
        ("plugins --json p.json", "plugins --json > p.json"),
        ("outputs --json o.json", "outputs --json > o.json"),
        ("data --json d.json", "data --json > d.json"),
        ("evaluate fast --json figures.txt", "evaluate fast --json > figures.txt"),
        ("evaluate --json out.txt", "evaluate --json > out.txt"),
        ("compare a b --json out.csv", "compare a b --json > out.csv"),
        ("project x.png --json o.txt", "project x.png --json > o.txt"),
        ("data --json out", "data --json > out"),
        ("info fast --json ./none/x", "info fast --json > ./none/x"),
        ("sweep --config s.toml --json out", "sweep --config s.toml --json > out"),
        ("outputs --json o.txt", "outputs --json > o.txt"),
        ("plugins --json none/o", "plugins --json > none/o"),
        ("data verify mnist --json d.json", "data verify mnist --json > d.json"),
    ],
)
def test_a_file_name_is_refused(invoke: Invoke, arguments: str, advice: str) -> None:
    """Also if such a file is there, from the days when --json wrote it."""
    for name in ("f.json", "z.JSON"):
        Path(name).write_text("{}")
    before = sorted(Path().iterdir())
    words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", arguments)]
    result = invoke(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    says = f"mnistgan: error: --json takes no file name; write: mnistgan {advice}\n"
    assert result.stderr == says
    assert sorted(Path().iterdir()) == before


def test_a_run_may_be_named_so(invoke: Invoke, trained: Path) -> None:
    shutil.copytree(trained, "run.json")
    assert document(invoke("info", "--json", "run.json"), INFO_RUN)["run"] == "run.json"
    # So may a file, a plugin or a data set follow, or another option.
    assert document(invoke("info", "--json", "run.json/g.pt"), INFO_FILE)["kind"] == "generator"
    assert document(invoke("outputs", "--json", "samples"), OUTPUT)["name"] == "samples"
    assert document(invoke("data", "verify", "--json", "digits"), VERIFY)["is_usable"]
    for *words, refusal in (
        ("data", "verifyy", "No such command 'verifyy'"),
        ("init", "dcgan", "--json lists the presets"),
        ("outputs", "smples", "did you mean 'samples'"),
    ):
        result = invoke(words[0], "--json", words[1])
        assert refusal in result.stderr
    result = invoke("evaluate", "--json", "--ckpt", "f.json")
    assert "f.json: cannot be read" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "none"),
        ("compare", "none"),
        ("compare", "--exact", "none", "none"),
        ("project", "none.png"),
        ("info", "none"),
        ("sweep", "--config", "none.toml"),
        ("data", "verify", "./none"),
        ("plugins", "outputs", "none"),
        ("plugins", "none"),
        ("outputs", "none"),
    ],
    ids=" ".join,
)
def test_mistakes_are_not_on_stdout(invoke: Invoke, arguments: tuple[str, ...]) -> None:
    plain, as_json = invoke(*arguments), invoke(*arguments, "--json")
    assert (as_json.exit_code, as_json.stdout) == (2, "")
    assert (as_json.stderr, as_json.exit_code) == (plain.stderr, plain.exit_code)
