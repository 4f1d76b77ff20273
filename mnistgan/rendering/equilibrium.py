"""The values of losses and scores at a GAN's equilibrium. Does not import torch."""

import math

from mnistgan.config.sections import TrainConfig


def values(train: TrainConfig) -> dict[str, float]:
    """The values at which the game of G and D ends, by column of metrics.csv.

    They follow from the losses of :mod:`mnistgan.training.losses` where G's images have the
    distribution of the data and D is the best one against this G. A quantity that has no single
    such value is missing.
    """
    match train.loss:
        case "least-squares":
            # The best D gives the mean of the targets 1 and 0 (Mao et al. 2017, eq. 5), so that D's
            # loss is (1/4 + 1/4) / 2 and G's is (1/4) / 2.
            return {"loss_D": 0.25, "loss_G": 0.125, "D(x)": 0.5, "D(G(z1))": 0.5}
        case "hinge":
            # max(0, 1 - d) + max(0, 1 + d) is 2, its minimum, for every d from -1 to 1 (Lim & Ye
            # 2017, theorem 1). So G's loss, -d, has no single value. The scores are those of d = 0,
            # where D decides between real and fake.
            return {"loss_D": 2.0, "D(x)": 0.5, "D(G(z1))": 0.5}
        case "wasserstein-gp":
            # Equal distributions have the distance 0 (Arjovsky et al. 2017, section 2), and critics
            # with gradients of norm 1 have no penalty. R1 wants gradients of 0 instead: with both,
            # the minimum depends on the weights. The critic may add any constant to its scores.
            return {} if train.r1 else {"loss_D": 0.0}
        case "non-saturating" | "saturating":
            return _cross_entropy(train.label_smoothing, saturating=train.loss == "saturating")


def _cross_entropy(smoothing: float, *, saturating: bool) -> dict[str, float]:
    # D(x) = (1 - s) p_data / (p_data + p_G) (Salimans et al. 2016, section 3.4), here (1 - s) / 2.
    # Without smoothing, D's loss is 2 log 2 and G's is log 2, or -log 2 in the minimax game
    # (Goodfellow et al. 2014, theorem 1). R1 changes nothing: this D is constant.
    score = (1 - smoothing) / 2
    real, fake = -math.log(score), -math.log(1 - score)
    return {
        "loss_D": (1 - smoothing) * real + (1 + smoothing) * fake,
        "loss_G": -fake if saturating else real,
        "D(x)": score,
        "D(G(z1))": score,
    }
