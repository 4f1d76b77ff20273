"""The pictures that the page asks for: each a function of what its address says, and of that alone.

The picture of a seed is image 0 of ``mnistgan sample --seed`` (but for the rounding of a matrix
product of another shape).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import torch
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError
from torch import Tensor

from mnistgan.errors import UsageError
from mnistgan.latent import directions
from mnistgan.models import networks
from mnistgan.rendering import grids
from mnistgan.sampling.generator import Generator
from mnistgan.sampling.sampler import SamplingOptions

AXES = 8
REACH = 3.0  # of a slider, to both sides
STOPS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)  # of the little pictures along a slider

_SEEDS = 2**63
_MOST_CLASSES = 100  # on one sheet
_NEXT_SEEDS = 10

Sheet: TypeAlias = Literal["one", "classes", "seeds", "axes"]


class PageQuery(BaseModel):
    """What a picture is to show.

    Attributes:
        seed: of z.
        label: of a conditional generator, which class.
        truncation: of the seed's z, see :class:`mnistgan.sampling.sampler.SamplingOptions`.
        s: coordinates of z along some directions, by the directions' numbers from 1; along the
            others z stays as the seed gives it.
        sheet: ``one`` image; this z as each of the first 100 ``classes``, a row; the next ten
            ``seeds``, a row; or, a row for each of the ``axes``, z at seven places along it.
        side: the picture's pixels are repeated until its longer side has so many.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(0, ge=0, lt=_SEEDS)
    label: int = Field(0, ge=0)
    truncation: FiniteFloat | None = Field(None, ge=0.1, le=10)
    s: dict[int, float] = Field(default_factory=dict)
    sheet: Sheet = "one"
    side: int = Field(1, ge=1, le=1024)


def parse(query: Iterable[tuple[str, str]]) -> PageQuery:
    """A wish out of an address's parameters; ``s1=-2.5`` is a coordinate along direction 1.

    Raises:
        UsageError: one of them is unknown, comes twice, or has no such value.
    """
    fields: dict[str, Any] = {}
    for key, value in query:
        if key in fields:
            raise UsageError(f"{_short(key)}: is given twice")
        fields[key] = value
    if "s" in fields:
        raise UsageError("s: of which direction? give s1, s2, ...")
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
    """Draws what is wished for.

    Args:
        generator: on the CPU.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self._latent_dim = generator.config.model.latent_dim
        self._axes = directions.directions(generator, AXES)

    def about(self) -> dict[str, Any]:
        """What the page needs to know, and says, of the generator."""
        config = self.generator.config
        channels, height, width = networks.image_shape(config)
        return {
            "name": config.name,
            "data": config.data.name,
            "family": config.model.family,
            "latent_dim": self._latent_dim,
            "image": {"channels": channels, "height": height, "width": width},
            "step": self.generator.step,
            "epoch": self.generator.epoch,
            "parameters": networks.count_parameters(self.generator.network),
            "classes": list(self.generator.classes),
            "most_classes": _MOST_CLASSES,
            "axes": len(self._axes),
            "reach": REACH,
            "stops": list(STOPS),
            "next_seeds": _NEXT_SEEDS,
        }

    def coordinates(self, query: PageQuery) -> list[float]:
        """Where the wished-for z lies along each direction; of noise, standard normal numbers."""
        return [round(float(one), 4) for one in self._axes @ self._z(query)]

    def png(self, query: PageQuery) -> bytes:
        """The picture as a PNG file.

        Raises:
            UsageError: the generator has no such class or direction.
        """
        z, labels = self._inputs(query)
        images = self.generator(z, labels)
        if query.sheet == "one":
            picture = grids.to_picture(images[0])
        else:
            picture = grids.grid(images, len(STOPS) if query.sheet == "axes" else len(images))
        return grids.to_png(grids.enlarge(picture, query.side))

    def _inputs(self, query: PageQuery) -> tuple[Tensor, Tensor | None]:
        """z, N x latent_dim, and labels of a picture's images."""
        classes = len(self.generator.classes)
        if query.label >= max(1, classes):
            raise UsageError(f"label: there are {classes} classes, counted from 0")
        if query.sheet == "classes" and not classes:
            raise UsageError("sheet: this generator was trained without labels")
        z = self._latents(query)
        if query.sheet == "classes":
            labels = torch.arange(min(classes, _MOST_CLASSES))
            return z.expand(len(labels), -1), labels
        return z, torch.tensor([query.label]).expand(len(z)) if classes else None

    def _latents(self, query: PageQuery) -> Tensor:
        """z, N x latent_dim, of the images that differ in it."""
        z = self._z(query)
        if query.sheet == "axes":
            places = [{number: stop} for number in range(len(self._axes)) for stop in STOPS]
            return torch.stack([directions.place(z, self._axes, place) for place in places])
        if query.sheet == "seeds":
            seeds = ((query.seed + more) % _SEEDS for more in range(1, _NEXT_SEEDS + 1))
            queries = [query.model_copy(update={"seed": seed}) for seed in seeds]
            return torch.stack([self._z(one) for one in queries])
        return z[None]

    def _z(self, query: PageQuery) -> Tensor:
        for number, value in query.s.items():
            if number > len(self._axes) or not -REACH <= value <= REACH:
                raise UsageError(
                    f"s{number}: there are {len(self._axes)} directions, from s1; each goes from "
                    f"{-REACH:g} to {REACH:g}"
                )
        z = SamplingOptions(query.seed, truncation=query.truncation).z(0, self._latent_dim)[0]
        return directions.place(z, self._axes, {n - 1: value for n, value in query.s.items()})
