"""Text that people edit in programs of their own, or that others get to see."""

import os
import re

_START = r"""(?<![^=(\[{'",\s])"""
"""Where a value may begin in a command line, a list or a sentence."""

_FOLDERS = re.compile(
    # The root, a drive, a home folder or the folder above.
    _START + r"""(?:~[\w.-]*|[A-Za-z]:|\.\.|\\)?[\\/]"""
    # Folders, and after them a name.
    r"""(?:[^'",\]}\\/]+[\\/]+)+(?=[^'",\]}\\/])"""
)


def decoded(raw: bytes) -> str:
    """The text of a file in UTF-8, with line feeds as its line ends.

    Read with and without a byte-order mark, as editors on Windows write it, and with line ends of
    any system.

    Raises:
        UnicodeDecodeError: the bytes are not UTF-8.
    """
    return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def without_folders(text: str) -> str:
    """The text with each path that leads out of the current folder cut down to its last part.

    ``/home/anna/photos`` becomes ``.../photos``: pages for other people name no account.
    """
    home = os.path.expanduser("~")  # noqa: PTH111 Path raises without a home
    # Otherwise the last part of /home/anna would stay, which is the account.
    text = re.sub(rf"{_START}{re.escape(home)}(?![\w.-])", "~", text)
    return _FOLDERS.sub(".../", text)
