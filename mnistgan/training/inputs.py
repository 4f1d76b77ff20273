"""The inputs of each training step, as a function of (config, data size, step)."""

from typing import NamedTuple

import torch
from torch import Tensor

from mnistgan.config import RunConfig
from mnistgan.models import noise
from mnistgan.models.noise import Noise, Stream
from mnistgan.training import ema
from mnistgan.training.ranks import ALONE, Ranks


class Batch(NamedTuple):
    """The inputs of one update of D.

    Attributes:
        rows: indices of the real images, int64 B.
        z: noise for as many fakes, float32 B x latent_dim.
        mix: share of the fake in each image of the gradient penalty, float32 B in [0, 1); None
            without that penalty.
        r1: whether this update has the R1 penalty.
    """

    rows: Tensor
    z: Tensor
    mix: Tensor | None
    r1: bool


class StepInputs(NamedTuple):
    """Everything that differs between steps.

    The two numbers may be scalar tensors on the device, so that a recorded step can read them.

    Attributes:
        batches: one for each update of D.
        lr_factor: multiplies both learning rates, in (0, 1].
        ema_weight: weight of G in the update of its moving average, 1 - decay, in (0, 1].
    """

    batches: tuple[Batch, ...]
    lr_factor: float | Tensor
    ema_weight: float | Tensor


class InputSchedule:
    """The inputs of every step of a run; ``schedule[step]``, with steps counted from 0.

    Nothing here is random state: each value is drawn anew from the seed and the step, which is why
    a resumed run continues exactly.

    Args:
        config: of the run.
        data_size: number of training images.
        device: where the inputs are used.
        ranks: share each batch.

    Attributes:
        steps_per_epoch: updates of G in one pass through the data, without the last partial batch.
        total_steps: updates of G in all epochs.
    """

    def __init__(
        self, config: RunConfig, data_size: int, device: torch.device, ranks: Ranks = ALONE
    ) -> None:
        train = config.train
        self.steps_per_epoch = data_size // (train.batch_size * train.d_steps)
        self.total_steps = train.epochs * self.steps_per_epoch
        self._config = config
        self._data_size = data_size
        self._device = device
        self._ranks = ranks
        self._decay_begins = round(train.lr_decay_from * self.total_steps)
        z_shape = (train.batch_size, config.model.latent_dim)
        self._z = Noise(noise.normal, config.seed, Stream.NOISE, z_shape, device)
        self._mix = None
        if train.loss == "wasserstein-gp" and train.gradient_penalty:
            mix_shape = (train.batch_size,)
            self._mix = Noise(noise.uniform, config.seed, Stream.PENALTY, mix_shape, device)
        self._order = (-1, torch.empty(0))  # the last epoch that was asked for, and its permutation

    def __getitem__(self, step: int) -> StepInputs:
        train = self._config.train
        first = step * train.d_steps
        left = self.total_steps - step
        return StepInputs(
            tuple(self._batch(update) for update in range(first, first + train.d_steps)),
            lr_factor=min(1.0, left / max(1, self.total_steps - self._decay_begins)),
            ema_weight=1 - ema.warmed_up_decay(train.ema_decay, step + 1),
        )

    def _batch(self, update: int) -> Batch:
        """The inputs of an update of D; updates are counted over the whole run, from 0."""
        train = self._config.train
        epoch, position = divmod(update, self.steps_per_epoch * train.d_steps)
        rows = self._permutation(epoch)[position * train.batch_size :][: train.batch_size]
        return Batch(
            self._ranks.local_rows(rows),
            self._ranks.local_rows(self._z[update]),
            self._ranks.local_rows(self._mix[update]) if self._mix else None,
            r1=train.r1 > 0 and update % train.r1_every == 0,
        )

    def _permutation(self, epoch: int) -> Tensor:
        """The order of the images in an epoch, counted from 0."""
        if self._order[0] != epoch:
            order = noise.permutation(self._config.seed, epoch + 1, self._data_size)
            self._order = (epoch, order.to(self._device))
        return self._order[1]
