"""The run config as typed, frozen models.

The keys, their ranges and their defaults are the fields below; ``examples/configs/full.toml``
shows them all in one place, and :mod:`mnistgan.config.toml` reads, checks and writes them. Imports
no torch, so that every mistake in a config is reported before anything slow happens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from mnistgan.catalog import DATA_SETS
from mnistgan.errors import did_you_mean

LossName: TypeAlias = Literal[
    "non-saturating", "saturating", "least-squares", "hinge", "wasserstein-gp"
]
ScoreKind: TypeAlias = Literal["probability", "output", "critic"]
DeviceName: TypeAlias = Literal["auto", "cpu", "cuda", "mps"]
Activation: TypeAlias = Literal["relu", "leaky_relu"]
OutputRange: TypeAlias = Literal["tanh", "sigmoid"]

BUILT_IN_OUTPUTS = ("metrics", "samples", "animation", "curves")
"""The outputs that are on unless the config says ``NAME = false``."""


class Section(BaseModel):
    """Base of all tables: frozen, no unknown keys, no silent conversions, no NaN.

    The docstring under a field is what the documentation, an editor and ``mnistgan outputs NAME``
    show of it.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


def _whole(value: object) -> object:
    if type(value) is not int:  # 1.0 and true would equal 1
        raise ValueError("must be 1 or 3")
    return value


def as_tuple(value: object) -> object:
    """A list as a tuple, anything else as it is: TOML knows arrays only."""
    return tuple(value) if isinstance(value, list) else value


Width = Annotated[int, Field(ge=1, le=65_536)]
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=64), BeforeValidator(as_tuple)]
Slope = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Beta = Annotated[float, Field(ge=0, lt=1)]
ClassName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,255}$")]
ClassNames = Annotated[tuple[ClassName, ...], Field(max_length=10_000), BeforeValidator(as_tuple)]


TORCHVISION = "torchvision:"
"""What the name of one of torchvision's data sets begins with; its class follows."""


def data_kind(name: str) -> Literal["published", "torchvision", "npz", "path"] | None:
    """What the name of a data set means; None where it means nothing.

    A path is told from a name by how it is written, never by what lies on the disk, so that a
    config means the same everywhere.
    """
    if name in DATA_SETS:
        return "published"
    if name.startswith(TORCHVISION):
        return "torchvision"
    if name.lower().endswith(".npz"):
        return "npz"
    looks_like_a_path = "/" in name or "\\" in name or name.startswith((".", "~"))
    return "path" if looks_like_a_path or name.lower().endswith((".gz", "-ubyte")) else None


def _data_name(name: str) -> str:
    if "\0" in name:
        raise ValueError("must be a name or a path")
    # Not whether torchvision has it: a generator's file is read wherever it was trained on.
    if data_kind(name) == "torchvision" and not name.removeprefix(TORCHVISION).isidentifier():
        raise ValueError(f"{name!r} names no class of torchvision, as torchvision:SVHN does")
    if data_kind(name) is None:
        raise ValueError(
            f"{name!r} is no data set (see: mnistgan data){did_you_mean(name, DATA_SETS)}; images "
            f"of your own are named by a path, such as ./{name}"
        )
    return name


_COLOUR = "black|white|#[0-9a-fA-F]{6}"


def _colour(value: str) -> str:
    if not re.fullmatch(_COLOUR, value):
        raise ValueError(f"must be black, white or #rrggbb, got {value!r}")
    return value


class DataConfig(Section):
    """``[data]``: which images, at what size."""

    name: Annotated[
        str,
        AfterValidator(_data_name),
        WithJsonSchema({"anyOf": [{"enum": list(DATA_SETS)}, {"type": "string"}]}),
    ] = "mnist"
    """A data set that ``mnistgan data`` lists, one of torchvision's as ``torchvision:SVHN``, or the
    path of images of one's own: a folder of pictures, an .npz file, or an IDX file."""
    labels: str | None = Field(None, pattern=r"^[^\x00]+$")
    """For an IDX file: the one with its labels; else the one beside it, by MNIST's naming."""
    root: str | None = Field(None, pattern=r"^[^\x00]+$")
    """Folder that holds the data sets; else $MNISTGAN_DATA, else the user's data folder."""
    image_size: int = Field(28, ge=4, le=1024)
    """Side of the square images, in pixels."""
    channels: Annotated[Literal[1, 3], BeforeValidator(_whole)] = 1
    """1 is grey, 3 is colour."""
    fit: Literal["pad", "crop"] = "pad"
    """What happens to images that are not square: padded, or cut to their middle."""
    background: Annotated[
        str, AfterValidator(_colour), Field(json_schema_extra={"pattern": f"^({_COLOUR})$"})
    ] = "black"
    """Behind transparent pixels and in the padding: black, white or #rrggbb."""

    @model_validator(mode="after")
    def _labels_need_a_file(self) -> DataConfig:
        if self.labels is not None and data_kind(self.name) != "path":
            raise ValueError("labels belong to an IDX file; leave them out, or name one")
        return self


class MlpGeneratorConfig(Section):
    """``[model.generator]`` of the family ``mlp``."""

    widths: Widths = (512, 512)
    """Of the hidden layers, from z on."""
    norm: Literal["none", "batch"] = "batch"
    """BatchNorm in each hidden layer, or none."""
    activation: Activation = "relu"
    """After each hidden layer."""
    slope: Slope = 0.2
    """Of leaky_relu on its negative side."""
    output: OutputRange = "tanh"
    """Last activation; it also decides the range that real images are scaled to."""


class MlpDiscriminatorConfig(Section):
    """``[model.discriminator]`` of the family ``mlp``."""

    widths: Widths = (512, 256)
    """Of the hidden layers, from the image on."""
    activation: Activation = "leaky_relu"
    """After each hidden layer."""
    slope: Slope = 0.2
    """Of leaky_relu on its negative side."""
    spectral_norm: bool = False
    """Divide each layer's weights by their largest singular value (Miyato et al. 2018)."""


class DcganGeneratorConfig(Section):
    """``[model.generator]`` of the family ``dcgan``."""

    width: Width = 64
    """Channels before the last layer; each earlier stage has twice as many."""
    output: OutputRange = "tanh"
    """Last activation; it also decides the range that real images are scaled to."""


class DcganDiscriminatorConfig(Section):
    """``[model.discriminator]`` of the family ``dcgan``."""

    width: Width = 64
    """Channels after the first layer; each later stage has twice as many."""
    slope: Slope = 0.2
    """Of leaky_relu on its negative side."""
    spectral_norm: bool = False
    """Divide each layer's weights by their largest singular value (Miyato et al. 2018)."""


class Family(Section):
    """What ``[model]`` holds in every family."""

    conditional: bool = False
    """Whether G and D are told each image's label, so that G can be asked for a class."""
    classes: ClassNames = ()
    """The names of the labels, in order. Leave them out: training fills in those of the data."""

    @model_validator(mode="after")
    def _classes_need_labels(self) -> Family:
        if self.classes and not self.conditional:
            raise ValueError(
                "classes belong to a conditional model; leave them out, or set conditional = true"
            )
        return self


class MlpConfig(Family):
    """``[model]`` with ``family = "mlp"``: fully connected G and D."""

    family: Literal["mlp"] = "mlp"
    """Fully connected G and D."""
    latent_dim: Width = 64
    """Length of z ~ N(0, 1)."""
    init: Literal["default", "normal"] = "default"
    """First weights: torch's own, or N(0, 0.02) as in Radford 2016."""
    generator: MlpGeneratorConfig = MlpGeneratorConfig()
    discriminator: MlpDiscriminatorConfig = MlpDiscriminatorConfig()


class DcganConfig(Family):
    """``[model]`` with ``family = "dcgan"``: convolutional G and D."""

    family: Literal["dcgan"] = "dcgan"
    """Convolutional G and D."""
    latent_dim: Width = 100
    """Length of z ~ N(0, 1)."""
    init: Literal["default", "normal"] = "normal"
    """First weights: torch's own, or N(0, 0.02) as in Radford 2016."""
    generator: DcganGeneratorConfig = DcganGeneratorConfig()
    discriminator: DcganDiscriminatorConfig = DcganDiscriminatorConfig()


FAMILIES: dict[str, type[Section]] = {"mlp": MlpConfig, "dcgan": DcganConfig}


def _family(value: object) -> object:
    return (
        value.get("family", "mlp") if isinstance(value, Mapping) else getattr(value, "family", None)
    )


ModelConfig: TypeAlias = Annotated[
    Annotated[MlpConfig, Tag("mlp")] | Annotated[DcganConfig, Tag("dcgan")],
    Discriminator(_family),
]


class TrainConfig(Section):
    """``[train]``: how long, how fast, against which loss."""

    epochs: int = Field(20, ge=1)
    """Passes through the data."""
    max_minutes: float | None = Field(None, gt=0)
    """Stop, save and end well after so many minutes of this process."""
    batch_size: int = Field(64, ge=2)
    """Images in each update."""
    loss: LossName = "non-saturating"
    """What G and D minimise."""
    lr_g: Rate = 1e-3
    """Adam's learning rate for G."""
    lr_d: Rate = 1e-3
    """Adam's learning rate for D."""
    betas: Annotated[tuple[Beta, Beta], BeforeValidator(as_tuple)] = (0.0, 0.999)
    """Adam's decay rates."""
    d_steps: int = Field(1, ge=1, le=100)
    """Updates of D, each on fresh images, for one update of G."""
    ema_decay: float = Field(0.999, ge=0, lt=1)
    """Of the moving average of G's weights that samples are drawn from; 0 keeps none."""
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)
    """Real images count as 1 - this (one-sided; the cross-entropy losses only)."""
    gradient_penalty: float = Field(10.0, ge=0)
    """Weight of the penalty of wasserstein-gp."""
    r1: float = Field(0.1, ge=0)
    """Weight (gamma) of the R1 penalty; 0 leaves it out."""
    r1_every: int = Field(8, ge=1, le=1000)
    """Updates of D for one with the R1 penalty, then weighed as many times (Karras et al. 2020,
    "Analyzing and improving the image quality of StyleGAN", section 3.1: lazy regularisation)."""
    lr_decay_from: float = Field(1.0, ge=0, le=1)
    """Share of the steps after which both rates fall evenly to zero; 1 keeps them as they are."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """The format in which layers multiply; weights and losses stay float32. ``auto``
    takes what the device is fast at: bfloat16 on processors with AMX or AVX512-BF16 and on GPUs
    from Ampere on, else float32."""
    accelerate: Literal["auto", "none", "graph"] = "auto"
    """``graph`` records a step once and replays it on an NVIDIA GPU (CUDA graphs), with the same
    numbers but for rounding. Experimental: not yet tested on a GPU. ``auto`` is ``none``: plain
    steps."""
    device: DeviceName = "auto"
    """Where to train; ``auto`` takes a GPU where there is one."""

    @property
    def score_kind(self) -> ScoreKind:
        """What is reported as D(x) and D(G(z)).

        The mean of sigmoid(logits); under least-squares that of D's own output, whose targets are 1
        and 0; under wasserstein-gp the critic's mean score, which has no scale.
        """
        kinds: dict[str, ScoreKind] = {"least-squares": "output", "wasserstein-gp": "critic"}
        return kinds.get(self.loss, "probability")

    @model_validator(mode="after")
    def _smoothing_needs_labels(self) -> TrainConfig:
        if self.label_smoothing and self.loss not in ("non-saturating", "saturating"):
            raise ValueError(
                f"label_smoothing has no meaning for the loss {self.loss!r}; set it to 0"
            )
        return self


class CheckpointConfig(Section):
    """``[checkpoint]``: when the whole training state is saved."""

    every: int = Field(1, ge=1)
    """Epochs between checkpoints."""
    keep: int = Field(3, ge=1)
    """How many of the newest stay."""


class EvaluateConfig(Section):
    """``[evaluate]``: measuring while training."""

    every: int = Field(0, ge=0)
    """Epochs between measurements; 0 makes none."""
    n: int = Field(5000, ge=100)
    """Images that are drawn for each."""


class WatchConfig(Section):
    """``[watch]``: what happens when the training looks as if it had collapsed."""

    action: Literal["warn", "stop", "off"] = "warn"
    """Say so and go on, save and end the run, or look at nothing."""


class RunConfig(Section):
    """One run, whole. ``RunConfig()`` is the default recipe, chosen by benchmarks/RESULTS.md."""

    seed: int = Field(0, ge=0, lt=2**63)
    """Of everything random: weights, order of the data, noise."""
    name: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """First part of the run directory's name; by default FAMILY-DATA."""
    data: DataConfig = DataConfig()
    model: ModelConfig = MlpConfig()
    train: TrainConfig = TrainConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    watch: WatchConfig = WatchConfig()
    outputs: dict[str, dict[str, Any] | Literal[False]] = {}
    """Options by output name; ``false`` turns a built-in one off."""

    @model_validator(mode="after")
    def _dcgan_halves_twice(self) -> RunConfig:
        if self.model.family == "dcgan" and self.data.image_size % 4:
            raise ValueError(
                f"data.image_size: {self.data.image_size} is not a multiple of 4, which the "
                "family 'dcgan' needs; choose 28, 32 or 64, or the family 'mlp'"
            )
        return self

    def active_outputs(self) -> dict[str, dict[str, Any]]:
        """The outputs of this run with their options: the built-in ones, plus those named."""
        named: dict[str, dict[str, Any] | Literal[False]] = {
            name: {} for name in BUILT_IN_OUTPUTS
        } | self.outputs
        return {name: options for name, options in named.items() if options is not False}
