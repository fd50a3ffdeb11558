"""Makes a built book small: one style sheet with the rules that are used, and no file that no page asks for."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gfn_formulas import formulas
from gfn_icons import icons
from gfn_markup import lean, plain_words

UNUSED = (
    "**/*.map",
    "**/*.js.LICENSE.txt",
    "_static/locales",
    "_static/scripts/fontawesome.js",
    "_static/sphinx-thebe.*",
    "_static/*webpack-macros.html",
    "_static/results.html",  # part of the introduction
    "_static/speed.svg",  # part of the page on speed
    "_static/torchgfn.svg",  # that page has it among its images
)
SHEET = re.compile(
    r'<link(?=[^>]*rel="stylesheet")(?![^>]*\bmedia=)[^>]*href="((?!_static/play/|\.\./_static/play/)[^":]+\.css)(?:\?[^"]*)?"[^>]*>\n?'
)
HERE = "<!-- the style sheet -->"
RELATIVE = re.compile(r"""url\((['"]?)(?!data:|https?:|#|/)([^'")]+)\1\)""")
IMPORT = re.compile(r"""@import\s+(?:url\()?["']?([^"')]+\.css)["']?\)?\s*;""")
OFFERED = re.compile(r"_downloads/[0-9a-f]+/[\w.-]+\.csv(?=\")")
INDEX = re.compile(r"(Search\.setIndex\()(.*)(\);?\s*)", re.DOTALL)
OURS = "gfn-"  # our own style sheets are taken whole
INSIDE = re.compile(r":[\w-]+\((?:[^()]|\([^()]*\))*\)")  # as :not(.name) and :is(.one, .other)
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")


def slim(out: Path) -> None:
    """The folder of the HTML of a book, made smaller in its place."""
    formulas(out)
    for pattern in UNUSED:
        for path in list(out.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    _sheets(out)
    icons(out, set().union(*(classes_of(path.read_text(encoding="utf-8")) for path in out.rglob("*.html"))))
    _tables(out)
    _markup(out)
    _index(out)
    for path in out.glob("_downloads/**/*.ipynb"):
        path.write_text(without_outputs(path.read_text(encoding="utf-8")), encoding="utf-8")


def _tables(out: Path) -> None:
    """Tables that pages offer are packed, each by itself: a tenth of the size, and pandas reads them as they are."""
    packed = {}
    for path in out.glob("_downloads/**/*.csv"):
        with zipfile.ZipFile(path.with_name(f"{path.name}.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED)
        packed[path.relative_to(out).as_posix()] = f"{path.relative_to(out).as_posix()}.zip"
        path.unlink()
    for page in out.rglob("*.html") if packed else ():
        text = page.read_text(encoding="utf-8")
        changed = OFFERED.sub(lambda link: f"{packed.get(link[0], link[0])}", text)
        if changed != text:
            page.write_text(changed, encoding="utf-8")


def without_outputs(text: str) -> str:
    """A notebook without what its cells put out, which is on the page that offers it."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _sheets(out: Path) -> None:
    """All style sheets of a page become one, with the rules whose classes some page or script knows."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(out.rglob("*.html"))}
    known = names(out, pages.values())
    made: dict[tuple[str, ...], str] = {}
    for path, text in pages.items():
        links = SHEET.findall(text)
        if len(links) < 2:
            continue
        above = "/" if links[0].startswith("/") else os.path.relpath(out, path.parent) + "/"
        prefix = links[0].split("_static/")[0] if "_static/" in links[0] else above
        sheets = tuple(link.split("_static/", 1)[1] for link in links)
        if sheets not in made:
            css = "\n".join(_sheet(out / "_static", sheet, known) for sheet in sheets)
            made[sheets] = f"book-{hashlib.sha256(css.encode()).hexdigest()[:8]}.css"
            (out / "_static" / made[sheets]).write_text(css, encoding="utf-8")
        one = f'<link rel="stylesheet" type="text/css" href="{prefix}_static/{made[sheets]}" />\n'
        head, _, rest = SHEET.sub(HERE, text).partition(HERE)
        path.write_text(head + one + rest.replace(HERE, ""), encoding="utf-8")
    for sheet in {"basic.css", *(sheet for sheets in made for sheet in sheets)}:
        (out / "_static" / sheet).unlink(missing_ok=True)


def _markup(out: Path) -> None:
    """Pages without elements, lines and blanks that mean nothing."""
    plain = plain_words("".join(path.read_text(encoding="utf-8") for path in sorted(out.glob("_static/book-*.css"))))
    for path in out.rglob("*.html"):
        path.write_text(lean(path.read_text(encoding="utf-8"), plain), encoding="utf-8")


def _index(out: Path) -> None:
    """The index of the search, without blanks; names of the code are in it once, as what they name."""
    path = out / "searchindex.js"
    if path.exists() and (found := INDEX.fullmatch(path.read_text(encoding="utf-8"))):
        said = json.loads(found[2])
        named = {f"{prefix}.{each[4]}" for prefix, listed in said.get("objects", {}).items() for each in listed}
        said["indexentries"] = {
            entry: places
            for entry, places in said.get("indexentries", {}).items()
            if not all(place[1].removeprefix("module-") in named for place in places)
        }
        data = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        path.write_text(found[1] + data + found[3], encoding="utf-8")


def _sheet(static: Path, name: str, known: set[str]) -> str:
    """A style sheet as it can stand in the folder of static files."""
    css = (static / name).read_text(encoding="utf-8").removeprefix('@charset "UTF-8";')
    folder = PurePosixPath(name).parent
    css = RELATIVE.sub(lambda url: f"url({os.path.normpath(folder / url[2])})", css)
    css = IMPORT.sub(lambda other: _sheet(static, os.path.normpath(folder / other[1]), known), css)
    return css if PurePosixPath(name).name.startswith(OURS) else used(css, known)


def classes_of(page: str) -> set[str]:
    """All names that the elements of a page have as a class."""
    return {name for listed in re.findall(r'\bclass="([^"]*)"', page) for name in listed.split()}


def names(out: Path, pages: Iterator[str] | list[str]) -> set[str]:
    """All names that a page has as a class, or that stand in a script."""
    known: set[str] = set()
    for page in pages:
        known |= classes_of(page)
        for script in re.findall(r"<script[^>]*>([^<]+)</script>", page):
            known.update(re.findall(r"[A-Za-z_][\w-]*", script))
    for path in out.glob("_static/**/*.js"):
        if "mathjax" not in path.parts:
            known.update(re.findall(r"[A-Za-z_][\w-]*", path.read_text(encoding="utf-8")))
    return known


def used(css: str, known: set[str]) -> str:
    """The rules of a style sheet of which some selector has only classes that are known."""
    kept = []
    for head, body in _rules(re.sub(r"/\*.*?\*/", "", css, flags=re.S)):
        if body is None:
            kept.append(f"{head};")
        elif head.startswith(("@media", "@supports", "@layer")):
            inner = used(body, known)
            kept += [f"{head}{{{inner}}}"] if inner else []
        elif head.startswith("@") or any(_is_known(selector, known) for selector in _selectors(head)):
            kept.append(f"{head}{{{body}}}")
    return "".join(kept)


def _selectors(head: str) -> list[str]:
    return INSIDE.sub("", head).split(",")


def _is_known(selector: str, known: set[str]) -> bool:
    # Bootstrap puts names that begin with bs- together from parts.
    return "\\" in selector or all(name in known or name.startswith("bs-") for name in CLASS.findall(selector))


def _rules(css: str) -> Iterator[tuple[str, str | None]]:
    """Heads and bodies of the outermost blocks, and statements without a body."""
    start, depth, opened, quote = 0, 0, 0, ""
    for place in (match.start() for match in re.finditer(r"""[{};"']""", css)):
        sign = css[place]
        if quote or sign in "\"'":
            quote = "" if sign == quote else quote or sign
        elif sign == "{":
            opened = opened if depth else place
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                yield css[start:opened].strip(), css[opened + 1 : place]
                start = place + 1
        elif depth == 0:
            yield css[start:place].strip(), None
            start = place + 1
