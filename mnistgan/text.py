"""Text that people edit in programs of their own."""


def decoded(raw: bytes) -> str:
    """The text of a file in UTF-8, with line feeds as its line ends.

    Read with and without a byte-order mark, as editors on Windows write it, and with line ends of
    any system.

    Raises:
        UnicodeDecodeError: the bytes are not UTF-8.
    """
    return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
