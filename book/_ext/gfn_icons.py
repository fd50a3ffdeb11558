"""Fonts of icons with those that some page has: a dozen of 1,400, and 2 kB instead of 156."""

from __future__ import annotations

import io
import re
from pathlib import Path

from fontTools import subset

FOLDER = "_static/vendor/fontawesome/webfonts"
# Those of brands are for books with the address of a repository.
FONTS = {
    "solid-900": ("fas", "fa-solid", "fa"),
    "brands-400": ("fab", "fa-brands"),
    "regular-400": ("far", "fa-regular"),
}
CHARACTER = re.compile(r'"\\([0-9a-f]{2,6})"')
SOURCE = re.compile(r'url\(([^)]*)\.woff2\)\s*format\("woff2"\)(?:,url\([^)]*\.ttf\)\s*format\("truetype"\))?')


def icons(out: Path, shown: set[str]) -> None:
    """The fonts of a built book, each with the characters that its style sheets name; one that no page needs goes.

    Arguments:
        out: the folder of the book.
        shown: all names that elements of its pages have as a class.
    """
    sheets = {path: path.read_text(encoding="utf-8") for path in out.glob("_static/book-*.css")}
    characters = {int(found, 16) for css in sheets.values() for found in CHARACTER.findall(css)}
    for name, classes in FONTS.items():
        font = out / FOLDER / f"fa-{name}.ttf"
        rule = re.compile(rf"@font-face\{{[^}}]*/fa-{name}\b[^}}]*\}}")
        if font.exists() and shown.intersection(classes):
            font.with_suffix(".woff").write_bytes(smaller(font, characters))
            sheets = {
                path: rule.sub(lambda face: SOURCE.sub(r'url(\1.woff) format("woff")', face[0]), css)
                for path, css in sheets.items()
            }
        else:
            sheets = {path: rule.sub("", css) for path, css in sheets.items()}
        for ending in (".ttf", ".woff2"):
            font.with_suffix(ending).unlink(missing_ok=True)
    for path, css in sheets.items():
        path.write_text(css, encoding="utf-8")


def smaller(font: Path, characters: set[int]) -> bytes:
    """A font with some of its characters, packed as every browser reads it.

    Arguments:
        font: a TrueType file.
        characters: their code points; those that the font does not have are left out.
    """
    options = subset.Options(flavor="woff", hinting=False, layout_features=[])
    whole = subset.load_font(str(font), options)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=characters)
    cut.subset(whole)
    packed = io.BytesIO()
    subset.save_font(whole, packed, options)
    return packed.getvalue()
