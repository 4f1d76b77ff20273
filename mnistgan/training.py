"""The training loop: data, G, D and their losses become a stream of events.

    for event in Trainer(config, datasets.load(config.data)):
        ...

Prints nothing and writes nothing. Everything that a run does is a function of its config, its data
and its step: :meth:`Trainer.state` and :meth:`Trainer.restore` carry it over a stop exactly.
"""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mnistgan import conditioning, devices, latents, losses, networks, precision
from mnistgan.adam import Adam
from mnistgan.averaging import Average
from mnistgan.config import RunConfig
from mnistgan.datasets import ImageSet
from mnistgan.errors import DataError, FileFormatError, TrainingError, UsageError
from mnistgan.events import EndReason, EpochEnded, Event, Images, RunEnded, RunStarted, StepMetrics
from mnistgan.latents import Stream
from mnistgan.parallel import ALONE, Ranks
from mnistgan.progress import StopToken

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
        average: the moving average of G, or None where the config keeps none.

    Raises:
        DataError: there are fewer images than one step needs, they are of another shape, or have no
            labels where the model is conditional.
        UsageError: the device that the config names is not there, or the ranks cannot share the
            batch evenly.
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
        self.config = config = conditioning.with_classes(config, data)
        self.data = data
        self.device = devices.resolve(train.device)
        self._dtype = precision.resolve(train.precision, self.device)
        self.step = 0
        self.steps_per_epoch = len(data) // per_step
        self.total_steps = train.epochs * self.steps_per_epoch
        self._stop = stop or StopToken()
        self._ranks = ranks
        self._clock = clock
        self._loss = losses.loss_of(train)
        self._decay_begins = round(train.lr_decay_from * self.total_steps)
        self._score = partial(losses.score, train.score_kind)
        self._range = networks.pixel_range(config)
        self._images = torch.from_numpy(data.images).to(self.device)
        self._labels: networks.Told = ()
        self._fixed_labels: networks.Told = ()
        if config.model.conditional:
            assert data.labels is not None
            fixed = conditioning.in_a_grid(data.classes, FIXED_COUNT)
            self._labels = (torch.from_numpy(data.labels).to(self.device),)
            self._fixed_labels = (torch.from_numpy(fixed).to(self.device),)
        self.generator = networks.build_generator(config).to(self.device).train()
        self.discriminator = networks.build_discriminator(config).to(self.device).train()
        self.average = self._averaging = None
        if train.ema_decay:
            self.average = copy.deepcopy(self.generator)
            self._averaging = Average(self.average, self.generator, train.ema_decay)
        self._adam_g = self._adam(self.generator)
        self._adam_d = self._adam(self.discriminator)
        self._noise = latents.Noise(
            latents.normal,
            config.seed,
            Stream.NOISE,
            (train.batch_size, config.model.latent_dim),
            self.device,
        )
        self._mix = latents.Noise(
            latents.uniform, config.seed, Stream.PENALTY, (train.batch_size,), self.device
        )
        self._fixed_z = latents.normal(
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
        """The format in which its layers multiply, by name: ``float32``, ``bfloat16`` ..."""
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
        images = networks.generate(self.sampled, self._fixed_z, self._fixed_labels, self._range)
        return _read_only(images.cpu().numpy())

    # One step ----------------------------------------------------------------------------------

    def _train_step(self) -> None:
        """One update of G, after ``d_steps`` updates of D, each on fresh real images."""
        with precision.products(self._dtype):
            self._update_both()

    def _update_both(self) -> None:
        train = self.config.train
        for turn in range(self.step * train.d_steps, (self.step + 1) * train.d_steps):
            last = turn % train.d_steps == train.d_steps - 1
            real, told = self._batch(turn)
            with torch.set_grad_enabled(last), self._lowered():  # only the last fakes teach G
                fake = self.generator(self._ranks.part(self._noise[turn]), *told)
            fake = fake.float()
            scores = self._update_discriminator(turn, real, fake.detach(), told)
        loss_d, d_real, d_fake_before = scores
        loss_g, d_fake_after = self._update_generator(fake, told)
        self.step += 1
        if self._averaging is not None:
            self._averaging.update(self.step)
        row = torch.stack((loss_d, loss_g, d_real, d_fake_before, d_fake_after)).detach()
        self._ranks.average([row])
        self._rows[self._pending] = row
        self._pending += 1

    def _update_discriminator(
        self, turn: int, real: Tensor, fake: Tensor, told: networks.Told
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One update of D on as many real images as fakes, of the same labels where there are."""
        train = self.config.train
        r1 = train.r1 * train.r1_every if turn % train.r1_every == 0 else 0.0
        real.requires_grad_(r1 > 0)
        # A penalty differentiates twice: its tensors stay float32.
        with self._lowered() if not r1 else contextlib.nullcontext():
            # One pass for both halves: no discriminator of ours holds batch statistics.
            twice = (torch.cat((labels, labels)) for labels in told)
            logits = self.discriminator(torch.cat((real, fake)), *twice)
        real_logits, fake_logits = logits.float().chunk(2)
        penalised = self._loss.discriminator(real_logits, fake_logits)
        if r1:
            penalised = penalised + r1 * losses.r1_penalty(real_logits, real)
        if train.loss == "wasserstein-gp" and train.gradient_penalty:
            penalised = penalised + train.gradient_penalty * losses.gradient_penalty(
                lambda mixed: self.discriminator(mixed, *told),
                real.detach(),
                fake,
                self._ranks.part(self._mix[turn]),
            )
        self._adam_d.minimise(penalised, train.lr_d * self._rate_left())
        return penalised, self._score(real_logits), self._score(fake_logits)

    def _update_generator(self, fake: Tensor, told: networks.Told) -> tuple[Tensor, Tensor]:
        with self._lowered():
            fake_logits = self.discriminator(fake, *told)
        fake_logits = fake_logits.float()
        loss = self._loss.generator(fake_logits)
        self._adam_g.minimise(loss, self.config.train.lr_g * self._rate_left())
        return loss, self._score(fake_logits)

    def _lowered(self) -> torch.autocast:
        return precision.lowered(self._dtype, self.device)

    def _batch(self, turn: int) -> tuple[Tensor, networks.Told]:
        """Images of one update of D and what is told of them; updates count over the whole run."""
        epoch, position = divmod(turn, self.steps_per_epoch * self.config.train.d_steps)
        if self._order[0] != epoch + 1:
            order = latents.permutation(self.config.seed, epoch + 1, len(self.data))
            self._order = (epoch + 1, order.to(self.device))
        size = self.config.train.batch_size
        rows = self._ranks.part(self._order[1][position * size : (position + 1) * size])
        told = tuple(labels[rows] for labels in self._labels)
        return self._range.from_uint8(self._images[rows]), told

    def _rate_left(self) -> float:
        """The share of the learning rates that is left at this step."""
        left = self.total_steps - self.step
        return min(1.0, left / max(1, self.total_steps - self._decay_begins))

    def _adam(self, module: nn.Module) -> Adam:
        scaled = self._dtype == torch.float16
        betas = self.config.train.betas
        return Adam(module.parameters(), betas, scaled=scaled, ranks=self._ranks)

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
            "adam_g": self._adam_g.state_dict(),
            "adam_d": self._adam_d.state_dict(),
            "data": self.data.digest,
            "device": str(self.device),
            "precision": self.precision,
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
            self._adam_g.load_state_dict(state["adam_g"])
            self._adam_d.load_state_dict(state["adam_d"])
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
        adams = [self._adam_g.state_dict(), self._adam_d.state_dict()]
        self._ranks.as_on_the_first(
            [
                step,
                *(tensor for part in parts for tensor in part.values()),
                *(tensor for adam in adams for tensors in adam.values() for tensor in tensors),
            ]
        )
        self.step = int(step.item())


def _read_only(images: Images) -> Images:
    """A copy for the outputs, which share it and must not write to it."""
    array: Images = np.array(images)
    array.setflags(write=False)
    return array
