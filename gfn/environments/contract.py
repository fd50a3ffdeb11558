"""The contract of a task, held against one: what :mod:`gfn.environments.base` asks for, and all else relies on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gfn.environments.base import DiscreteEnvironment, Environment
from gfn.environments.continuous import ContinuousEnvironment
from gfn.environments.planar import PlanarEnvironment, cell_area
from gfn.randomness import stream
from gfn.settings import SettingsError

ALL = 1 << 14  # states up to which all are looked at
WALKS = 8, 512  # walks by random actions through larger tasks, at least and at most
MET = 1 << 13  # states that they meet together
CELLS, DRAWS = 512, 1 << 14
SWEEPS = 8  # of Metropolis steps over all coordinates, which exact samples must stand
OFF = 0.01  # of mass, that a grid may miss or add
SIGMAS = 6.0
ZERO = (
    "the log of a reward of 0 is -inf, and no gradient survives it: close the way to such objects in mask, "
    "or give them a small reward"
)


def check_task(task: Environment) -> tuple[list[str], str]:
    """Hold a task to its contract.

    Small tasks are looked at whole; of larger ones, what some hundred walks by random actions meet.

    Returns:
        What is wrong, a sentence each, and what was looked at.
    """
    if isinstance(task, DiscreteEnvironment):
        checks, look = DISCRETE, _walk
    elif isinstance(task, ContinuousEnvironment):
        checks, look = CONTINUOUS, lambda environment: None
    else:
        return ["it is neither a DiscreteEnvironment nor a ContinuousEnvironment, and there is no policy for it"], ""
    problems = list(_said("its fields", lambda: _fields(task)))
    try:
        seen = look(task)
    except Exception as error:
        return [*problems, f"to walk through it is not possible: {_words(error)}"], "nothing looked at"
    for name, check in checks.items():
        problems += _said(name, lambda check=check: check(task, seen))
    done = _looked_at(task) if seen is None else seen.words
    return problems, f"looked at {done}, and {'found' if problems else 'nothing is'} wrong"


def _said(name: str, check: Callable[[], Iterator[str]]) -> Iterator[str]:
    """What a check says, and what it raises as one sentence more."""
    try:
        yield from check()
    except Exception as error:
        yield f"{name}: {_words(error)}"


def _words(error: Exception) -> str:
    said = " ".join(str(error).split())
    return said if isinstance(error, _Wrong | SettingsError) else f"{type(error).__name__}: {said}"


class _Wrong(Exception):
    """What makes all further looks pointless."""


@dataclass(frozen=True)
class Seen:
    """What there is of a discrete task, or what walks met.

    Attributes:
        walks: how many met this; 0 where it is all that there is.
        states: ``[S, ...]``, each once, the source first.
        terminal: which are objects, bool ``[S]``.
        source, target: numbers of the states that each step leaves and reaches, int64 ``[E]``.
        action: its action, int64 ``[E]``.
        steps: after how many steps each state was reached first, int64 ``[S]``.
        again: a state that was also reached in another number of steps, if any.
    """

    walks: int
    states: Tensor
    terminal: Tensor
    source: Tensor
    action: Tensor
    target: Tensor
    steps: Tensor
    again: int | None

    @property
    def words(self) -> str:
        """What was looked at."""
        found = f"{len(self.states)} states and {len(self.source)} steps between them"
        return f"{found}, met by {self.walks} walks" if self.walks else f"all {found}"


def _fields(task: Environment) -> Iterator[str]:
    if type(task).model_validate_json(task.model_dump_json()) != task:
        yield "its fields are not the same when written and read again: declare all that it depends on as fields"


def _walk(task: DiscreteEnvironment) -> Seen:
    """All states and steps, found breadth first by ``mask`` and ``step`` alone; or those of random walks."""
    start = task.initial(1)
    if task.is_terminal(start).any():
        raise _Wrong("the source state is terminal")
    _shapes(task)
    whole = task.state_count <= ALL
    generator = stream("walks of the contract", 0)
    number: dict[bytes, int] = {_bytes(start[0]): 0}
    states, steps, edges, again = [start[0]], [0], [], None
    walks = 0 if whole else min(max(WALKS[0], MET // task.max_steps), WALKS[1])
    met = start if whole else task.initial(walks)
    level = [0] * len(met)
    for step in range(1, task.max_steps + 1):
        source, action = _actions(task, met, whole, generator)
        if not len(source):
            break
        given = met[source]
        before, children = given.clone(), task.step(given, action)
        if not torch.equal(before, given):
            raise _Wrong("step changes the state that it is given: it must make a new one")
        following, places = [], []
        for parent, act, child in zip(source.tolist(), action.tolist(), children):
            key = _bytes(child)
            if key not in number:
                number[key] = len(states)
                states.append(child)
                steps.append(step)
                if whole:
                    following.append(number[key])
            elif steps[number[key]] != step:
                again = number[key] if again is None else again
            edges.append((level[parent], act, number[key]))
            places.append(number[key])
        if len(states) > 4 * ALL and whole:
            raise _Wrong(f"mask and step reach more than {4 * ALL} states, and state_count says {task.state_count}")
        level = following if whole else places
        met = torch.stack([states[place] for place in level]) if level else met[:0]
    every = torch.stack(states)
    edges = sorted(set(edges))
    source, action, target = (torch.tensor(part, dtype=torch.long) for part in zip(*edges))
    return Seen(walks, every, task.is_terminal(every), source, action, target, torch.tensor(steps), again)


def _shapes(task: DiscreteEnvironment) -> None:
    state = task.initial(2, 3)
    if state.shape[:2] != (2, 3):
        raise _Wrong(f"initial(2, 3) has the shape {tuple(state.shape)}: it must begin with (2, 3)")
    due = {"observe": task.observation_size, "mask": task.action_count, "backward_mask": task.action_count}
    for name, size in due.items():
        if (shape := tuple(getattr(task, name)(state).shape)) != (2, 3, size):
            what = "observation_size" if name == "observe" else "action_count"
            raise _Wrong(f"{name} of states [2, 3, ...] has the shape {shape}: {what} asks for (2, 3, {size})")
    for name in ("mask", "backward_mask"):
        if getattr(task, name)(state).dtype != torch.bool:
            raise _Wrong(f"{name} is not bool")


def _actions(task: DiscreteEnvironment, met: Tensor, whole: bool, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Steps to take: all that there are from unfinished states, or one at random from each."""
    mask, going = task.mask(met), ~task.is_terminal(met)
    stuck = (going & ~mask.any(-1)).nonzero().flatten()
    if len(stuck):
        raise _Wrong(f"mask leaves no action in {_show(met[stuck[0]])}, which is not terminal")
    if whole:
        return (mask & going.unsqueeze(-1)).nonzero(as_tuple=True)
    drawn = torch.rand(mask.shape, generator=generator).masked_fill(~mask, -1).argmax(-1)
    source = going.nonzero().flatten()
    return source, drawn[source]


def _ends(task: DiscreteEnvironment, seen: Seen) -> Iterator[str]:
    last = seen.steps == task.max_steps
    open_ = (last & ~seen.terminal).nonzero().flatten()
    if len(open_):
        yield f"{_show(seen.states[open_[0]])} is not terminal after max_steps = {task.max_steps} steps"
    early = (seen.terminal & (seen.steps < task.min_steps)).nonzero().flatten()
    if len(early):
        where = f"{_show(seen.states[early[0]])} is terminal after {int(seen.steps[early[0]])} steps"
        yield f"{where}, and min_steps = {task.min_steps}: give the length of the shortest trajectory"
    if not seen.terminal.any():
        yield "no state is terminal"
    objects = seen.states[seen.terminal]
    if task.min_steps == task.max_steps or not len(objects):
        return
    mask = task.mask(objects)
    if (mask.sum(-1) != 1).any():
        wrong = (mask.sum(-1) != 1).nonzero().flatten()[0]
        count = int(mask[wrong].sum())
        yield f"mask allows {count} actions in the terminal {_show(objects[wrong])}: where lengths vary, it must be one"
    stays = (task.step(objects, mask.byte().argmax(-1)) == objects).flatten(1).all(-1)
    if not stays.all():
        moved = (~stays).nonzero().flatten()[0]
        yield f"step leaves the terminal {_show(objects[moved])}: where lengths vary, its one action must change nothing"


def _back(task: DiscreteEnvironment, seen: Seen) -> Iterator[str]:
    action, parent, child = seen.action, seen.states[seen.source], seen.states[seen.target]
    led = task.backward_mask(child).gather(-1, action.unsqueeze(-1)).squeeze(-1)
    if not led.all():
        k = (~led).nonzero().flatten()[0]
        yield (
            f"backward_mask does not know the action {int(action[k])} that led from {_show(parent[k])} to {_show(child[k])}"
        )
    undone = task.undo(child[led], action[led])
    same = (undone == parent[led]).flatten(1).all(-1)
    if not same.all():
        k = (~same).nonzero().flatten()[0]
        where = f"undo takes {_show(child[led][k])} back to {_show(undone[k])} by the action {int(action[led][k])}"
        yield f"{where}, and it came from {_show(parent[led][k])}"
    moved = (task.move(parent, action) == child).flatten(1).all(-1)
    if not moved.all():
        yield f"move and step differ in {_show(parent[(~moved).nonzero().flatten()[0]])}"
    if (task.closed(seen.states) == task.mask(seen.states)).any():
        yield "closed is not the opposite of mask"


def _parents(task: DiscreteEnvironment, seen: Seen) -> Iterator[str]:
    """Each action of ``backward_mask`` leads to a parent of its own, from which it leads here again."""
    child = seen.states[1:]
    mask = task.backward_mask(child)
    which, action = mask.nonzero(as_tuple=True)
    parent = task.undo(child[which], action)
    allowed = task.mask(parent).gather(-1, action.unsqueeze(-1)).squeeze(-1) & ~task.is_terminal(parent)
    here = allowed & (task.step(parent, action) == child[which]).flatten(1).all(-1)
    if not here.all():
        k = (~here).nonzero().flatten()[0]
        back = f"backward_mask has the action {int(action[k])} in {_show(child[which[k]])}"
        yield f"{back}, and from {_show(parent[k])}, where undo leads, it does not lead there"
    pairs = {(int(k), _bytes(each)) for k, each in zip(which, parent)}
    if len(pairs) < len(which):
        yield "two actions of backward_mask lead to the same parent: there must be one for each parent"
    counted = mask.sum(-1).double().log()
    off = ((task.log_parents(child).double() - counted).abs() > 1e-9).nonzero().flatten()
    if len(off):
        k = off[0]
        sums = float(mask[k].sum() * (-task.log_parents(child[k : k + 1]).double()).exp())
        yield f"backward probabilities of {_show(child[k])} add to {sums:.6g} and not to 1: log_parents miscounts"


def _keys(task: DiscreteEnvironment, seen: Seen) -> Iterator[str]:
    if not task.countable:
        return
    keys = task.key(seen.states)
    if keys.shape != seen.terminal.shape or keys.dtype != torch.int64:
        yield f"key gives {keys.dtype} of the shape {tuple(keys.shape)}, and int64 {tuple(seen.terminal.shape)} is due"
        return
    distinct, which, counts = keys.unique(return_inverse=True, return_counts=True)
    if len(distinct) < len(keys):
        twins = (which == counts.argmax()).nonzero().flatten()[:2]
        yield f"key is {int(keys[twins[0]])} for both {_show(seen.states[twins[0]])} and {_show(seen.states[twins[1]])}"
    if (keys[~seen.terminal] == -1).any():
        yield "key is -1 for a state that is not terminal: take another number"
    if seen.again is not None:
        yield (
            f"{_show(seen.states[seen.again])} is reached in different numbers of steps, which an enumeration takes to be"
            " the same: count the steps in the state, or let key raise ValueError"
        )


def _rewards(task: DiscreteEnvironment, seen: Seen) -> Iterator[str]:
    objects = seen.states[seen.terminal]
    if not len(objects):
        return
    log_reward = task.log_reward(objects)
    if log_reward.shape != (len(objects),) or not log_reward.is_floating_point():
        yield f"log_reward has the shape {tuple(log_reward.shape)}, and ({len(objects)},) of floating point is due"
        return
    if not torch.isfinite(log_reward).all():
        k = (~torch.isfinite(log_reward)).nonzero().flatten()[0]
        why = f": {ZERO}" if log_reward[k] == -math.inf else ""
        yield f"log_reward is {float(log_reward[k])} for {_show(objects[k])}{why}"
        return
    if task.log_max_reward is not None and float(log_reward.max()) > task.log_max_reward + 1e-6:
        yield f"log_max_reward = {task.log_max_reward:.6g} is less than {float(log_reward.max()):.6g}, which was met"
    if seen.walks:
        return
    if task.state_count < len(seen.states):
        yield f"state_count = {task.state_count}, and mask and step reach {len(seen.states)}"
    found = float(log_reward.double().logsumexp(0))
    if task.log_z is not None and abs(task.log_z - found) > 1e-6 * max(1.0, abs(found)):
        yield f"log_z = {task.log_z:.8g}, and the sum over all objects is {found:.8g}"


def _observations(task: DiscreteEnvironment, seen: Seen) -> Iterator[str]:
    shown = task.observe(seen.states)
    if shown.is_complex() or (shown.is_floating_point() and not torch.isfinite(shown).all()):
        yield "observe gives numbers that are not finite"
    some = seen.states[: 2 * (len(seen.states) // 2)].unflatten(0, (2, -1))
    for name in ("observe", "mask", "backward_mask", "is_terminal"):
        function = getattr(task, name)
        if not torch.equal(function(some).flatten(0, 1), function(some.flatten(0, 1))):
            yield f"{name} depends on how states are stacked: it must take any leading axes"


def _looked_at(task: ContinuousEnvironment) -> str:
    parts = ["its density", *["its mass"] * isinstance(task, PlanarEnvironment), *["its samples"] * task.has_samples]
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def _density(task: ContinuousEnvironment, _: None) -> Iterator[str]:
    """The density within the box; in the plane also its mass."""
    if len(task.box) != task.dimension or not all(low < high for low, high in task.box):
        raise _Wrong(f"box = {task.box} is not {task.dimension} pairs (from, to) with from < to")
    low, high = torch.tensor(task.box, dtype=torch.float64).T
    if isinstance(task, PlanarEnvironment):
        points = torch.cartesian_prod(*task.axes(CELLS))
    else:
        uniform = torch.rand(DRAWS, task.dimension, generator=stream("points of the contract", 0), dtype=torch.float64)
        points = low + (high - low) * uniform
    log_density = task.log_density(points)
    if log_density.shape != points.shape[:1]:
        raise _Wrong(f"log_density of points {tuple(points.shape)} has the shape {tuple(log_density.shape)}")
    if log_density.isnan().any() or (log_density == math.inf).any():
        yield "log_density is not a number, or infinite, within the box"
    elif isinstance(task, PlanarEnvironment):
        mass = float(log_density.double().exp().sum()) * cell_area(task.box, CELLS)
        if task.log_z is not None and abs(mass / math.exp(task.log_z) - 1) > OFF:
            yield f"the density has the mass {mass:.4g} within the box, and log_z = {task.log_z:.4g} asks for {math.exp(task.log_z):.4g}"


def _samples(task: ContinuousEnvironment, _: None) -> Iterator[str]:
    """The samples: within the box, and of the density."""
    if not task.has_samples:
        return
    drawn = task.sample_target(DRAWS, stream("samples of the contract", 0))
    if drawn.shape != (DRAWS, task.dimension) or drawn.dtype != torch.float64:
        due = (DRAWS, task.dimension)
        yield f"sample_target({DRAWS}, ...) gives {drawn.dtype} {tuple(drawn.shape)}, and float64 {due} is due"
        return
    if not torch.isfinite(task.log_density(drawn)).all():
        yield f"log_density is not finite where sample_target draws: {ZERO}"
        return
    low, high = torch.tensor(task.box, dtype=torch.float64).T
    inside = ((drawn >= low) & (drawn <= high)).double().mean(0)
    if (outside := 1 - float(inside.min())) > OFF:
        yield f"{outside:.1%} of the samples lie outside the box"
    yield from (_against_grid if isinstance(task, PlanarEnvironment) else _against_steps)(task, drawn)


def _against_grid(task: PlanarEnvironment, drawn: Tensor) -> Iterator[str]:
    points = torch.cartesian_prod(*task.axes(CELLS))
    share = task.log_density(points).double().softmax(0)
    for power, name in ((1, "means"), (2, "mean squares")):
        due, found = share @ points.pow(power), drawn.pow(power)
        error = found.std(0) / math.sqrt(DRAWS) + OFF * points.pow(power).abs().amax(0) / CELLS
        if ((found.mean(0) - due).abs() > SIGMAS * error).any():
            yield f"sample_target and log_density differ: {name} {_show(found.mean(0))} of samples, {_show(due)} of the density"


def _against_steps(task: ContinuousEnvironment, drawn: Tensor) -> Iterator[str]:
    """Metropolis steps leave the density as it is, so samples of it that have made some must look as before."""
    generator, moved, width = stream("steps of the contract", 0), drawn.clone(), drawn.std(0)
    log_density = task.log_density(moved)
    for axis in list(range(task.dimension)) * SWEEPS:
        proposed = moved.clone()
        proposed[:, axis] += width[axis] * torch.randn(len(drawn), generator=generator, dtype=torch.float64)
        proposed_log_density = task.log_density(proposed)
        uniform = torch.rand(len(drawn), generator=generator, dtype=torch.float64)
        accepted = uniform.log() < proposed_log_density - log_density
        moved[accepted], log_density[accepted] = proposed[accepted], proposed_log_density[accepted]
    # Shares below quartiles, since tails may be so heavy that moments say nothing.
    quartiles = drawn.quantile(torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64), 0).unsqueeze(1)
    change = (moved < quartiles).double() - (drawn < quartiles).double()
    wrong = (change.mean(1).abs() > SIGMAS * change.std(1) / math.sqrt(DRAWS) + 1 / DRAWS).any(0)
    if wrong.any():
        which = ", ".join(str(axis + 1) for axis in wrong.nonzero().flatten().tolist()[:5])
        yield f"sample_target and log_density differ: Metropolis steps change how coordinate {which} of the samples is distributed"


DISCRETE = {
    "max_steps and is_terminal": _ends,
    "backward_mask and undo": _back,
    "parents": _parents,
    "key": _keys,
    "log_reward": _rewards,
    "observe": _observations,
}
CONTINUOUS = {"log_density": _density, "sample_target": _samples}


def _bytes(state: Tensor) -> bytes:
    return state.contiguous().numpy().tobytes()


def _show(state: Tensor) -> str:
    """A state in a message, cut short."""
    shown = (state.byte() if state.dtype == torch.bool else state).tolist()
    text = str([float(f"{x:.4g}") for x in shown] if state.is_floating_point() and state.dim() == 1 else shown)
    return text if len(text) <= 80 else f"{text[:76]} ..."
