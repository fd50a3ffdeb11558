"""Taking turns, and what is kept of the times: medians and quartiles over rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median, quantiles

from benchmarks.settings import WARMUP, Scale

Times = dict[str, float]
Run = Callable[[int], Times]
Spread = dict[str, float]


def alternate(contenders: dict[str, Run], scale: Scale, longer: float = 1.0) -> tuple[int, dict[str, list[Times]]]:
    """Let contenders take turns, so that whatever slows the machine down slows them all.

    All make the same number of iterations, so that in each round their trainings are equally far.

    Arguments:
        contenders: by name, what makes a number of iterations and says how long one took.
        scale: how often and how long.
        longer: how much longer each turn is than the scale says.

    Returns:
        The number of iterations in a turn, and for each contender the times of every round.
    """
    slowest = max(run(WARMUP)["wall"] for run in contenders.values())
    iterations = max(1, round(longer * scale.seconds / slowest))
    rounds: dict[str, list[Times]] = {name: [] for name in contenders}
    for number in range(scale.rounds):
        order = list(contenders) if number % 2 == 0 else list(reversed(contenders))
        for name in order:
            rounds[name].append(contenders[name](iterations))
    return iterations, rounds


def short(value: float) -> float:
    """Four digits of a number, which is more than any measurement here has."""
    return float(f"{value:.4g}")


def spread(values: Iterable[float]) -> Spread:
    """Median and quartiles."""
    found = sorted(values)
    low, _, high = quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3
    return {"median": short(median(found)), "low": short(low), "high": short(high)}


def milliseconds(rounds: list[Times], clock: str = "wall") -> Spread:
    """Time for one iteration."""
    return spread(1e3 * times[clock] for times in rounds)


def ratio(above: list[Times], below: list[Times], clock: str = "wall") -> Spread:
    """Ratio of the times of the same rounds."""
    return spread(a[clock] / b[clock] for a, b in zip(above, below, strict=True))


def core_share(*contenders: list[Times]) -> float:
    """The share of the measured time in which the processes had the core: 1 on a quiet machine."""
    shares = [times["cpu"] / times["wall"] for rounds in contenders for times in rounds]
    return short(median(shares))
