"""The HTML of pages without what no reader meets: spans that look like what is around them, empty lines, indents."""

from __future__ import annotations

import re

AS_WRITTEN = re.compile(r"(<(?:pre|textarea|script|style)\b.*?</(?:pre|textarea|script|style)>)", re.DOTALL)
INDENT = re.compile(r"\n\s*(?=[\n<])")
# Where no blank is seen, as those that the search puts between words.
BLANK = re.compile(r"(</(?:t[dhr]|text|div|p|li|summary|caption)>) (?=<)")
LITERAL = re.compile(r'(<code class="[^"]*\bliteral\b[^"]*">)((?:<span class="pre">[^<]*</span>|[^<])+)(?=</code>)')
WORD = re.compile(r'<span class="pre">([^<]*)</span>')
SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.DOTALL)
NESTED = re.compile(r'<span class="([^"]*)"><span class="pre">([^<]*)</span></span>')
# Python, where every word has a span: what has none there gets the colour of code from gfn-site.css.
CODE = re.compile(
    r'(<div class="highlight-(?:default|ipython3?|python3?) [^"]*">\s*<div class="highlight"><pre>)(.*?)(?=</pre>)',
    re.DOTALL,
)
# Commands for a terminal, which go on in the next line: not within an option.
COMMANDS = re.compile(r'(<div class="highlight-bash [^"]*">\s*<div class="highlight"><pre>)(.*?)(?=</pre>)', re.DOTALL)
OPTION = re.compile(r"(?<![\w-])(--?[a-z][\w-]*)(?![^<]*>)")  # in no tag


def lean(page: str, plain: frozenset[str] = frozenset()) -> str:
    """A page that looks and reads the same.

    Arguments:
        page: the HTML.
        plain: classes of words of code, see ``plain_words``.
    """
    parts = AS_WRITTEN.split(page)
    parts[::2] = [BLANK.sub(r"\1", INDENT.sub("\n", part)) for part in parts[::2]]
    page = "".join(parts)
    # Our style sheet has code break where other text does, so that its words need no element each.
    page = LITERAL.sub(lambda code: code[1] + WORD.sub(r"\1", code[2]), page)
    page = SIGNATURE.sub(lambda signature: NESTED.sub(r'<span class="\1 pre">\2</span>', signature[0]), page)
    page = COMMANDS.sub(lambda code: code[1] + OPTION.sub(r'<span class="gfn-option">\1</span>', code[2]), page)
    if plain:
        words = re.compile(rf'<span class="(?:{"|".join(sorted(plain))})">([^<]*)</span>')
        page = CODE.sub(lambda code: code[1] + words.sub(r"\1", code[2]), page)
    return page


def plain_words(css: str) -> frozenset[str]:
    """Classes of words of code that have the colour of code itself and nothing else, on the light and on the dark page.

    Arguments:
        css: the style sheets.
    """
    theme = r'html\[data-theme="(\w+)"\] \.highlight'
    own = {(name, colour.lower()) for name, colour in re.findall(theme + r"\s*\{[^}]*(?<!-)color:\s*(#\w+)", css)}
    themes = {name for name, _ in own}
    looks: dict[str, list[tuple[str, str]]] = {}
    for name, word, look in re.findall(theme + r" \.(\w+)\s*\{([^}]*)\}", css):
        looks.setdefault(word, []).append((name, re.sub(r"^\s*color:\s*(#\w+)\s*;?\s*$", r"\1", look).lower()))
    others = set(re.findall(r"\.highlight (?:span)?\.(\w+)", re.sub(theme + r" \.\w+\s*\{", "", css)))
    return frozenset(
        word
        for word, each in looks.items()
        if set(each) <= own and {name for name, _ in each} == themes and word not in others
    )
