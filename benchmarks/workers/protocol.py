"""What the suite and its workers say to each other: a JSON object a line, questions in, answers out.

A worker runs in an environment of its own, so this file uses nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

Step = Callable[[int], None]


def serve(commands: dict[str, Callable[..., Any]]) -> None:
    """Answer questions until there are no more. What libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = commands[question.pop("do")](**question)
        except Exception as error:
            reason = " ".join(str(error).split())
            answer = {"error": f"{type(error).__name__}: {reason[:300]}" if reason else type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)


def timed(step: Step, iterations: int) -> dict[str, float]:
    """Seconds for one iteration, the mean of ``iterations`` that ``step`` makes: on the clock, and of all this process's threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    step(iterations)
    return {"wall": (time.perf_counter() - wall) / iterations, "cpu": (time.process_time() - cpu) / iterations}


class Trainings:
    """Trainings that a worker holds by name, so that they can take turns.

    Arguments:
        build: makes one from a setup, as a function that takes the number of iterations to make.
    """

    def __init__(self, build: Callable[..., Step]) -> None:
        self.build, self.steps = build, {}

    def commands(self) -> dict[str, Callable[..., Any]]:
        """What a worker can be asked about them."""
        return {"make": self.make, "run": self.run, "drop": self.drop}

    def make(self, name: str, **setup: Any) -> dict[str, float]:
        """Build one and make its first iteration, which may compile."""
        started = time.perf_counter()
        self.steps[name] = self.build(**setup)
        built = time.perf_counter()
        self.steps[name](1)
        return {"build": built - started, "first": time.perf_counter() - built}

    def run(self, name: str, iterations: int) -> dict[str, float]:
        """Make iterations, timed."""
        return timed(self.steps[name], iterations)

    def drop(self, name: str) -> dict[str, float]:
        """Forget one."""
        self.steps.pop(name, None)
        return {}
