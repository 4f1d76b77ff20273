"""The run config as typed, frozen models.

The keys, their ranges and their defaults are the fields below; ``examples/configs/full.toml``
shows them all in one place, and :mod:`mnistgan.config.toml` reads, checks and writes them.
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias, cast

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mnistgan.catalog import DATA_SETS
from mnistgan.errors import ConfigError, did_you_mean, quoted

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(pydantic.BaseModel)  # the module with its name is private to pydantic

LossName: TypeAlias = Literal[
    "non-saturating", "saturating", "least-squares", "hinge", "wasserstein-gp"
]
ScoreKind: TypeAlias = Literal["probability", "output", "critic"]
DeviceName: TypeAlias = Literal["auto", "cpu", "cuda", "mps"]
Activation: TypeAlias = Literal["relu", "leaky_relu"]
OutputRange: TypeAlias = Literal["tanh", "sigmoid"]

# The outputs that are enabled unless the config sets ``NAME = false``.
BUILT_IN_OUTPUTS = ("metrics", "samples", "animation", "curves")

UNNAMED = "unnamed"
"""``data.name`` in a generator file, in place of a path on the machine that trained it."""

# Prefix of the names of torchvision's data set classes.
TORCHVISION = "torchvision:"


class Checked(ModelMetaclass):
    """Makes the mistakes in a call such as ``RunConfig(seed=-1)`` an error of mnistgan."""

    mistakes: ClassVar[Callable[[Mapping[str, Any], "type[Section]"], list[str]]]
    """Finds and words them; :mod:`mnistgan.config.toml` sets it, which imports this module."""

    # In a metaclass and not in Section.__init__: pydantic would call that for the tables within a
    # table, too, and the first mistake would hide the others.
    def __call__(self, *args: Any, **values: Any) -> Any:
        """Make a section.

        Raises:
            ConfigError: with all mistakes.
        """
        try:
            return super().__call__(*args, **values)
        except pydantic.ValidationError:
            found = Checked.mistakes(values, cast("type[Section]", self))
            raise ConfigError("", found) from None


class Section(pydantic.BaseModel, metaclass=Checked):
    """Base of all tables: frozen, no unknown keys, no silent conversions, no NaN.

    Raises:
        ConfigError: with all mistakes; each begins with the path of its key.

    The documentation, editors and ``mnistgan outputs NAME`` show the docstring under each field.
    """

    # strict: otherwise pydantic reads "5" as 5 and true as 1, and a typing mistake trains a run.
    # extra="forbid": otherwise a misspelled key is ignored, and the run has the default instead.
    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def list_to_tuple(value: object) -> object:
    """A list as a tuple, anything else unchanged: TOML has no tuples."""
    return tuple(value) if isinstance(value, list) else value


def data_kind(name: str) -> Literal["published", "torchvision", "npz", "path", "unnamed"] | None:
    """What the name of a data set means; None where it means nothing.

    A path is recognized by its spelling, never by what is on the disk, so that a config means the
    same everywhere.
    """
    if name in DATA_SETS:
        return "published"
    if name == UNNAMED:
        return "unnamed"
    if name.startswith(TORCHVISION):
        return "torchvision"
    if name.lower().endswith(".npz"):
        return "npz"
    looks_like_a_path = "/" in name or "\\" in name or name.startswith((".", "~"))
    return "path" if looks_like_a_path or name.lower().endswith((".gz", "-ubyte")) else None


def _data_name(name: str) -> str:
    if "\0" in name:  # the operating system would raise a ValueError when it opens the path
        raise ValueError("must be a name or a path")
    # Linux allows any bytes in a path, and Python passes them on as surrogates (PEP 383).
    if not name.isascii() and any("\ud800" <= char <= "\udfff" for char in name):
        raise ValueError(
            f"{name!r} is not UTF-8, which a config must be; rename it, or name a link to it"
        )
    # Does not check that torchvision has the class: a generator file must load without torchvision.
    if data_kind(name) == "torchvision" and not name.removeprefix(TORCHVISION).isidentifier():
        raise ValueError(
            f"{quoted(name)} is not the name of a torchvision class, like torchvision:SVHN"
        )
    if data_kind(name) is None:
        raise ValueError(
            f"{quoted(name)} is not a data set (see: mnistgan data)"
            f"{did_you_mean(name, DATA_SETS)}; for your own images give a path, such as "
            f"./{name[:60]}"
        )
    return name


def _one_or_three(value: object) -> object:
    if type(value) is not int:  # 1.0 and true would equal 1
        raise ValueError("must be 1 or 3")
    return value


def _color(value: str) -> str:
    if not re.fullmatch(_COLOR, value):
        raise ValueError(f"must be black, white or #rrggbb, got {quoted(value)}")
    return value


_COLOR = "^(black|white|#[0-9a-fA-F]{6})$"
# For editors: an enum alone would mark the path of a user's own images as wrong, and a plain string
# would not complete the names.
_DATA_NAMES = {"anyOf": [{"enum": list(DATA_SETS)}, {"type": "string"}]}

DataName = Annotated[str, AfterValidator(_data_name), pydantic.WithJsonSchema(_DATA_NAMES)]
Channels = Annotated[Literal[1, 3], BeforeValidator(_one_or_three)]
Color = Annotated[str, AfterValidator(_color), Field(json_schema_extra={"pattern": _COLOR})]
# The upper limits below are far beyond any useful network. They keep a hostile generator file from
# asking for more layers or classes than the memory holds.
Width = Annotated[int, Field(ge=1, le=65_536)]
_ToTuple = BeforeValidator(list_to_tuple)
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=64), _ToTuple]
Slope = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Beta = Annotated[float, Field(ge=0, lt=1)]
_CLASS_NAME = r"^[^\x00-\x1f\x7f]{1,255}$"
_PATH = r"^[^\x00]+$"
PATTERNS = {
    _CLASS_NAME: "must have 1 to 255 characters and no control characters",
    _PATH: "must be a path",
    # Of RunConfig.name, which docs/api.md shows.
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": (
        "must have at most 64 letters (A to Z), digits, dots, hyphens or underscores, and begin "
        "with a letter or digit"
    ),
}
"""The regular expressions of the config in words, for messages."""
ClassName = Annotated[str, Field(pattern=_CLASS_NAME)]
ClassNames = Annotated[tuple[ClassName, ...], Field(max_length=10_000), _ToTuple]


class DataConfig(Section):
    """``[data]``: which images, at what size."""

    name: DataName = "mnist"
    """A data set listed by ``mnistgan data``, a torchvision data set such as ``torchvision:SVHN``,
    or the path of your own images: a folder, an .npz file or an IDX file."""
    labels: str | None = Field(None, pattern=_PATH)
    """Labels of an IDX file; by default the file beside it, named as MNIST's."""
    root: str | None = Field(None, pattern=_PATH)
    """Folder of the data sets; by default $MNISTGAN_DATA or the user's data folder."""
    image_size: int = Field(28, ge=4, le=1024)
    """Side of the square images, in pixels."""
    channels: Channels = 1
    """1 is gray, 3 is color."""
    fit: Literal["pad", "crop"] = "pad"
    """How images become square: by padding, or by cropping to the center."""
    background: Color = "black"
    """Color of transparent pixels and of the padding: black, white or #rrggbb."""
    alpha: Literal["blend", "ink"] = "blend"
    """``blend`` draws pictures over the background. ``ink`` draws their opaque pixels in white, for
    pictures whose drawing is in the alpha channel."""

    @model_validator(mode="after")
    def _labels_need_a_file(self) -> "DataConfig":
        if self.labels is not None and data_kind(self.name) != "path":
            raise ValueError(
                "labels are only for an IDX file; remove labels, or set name to its path"
            )
        return self


class MlpGeneratorConfig(Section):
    """``[model.generator]`` of the family ``mlp``."""

    widths: Widths = (512, 512)
    """Sizes of the hidden layers; z is the input of the first."""
    norm: Literal["none", "batch"] = "batch"
    """Normalization in each hidden layer."""
    activation: Activation = "relu"
    """Activation after each hidden layer."""
    slope: Slope = 0.2
    """Slope of leaky_relu for negative inputs."""
    output: OutputRange = "tanh"
    """Last activation; real images are scaled to its range."""


class MlpDiscriminatorConfig(Section):
    """``[model.discriminator]`` of the family ``mlp``."""

    widths: Widths = (512, 256)
    """Sizes of the hidden layers; the image is the input of the first."""
    activation: Activation = "leaky_relu"
    """Activation after each hidden layer."""
    slope: Slope = 0.2
    """Slope of leaky_relu for negative inputs."""
    spectral_norm: bool = False
    """Divide each layer's weights by their largest singular value (Miyato et al. 2018)."""


class DcganGeneratorConfig(Section):
    """``[model.generator]`` of the family ``dcgan``."""

    width: Width = 64
    """Channels before the last layer; each earlier stage has twice as many."""
    output: OutputRange = "tanh"
    """Last activation; real images are scaled to its range."""


class DcganDiscriminatorConfig(Section):
    """``[model.discriminator]`` of the family ``dcgan``."""

    width: Width = 64
    """Channels after the first layer; each later stage has twice as many."""
    slope: Slope = 0.2
    """Slope of leaky_relu for negative inputs."""
    spectral_norm: bool = False
    """Divide each layer's weights by their largest singular value (Miyato et al. 2018)."""


class Family(Section):
    """The keys of ``[model]`` in every family."""

    conditional: bool = False
    """Whether G and D get each image's label, so that G can make images of a given class."""
    classes: ClassNames = ()
    """Class names in the order of the labels. If unset, training fills in those of the data."""

    @model_validator(mode="after")
    def _classes_need_labels(self) -> "Family":
        if self.classes and not self.conditional:
            raise ValueError("classes need conditional = true; set it, or remove classes")
        return self


class MlpConfig(Family):
    """``[model]`` with ``family = "mlp"``: fully connected G and D."""

    family: Literal["mlp"] = "mlp"
    """Fully connected G and D."""
    latent_dim: Width = 64
    """Length of z ~ N(0, 1)."""
    init: Literal["default", "normal"] = "default"
    """Initial weights: torch's own, or N(0, 0.02) as in Radford et al. 2016."""
    generator: MlpGeneratorConfig = MlpGeneratorConfig()
    discriminator: MlpDiscriminatorConfig = MlpDiscriminatorConfig()


class DcganConfig(Family):
    """``[model]`` with ``family = "dcgan"``: convolutional G and D."""

    family: Literal["dcgan"] = "dcgan"
    """Convolutional G and D."""
    latent_dim: Width = 100
    """Length of z ~ N(0, 1)."""
    init: Literal["default", "normal"] = "normal"
    """Initial weights: torch's own, or N(0, 0.02) as in Radford et al. 2016."""
    generator: DcganGeneratorConfig = DcganGeneratorConfig()
    discriminator: DcganDiscriminatorConfig = DcganDiscriminatorConfig()


FAMILIES: dict[str, type[MlpConfig] | type[DcganConfig]] = {"mlp": MlpConfig, "dcgan": DcganConfig}


def _family(value: object) -> object:
    # A function, because pydantic's discriminator by field name does not allow a missing key, and
    # `family` may be left out.
    if isinstance(value, Mapping):
        return value.get("family", "mlp")
    return getattr(value, "family", None)


ModelConfig: TypeAlias = Annotated[
    Annotated[MlpConfig, pydantic.Tag("mlp")] | Annotated[DcganConfig, pydantic.Tag("dcgan")],
    pydantic.Discriminator(_family),
]


class TrainConfig(Section):
    """``[train]``: length, loss, optimizers and device."""

    # The defaults of betas, ema_decay and r1 are those of the preset fast. Measured over 18,740
    # steps, changing one of them raised the Frechet distance from 1.53 to 2.44 with betas
    # (0.5, 0.999), to 3.26 without the average, to 1.72 without R1; lr_g and lr_d of 0.002 raised
    # it to 4.95 (benchmarks/results/ablation.json).
    epochs: int = Field(20, ge=1, le=10**9)
    """Passes through the data."""
    max_minutes: float | None = Field(None, gt=0)
    """Save and stop after this many minutes; resuming starts a new count."""
    batch_size: int = Field(64, ge=2)
    """Images per update."""
    loss: LossName = "non-saturating"
    """What G and D minimize."""
    lr_g: Rate = 1e-3
    """Adam's learning rate for G."""
    lr_d: Rate = 1e-3
    """Adam's learning rate for D."""
    betas: Annotated[tuple[Beta, Beta], _ToTuple] = (0.0, 0.999)
    """Adam's decay rates, beta1 and beta2."""
    d_steps: int = Field(1, ge=1, le=100)
    """Updates of D, each on new images, per update of G."""
    ema_decay: float = Field(0.999, ge=0, lt=1)
    """Decay of G's moving average, used for sampling; 0 disables it."""
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)
    """Subtracted from the target 1 of real images; cross-entropy losses only."""
    gradient_penalty: float = Field(10.0, ge=0)
    """Weight of the penalty of wasserstein-gp."""
    r1: float = Field(0.1, ge=0)
    """Weight (gamma) of the R1 penalty; 0 disables it."""
    r1_every: int = Field(8, ge=1, le=1000)
    """Apply R1 every n updates of D, with n times its weight (lazy regularization of Karras et al.
    2020, "Analyzing and Improving the Image Quality of StyleGAN", section 3.1)."""
    lr_decay_from: float = Field(1.0, ge=0, le=1)
    """Share of the steps after which both learning rates decay linearly to zero; 1 keeps them
    constant."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Format of matrix products; weights and losses stay float32. ``auto`` is bfloat16 on CPUs with
    AMX or AVX512-BF16 and on NVIDIA GPUs from Ampere on, else float32."""
    accelerate: Literal["auto", "none", "graph"] = "auto"
    """``graph`` records a step as a CUDA graph and replays it; results differ only by rounding.
    Experimental: not yet tested on a GPU. ``auto`` is ``none``: no acceleration."""
    device: DeviceName = "auto"
    """Device to train on; ``auto`` is a GPU if there is one."""

    @property
    def score_kind(self) -> ScoreKind:
        """What is reported as D(x) and D(G(z)).

        The mean of sigmoid(logits); for least-squares the mean output of D, whose targets are 1 and
        0; for wasserstein-gp the critic's mean score, which has no scale.
        """
        kinds: dict[str, ScoreKind] = {"least-squares": "output", "wasserstein-gp": "critic"}
        return kinds.get(self.loss, "probability")

    @model_validator(mode="after")
    def _smoothing_needs_cross_entropy(self) -> "TrainConfig":
        if self.label_smoothing and self.loss not in ("non-saturating", "saturating"):
            raise ValueError(f"label_smoothing must be 0 for the loss {self.loss!r}")
        return self


class CheckpointConfig(Section):
    """``[checkpoint]``: when the training state is saved."""

    every: int = Field(1, ge=1)
    """Epochs between checkpoints."""
    keep: int = Field(3, ge=1)
    """Number of checkpoints to keep: the newest ones."""


class EvaluateConfig(Section):
    """``[evaluate]``: measurements during training."""

    every: int = Field(0, ge=0)
    """Epochs between measurements; 0 disables them."""
    n: int = Field(5000, ge=100)
    """Images per measurement."""


class WatchConfig(Section):
    """``[watch]``: what to do if training appears to have collapsed."""

    action: Literal["warn", "stop", "off"] = "warn"
    """``warn`` and continue; save and ``stop``; or ``off``: do not check."""


class RunConfig(Section):
    """The config of one run. The defaults were chosen by measurement; see benchmarks/RESULTS.md."""

    seed: int = Field(0, ge=0, lt=2**63)
    """Random seed of the weights, the order of the data, and the noise."""
    name: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Start of the run directory's name; by default FAMILY-DATA."""
    data: DataConfig = DataConfig()
    model: ModelConfig = MlpConfig()
    train: TrainConfig = TrainConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    watch: WatchConfig = WatchConfig()
    # Options are checked when the outputs are imported, not here: a generator file must load where
    # the plugins of its run are not installed.
    outputs: dict[str, dict[str, Any] | Literal[False]] = {}
    """Options by output name; ``false`` disables a built-in one."""

    @model_validator(mode="after")
    def _dcgan_halves_twice(self) -> "RunConfig":
        # The name of the key is part of the message, because this mistake lies between two tables.
        if self.model.family == "dcgan" and self.data.image_size % 4:
            raise ValueError("data.image_size: must be a multiple of 4 for the family 'dcgan'")
        return self

    def active_outputs(self) -> dict[str, dict[str, Any]]:
        """The outputs of this run with their options: the built-in ones and those of the config."""
        tables: dict[str, Any] = {name: {} for name in BUILT_IN_OUTPUTS} | self.outputs
        return {name: options for name, options in tables.items() if options is not False}
