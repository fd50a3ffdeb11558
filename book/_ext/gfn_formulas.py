"""MathJax for a book: the parts that pages need, and of its extensions and fonts those that some formula asks for."""

from __future__ import annotations

import importlib
import re
import shutil
from pathlib import Path

FOLDER = "_static/mathjax"
PROGRAM = "tex-chtml.js"  # the name by which pages load it
EXTENSIONS, FONTS = "input/tex/extensions", "output/chtml/fonts/woff-v2"
# What the package's file of the same name has, but for the menu, which is switched off and half of it.
PARTS = ("core", "input/tex", "output/chtml", "output/chtml/fonts/tex", "a11y/assistive-mml")
COMMAND = re.compile(r"\\(?:begin\{)?([A-Za-z]+)")
LIST = r'\[((?:"[^"]*",?)*)\]'
# Fonts that only some commands ask for, by the end of their names; the others may be in any formula.
ASKED = {
    "Calligraphic": "cal|oldstyle",
    "Fraktur": "frak",
    "SansSerif": "sf|sfup|sfit",
    "Script": "scr",
    "Typewriter": "tt",
    "Main-Bold": "bf|bfup|bold|boldsymbol|pmb",
    "Main-Italic": "it|emph",
    "Math-BoldItalic": "bfit|boldsymbol|pmb",
    "Math-Regular": "",  # no style asks for it
}
LETTERS = re.compile("[ℬℰℱℋℐℒℳℛℯℊℴℭℌℑℜℨ\U0001d400-\U0001d7ff]")  # of these fonts, written as such


def formulas(out: Path) -> None:
    """MathJax in the place where pages look for it: 0.9 MB of 24.

    Arguments:
        out: the folder of the HTML.
    """
    source = Path(importlib.import_module("sphinx-mathjax-offline").__file__).parent / "static" / "mathjax"
    pages = [path.read_text(encoding="utf-8") for path in out.rglob("*.html")]
    commands = set().union(*(COMMAND.findall(page) for page in pages))
    shutil.rmtree(out / FOLDER, ignore_errors=True)
    wanted = [f"{EXTENSIONS}/{name}.js" for name in extensions(source, commands)]
    every = any(map(LETTERS.search, pages))
    names = sorted(path.name for path in (source / FONTS).glob("*.woff"))
    wanted += [f"{FONTS}/{name}" for name in names if every or is_asked(name, commands)]
    for name in wanted:
        (out / FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, out / FOLDER / name)
    (out / FOLDER / PROGRAM).write_text(program(source), encoding="utf-8")


def program(source: Path) -> str:
    """All parts in one file. The first starts the others when the file is read to its end; they are not to be fetched.

    Arguments:
        source: the folder of the package.
    """
    parts = [(source / f"{name}.js").read_text(encoding="utf-8") for name in ("startup", *PARTS)]
    there = ", ".join(f'"{name}"' for name in PARTS)
    return ";\n".join([parts[0], f"MathJax.loader.preLoad({there})", *parts[1:]])


def extensions(source: Path, commands: set[str]) -> set[str]:
    """Those that MathJax loads by itself when it meets one of the commands, and those that they need.

    Arguments:
        source: the folder of the package.
        commands: names of commands and environments, without a backslash.
    """
    startup = (source / "startup.js").read_text(encoding="utf-8")
    autoload = (source / EXTENSIONS / "autoload.js").read_text(encoding="utf-8")
    there = set(re.findall(r"\[tex\]/(\w+)", re.search(rf'"input/tex":{LIST}', startup)[1]))
    needs = {
        name: set(re.findall(r"\[tex\]/(\w+)", listed))
        for name, listed in re.findall(rf'"\[tex\]/(\w+)":{LIST}', startup)
    }
    asks = re.search(r"options:\{autoload:\S*?\(\{(.*?)\}\)", autoload)[1]
    found = {
        name
        for name, listed in re.findall(r"(\w+):\[(.*?\]?)\](?=,\w|$)", asks)
        if commands & set(re.findall(r'"(\w+)"', listed))
    }
    if "require" in commands:
        found = set(needs)
    while more := set().union(*(needs.get(name, set()) for name in found)) - found:
        found |= more
    return found - there


def is_asked(font: str, commands: set[str]) -> bool:
    """Whether some command may need a font.

    Arguments:
        font: the name of its file.
        commands: see ``extensions``.
    """
    ends = [ends for name, ends in ASKED.items() if font.removeprefix("MathJax_").startswith(name)]
    return not ends or any(ends[0] and re.search(rf"(?:{ends[0]})$", command) for command in commands)
