"""Which targets are met, as the page says it: beside a number, and in folded blocks."""

from __future__ import annotations

from benchmarks.targets import TARGETS, Parts, missed, reasons
from benchmarks.words import folded


class Verdicts:
    """Which targets are met, as cells and folded blocks say it.

    Arguments:
        parts: the results.
        judge: whether they are good enough to be judged.
    """

    def __init__(self, parts: Parts, judge: bool) -> None:
        self.parts, self.judge = parts, judge
        self.missed = missed(parts) if judge else set()
        self.why = reasons(parts, only=self.missed)

    def of(self, name: str) -> str:
        """What stands beside a number: nothing where its target is met, or is none, or is not judged."""
        return " **missed**" if name in self.missed else ""

    def bound(self, *names: str) -> str:
        """The bound that these targets share, as the head of a column says it."""
        bounds = dict.fromkeys(target.limit() for target in TARGETS if target.name in names)
        return f" (target {', '.join(bounds)})" if bounds else ""

    def folded(self, *parts: str) -> str:
        """The targets of some parts that were missed, each with its reason; those with the same reason together."""
        together: dict[str, list[str]] = {}
        for target in TARGETS:
            if target.part in parts and target.name in self.missed:
                spread, remark = target.find(self.parts)
                what = f"**{target.what}**: {target.shown(spread)}{f' ({remark})' if remark else ''}, target {target.limit()}"
                together.setdefault(self.why.get(target.name, "No reason has been measured yet."), []).append(what)
        if not together:
            return ""
        count = sum(map(len, together.values()))
        blocks = ["\n".join([*(f"- {what}" for what in whats), "", reason]) for reason, whats in together.items()]
        return folded(f"{count} {'target' if count == 1 else 'targets'} missed, and why", "\n\n".join(blocks))
