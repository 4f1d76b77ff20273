"""The plan of a sweep: reads and checks its TOML, before any slow import."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from mnistgan.config import RunConfig, Section, presets, toml
from mnistgan.config.toml import Table
from mnistgan.errors import ConfigError, UsageError, did_you_mean, one_of, quoted
from mnistgan.storage import tables

_HIGHER_IS_BETTER = (
    "precision", "recall", "density", "coverage", "classifier_score", "confidence", "agreement",
)  # fmt: skip


def _figure(name: str) -> str:
    known = tables.LABELED_FIGURES
    if name not in known:
        raise ValueError(f"must be {one_of(known)}, got {name!r}{did_you_mean(name, known)}")
    return name


class Objective(Section):
    """``[objective]``: the figure of ``mnistgan evaluate`` to optimize, and how to measure it."""

    figure: Annotated[str, AfterValidator(_figure)] = "frechet_distance"
    n: int = Field(2000, ge=100)  # images per measurement
    every: int = Field(1, ge=1)  # epochs between measurements; each one may prune the trial
    # A trial trains one run per seed, and its value is the mean of their figures. Figures vary with
    # the seed: the Frechet distance of the preset fast is 1.53 over five seeds, with a confidence
    # interval of 0.094 to both sides (benchmarks/results/ablation.json).
    seeds: list[int] = Field(default=[0], min_length=1)

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Whether smaller or larger figures are better."""
        return "maximize" if self.figure in _HIGHER_IS_BETTER else "minimize"


class Range(Section):
    """The values to try for one key: ``{ low, high }`` or ``{ choices }``."""

    low: float | int | None = None
    high: float | int | None = None
    log: bool = False  # whether to sample uniformly on a logarithmic scale, as for learning rates
    step: float | int | None = None
    choices: list[Any] | None = Field(None, min_length=1)

    def ends(self) -> list[Any]:
        """The values to check: all choices, or both ends of the range."""
        return [self.low, self.high] if self.choices is None else self.choices

    @model_validator(mode="after")
    def _either_or(self) -> "Range":
        if self.choices is not None:
            if (self.low, self.high, self.step, self.log) != (None, None, None, False):
                raise ValueError("choices cannot be combined with low, high, log or step")
        elif self.low is None or self.high is None:
            raise ValueError("must have low and high, or choices")
        elif not self.low < self.high:
            raise ValueError("low must be less than high")
        elif self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log requires a low above 0 and no step")
        elif self.step is not None and self.step <= 0:
            raise ValueError("step must be above 0")
        return self


def _name(value: str) -> str:
    if not re.fullmatch(r"\w[\w.-]*", value):
        raise ValueError(
            "must have only letters, digits, dots, hyphens and underscores, and not begin with a "
            f"dot or hyphen, got {quoted(value)}"
        )
    return value


class SweepConfig(Section):
    """A sweep's TOML."""

    name: Annotated[str, AfterValidator(_name)] = "sweep"
    base: str | None = None  # a preset, or a TOML file relative to this one; else all defaults
    trials: int = Field(20, ge=1)
    seed: int = Field(0, ge=0, lt=2**32)  # random seed of the search
    # Whether to stop trials that are worse than the median of the others at the same epoch.
    prune: bool = True
    objective: Objective = Objective()
    set: dict[str, Any] = Field(default={})  # keys in which all trials differ from the base
    search: dict[str, Range] = Field(min_length=1)  # keys to search


@dataclass(frozen=True)
class SweepPlan:
    """A checked sweep.

    Attributes:
        sweep: contents of its TOML.
        base: config table of all trials, before the values of the search are set.
    """

    sweep: SweepConfig
    base: Table

    def config(self, values: Mapping[str, Any], seed: int) -> RunConfig:
        """The run config for one trial and seed.

        Raises:
            ConfigError: the values contradict each other.
        """
        objective = self.sweep.objective
        # The objective is measured during training, so that the pruner can compare trials. All
        # metrics of a trial stay in its run directory, but an animation would only take time.
        measured = {"evaluate.every": objective.every, "evaluate.n": objective.n, "seed": seed}
        keys = {**values, **measured, "outputs.animation": False}
        return toml.replace(self.base, keys, "a trial's config")


def read(path: Path, trials: int | None = None) -> SweepPlan:
    """Read and check a sweep's TOML.

    Args:
        path: path of the file.
        trials: number of trials; by default the number in the file.

    Raises:
        ConfigError: with all mistakes in the file, in the base and in the values to try.
        UsageError: a file cannot be read.
    """
    table = toml.read_toml(path, "examples/sweeps/rates.toml as a start")
    if trials is not None:
        table["trials"] = trials
    try:
        sweep = SweepConfig.model_validate(table)
    except ValidationError as error:
        raise ConfigError(str(path), list(_explained(error))) from error
    base: Table = {}
    if sweep.base is not None:
        is_preset = sweep.base in presets.names()
        base = toml.read_toml(presets.path(sweep.base) if is_preset else path.parent / sweep.base)
    settings = [(key, value) for key, value in toml.flatten(sweep.set).items() if value != {}]
    plan = SweepPlan(sweep, toml.override(base, settings))
    if problems := _problems(plan):
        raise ConfigError(str(path), problems)
    return plan


def _problems(plan: SweepPlan) -> list[str]:
    """Mistakes in the base, and in each searched value when it alone is set in the base."""
    _, problems = toml.check(plan.base)
    if problems:
        return problems
    sweep = plan.sweep
    # Combinations are not checked: there may be any number. A trial whose values contradict each
    # other is pruned.
    for key, tried in sweep.search.items():
        if key == "seed" or key.startswith("evaluate."):
            problems.append(
                f"search.{key}: cannot be searched; use seeds, n and every in [objective]"
            )
            continue
        for value in tried.ends():
            try:
                table = toml.override(plan.base, [(key, value)])
            except UsageError as error:
                problems.append(f"search.{error}")
            else:
                problems += [f"search.{one}" for one in toml.check(table)[1]]
    base = toml.validate(plan.base, "")
    if sweep.objective.figure == "agreement" and not base.model.conditional:
        problems.append("objective.figure: agreement needs model.conditional = true in the base")
    epochs = base.train.epochs
    if not problems and epochs % sweep.objective.every:
        # A trial's value is the figure after the last epoch, so that epoch must be measured.
        every = sweep.objective.every
        problems.append(
            f"objective.every: must divide the number of epochs ({epochs}), got {every}"
        )
    return list(dict.fromkeys(problems))


def _explained(error: ValidationError) -> Iterator[str]:
    for entry in error.errors(include_url=False):
        path = ".".join(str(part) for part in entry["loc"])
        if entry["type"] == "extra_forbidden":
            yield f"{path}: unknown key"
        elif entry["type"] == "missing":  # only the table `search` has no default
            yield f"{path}: is missing; add the keys to search, each with low and high, or choices"
        elif entry["type"] == "value_error":
            yield f"{path}: {entry['ctx']['error']}"
        else:
            yield f"{path}: {toml.explain_value(entry)}"
