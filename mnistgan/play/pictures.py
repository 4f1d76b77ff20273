"""The pictures of the page. Each is a function of its query.

The picture of a seed is image 0 of ``mnistgan sample --seed``, except for rounding: the matrix
products have other shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import torch
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError
from torch import Tensor

from mnistgan.config.sections import UNNAMED
from mnistgan.errors import UsageError
from mnistgan.latent import directions
from mnistgan.models import networks
from mnistgan.rendering import grids
from mnistgan.sampling.blocks import SamplingOptions
from mnistgan.sampling.generator import Generator

AXES = 8
REACH = 3.0  # range of a slider in both directions, in standard deviations
STOPS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)  # positions of the small pictures on a slider

_SEEDS = 2**63
_MOST_CLASSES = 100  # in one picture
_NEXT_SEEDS = 10

Sheet: TypeAlias = Literal["one", "classes", "seeds", "axes"]


class PageQuery(BaseModel):
    """The query of a picture.

    Attributes:
        seed: seed of z.
        label: class, for a conditional generator.
        truncation: of the seed's z; see :class:`mnistgan.sampling.blocks.SamplingOptions`.
        s: number of a direction, from 1 -> coordinate of z along it. Along all other directions, z
            has the coordinates of the seed.
        sheet: ``one``: one image. ``classes``: a row with this z in each of the first 100 classes.
            ``seeds``: a row with the next ten seeds. ``axes``: for each direction, a row with z at
            seven positions along it.
        side: the picture is enlarged until its longer side has at least this length.
        smooth: whether to enlarge by interpolation; otherwise pixels are repeated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(0, ge=0, lt=_SEEDS)
    label: int = Field(0, ge=0)
    truncation: FiniteFloat | None = Field(None, ge=0.1, le=10)
    s: dict[int, float] = Field(default_factory=dict)
    sheet: Sheet = "one"
    side: int = Field(1, ge=1, le=1024)
    smooth: bool = False


def parse(query: Iterable[tuple[str, str]]) -> PageQuery:
    """Validate the parameters of a URL. ``s1=-2.5`` is a coordinate along direction 1.

    Raises:
        UsageError: a parameter is unknown, given twice, or has an invalid value.
    """
    fields: dict[str, Any] = {}
    for key, value in query:
        if key in fields:
            raise UsageError(f"{_short(key)}: is given twice")
        fields[key] = value
    if "s" in fields:
        raise UsageError("s: add the number of the direction, as in s1")
    # ASCII only: int() also reads digits of other scripts, so a direction could be given twice.
    along = [key for key in fields if re.fullmatch(r"s[1-9]\d?", key, re.ASCII)]
    fields["s"] = {int(key[1:]): fields.pop(key) for key in along}
    try:
        return PageQuery.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "".join(str(part) for part in first["loc"][:2])
        what = "no such parameter" if first["type"] == "extra_forbidden" else first["msg"]
        raise UsageError(f"{_short(name)}: {what}") from error


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:40]}..."


class Pictures:
    """Draws the pictures of the page.

    Args:
        generator: the generator, on the CPU.

    Attributes:
        axes: the directions of the sliders, float32 K x latent_dim, orthonormal.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self._latent_dim = generator.config.model.latent_dim
        # Computed once, because this takes a singular value decomposition of G's first layer.
        self.axes = directions.directions(generator, AXES)

    def about(self) -> dict[str, Any]:
        """Values about the generator that the page shows or needs."""
        config = self.generator.config
        _, height, width = networks.image_shape(config)
        return {
            "name": config.name,
            "data": "unnamed images" if config.data.name == UNNAMED else config.data.name,
            "family": config.model.family,
            "latent_dim": self._latent_dim,
            "image": {"height": height, "width": width},
            "step": self.generator.step,
            "parameters": networks.count_parameters(self.generator.network),
            "classes": list(self.generator.classes),
            "most_classes": _MOST_CLASSES,
            "axes": len(self.axes),
            "reach": REACH,
            "stops": list(STOPS),
            "next_seeds": _NEXT_SEEDS,
            "seeds": str(_SEEDS),  # a number in JavaScript would be rounded
        }

    def coordinates(self, query: PageQuery) -> list[float]:
        """The coordinates of a query's z along the directions, in standard deviations."""
        return [round(float(one), 4) for one in self.axes @ self._latent(query)]

    def png(self, query: PageQuery) -> bytes:
        """The picture as a PNG file.

        Raises:
            UsageError: the generator does not have this class or direction.
        """
        z, labels = self._inputs(query)
        images = self.generator(z, labels)
        if query.sheet == "one":
            picture = grids.to_picture(images[0])
        else:
            picture = grids.grid(images, len(STOPS) if query.sheet == "axes" else len(images))
        larger = grids.smoothed if query.smooth else grids.enlarge
        return grids.to_png(larger(picture, query.side))

    def _inputs(self, query: PageQuery) -> tuple[Tensor, Tensor | None]:
        """z, N x latent_dim, and labels, N, of the images in a picture."""
        classes = len(self.generator.classes)
        if query.label >= max(1, classes):
            raise UsageError(f"label: there are {classes} classes, numbered from 0")
        if query.sheet == "classes" and not classes:
            raise UsageError("sheet: this generator was trained without labels")
        # One label for each z: images of a sheet are drawn in one batch, in the time of a few
        # single ones (benchmarks/results/playing.json).
        z = self._latents(query)
        if query.sheet == "classes":
            labels = torch.arange(min(classes, _MOST_CLASSES))
            return z.expand(len(labels), -1), labels
        return z, torch.tensor([query.label]).expand(len(z)) if classes else None

    def _latents(self, query: PageQuery) -> Tensor:
        """The z of the images in a picture, N x latent_dim; one if they differ only in class."""
        z = self._latent(query)
        if query.sheet == "axes":
            places = [{number: stop} for number in range(len(self.axes)) for stop in STOPS]
            return torch.stack([directions.place(z, self.axes, place) for place in places])
        if query.sheet == "seeds":
            # One z per seed, not images 1 to 10 of this seed: a click on a picture goes to its
            # seed.
            seeds = ((query.seed + more) % _SEEDS for more in range(1, _NEXT_SEEDS + 1))
            queries = [query.model_copy(update={"seed": seed}) for seed in seeds]
            return torch.stack([self._latent(one) for one in queries])
        return z[None]

    def _latent(self, query: PageQuery) -> Tensor:
        for number, value in query.s.items():
            if number > len(self.axes) or not -REACH <= value <= REACH:
                raise UsageError(
                    f"s{number}: there are {len(self.axes)} directions, numbered from 1; each "
                    f"coordinate is from {-REACH:g} to {REACH:g}"
                )
        z = SamplingOptions(query.seed, truncation=query.truncation).z(0, self._latent_dim)[0]
        return directions.place(z, self.axes, {n - 1: value for n, value in query.s.items()})
