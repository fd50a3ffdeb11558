"""Text files of the user's, read whole or refused in a sentence."""

from pathlib import Path

LARGEST = 1 << 28  # bytes
KNOWN = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip", b"PK\x03": "zip", b"BZh": "bzip2"}


def read_text(path: str | Path) -> str:
    """The text of a regular file in UTF-8, with or without a byte order mark, lines ended in any of the three ways.

    Raises:
        ValueError: in the words that follow ``is not allowed:``.
    """
    path = Path(path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ValueError("it is no regular file")
        if path.is_file() and path.stat().st_size > LARGEST:
            raise ValueError(f"it has {path.stat().st_size} bytes, at most {LARGEST}")
        content = path.read_bytes()
    except OSError as error:
        raise ValueError((error.strerror or "it cannot be read").lower()) from None
    other = next((name for start, name in KNOWN.items() if content.startswith(start)), None)
    try:
        text = "" if other else content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte {content[error.start]:#x} at position {error.start}"
        raise ValueError(f"its encoding is not UTF-8 ({byte}): it may be Latin-1, save it as UTF-8") from None
    if other or "\0" in text:
        raise ValueError(f"it seems to be {other or 'UTF-16'}, and must be text in UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")
