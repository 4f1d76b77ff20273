"""What the HTML pages share: templates that escape their values, and a policy against scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from jinja2 import Environment, PackageLoader, StrictUndefined

from mnistgan.errors import printable


def templates(package: str) -> Environment:
    """The templates in the folder ``page`` of a package."""
    return Environment(
        loader=PackageLoader(package, "page"),
        autoescape=True,
        undefined=StrictUndefined,  # by default, a misspelled variable prints nothing
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )


def policy(style: str, scripts: Iterable[str]) -> str:
    """A Content-Security-Policy that allows exactly these texts, and no requests."""
    # In a meta element, because the page is a file and has no HTTP headers. By hashes, because a
    # page without a server has no fresh nonces.
    allowed = " ".join(map(_digest, scripts))
    return (
        f"default-src 'none'; img-src data:; style-src {_digest(style)}; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def _clean(value: object) -> object:
    """Escape control characters, such as those that reverse the direction of text.

    Autoescape handles only HTML. Texts that are already marked as safe are unchanged.
    """
    is_markup = hasattr(value, "__html__")
    return printable(value) if isinstance(value, str) and not is_markup else value


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(raw).decode('ascii')}'"
