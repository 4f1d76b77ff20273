"""The verdict: one sentence about a generator's images, from all figures together.

docs/measures.md documents the rules. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mnistgan.errors import printable

Kind: TypeAlias = Literal[
    "Collapsed", "Failed", "Copied", "Partly collapsed", "Mislabeled", "Poor", "Fair", "Good"
]

# The thresholds; docs/measures.md explains each.
_COLLAPSED_VARIETY, _PARTLY_VARIETY = 0.25, 0.75
_COLLAPSED_KL, _PARTLY_KL = 1.2, 0.1  # nats; three of ten classes have ln(10 / 3) = 1.204
_FEW_REAL, _MANY_REAL = 0.1, 0.5  # precision
_NO_RECALL, _NO_COVERAGE = 0.05, 0.15
_COPIES = 0.1
_AGREEMENT = 0.5
_FAIR, _GOOD = 0.3, 0.7  # precision, recall and coverage, as shares of the floor's
_WEIGHED = ("precision", "recall", "coverage")
_GOOD_RATIO = 30  # Frechet distance, divided by the floor's

_ALIKE = "the images are nearly all alike"
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_MOST_NAMES = 3  # of classes in a sentence


@dataclass(frozen=True)
class Verdict:
    """A verdict on some images.

    Attributes:
        kind: the first words.
        reason: why, without a full stop.
        is_collapse: whether the generator has collapsed, at least in part. A generator that copies
            training images may have, too.
    """

    kind: Kind
    reason: str
    is_collapse: bool = False

    def __str__(self) -> str:
        """The sentence, such as ``Collapsed: only 8s; precision means nothing here.``."""
        return printable(f"{self.kind}: {self.reason}.")  # names of classes may be hostile

    @property
    def is_failure(self) -> bool:
        """Whether a generator of any other kind is better, whatever the Frechet distances."""
        return self.kind in ("Collapsed", "Failed")


def judge(
    figures: Mapping[str, float],
    floor: Mapping[str, float] | None = None,
    shares: Mapping[str, float] | None = None,
    missing: Collection[str] = (),
) -> Verdict | None:
    """The verdict on some images; None if their precision is unknown.

    Args:
        figures: by name, see :class:`mnistgan.evaluation.results.Figures`, with the number of
            missing classes as ``missing_classes``. Others than precision may be unknown, or NaN.
        floor: the same for held-out real images, if known.
        shares: share of each class among the images, if known.
        missing: names of the missing classes, if the shares are known.
    """
    if not math.isfinite(figures.get("precision", math.nan)):
        return None
    case = _Case(figures, floor or {}, shares or {}, missing)
    narrow = case.partial_collapse()
    # The order matters: the figures of a collapse or of copies mean nothing else.
    rules: tuple[tuple[Kind, str], ...] = (
        ("Collapsed", case.collapse()),
        ("Failed", case.failure()),
        ("Copied", case.copies(narrow)),
        ("Partly collapsed", narrow),
        ("Mislabeled", case.mislabeling()),
        ("Poor", case.weakness(_FAIR)),
        ("Fair", case.weakness(_GOOD)),
        ("Good", _clauses(case.classes(), case.distance()) or "no sign of a collapse"),
    )
    kind, reason = next(rule for rule in rules if rule[1])
    is_collapse = kind == "Collapsed" or (kind != "Failed" and bool(narrow))
    return Verdict(kind, reason, is_collapse)


class _Case:
    """The rules. Each returns its reason, or nothing if it does not apply."""

    def __init__(
        self,
        figures: Mapping[str, float],
        floor: Mapping[str, float],
        shares: Mapping[str, float],
        missing: Collection[str],
    ) -> None:
        self._figures, self._floor, self._shares = figures, floor, shares
        self._absent = [name for name in shares if name in missing]
        self._present = [name for name in shares if name not in missing]

    def _get(self, name: str) -> float:
        """A figure; NaN, which is neither above nor below a threshold, if it is unknown."""
        return self._figures.get(name, math.nan)

    def collapse(self) -> str:
        precision = self._get("precision")
        is_alike = self._get("variety") < _COLLAPSED_VARIETY
        # Noise has one class and no recall, too, but no precision.
        is_few = self._get("kl_to_labels") > _COLLAPSED_KL or len(self._present) == 1
        is_narrow = self._get("recall") < _NO_RECALL and self._get("coverage") < _NO_COVERAGE
        if not (
            is_alike
            or (is_few and precision >= _FEW_REAL)
            or (is_narrow and precision >= _MANY_REAL)
        ):
            return ""
        if precision < _FEW_REAL:
            return _clauses(_ALIKE, self._realism())
        what = _ALIKE
        if is_few:
            what = self._few_classes() + (", nearly all alike" if is_alike else "")
        return _clauses(what, "precision means nothing here")

    def _few_classes(self) -> str:
        if 1 <= len(self._present) <= _MOST_NAMES:
            return f"only {images_of(self._present)}"
        return (not self._shares and self._missing()) or self._most_frequent()

    def failure(self) -> str:
        is_real = self._get("precision") >= _FEW_REAL
        return "" if is_real else _clauses(self._realism(), self.distance())

    def copies(self, narrow: str) -> str:
        """Also names a partial collapse: copies of half the classes are two faults."""
        copies = self._get("copies")
        repeated = _clauses(f"{_percent(copies)} of the images repeat training images", narrow)
        return repeated if copies > _COPIES else ""

    def partial_collapse(self) -> str:
        # Which classes are missing says little where few images look real.
        return self._narrowness() if self._relative("precision") >= _FAIR else ""

    def _narrowness(self) -> str:
        if missing := self._missing():
            return missing
        if self._get("kl_to_labels") > _PARTLY_KL:
            return self._most_frequent()
        return "many of the images are alike" if self._get("variety") < _PARTLY_VARIETY else ""

    def mislabeling(self) -> str:
        agreement = self._get("agreement")
        wrong = f"only {_percent(agreement)} of the images show the class that was requested"
        return wrong if agreement < _AGREEMENT else ""

    def weakness(self, least: float) -> str:
        """The weakest of precision, recall and coverage, if it is less than this."""
        known = [name for name in _WEIGHED if math.isfinite(self._get(name))]
        weakest = min(known, key=self._relative)
        if self._relative(weakest) < least:
            covered = f"the images cover only {_percent(self._get(weakest))} of the real ones"
            weak = self._realism() if weakest == "precision" else covered
            return _clauses(self.classes(), weak, self.distance())
        is_far = least == _GOOD and self._ratio() > _GOOD_RATIO
        return _clauses(self.classes(), self.distance()) if is_far else ""

    def _relative(self, name: str) -> float:
        """A figure as a share of the floor's, if that is known."""
        return self._get(name) / (self._floor.get(name) or 1.0)

    # Clauses of a sentence ---------------------------------------------------------------------

    def classes(self) -> str:
        if self._get("missing_classes") != 0:
            return self._missing()
        if not self._shares:
            return "no class is missing"
        return f"all {count(len(self._shares))} {noun(self._present)}"

    def distance(self) -> str:
        ratio, distance = self._ratio(), self._get("frechet_distance")
        if math.isnan(ratio):
            return f"Frechet distance {distance:.3g}" if math.isfinite(distance) else ""
        if ratio < 1.1:
            return "Frechet distance at the floor"
        shown = f"{ratio:,.0f}" if 10 <= ratio < 1e6 else f"{ratio:.2g}"
        return f"Frechet distance {shown} times the floor"

    def _ratio(self) -> float:
        floor = self._floor.get("frechet_distance", math.nan)
        return self._get("frechet_distance") / floor if floor > 0 else math.nan

    def _realism(self) -> str:
        precision = self._get("precision")
        if precision < _FEW_REAL:
            return "hardly any image looks real"
        return f"only {_percent(precision)} of the images look real"

    def _missing(self) -> str:
        if self._absent:
            return missing_classes(self._present, self._absent)
        missing = self._get("missing_classes")
        if not 1 <= missing < math.inf:
            return ""
        many = count(int(missing)) if missing < 1e6 else "many"
        return f"{many} {'class is' if missing == 1 else 'classes are'} missing"

    def _most_frequent(self) -> str:
        if not self._shares:
            return "one class is far too frequent"
        name = max(self._shares, key=lambda one: self._shares[one])
        what = f"are {name}s" if _is_digit(name) else f"show {name}"
        return f"{_percent(self._shares[name])} of the images {what}"


def _clauses(*clauses: str) -> str:
    return "; ".join(filter(None, clauses))


# Numbers and classes in sentences --------------------------------------------------------------


def count(number: int) -> str:
    """A whole number; up to ten as a word."""
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else f"{number:,}"


def noun(names: Sequence[str]) -> str:
    """What these classes are: ``digits`` or ``classes``; ``digit`` or ``class`` if it is one."""
    one, more = ("digit", "digits") if all(map(_is_digit, names)) else ("class", "classes")
    return one if len(names) == 1 else more


def _percent(share: float) -> str:
    """``81%``; a figures.json from elsewhere may hold any number."""
    return f"{min(max(share, 0.0), 1.0):.0%}"


def images_of(names: Sequence[str]) -> str:
    """Images of one or more classes: ``1s and 7s``, ``images of coat``."""
    if all(map(_is_digit, names)):
        return _listed([f"{name}s" for name in names])
    return f"images of {_listed(names)}"


def missing_classes(present: Sequence[str], absent: Sequence[str]) -> str:
    """Which classes are missing, or which are left if these are fewer.

    ``only 8s are left; nine digits are missing``, ``8s and 9s are missing``.
    """
    if len(absent) <= _MOST_NAMES:
        return f"{images_of(absent)} are missing"
    many = count(len(absent))
    if 1 <= len(present) <= _MOST_NAMES:
        return f"only {images_of(present)} are left; {many} {noun(absent)} are missing"
    return f"{many} of {count(len(present) + len(absent))} {noun(absent)} are missing"


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _is_digit(name: str) -> bool:
    return len(name) == 1 and name.isascii() and name.isdecimal()
