"""The opening of a page: verdicts as badges, then the finding in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfn.study.claims import Verdict

if TYPE_CHECKING:
    from IPython.display import Markdown


def opening(text: str, *verdicts: Verdict) -> Markdown:
    """The finding of a page under the badges of its verdicts.

    Arguments:
        text: the finding, as Markdown, from :func:`gfn.study.said.finding`.
        verdicts: on the claims that the page bears on; a page without claims has no badge.
    """
    from IPython.display import Markdown  # only in the extra ``book``

    badges = " ".join(verdict.badge for verdict in verdicts)
    said = f"**Finding.** {text}"
    return Markdown(f"{badges}\n\n{said}" if badges else said)
