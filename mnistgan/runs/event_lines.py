"""The events of a run as lines of text, for terminals, logs and notebooks. Imports no torch."""

from datetime import timedelta
from pathlib import Path

from mnistgan.config import RunConfig
from mnistgan.events import Evaluated, RunEnded, RunStarted, StepMetrics, score_names

FIRST_STEP = "the first step ..."
"""Shown until the first step has been taken."""


def started(event: RunStarted, directory: Path) -> str:
    """Three lines: the networks and the device, the data, the length and the run directory."""
    config = event.config
    size, channels = config.data.image_size, config.data.channels
    ranks = f"; {event.ranks} ranks" if event.ranks > 1 else ""
    # Statistics of a part of the batch differ from those of the whole batch. So results with
    # several ranks are not exactly those of one.
    if ranks and getattr(config.model.generator, "norm", "batch") == "batch":
        ranks += ", each with its own BatchNorm statistics"
    action = f"resuming after step {event.step}" if event.step else f"writing to {directory}"
    conditional = "conditional " if config.model.conditional else ""
    return (
        f"{conditional}{config.model.family}, {config.train.loss}: "
        f"G {event.parameters_g:,} and D {event.parameters_d:,} weights, "
        f"on {event.device} in {event.precision}{acceleration(event.acceleration)}{ranks}\n"
        f"{event.data_count:,} images of {size}x{size}x{channels} from {event.data_source}\n"
        f"{_count(config.train.epochs, 'epoch')} of "
        f"{_count(event.steps_per_epoch, 'step')}; {action}"
    )


def progress(run: RunStarted, latest: StepMetrics) -> tuple[str, str]:
    """Two texts: the epoch; and the step, its rate and the time left. A bar may be between them."""
    train = run.config.train
    # A step takes d_steps batches, because each update of D has new images.
    rate = latest.images_per_second / (train.batch_size * train.d_steps)
    left = timedelta(seconds=round((run.total_steps - latest.step) / max(rate, 1e-9)))
    speed = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
    return (
        f"epoch {latest.epoch}/{train.epochs}",
        f"step {latest.step:,}/{run.total_steps:,}, {speed} steps/s, {left} left",
    )


def metrics(event: StepMetrics, config: RunConfig) -> str:
    """The losses and scores of a step; D(G(z)) before and after D's update."""
    real, fake = score_names(config.train.score_kind)
    return (
        f"loss_D {_brief(event.loss_d)}  loss_G {_brief(event.loss_g)}  {real} "
        f"{_brief(event.d_real)}  {fake} {_brief(event.d_fake_before)}/{_brief(event.d_fake_after)}"
    )


def evaluated(event: Evaluated) -> str:
    """A measurement's main figures, and the first words of its verdict."""
    names = ("precision", "recall", "coverage", "agreement")
    others = [f"  {name} {event.figures[name]:.3f}" for name in names if name in event.figures]
    kind = event.verdict.partition(":")[0]
    # A collapsed generator may be the best so far, which would read as praise.
    best = "  best so far" if event.is_best and kind not in ("Collapsed", "Failed") else ""
    return (
        f"epoch {event.epoch}: Frechet distance {event.figures['frechet_distance']:.3g} "
        f"({event.measured_with}){''.join(others)}{best}"
        f"{f'  {kind.lower()}' if kind else ''}"
    )


def ended(event: RunEnded, directory: Path, config: RunConfig) -> str:
    """The verdict, if there is one; how the run ended, and which command to run next."""
    verdict = f"{event.verdict}\n" if event.verdict and event.step else ""
    return verdict + _closing(event, directory, config)


def _closing(event: RunEnded, directory: Path, config: RunConfig) -> str:
    at = f"at step {event.step} (epoch {event.epoch} of {config.train.epochs})"
    if event.reason == "finished":
        return f"finished {at}; next: mnistgan sample --ckpt {directory / 'g.pt'} -n 100"
    if not event.step:
        return "stopped before the first step; nothing was trained"
    causes = {"collapsed": "stopped by the watch", "max_minutes": "time limit reached"}
    # Without this, the resumed run would stop at the next warning.
    more = " --set watch.action=warn" if event.reason == "collapsed" else ""
    begin = f"{causes.get(event.reason, 'stopped')} {at}; saved"
    return f"{begin}; resume with: mnistgan train --resume {directory}{more}"


def acceleration(name: str) -> str:
    """How steps are executed, as the end of a clause; empty for plain execution."""
    return ", recorded as a CUDA graph" if name == "graph" else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _brief(number: float) -> str:
    return f"{number:.3g}" if abs(number) >= 100 else f"{number:.3f}"
