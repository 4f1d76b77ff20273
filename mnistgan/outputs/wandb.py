"""The output ``wandb``: a run in the format of Weights & Biases."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from mnistgan.config import ScoreKind, toml
from mnistgan.config.sections import list_to_tuple
from mnistgan.errors import UsageError
from mnistgan.events import EpochEnded, Evaluated, Event, RunEnded, RunStarted, StepMetrics
from mnistgan.outputs.base import Output, OutputOptions
from mnistgan.outputs.tracking import measures, row_scalars, step_scalars
from mnistgan.storage import tables
from mnistgan.storage.run_directory import RunDirectory
from mnistgan.text import without_folders

if TYPE_CHECKING:
    import wandb

    from mnistgan.rendering.grids import Picture


Tags: TypeAlias = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], BeforeValidator(list_to_tuple)
]


class WandB(Output):
    """Writes curves, grids, measures and config for Weights & Biases to the folder wandb/.

    Unless the mode is "online", nothing leaves the machine until you run: wandb sync RUN/wandb
    """

    needs = ("metrics",)
    libraries: ClassVar = {"wandb": "mnistgan[wandb]"}

    class Options(OutputOptions):
        """Where the run belongs, and how often to log."""

        mode: Literal["offline", "online"] = "offline"
        """"offline", or "online" after: wandb login"""
        project: Annotated[str, Field(min_length=1, max_length=128)] = "mnistgan"
        """The project that the run belongs to."""
        entity: Annotated[str, Field(min_length=1)] | None = None
        """User or team; by default your default entity."""
        tags: Tags = ()
        """Tags of the run."""
        every: Annotated[int, Field(ge=1)] = 10
        """Steps between two points of the curves; a point takes half a millisecond."""

    options: Options
    _run: wandb.Run
    _kind: ScoreKind

    def handle(self, event: Event) -> None:
        """Start or continue the run, log scalars and images, and finish it."""
        match event:
            case RunStarted():
                self._start(event)
            case StepMetrics() if self._is_logged(event.step):
                self._run.log(step_scalars(event, self._kind), event.step)
            case EpochEnded():
                from mnistgan.rendering import grids

                grid = _image(grids.grid(event.images), f"epoch {event.epoch}")
                self._run.log({"samples": grid}, event.step)
            case Evaluated():
                self._run.log(measures(event.figures), event.step)
                self._run.summary["measured with"] = event.measured_with
            case RunEnded():
                end = {"reason": event.reason, "step": event.step, "epoch": event.epoch}
                self._run.summary.update(end)
                self._run.finish(exit_code=int(event.reason == "failed"))
                self._remove_earlier()

    def _is_logged(self, step: int) -> bool:
        return step % self.options.every == 0

    # Start and continue ------------------------------------------------------------------------

    def _start(self, event: RunStarted) -> None:
        from mnistgan.rendering import grids

        self._kind = event.config.train.score_kind
        with _environment(self.folder("wandb") / "cache"):
            self._run = self._open(event)
        self._run.define_metric("measures/frechet_distance", summary="min")
        if event.step and self.options.mode == "online":
            return  # the server already has the earlier steps
        real = _image(grids.grid(event.real_images), without_folders(event.data_source))
        self._run.log({"real": real}, 0)
        if event.step:
            self._log_again(event.step)

    def _open(self, event: RunStarted) -> wandb.Run:
        import wandb

        options = self.options
        online = options.mode == "online"
        if online and not wandb.login(prompt=False, verify=False):
            raise UsageError('no API key is set; run: wandb login, or set mode = "offline"')
        weights = {"parameters_G": event.parameters_g, "parameters_D": event.parameters_d}
        return wandb.init(
            id=self._id(),
            name=self.directory.resolve().name,
            project=options.project,
            entity=options.entity,
            tags=options.tags,
            config=toml.to_table(toml.for_others(event.config)) | weights,
            resume="allow" if online else None,
            reinit="create_new",  # otherwise wandb ends a run that the caller has open
            settings=wandb.Settings(
                mode=options.mode,
                root_dir=str(self.directory),
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                x_disable_meta=True,
                x_disable_stats=True,  # collecting them sends a request over the network
                x_save_requirements=False,
            ),
        )

    def _id(self) -> str:
        """An ID from the run's start time, so that a resumed run has the same ID."""
        started = RunDirectory(self.directory).read_environment().get("started", self.directory)
        return hashlib.sha256(str(started).encode()).hexdigest()[:16]

    def _log_again(self, until: int) -> None:
        """Log the steps before a resume again, from the run's tables."""
        # wandb starts a new file each time. It gets the whole run, because the previous file may
        # end too early (not flushed) or too late (after the checkpoint).
        from mnistgan.rendering import grids

        run = RunDirectory(self.directory)
        size = run.read_config().data.image_size
        logged: dict[int, dict[str, Any]] = defaultdict(dict)
        for row in _rows(tables.read_metrics(run.metrics_file)):
            if self._is_logged(int(row["step"])):
                logged[int(row["step"])] |= row_scalars(row, self._kind)
        for row in _rows(tables.read_evaluations(run.evaluations_file)):
            logged[int(row["step"])] |= measures(row)
        for grid in tables.existing_samples(run.samples):
            picture = grids.read_grid(grid.file, size)
            logged[grid.step]["samples"] = _image(picture, f"epoch {grid.epoch}")
        for step in sorted(logged):
            if step <= until:
                self._run.log(logged[step], step)

    def _remove_earlier(self) -> None:
        """Remove the files of earlier starts, whose content the current file contains."""
        here = Path(self._run.dir).parent
        for folder in here.parent.glob(f"offline-run-*-{self._run.id}*"):
            if folder != here and not folder.is_symlink():
                shutil.rmtree(folder)


def _image(picture: Picture, caption: str) -> wandb.Image:
    import wandb
    from PIL import Image

    return wandb.Image(Image.fromarray(picture), caption=caption)


def _rows(table: Mapping[str, Any]) -> Iterator[dict[str, float]]:
    for values in zip(*table.values(), strict=True):
        yield dict(zip(table, map(float, values), strict=True))


@contextlib.contextmanager
def _environment(cache: Path) -> Iterator[None]:
    """Set the environment of wandb's service process: no error reports, cache in the run."""
    # wandb starts the process inside this context, so the variables are needed only here.
    changes = {"WANDB_ERROR_REPORTING": "false", "WANDB_CACHE_DIR": str(cache)}
    before = {name: os.environ[name] for name in changes if name in os.environ}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name in changes:
            os.environ.pop(name, None)
        os.environ.update(before)
