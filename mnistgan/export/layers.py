"""A generator as a list of affine layers with activations, and its numbers as int16 and float32.

The script of an HTML export computes these layers. Three changes keep it and the file small.
BatchNorm in evaluation mode is an affine map per channel and becomes part of the layer before it.
Feature maps are channels-last, so that each tap of a transposed convolution multiplies a matrix by
the channels of one pixel. The weights are quantized to int16, with one scale per row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from mnistgan.errors import ExportError
from mnistgan.models.networks import ConditionalGenerator

Array: TypeAlias = npt.NDArray[np.float64]
Precision: TypeAlias = Literal["int16", "float32"]
Activation: TypeAlias = Literal["none", "relu", "leaky_relu", "tanh", "sigmoid"]

TAPS = 16  # of a kernel of 4 x 4
_LEVELS = 2**15 - 1  # of an int16, on each side of 0
_DTYPES: dict[Precision, str] = {"int16": "<i2", "float32": "<f4"}


@dataclass(frozen=True)
class Layer:
    """An affine map and an activation.

    Attributes:
        type: ``linear``, or ``conv_transpose`` with kernel 4, stride 2 and padding 1.
        weights: linear: outputs x inputs. conv_transpose: (taps * outputs) x inputs; taps are in
            the order of the kernel's rows.
        bias: outputs.
        side: side of a transposed convolution's input; 0 for linear.
        activation: applied to each output.
        slope: of leaky_relu below 0.
    """

    type: Literal["linear", "conv_transpose"]
    weights: Array
    bias: Array
    side: int = 0
    activation: Activation = "none"
    slope: float = 0.0

    def describe(self) -> dict[str, Any]:
        """The layer without its numbers, for JSON."""
        return {
            "type": self.type,
            "inputs": self.weights.shape[1],
            "outputs": len(self.bias),
            "side": self.side,
            "activation": self.activation,
            "slope": self.slope,
        }


def flatten(network: nn.Module) -> tuple[list[Layer], Array]:
    """The layers of a generator, and its label embeddings, classes x dimensions (0 x 0 if none).

    The input of the first layer is z, followed by the label's embedding. The output of the last one
    is channels-last: H * W * C.

    Raises:
        ExportError: the network has a layer of another type.
    """
    embeddings = np.empty((0, 0))
    if isinstance(network, ConditionalGenerator):
        embeddings = _numbers(network.labels.weight)
        network = network.images
    layers: list[Layer] = []
    for module in network.children() if isinstance(network, nn.Sequential) else [network]:
        _add(layers, module)
    return layers, embeddings


def _add(layers: list[Layer], module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        layers.append(Layer("linear", _numbers(module.weight), _bias(module.bias, module)))
    elif isinstance(module, nn.ConvTranspose2d) and _is_doubling(module):
        layers.append(_conv_transpose(module, layers[-1]))
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and layers[-1].activation == "none":
        layers[-1] = _with_batch_norm(layers[-1], module)
    elif isinstance(module, nn.Unflatten):
        layers[-1] = _channels_last(layers[-1], *module.unflattened_size)
    elif (activation := _activation(module)) and layers[-1].activation == "none":
        slope = module.negative_slope if isinstance(module, nn.LeakyReLU) else 0.0
        layers[-1] = replace(layers[-1], activation=activation, slope=slope)
    else:
        raise ExportError(
            f"the generator has a layer that a page cannot compute ({module}); choose another "
            "format"
        )


def _is_doubling(module: nn.ConvTranspose2d) -> bool:
    settings = (module.kernel_size, module.stride, module.padding, module.output_padding)
    return settings == ((4, 4), (2, 2), (1, 1), (0, 0)) and module.groups == 1


def _conv_transpose(module: nn.ConvTranspose2d, before: Layer) -> Layer:
    inputs, outputs = module.in_channels, module.out_channels
    # torch: inputs x outputs x 4 x 4.
    weights = _numbers(module.weight).transpose(2, 3, 1, 0).reshape(TAPS * outputs, inputs)
    side = 2 * before.side if before.type == "conv_transpose" else before.side
    return Layer("conv_transpose", weights, _bias(module.bias, module), side)


def _with_batch_norm(layer: Layer, module: nn.BatchNorm1d | nn.BatchNorm2d) -> Layer:
    assert module.running_mean is not None
    assert module.running_var is not None
    scale = _numbers(module.weight) / np.sqrt(_numbers(module.running_var) + module.eps)
    shift = _numbers(module.bias) - scale * _numbers(module.running_mean)
    # Channels come last in both, so they repeat: over pixels or over taps.
    rows, outputs = len(layer.weights) // len(scale), len(layer.bias) // len(scale)
    return replace(
        layer,
        weights=layer.weights * np.tile(scale, rows)[:, None],
        bias=layer.bias * np.tile(scale, outputs) + np.tile(shift, outputs),
    )


def _channels_last(layer: Layer, channels: int, height: int, width: int) -> Layer:
    order = np.arange(len(layer.bias)).reshape(channels, height * width).T.ravel()
    return replace(layer, weights=layer.weights[order], bias=layer.bias[order], side=height)


def _activation(module: nn.Module) -> Activation | None:
    names: dict[type[nn.Module], Activation] = {
        nn.ReLU: "relu",
        nn.LeakyReLU: "leaky_relu",
        nn.Tanh: "tanh",
        nn.Sigmoid: "sigmoid",
    }
    return names.get(type(module))


def _bias(bias: Tensor | None, module: nn.Linear | nn.ConvTranspose2d) -> Array:
    if bias is not None:
        return _numbers(bias)
    return np.zeros(module.out_features if isinstance(module, nn.Linear) else module.out_channels)


def _numbers(tensor: Tensor) -> Array:
    return tensor.detach().cpu().double().numpy()


# Numbers ---------------------------------------------------------------------------------------


def encode(
    layers: Iterable[Layer], floats: Iterable[Array], precision: Precision
) -> tuple[bytes, int]:
    """The numbers of layers, and how many of them come first as float32.

    First ``floats``, then for each layer the scale of each row and the bias. After these the
    weights of all layers, in the given precision; each is multiplied by its row's scale.
    Little-endian, as browsers read them.
    """
    singles, weights = list(floats), []
    for layer in layers:
        scale = _scale(layer.weights, precision)
        singles += [scale, layer.bias]
        weights.append((layer.weights / scale[:, None]).ravel())
    first = np.concatenate([one.ravel() for one in singles]).astype("<f4")
    last = np.concatenate(weights)
    if precision == "int16":
        last = np.rint(last).clip(-_LEVELS, _LEVELS)
    return first.tobytes() + last.astype(_DTYPES[precision]).tobytes(), len(first)


def _scale(weights: Array, precision: Precision) -> Array:
    # Not float16 in place of scaled int16: in the same space, it has only 11 significant bits. A
    # level of int16 is 1/32767 of the row's largest weight.
    if precision == "float32":
        return np.ones(len(weights))
    largest = np.abs(weights).max(axis=1)
    scale = np.where(largest > 0, largest, 1) / _LEVELS
    # The weights are divided by the scale as it is stored.
    return scale.astype("<f4").astype(np.float64)


def decode(
    descriptions: Iterable[dict[str, Any]],
    data: bytes,
    floats: int,
    skipped: int,
    precision: Precision,
) -> list[Layer]:
    """The layers that :func:`encode` wrote, with the weights as they are stored.

    Args:
        descriptions: of each layer; see :meth:`Layer.describe`.
        data: the numbers.
        floats: how many come first as float32.
        skipped: how many of these come before the layers' own.
        precision: of the weights.
    """
    singles = np.frombuffer(data, "<f4", floats)[skipped:].astype(np.float64)
    rest = np.frombuffer(data, _DTYPES[precision], offset=4 * floats)
    layers = []
    for given in descriptions:
        outputs, inputs = given["outputs"], given["inputs"]
        rows = outputs * (1 if given["type"] == "linear" else TAPS)
        scale, bias, singles = np.split(singles, [rows, rows + outputs])
        weights, rest = np.split(rest, [rows * inputs])
        kept = {key: given[key] for key in ("type", "side", "activation", "slope")}
        scaled = weights.reshape(rows, inputs) * scale[:, None]
        layers.append(Layer(weights=scaled, bias=bias, **kept))
    return layers


def forward(layers: Iterable[Layer], inputs: Array) -> Array:
    """What the page's script computes: N x inputs -> N x (H * W * C)."""
    outputs = inputs
    for layer in layers:
        compute = _linear if layer.type == "linear" else _transposed
        outputs = _activated(layer, compute(layer, outputs))
    return outputs


def _linear(layer: Layer, inputs: Array) -> Array:
    return inputs @ layer.weights.T + layer.bias


def _transposed(layer: Layer, inputs: Array) -> Array:
    images, side, outputs = len(inputs), layer.side, len(layer.bias)
    maps = inputs.reshape(images, side, side, -1)
    # A margin of one pixel takes what falls outside: padding 1.
    margin = np.zeros((images, 2 * side + 2, 2 * side + 2, outputs))
    for tap, weights in enumerate(layer.weights.reshape(TAPS, outputs, -1)):
        row, column = divmod(tap, 4)
        margin[:, row : row + 2 * side : 2, column : column + 2 * side : 2] += maps @ weights.T
    return (margin[:, 1:-1, 1:-1] + layer.bias).reshape(images, -1)


def _activated(layer: Layer, values: Array) -> Array:
    if layer.activation == "tanh":
        return np.tanh(values)
    if layer.activation == "sigmoid":
        with np.errstate(over="ignore"):  # 1 / (1 + inf) is 0, as it should be
            return np.asarray(1 / (1 + np.exp(-values)))
    if layer.activation == "none":
        return values
    return np.where(values > 0, values, layer.slope * values)
