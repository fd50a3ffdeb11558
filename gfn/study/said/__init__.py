"""What each page of the paper found, in two or three sentences around numbers that its runs give."""

from gfn.study.said.pages import finding

__all__ = ["finding"]
