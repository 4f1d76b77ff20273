r"""Random text by a pattern such as ``[0-9]{4,6}``.

A pattern is a sequence of characters and sets. A set in brackets holds characters and ranges:
``[0-9a-f.]``. ``{4}`` or ``{4,6}`` after a character or a set repeats it. Anything else stands for
itself; a backslash makes a special character literal: ``\[``. What else regular expressions have is
refused, and a period is a period.
"""

import re
from dataclasses import dataclass

import numpy as np

from mnistgan.errors import UsageError

MOST_CHARACTERS = 200
"""The longest text that a pattern may give."""

_ITEM = re.compile(
    r"(?:\[(?P<set>(?:\\.|[^\\\[\]])+)\]|\\(?P<escaped>.)|(?P<literal>[^\\\[\](){}|*+?^$]))"
    r"(?:\{(?P<low>[0-9]{1,3})(?:,(?P<high>[0-9]{1,3}))?\})?",
    re.DOTALL,
)
_RANGE = re.compile(r"\\?(.)(?:-\\?(.))?", re.DOTALL)


@dataclass(frozen=True)
class Pattern:
    """A pattern for random text.

    Attributes:
        items: for each character or set: its characters, and how often it is repeated at least and
            at most.
    """

    items: tuple[tuple[str, int, int], ...]

    @property
    def characters(self) -> str:
        """All characters that a text may have, each once."""
        return "".join(dict.fromkeys("".join(chars for chars, _, high in self.items if high)))

    def draw(self, rng: np.random.Generator) -> str:
        """One text: each length, and then each character, is drawn with equal probabilities."""
        text = ""
        for chars, low, high in self.items:
            count = rng.integers(low, high + 1)
            text += "".join(chars[index] for index in rng.integers(len(chars), size=count))
        return text


def parse(text: str) -> Pattern:
    """Parse a pattern.

    Raises:
        UsageError: it is not a pattern as described above, or its texts may be empty or too long.
    """
    items: list[tuple[str, int, int]] = []
    position = 0
    while position < len(text):
        found = _ITEM.match(text, position)
        if found is None:
            raise _refused(text, f"cannot be read from {text[position:]!r} on")
        chars = _characters(text, found["set"]) if found["set"] else found["escaped"]
        low = int(found["low"] or 1)
        items.append((chars or found["literal"], low, int(found["high"] or low)))
        position = found.end()
    if any(low > high for _, low, high in items):
        raise _refused(text, "has a {m,n} with m greater than n")
    least, most = sum(low for _, low, _ in items), sum(high for _, _, high in items)
    if not least or most > MOST_CHARACTERS:
        raise _refused(text, f"must give texts of 1 to {MOST_CHARACTERS} characters")
    return Pattern(tuple(items))


def _characters(pattern: str, inside: str) -> str:
    """The characters of a set, each once, from what is inside its brackets."""
    if inside.startswith("^"):
        raise _refused(pattern, "has a set that begins with ^")
    chars = ""
    for first, last in _RANGE.findall(inside):
        if last and last < first:
            raise _refused(pattern, f"has the range {first}-{last}, whose ends are swapped")
        chars += "".join(map(chr, range(ord(first), ord(last or first) + 1)))
    return "".join(dict.fromkeys(chars))


def _refused(text: str, why: str) -> UsageError:
    known = "characters, sets such as [0-9a-f], {4} or {4,6} after one of them"
    return UsageError(f"--pattern {text}: {why}; a pattern has {known}, and \\ before special ones")
