"""The output ``wandb``: a run as Weights & Biases keeps it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from mnistgan import config_io, history
from mnistgan.errors import UsageError
from mnistgan.events import EpochEnded, Evaluated, Event, RunEnded, RunStarted, StepMetrics
from mnistgan.outputs.base import Output, OutputOptions
from mnistgan.outputs.tracking import ScalarNames, measures
from mnistgan.rundir import RunDirectory

if TYPE_CHECKING:
    import wandb

    from mnistgan.rendering import Picture


class WandB(Output):
    """Keeps the run for Weights & Biases in the folder wandb/: curves, grids, measures, config.

    Offline unless told otherwise: nothing leaves the machine until: wandb sync RUN/wandb
    """

    needs = ("metrics",)
    libraries = {"wandb": "mnistgan[wandb]"}

    class Options(OutputOptions):
        """Where the run belongs, and how often it is told of."""

        mode: Literal["offline", "online"] = "offline"
        """"offline", or "online", which needs: wandb login"""
        project: Annotated[str, Field(min_length=1, max_length=128)] = "mnistgan"
        """The project on the server."""
        entity: str | None = None
        """The user or team that it belongs to; without it, your default one."""
        tags: list[str] = []
        """Words to find the run by."""
        every: Annotated[int, Field(ge=1)] = 10
        """Steps between two points of the curves; one costs some tenths of a millisecond."""

    options: Options
    _run: wandb.Run
    _names: ScalarNames

    def handle(self, event: Event) -> None:
        """Begin or go on; log points and pictures; finish."""
        match event:
            case RunStarted():
                self._start(event)
            case StepMetrics() if event.step % self.options.every == 0:
                self._run.log(self._names.of_step(event), event.step)
            case EpochEnded():
                from mnistgan import rendering

                picture = rendering.grid(event.images)
                self._log_picture("samples", picture, event.step, event.epoch)
            case Evaluated():
                self._run.log(measures(event.figures), event.step)
                self._run.summary["measured with"] = event.measured_with
            case RunEnded():
                self._run.summary.update(
                    {"reason": event.reason, "step": event.step, "epoch": event.epoch}
                )
                self._run.finish(exit_code=int(event.reason == "failed"))
                self._remove_earlier()

    # Begin and go on ---------------------------------------------------------------------------

    def _start(self, event: RunStarted) -> None:
        from mnistgan import rendering

        self._names = ScalarNames(event.config.train.score_kind)
        with _environment(self.directory / "wandb"):
            self._run = self._open(event)
        self._run.define_metric("measures/frechet_distance", summary="min")
        if event.step and self.options.mode == "offline":
            self._tell_again(event.step)
        if not event.step:
            self._log_picture("real", rendering.grid(event.real_images), event.step)

    def _open(self, event: RunStarted) -> wandb.Run:
        import wandb

        options = self.options
        online = options.mode == "online"
        if online and not wandb.login(prompt=False, verify=False):
            raise UsageError("no key for the server; run: wandb login, or leave mode as it is")
        return wandb.init(
            id=self._id(event),
            name=self.directory.resolve().name,
            project=options.project,
            entity=options.entity,
            tags=options.tags,
            config=config_io.to_table(event.config) | {"parameters_G": event.parameters_g, "parameters_D": event.parameters_d},
            resume="allow" if online else None,
            reinit="create_new",  # leaves a run of the caller's own alone
            settings=wandb.Settings(
                mode=options.mode,
                root_dir=str(self.directory),
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                x_disable_meta=True,
                x_disable_stats=True,
                x_save_requirements=False,
            ),
        )
