"""The training loop: data, G, D and their losses become a stream of events.

    for event in Trainer(config, datasets.load(config.data)):
        ...

Prints nothing and writes nothing. Everything that a run does is a function of its config, its data
and its step: :meth:`Trainer.state` and :meth:`Trainer.restore` carry it over a stop exactly.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from mnistgan.arrays import Images
from mnistgan.config import RunConfig
from mnistgan.datasets import ImageSet
from mnistgan.errors import DataError, FileFormatError, TrainingError, UsageError
from mnistgan.events import EndReason, EpochEnded, Event, RunEnded, RunStarted, StepMetrics
from mnistgan.models import devices, networks, noise, precision
from mnistgan.models.noise import Stream
from mnistgan.progress import StopToken
from mnistgan.sampling import conditioning
from mnistgan.training import acceleration, ema
from mnistgan.training.acceleration import accelerated
from mnistgan.training.ranks import ALONE, Ranks
from mnistgan.training.step import Inputs, Step, Turn

FIXED_COUNT = 64
"""How many images a run's pictures show: an 8 x 8 grid."""

_READ_BACK_SECONDS = 0.2
_READ_BACK_STEPS = 1024
_AGREE_STEPS = 16  # to ask the other ranks makes a card wait for the host


class Trainer:
    """One GAN training, from its config to the end of its last epoch.

    Iterating trains; between two events the state is whole and can be taken with :meth:`state`.
    An epoch is one pass through the data without the last partial batch, a step one update of G.

    Args:
        config: the recipe.
        data: what to train on.
        stop: polled each step; when requested, the run ends after the step at hand.
        ranks: that train together, each with its own Trainer of the same config and data.
        clock: seconds, for the rates and for ``max_minutes``.

    Attributes:
        config: the recipe, with the classes of the data where the model is conditional.
        data: what it trains on.
        device: where it computes.
        step: updates of G so far.
        steps_per_epoch: updates of G in one pass through the data.
        total_steps: updates of G in all epochs.
        generator: G.
        discriminator: D.
        acceleration: how a step is carried out: ``none`` or ``graph``.
        average: the moving average of G, or None where the config keeps none.

    Raises:
        DataError: there are fewer images than one step needs, they are of another shape, or have no
            labels where the model is conditional.
        UsageError: the device that the config names is not there or cannot be used as it says, or
            the ranks cannot share the batch evenly.
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
        _refuse_what_does_not_fit(config, data, ranks)
        train = config.train
        self.config = config = conditioning.with_classes(config, data)
        self.data = data
        self.device = devices.resolve(train.device)
        devices.keep_freed_memory()
        self._dtype = precision.resolve(train.precision, self.device)
        self.acceleration = acceleration.resolve(train.accelerate, self.device, ranks.size)
        self.step = 0
        self.steps_per_epoch = len(data) // (train.batch_size * train.d_steps)
        self.total_steps = train.epochs * self.steps_per_epoch
        self._stop = stop or StopToken()
        self._ranks = ranks
        self._clock = clock
        self._decay_begins = round(train.lr_decay_from * self.total_steps)
        labels: networks.LabelInput = ()
        self._fixed_labels: networks.LabelInput = ()
        if config.model.conditional:
            assert data.labels is not None
            fixed = conditioning.in_a_grid(data.classes, FIXED_COUNT)
            labels = (torch.from_numpy(data.labels).to(self.device),)
            self._fixed_labels = (torch.from_numpy(fixed).to(self.device),)
        self.generator = networks.build_generator(config).to(self.device).train()
        self.discriminator = networks.build_discriminator(config).to(self.device).train()
        self.average = copy.deepcopy(self.generator) if train.ema_decay else None
        self._step = Step(
            config,
            self.generator,
            self.discriminator,
            self.average,
            torch.from_numpy(data.images).to(self.device),
            labels,
            dtype=self._dtype,
            ranks=ranks,
        )
        self._run = accelerated(self._step, self.acceleration, self.device)
        self._noise = noise.Noise(
            noise.normal,
            config.seed,
            Stream.NOISE,
            (train.batch_size, config.model.latent_dim),
            self.device,
        )
        self._mix = None
        if train.loss == "wasserstein-gp" and train.gradient_penalty:
            self._mix = noise.Noise(
                noise.uniform, config.seed, Stream.PENALTY, (train.batch_size,), self.device
            )
        self._fixed_z = noise.normal(
            config.seed, Stream.FIXED, 0, (FIXED_COUNT, config.model.latent_dim)
        ).to(self.device)
        self._order = (0, torch.empty(0))  # the epoch and its permutation
        self._rows = torch.empty(_READ_BACK_STEPS, 5, device=self.device)
        self._pending = 0  # rows filled since the last read-back
        self._read_back_at = 0.0

    @property
    def epoch(self) -> int:
        """The epoch of the last step taken, from 1; 0 before the first step."""
        return math.ceil(self.step / self.steps_per_epoch)

    @property
    def precision(self) -> str:
        """The format in which its layers multiply, by name: ``float32`` or ``bfloat16``."""
        return str(self._dtype).removeprefix("torch.")

    @property
    def sampled(self) -> nn.Module:
        """The generator that pictures are drawn from: the moving average if one is kept."""
        return self.generator if self.average is None else self.average

    def __iter__(self) -> Iterator[Event]:
        """Train from the present step on.

        Raises:
            TrainingError: a loss is no longer finite.
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
            if epoch_is_over or self._read_back_is_due():
                yield from self._read_back()
            if epoch_is_over:
                yield EpochEnded(self.epoch, self.step, self.fixed_images())
                self._read_back_at = self._clock()  # drawing and saving are not training
        yield from self._read_back()
        yield RunEnded(reason, self.step, self.epoch)

    def one_step(self) -> StepMetrics:
        """Take a single step and tell its numbers: to see that everything fits together."""
        self._read_back_at = self._clock()
        self._train_step()
        return next(self._read_back())

    def fixed_images(self) -> Images:
        """What the fixed noise gives now; uint8, 64 x C x H x W. Changes nothing."""
        pixels = networks.pixel_range(self.config)
        images = networks.generate(self.sampled, self._fixed_z, self._fixed_labels, pixels)
        return _read_only(images.cpu().numpy())

    # One step ----------------------------------------------------------------------------------

    def _train_step(self) -> None:
        row = self._run(self._inputs())
        self.step += 1
        self._rows[self._pending] = row
        self._ranks.average([self._rows[self._pending]])
        self._pending += 1

    def _inputs(self) -> Inputs:
        """What the next step takes."""
        train = self.config.train
        first = self.step * train.d_steps
        return Inputs(
            tuple(map(self._turn, range(first, first + train.d_steps))),
            rate_left=self._rate_left(),
            ema_share=1 - ema.warmed_up(train.ema_decay, self.step + 1),
        )

    def _turn(self, number: int) -> Turn:
        """What an update of D takes; they are counted over the whole run, from 0."""
        train = self.config.train
        epoch, position = divmod(number, self.steps_per_epoch * train.d_steps)
        if self._order[0] != epoch + 1:
            order = noise.permutation(self.config.seed, epoch + 1, len(self.data))
            self._order = (epoch + 1, order.to(self.device))
        size = train.batch_size
        rows = self._order[1][position * size : (position + 1) * size]
        return Turn(
            self._ranks.part(rows),
            self._ranks.part(self._noise[number]),
            self._ranks.part(self._mix[number]) if self._mix else None,
            r1=train.r1 > 0 and number % train.r1_every == 0,
        )

    def _rate_left(self) -> float:
        """The share of the learning rates that is left at this step."""
        left = self.total_steps - self.step
        return min(1.0, left / max(1, self.total_steps - self._decay_begins))

    def _is_over(self, deadline: float) -> bool:
        """Whether to end before the next step: all ranks after the same one."""
        wanted = self._stop.requested or self._clock() >= deadline
        if self._ranks.size == 1:
            return wanted
        return self.step % _AGREE_STEPS == 0 and self._ranks.any(wanted, self.device)

    # What is told ------------------------------------------------------------------------------

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
        """Fetch the numbers of the steps since the last time, all in one copy."""
        if not self._pending:
            return
        rows: list[list[float]] = self._rows[: self._pending].tolist()
        now = self._clock()
        images = len(rows) * self.config.train.batch_size * self.config.train.d_steps
        rate = images / max(now - self._read_back_at, 1e-9)
        self._pending, self._read_back_at = 0, now
        for step, row in enumerate(rows, start=self.step - len(rows) + 1):
            if not all(map(math.isfinite, row)):
                raise TrainingError(self._diagnosis(step, row))
            epoch = math.ceil(step / self.steps_per_epoch)
            loss_d, loss_g, d_real, before, after = row
            yield StepMetrics(step, epoch, loss_d, loss_g, d_real, before, after, rate)

    def _diagnosis(self, step: int, row: list[float]) -> str:
        names = ("loss_D", "loss_G", "D(x)", "D(G(z1))", "D(G(z2))")
        broken = next(
            name for name, value in zip(names, row, strict=True) if not math.isfinite(value)
        )
        return (
            f"{broken} is no longer finite at step {step}: the updates have grown without bound; "
            "train anew with lower train.lr_d and train.lr_g, or with train.r1; what was saved "
            "before is kept"
        )

    # What is kept ------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What the next steps depend on besides config and data; references, not copies."""
        state: dict[str, Any] = {
            "step": self.step,
            "epoch": self.epoch,
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "adam_g": self._step.adam_g.state_dict(),
            "adam_d": self._step.adam_d.state_dict(),
            "data": self.data.digest,
            "device": str(self.device),
            "precision": self.precision,
            "acceleration": self.acceleration,
            "threads": torch.get_num_threads(),
            "ranks": self._ranks.size,
        }
        if self.average is not None:
            state["average"] = self.average.state_dict()
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where :meth:`state` was taken.

        Raises:
            FileFormatError: the state does not fit this config.
        """
        try:
            self.generator.load_state_dict(state["generator"])
            self.discriminator.load_state_dict(state["discriminator"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            self._step.adam_g.load_state_dict(state["adam_g"])
            self._step.adam_d.load_state_dict(state["adam_d"])
            self.step = int(state["step"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise FileFormatError(
                f"the checkpoint does not fit its config ({str(error).splitlines()[0]}); use an "
                "older one"
            ) from error

    def align(self) -> None:
        """Take over the state that rank 0 has, such as one that was restored there."""
        step = torch.tensor([self.step], device=self.device)
        parts = [self.state().get(name, {}) for name in ("generator", "discriminator", "average")]
        adams = [self._step.adam_g.state_dict(), self._step.adam_d.state_dict()]
        self._ranks.as_on_the_first(
            [
                step,
                *(tensor for part in parts for tensor in part.values()),
                *(tensor for adam in adams for tensors in adam.values() for tensor in tensors),
            ]
        )
        self.step = int(step.item())


def _refuse_what_does_not_fit(config: RunConfig, data: ImageSet, ranks: Ranks) -> None:
    train = config.train
    per_step = train.batch_size * train.d_steps
    if len(data) < 2:
        raise DataError(f"{data.source} holds a single image; a GAN learns from many")
    if len(data) < per_step:
        raise DataError(
            f"train.batch_size: one step takes {per_step} images ({train.batch_size} x "
            f"{train.d_steps} updates of D), the data has {len(data)}; choose a smaller batch"
        )
    if tuple(data.images.shape[1:]) != networks.image_shape(config):
        raise DataError(
            f"the images are {tuple(data.images.shape[1:])} (C, H, W), the config's networks "
            f"take {networks.image_shape(config)}; load the data by datasets.load(config.data)"
        )
    if train.batch_size % ranks.size or train.batch_size // ranks.size < 2:
        raise UsageError(
            f"train.batch_size: {train.batch_size} images cannot be shared evenly by "
            f"{ranks.size} ranks, two or more to each; choose a multiple of {ranks.size}"
        )


def _read_only(images: Images) -> Images:
    """A copy for the outputs, which share it and must not write to it."""
    array: Images = np.array(images)
    array.setflags(write=False)
    return array
