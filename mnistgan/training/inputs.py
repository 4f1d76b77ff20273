"""The inputs of each training step: a function of config, data size and step number."""

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
        rows: indices of the B real images, int64 B.
        z: noise for B fakes, float32 B x latent_dim.
        mix: share of the fake in each mixed image of the gradient penalty, float32 B in [0, 1);
            None without that penalty.
        r1: whether this update has the R1 penalty.
    """

    rows: Tensor
    z: Tensor
    mix: Tensor | None
    r1: bool


class StepInputs(NamedTuple):
    """Everything that differs between steps.

    ``lr_factor`` and ``ema_weight`` may be scalar tensors on the device: a CUDA graph would replay
    numbers as they were when it was recorded.

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

    There is no random state: each value is a function of the seed and the step, so a resumed run
    continues exactly.

    Args:
        config: run config.
        data_size: number of training images.
        device: device that the inputs are moved to.
        ranks: the processes that share each batch.

    Attributes:
        steps_per_epoch: updates of G in one pass through the data, without the last partial batch.
        total_steps: updates of G in all epochs.
    """

    def __init__(
        self, config: RunConfig, data_size: int, device: torch.device, ranks: Ranks = ALONE
    ) -> None:
        train = config.train
        # Without the last partial batch: a CUDA graph needs constant shapes, and BatchNorm's
        # statistics of a small batch are noisy.
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
        self._order = (-1, torch.empty(0))  # number and permutation of the last epoch used

    def __getitem__(self, step: int) -> StepInputs:
        train = self._config.train
        first = step * train.d_steps
        # Constant, then linear to almost zero at the last step. By default the rates do not fall:
        # if they fall from half-way on, the Frechet distance of `fast` is 2.37 instead of 1.53
        # (benchmarks/results/ablation.json).
        left = self.total_steps - step
        return StepInputs(
            tuple(self._batch(update) for update in range(first, first + train.d_steps)),
            lr_factor=min(1.0, left / max(1, self.total_steps - self._decay_begins)),
            ema_weight=1 - ema.warmed_up_decay(train.ema_decay, step + 1),
        )

    def _batch(self, update: int) -> Batch:
        """The inputs of an update of D; updates are counted over the whole run, from 0."""
        train = self._config.train
        # Each update of D sees other images, so that an epoch shows every image once even with
        # several updates of D per step.
        epoch, position = divmod(update, self.steps_per_epoch * train.d_steps)
        rows = self._permutation(epoch)[position * train.batch_size :][: train.batch_size]
        # Every rank draws the whole batch's noise and keeps its rows, so a run's random numbers do
        # not depend on the number of ranks.
        return Batch(
            self._ranks.local_rows(rows),
            self._ranks.local_rows(self._z[update]),
            self._ranks.local_rows(self._mix[update]) if self._mix else None,
            r1=train.r1 > 0 and update % train.r1_every == 0,
        )

    def _permutation(self, epoch: int) -> Tensor:
        """The order of the images in an epoch, counted from 0."""
        # On the device as a whole: moving each batch's rows would make the host wait at every step.
        if self._order[0] != epoch:
            order = noise.permutation(self._config.seed, epoch + 1, self._data_size)
            self._order = (epoch, order.to(self._device))
        return self._order[1]
