"""The training loop, as a stream of events.

    for event in Trainer(config, datasets.load(config.data)):
        ...

The trainer prints and writes nothing. A run is a function of its config and its data, so a trainer
that restores the :meth:`~Trainer.state` of another continues exactly.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mnistgan import arguments
from mnistgan.arrays import Images
from mnistgan.config import RunConfig
from mnistgan.datasets import ImageSet
from mnistgan.errors import DataError, FileFormatError, TrainingError, UsageError
from mnistgan.events import EndReason, EpochEnded, Event, RunEnded, RunStarted, StepMetrics
from mnistgan.models import devices, networks, noise, precision
from mnistgan.models.networks import LabelInput
from mnistgan.models.noise import Stream
from mnistgan.progress import StopToken
from mnistgan.sampling import conditioning
from mnistgan.training import cuda_graphs
from mnistgan.training.adam import Adam
from mnistgan.training.inputs import InputSchedule, StepInputs
from mnistgan.training.ranks import ALONE, Ranks
from mnistgan.training.step import Step

FIXED_COUNT = 64  # images in the grid that shows the progress of a run: 8 x 8

# Metrics are fetched from the device after this many seconds or steps, whichever comes first: often
# enough for a live display, seldom enough that a GPU rarely waits.
_READ_BACK_SECONDS = 0.2
_READ_BACK_STEPS = 1024
_AGREE_STEPS = 16  # steps between two checks of whether a rank wants to stop: each makes a GPU wait
_METRICS = ("loss_D", "loss_G", "D(x)", "D(G(z1))", "D(G(z2))")


class Trainer:
    """Trains one GAN, from its config to the end of its last epoch.

    Iterating over the trainer trains. Between two events, the state is consistent and :meth:`state`
    may be called. A step is one update of G; an epoch is one pass through the data without the last
    partial batch.

        config = mnistgan.RunConfig(data={"name": "digits"}, train={"epochs": 1})
        for event in mnistgan.Trainer(config, datasets.load(config.data)):
            print(event)

    Args:
        config: run config.
        data: training images.
        stop: polled before each step; when requested, the run ends after the current step.
        ranks: the processes that train together; each has a Trainer with the same config and data.
        clock: a function that returns seconds; used for rates and for ``max_minutes``.

    Attributes:
        config: the given config; for a conditional model, with the class names of the data.
        data: training images.
        device: device of the networks and the data.
        step: updates of G so far.
        steps_per_epoch: updates of G in one pass through the data.
        total_steps: updates of G in all epochs.
        generator: G.
        discriminator: D.
        acceleration: ``none`` or ``graph`` (CUDA graphs).
        average: moving average of G, or None if disabled.

    Raises:
        DataError: there are fewer images than one step needs, their shape is not the config's, or
            a conditional model has no labels.
        UsageError: the device is not available or cannot be used as configured, or the batch size
            is not a multiple of the number of ranks.
    """

    def __init__(
        self,
        config: RunConfig,
        data: ImageSet,
        *,
        stop: StopToken | None = None,
        ranks: Ranks = ALONE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        arguments.instance("config", config, RunConfig, "a RunConfig")
        arguments.instance("data", data, ImageSet, "an ImageSet, from datasets.load()")
        arguments.instance("stop", stop, (StopToken, type(None)), "a StopToken")
        arguments.instance("ranks", ranks, Ranks, "a Ranks")
        arguments.function("clock", clock)
        _refuse_what_does_not_fit(config, data, ranks)
        train = config.train
        self.config = config = conditioning.with_classes(config, data)
        self.data = data
        self.device = devices.resolve(train.device)
        devices.keep_freed_memory()
        self._dtype = precision.resolve(train.precision, self.device)
        # Graphs are experimental, so "auto" means plain steps. torch.compile is not offered: with
        # it, steps reached 0.79 to 0.93 of the plain rate, after up to 20 s of warm-up (commit
        # d7aff62).
        self.acceleration = "graph" if train.accelerate == "graph" else "none"
        self.step = 0
        self._stop = stop or StopToken()
        self._ranks = ranks
        self._clock = clock
        self._schedule = InputSchedule(config, len(data), self.device, ranks)
        self.steps_per_epoch = self._schedule.steps_per_epoch
        self.total_steps = self._schedule.total_steps
        labels: LabelInput = ()
        self._fixed_labels: LabelInput = ()
        if config.model.conditional:
            assert data.labels is not None
            fixed = conditioning.in_a_grid(data.classes, FIXED_COUNT)
            labels = (torch.from_numpy(data.labels).to(self.device),)
            self._fixed_labels = (torch.from_numpy(fixed).to(self.device),)
        # The same z in every epoch, so that an animation of the grids shows training alone.
        z_shape = (FIXED_COUNT, config.model.latent_dim)
        self._fixed_z = noise.normal(config.seed, Stream.FIXED, 0, z_shape).to(self.device)
        self.generator = networks.build_generator(config).to(self.device).train()
        self.discriminator = networks.build_discriminator(config).to(self.device).train()
        self.average = copy.deepcopy(self.generator) if train.ema_decay else None
        modules = (self.generator, self.discriminator, self.average)
        # The whole data set as uint8: MNIST takes 47 MB, and no step waits for a DataLoader.
        images = torch.from_numpy(data.images).to(self.device)
        self._step = Step(config, *modules, images, labels, dtype=self._dtype, ranks=ranks)
        # Everything that training changes, under its name in a checkpoint: part of the file format.
        self._parts: dict[str, nn.Module | Adam] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "adam_g": self._step.adam_g,
            "adam_d": self._step.adam_d,
        }
        if self.average is not None:
            self._parts["average"] = self.average
        self._take_step: Callable[[StepInputs], Tensor] = self._step
        if self.acceleration == "graph":
            self._take_step = cuda_graphs.recorded(self._step, self.device, ranks)
        # Metrics stay on the device and are fetched many steps at a time: fetching makes the host
        # wait for the device, on a GPU for longer than a small step takes.
        self._metrics = torch.empty(_READ_BACK_STEPS, 5, device=self.device)
        self._pending = 0  # rows filled since the last read-back
        self._read_back_at = 0.0

    @property
    def epoch(self) -> int:
        """The epoch of the last step, counted from 1; 0 before the first step."""
        return math.ceil(self.step / self.steps_per_epoch)

    @property
    def precision(self) -> str:
        """Format of matrix products: ``float32`` or ``bfloat16``."""
        return str(self._dtype).removeprefix("torch.")

    @property
    def sampled(self) -> nn.Module:
        """The network to draw images from: the moving average, or G if it is disabled."""
        return self.generator if self.average is None else self.average

    def __iter__(self) -> Iterator[Event]:
        """Train from the current step on.

        Raises:
            TrainingError: a loss, D(x) or D(G(z)) is no longer finite.
        """
        yield self._started()
        begin = self._read_back_at = self._clock()
        limit = self.config.train.max_minutes
        deadline = math.inf if limit is None else begin + 60 * limit
        reason: EndReason = "finished"
        while self.step < self.total_steps:
            if self._is_over(deadline):
                is_late = self._clock() >= deadline and not self._stop.requested
                reason = "max_minutes" if is_late else "stopped"
                break
            self._train_step()
            epoch_is_over = self.step % self.steps_per_epoch == 0
            # Before EpochEnded, so that events come in the order of the steps.
            if epoch_is_over or self._read_back_is_due():
                yield from self._read_back()
            if epoch_is_over:
                yield EpochEnded(self.epoch, self.step, self.fixed_images())
                self._read_back_at = self._clock()  # drawing and saving are not training
        yield from self._read_back()
        yield RunEnded(reason, self.step, self.epoch)

    def one_step(self) -> StepMetrics:
        """Take a single step and return its metrics, for a dry run."""
        self._read_back_at = self._clock()
        self._train_step()
        return next(self._read_back())

    def fixed_images(self) -> Images:
        """Images of the fixed noise, uint8 64 x C x H x W. Changes no state."""
        pixels = networks.pixel_range(self.config)
        images = networks.generate(self.sampled, self._fixed_z, self._fixed_labels, pixels)
        return _read_only(images.cpu().numpy())

    def _train_step(self) -> None:
        # Copied at once: the result of a CUDA graph is overwritten by the next step.
        metrics = self._metrics[self._pending]
        metrics.copy_(self._take_step(self._schedule[self.step]))
        self._ranks.average([metrics])
        self.step += 1
        self._pending += 1

    def _is_over(self, deadline: float) -> bool:
        """Whether to end before the next step; all ranks end after the same one."""
        # A rank that ended alone would leave the others waiting for its gradients, so they agree.
        wanted = self._stop.requested or self._clock() >= deadline
        if self._ranks.size == 1:
            return wanted
        return self.step % _AGREE_STEPS == 0 and self._ranks.any(wanted, self.device)

    def _started(self) -> RunStarted:
        return RunStarted(
            config=self.config,
            step=self.step,
            steps_per_epoch=self.steps_per_epoch,
            total_steps=self.total_steps,
            device=str(self.device),
            precision=self.precision,
            acceleration=self.acceleration,
            ranks=self._ranks.size,
            data_source=self.data.source,
            data_count=len(self.data),
            parameters_g=networks.count_parameters(self.generator),
            parameters_d=networks.count_parameters(self.discriminator),
            real_images=_read_only(self.data.images[:FIXED_COUNT]),
        )

    def _read_back_is_due(self) -> bool:
        waited = self._clock() - self._read_back_at
        return waited >= _READ_BACK_SECONDS or self._pending == _READ_BACK_STEPS

    def _read_back(self) -> Iterator[StepMetrics]:
        """Fetch the metrics of the steps since the last read-back, in one copy."""
        if not self._pending:
            return
        rows: list[list[float]] = self._metrics[: self._pending].tolist()
        now = self._clock()
        images = len(rows) * self.config.train.batch_size * self.config.train.d_steps
        rate = images / max(now - self._read_back_at, 1e-9)  # a coarse clock may not have moved
        self._pending, self._read_back_at = 0, now
        for step, row in enumerate(rows, start=self.step - len(rows) + 1):
            # Here and not in the step: looking at a value there would make a GPU wait.
            for name, value in zip(_METRICS, row, strict=True):
                if not math.isfinite(value):
                    raise TrainingError(
                        f"{name} is no longer finite at step {step}; start a new run with lower "
                        "train.lr_d and train.lr_g, or with a higher train.r1"
                    )
            epoch = math.ceil(step / self.steps_per_epoch)
            loss_d, loss_g, d_real, before, after = row
            yield StepMetrics(step, epoch, loss_d, loss_g, d_real, before, after, rate)

    def state(self) -> dict[str, Any]:
        """The training state for a checkpoint: weights, optimizers, step.

        Its tensors are references, not copies: they change with the next step.
        """
        return {
            "step": self.step,
            "epoch": self.epoch,
            **{name: part.state_dict() for name, part in self._parts.items()},
            "data": self.data.digest,
            **self.arithmetic(),
        }

    def arithmetic(self) -> dict[str, Any]:
        """The settings that determine rounding; if one changes, the last digits may differ."""
        return {
            "device": str(self.device),
            "precision": self.precision,
            "acceleration": self.acceleration,
            "threads": torch.get_num_threads(),
            "ranks": self._ranks.size,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from where :meth:`state` was taken.

        Raises:
            FileFormatError: the state does not fit this config.
        """
        try:
            for name, part in self._parts.items():
                part.load_state_dict(state[name])
            self.step = int(state["step"])
        # load_state_dict raises any of these for missing names, other shapes or other types.
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise FileFormatError(f"the checkpoint does not fit its config ({reason})") from error

    def align(self) -> None:
        """Copy the state of rank 0, for example one restored there, to all ranks."""
        step = torch.tensor([self.step], device=self.device)
        tensors = [step]
        for part in self._parts.values():
            for value in part.state_dict().values():
                tensors += value if isinstance(value, list) else [value]
        self._ranks.broadcast(tensors)
        self.step = int(step.item())


def _refuse_what_does_not_fit(config: RunConfig, data: ImageSet, ranks: Ranks) -> None:
    train = config.train
    per_step = train.batch_size * train.d_steps
    if len(data) < 2:
        raise DataError(f"{data.source} holds a single image; a GAN needs many")
    if len(data) < per_step:
        raise DataError(
            f"train.batch_size: one step takes {per_step} images, the data has {len(data)}; choose "
            "a smaller batch"
        )
    if tuple(data.images.shape[1:]) != networks.image_shape(config):
        raise DataError(
            f"the images have shape {data.images.shape[1:]}, the config's networks take "
            f"{networks.image_shape(config)}; use datasets.load(config.data)"
        )
    if train.batch_size % ranks.size or train.batch_size // ranks.size < 2:
        raise UsageError(
            f"train.batch_size: {train.batch_size} images cannot be shared evenly by {ranks.size} "
            "ranks, with two or more each; choose another size"
        )


def _read_only(images: Images) -> Images:
    """A read-only copy, so that no output can change the images that the others receive."""
    # Bytes own the memory, so that nobody can make the array writable again.
    return np.frombuffer(images.tobytes(), np.uint8).reshape(images.shape)
