"""Text that people edit in programs of their own."""

import codecs


def decoded(raw: bytes) -> str:
    """The text of a file, with line feeds as its line ends.

    Read with and without a byte-order mark, as editors on Windows write it, and with line ends of
    any system. Without a mark it is UTF-8; UTF-16 is what PowerShell 5 writes by ``>``.

    Raises:
        UnicodeDecodeError: the bytes are not such a text.
    """
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = raw.decode("utf-16" if is_utf16 else "utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n")
