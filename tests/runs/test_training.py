"""Training: repeatable, resumable at any moment, stopped by numbers that are not finite, and it learns."""

from __future__ import annotations

import json
import os
import pickle
import random
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gfn.environments import Banana, GaussianMixture, Sequences, Sets
from gfn.evaluation import accuracy as metrics
from gfn.policies import PolicySettings
from gfn.randomness import streams
from gfn.runs import draws, training
from gfn.runs.interrupts import Terminated, terminate
from gfn.runs.objective import Objective
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer, TrainingError
from gfn.sampling import engine, rollout
from gfn.settings import SettingsError
from tests.helpers import LEARNABLE, TINY_TASKS

SETS = TINY_TASKS["sets 4 choose 2"]
OBJECTIVES = {
    "tb": Objective(),
    "tb, known Z": Objective(log_z="known"),
    "tb, first batch": Objective(log_z="batch"),
    "db": Objective(name="db"),
    "subtb": Objective(name="subtb"),
    "vargrad": Objective(name="vargrad"),
    "reverse_kl": Objective(name="reverse_kl"),
    "forward_kl": Objective(name="forward_kl", control_variate="loo"),
    "renyi": Objective(name="renyi", control_variate="score"),
    "tsallis": Objective(name="tsallis"),
    "f_tb": Objective(name="f_tb"),
    "devgrad": Objective(name="devgrad", alpha=0.0),
}


def small(**changes) -> TrainingSpec:
    """A training of a fraction of a second."""
    settings = {
        "task": SETS,
        "policy": PolicySettings(hidden=(8,), components=3, gin_layers=1, gin_width=8),
        "seeds": (0, 1),
        "iterations": 8,
        "batch_size": 8,
        "evaluate_every": 3,
        "resolution": 16,
    }
    return TrainingSpec(**settings | changes)


def facts(records):
    """What was recorded, but for the time it took."""
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


def of(records, metric, seed):
    return [record["value"] for record in records if (record["metric"], record["seed"]) == (metric, seed)]


def parameters(trainer):
    return torch.cat([p.detach().flatten() for p in (*trainer.parameters, *trainer.flow.parameters(), trainer.log_z)])


def interrupt_at(iteration):
    def progress(done, total):
        if done == iteration:
            raise KeyboardInterrupt

    return progress


RESUMED = [{"objective": objective} for objective in OBJECTIVES.values()]
RESUMED += [
    {"task": GaussianMixture(), "objective": Objective(name="tsallis"), "density": 8},
    {"task": TINY_TASKS["sequences 2 letters length 2"], "dtype": "float64"},
    {"task": Banana(), "objective": Objective(name="db")},
    {"task": LEARNABLE["hypergrid 3 by 3"], "objective": Objective(name="subtb", log_z="known")},
    {"task": LEARNABLE["phylogenetics of 3 taxa"], "objective": Objective(name="db")},
    *[{"objective": Objective(name="tb", baseline=baseline)} for baseline in ("scalar", "state", "last")],
    {"objective": Objective(name="renyi", alpha=0.9, alpha_end=0.1)},
    {"task": Sets(universe=20, size=3), "objective": Objective(name="subtb"), "l1_objects": 4, "l1_orders": 2},
]


@pytest.mark.parametrize("changes", RESUMED, ids=str)
def test_an_interrupted_run_resumes_to_the_same_result(changes, tmp_path):
    """Bit for bit, and only what was missing is done."""
    spec, checkpoint, done = small(**changes), tmp_path / "run.checkpoint", []
    whole = Trainer(spec)
    expected = whole.run()
    with pytest.raises(KeyboardInterrupt):
        Trainer(spec).run(checkpoint, interrupt_at(4))
    resumed = Trainer(spec)
    records = resumed.run(checkpoint, lambda now, total: done.append(now))
    assert done == [5, 6, 7, 8]
    assert facts(records) == facts(expected)
    assert torch.equal(parameters(resumed), parameters(whole))
    assert [r["seconds"] for r in records] == sorted(r["seconds"] for r in records)


@pytest.fixture
def heeds_ctrl_c():
    """Ctrl-C raises KeyboardInterrupt, also in tests that were started where it is ignored, as in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("moment", ["rollout", "accuracy"])
def test_a_signal_in_the_middle_of_an_iteration_does_no_harm(moment, heeds_ctrl_c, tmp_path, monkeypatch):
    """Ctrl-C while trajectories are drawn or accuracy is measured: the resumed run is the uninterrupted one."""
    where = draws if moment == "rollout" else training
    spec, calls, original = small(), [], getattr(where, moment)
    expected = Trainer(spec).run()

    def signalled(*arguments, **options):
        calls.append(moment)
        result = original(*arguments, **options)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(where, moment, signalled)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        Trainer(spec).run(tmp_path / "run.checkpoint")
    assert signal.getsignal(signal.SIGINT) is handler
    assert 3 <= len(calls) <= 4
    monkeypatch.undo()
    resumed = Trainer(spec)
    assert resumed.load(tmp_path / "run.checkpoint")
    assert 0 < resumed.iteration < 8
    assert facts(resumed.run()) == facts(expected)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_that_end_a_process_are_as_ctrl_c(number, tmp_path):
    """Where the command has taken them over; the number is kept, for the exit status."""
    before = signal.signal(number, terminate)
    try:
        with pytest.raises(Terminated) as caught:
            Trainer(small()).run(tmp_path / "run.checkpoint", lambda done, total: signal.raise_signal(number))
        assert caught.value.args == (number,)
        assert signal.getsignal(number) is terminate
    finally:
        signal.signal(number, before)
    resumed = Trainer(small())
    assert resumed.load(tmp_path / "run.checkpoint")
    assert resumed.iteration == 1


@pytest.mark.parametrize("moment", ["rollout", "fsync"])
def test_a_second_ctrl_c_leaves_at_once(moment, heeds_ctrl_c, tmp_path, monkeypatch):
    """Amid an iteration, or while the checkpoint is written for the first one: the last whole checkpoint stays."""
    checkpoint, trainer = tmp_path / "run.checkpoint", Trainer(small())
    trainer.step()
    trainer.save(checkpoint)
    before, done = checkpoint.read_bytes(), []

    def signalled(*arguments, **options):
        signal.raise_signal(signal.SIGINT)
        if moment == "rollout":
            signal.raise_signal(signal.SIGINT)
        done.append("too late")

    monkeypatch.setattr(*((draws, "rollout") if moment == "rollout" else (os, "fsync")), signalled)
    first = None if moment == "rollout" else lambda done, total: signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trainer.run(checkpoint, first)
    assert done == []
    assert checkpoint.read_bytes() == before
    assert list(tmp_path.iterdir()) == [checkpoint]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_stays_ignored_where_it_is(heeds_ctrl_c, tmp_path):
    """As in a process of the background, which trains to its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    trainer = Trainer(small())
    trainer.run(tmp_path / "run.checkpoint", lambda done, total: signal.raise_signal(signal.SIGINT))
    assert trainer.iteration == 8
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_checkpoints_are_saved_while_training(tmp_path, monkeypatch):
    """Every so many seconds, here always; no other file is left beside it."""
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1)
    Trainer(small()).run(tmp_path / "sub" / "run.checkpoint")
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["run.checkpoint"]
    last = Trainer(small())
    assert last.load(tmp_path / "sub" / "run.checkpoint")
    assert last.iteration == 8


def test_a_failed_save_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    """And no partial file."""
    checkpoint, trainer = tmp_path / "run.checkpoint", Trainer(small())
    trainer.save(checkpoint)
    before = checkpoint.read_bytes()

    def failing(path, content):
        path.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises(OSError, match="disk full"):
        trainer.save(checkpoint)
    assert checkpoint.read_bytes() == before
    assert list(tmp_path.iterdir()) == [checkpoint]


def other_checkpoint(kind, path, monkeypatch):
    """A file that is no checkpoint of ``small()``."""
    trainer = Trainer(small(learning_rate=0.5) if kind == "other spec" else small())
    with monkeypatch.context() as patch:
        if kind == "other source":
            patch.setattr(training, "source_fingerprint", lambda spec: "0" * 12)
        trainer.step()
        trainer.save(path)
    whole = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "without metadata":
        save_file({"log_z": torch.zeros(2, 1)}, path)
    elif kind == "with other metadata":
        save_file({"log_z": torch.zeros(2, 1)}, path, {"gfn": json.dumps([1, 2])})
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({"iteration": 3}))
    elif kind in ("missing", "directory"):
        path.unlink()
        if kind == "directory":
            path.mkdir()


KINDS = ("truncated", "empty", "without metadata", "with other metadata", "pickle", "other spec", "other source")


@pytest.mark.parametrize("kind", [*KINDS, "missing", "directory"])
def test_what_is_no_checkpoint_of_this_run_is_reported(kind, tmp_path, monkeypatch, capsys):
    """In one line, where it is a file. The run starts from the beginning and gives what it gives without."""
    checkpoint = tmp_path / "run.checkpoint"
    other_checkpoint(kind, checkpoint, monkeypatch)
    assert not Trainer(small()).load(checkpoint)
    said = {"other spec": "was saved with another specification", "other source": "was saved with another source"}
    line = f"{checkpoint} {said.get(kind, 'is damaged or no checkpoint')}; training starts again\n"
    assert capsys.readouterr().err == ("" if kind in ("missing", "directory") else line)
    assert facts(Trainer(small()).run(checkpoint)) == facts(Trainer(small()).run())


def test_a_checkpoint_of_another_device_starts_again(tmp_path, capsys, monkeypatch):
    """Since its generators are others."""
    checkpoint = tmp_path / "run.checkpoint"
    with monkeypatch.context() as patch:
        identity = Trainer._identity
        patch.setattr(Trainer, "_identity", lambda trainer: identity(trainer) | {"device": "cuda"})
        Trainer(small()).save(checkpoint)
    assert facts(Trainer(small()).run(checkpoint)) == facts(Trainer(small()).run())
    assert capsys.readouterr().err == f"{checkpoint} was saved with another device; training starts again\n"


def test_a_byte_changed_anywhere_in_a_checkpoint_is_noticed(tmp_path, capsys):
    """200 of 200, and nothing of it is taken up."""
    checkpoint, trainer, draw = tmp_path / "run.checkpoint", Trainer(small()), random.Random(12)
    trainer.step()
    trainer.save(checkpoint)
    whole = checkpoint.read_bytes()
    fresh = Trainer(small())
    start = parameters(fresh)
    for _ in range(200):
        content = bytearray(whole)
        content[draw.randrange(len(whole))] ^= draw.randrange(1, 256)
        checkpoint.write_bytes(content)
        assert not fresh.load(checkpoint)
    assert capsys.readouterr().err.count(" is damaged or no checkpoint; training starts again\n") == 200
    assert torch.equal(parameters(fresh), start)
    checkpoint.write_bytes(whole)
    assert fresh.load(checkpoint)


PARTS = ("policy", "flow", "found", "adam.0", "adam.1", "generator", "log_z", "log_scale", "policy, another shape")


@pytest.mark.parametrize("part", PARTS)
def test_of_a_checkpoint_that_lacks_a_part_nothing_is_taken_up(part, tmp_path, capsys, monkeypatch):
    """Though its checksum is right."""
    spec, checkpoint, original = small(objective=Objective(name="db")), tmp_path / "run.checkpoint", training.save
    name, spoilt = part.split(",")[0], "," in part
    trainer = Trainer(spec)
    trainer.step()

    def without(tensors, metadata):
        held = {key: value[:1].clone() if spoilt else None for key, value in tensors.items() if key.startswith(name)}
        assert held
        kept = {key: held.get(key, value) for key, value in tensors.items()}
        return original({key: value for key, value in kept.items() if value is not None}, metadata)

    monkeypatch.setattr(training, "save", without)
    trainer.save(checkpoint)
    assert facts(Trainer(spec).run(checkpoint)) == facts(Trainer(spec).run())
    assert capsys.readouterr().err == f"{checkpoint} is damaged or no checkpoint; training starts again\n"


def test_a_checkpoint_that_cannot_be_written_is_said_once(tmp_path, capsys, monkeypatch):
    """Training goes on."""
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1)
    (tmp_path / "file").touch()
    checkpoint = tmp_path / "file" / "run.checkpoint"
    assert facts(Trainer(small()).run(checkpoint)) == facts(Trainer(small()).run())
    said = capsys.readouterr().err
    assert said.startswith(f"{checkpoint} cannot be written, so that this run could not be resumed: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("closed", ["absent", "broken"])
def test_a_closed_standard_error_stops_no_training(closed, tmp_path, monkeypatch):
    checkpoint = tmp_path / "run.checkpoint"
    checkpoint.write_bytes(b"damaged")
    if closed == "broken":
        read, write = os.pipe()
        os.close(read)
    stream = None if closed == "absent" else os.fdopen(write, "w", buffering=1)
    monkeypatch.setattr("sys.stderr", stream)
    assert Trainer(small(iterations=2)).run(checkpoint)


@pytest.mark.parametrize("value", ["yes", "2", " ", "false"])
def test_a_bad_value_of_the_variable_for_captured_iterations_is_refused(value, monkeypatch):
    monkeypatch.setenv(training.CAPTURE_VARIABLE, value)
    with pytest.raises(SettingsError, match=f"^GFN_CAPTURE = '{value}' is not allowed: 0 or 1$"):
        Trainer(small())


def test_a_checkpoint_of_this_run_is_not_ignored(tmp_path, monkeypatch):
    other_checkpoint("this", tmp_path / "run.checkpoint", monkeypatch)
    trainer = Trainer(small())
    assert trainer.load(tmp_path / "run.checkpoint")
    assert trainer.iteration == 1


def test_equal_seeds_give_equal_results():
    """Bit for bit; other seeds give others."""
    one, same = (facts(Trainer(small()).run()) for _ in range(2))
    assert one == same
    other = Trainer(small(seeds=(2, 3))).run()
    assert of(one, "l1", 0)[0] not in (of(other, "l1", 2)[0], of(other, "l1", 3)[0])


@pytest.mark.parametrize(
    ("task", "exact_states"),
    [
        pytest.param(SETS, 99, id="sets"),
        pytest.param(Sets(universe=6, size=3), 1, id="sets, L1 estimated"),
        pytest.param(Sequences(alphabet=2, length=3), 99, id="sequences"),
        pytest.param(Banana(), 0, id="banana"),
    ],
)
@pytest.mark.parametrize("name", ["tb", "tsallis", "subtb"])
def test_a_result_does_not_depend_on_the_seeds_beside_it(name, task, exact_states, monkeypatch):
    """Up to rounding: trained alone, among others, or at another place among them."""
    monkeypatch.setattr(metrics, "EXACT_STATES", exact_states)
    found = []
    for seeds in ((7,), (3, 7), (7, 5, 4)):
        trainer = Trainer(small(task=task, objective=OBJECTIVES[name], seeds=seeds, dtype="float64"))
        metric = "jsd" if task == Banana() else "l1"
        found.append(torch.tensor(of(trainer.run(), metric, 7), dtype=torch.float64))
    for values in found[1:]:
        torch.testing.assert_close(values, found[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_numbers_that_are_not_finite_stop_the_training(name, value):
    """With one sentence naming task, objective, seed and iteration; what was recorded is kept."""
    trainer = Trainer(small(objective=OBJECTIVES[name], seeds=(10, 11, 12)))

    def spoil(done, total):
        if done == 4:
            with torch.no_grad():
                trainer.policy.network.biases[0][1] = value

    with pytest.raises(TrainingError) as caught:
        trainer.run(progress=spoil)
    label = OBJECTIVES[name].label
    assert str(caught.value) == (f"the gradient is not finite: task sets, objective {label}, seed 11, iteration 5")
    assert {(r["iteration"], r["seed"]) for r in caught.value.records} == {(i, s) for i in (0, 3) for s in (10, 11, 12)}


def test_gradients_too_large_for_adam_stop_the_training():
    """Finite ones whose square is not: Adam would stand still for ever. The seed is named all the same."""
    spec = small(task=Sets(universe=4, size=2, low=9e18, high=9e18), batch_size=1, seeds=(5,))
    with pytest.raises(TrainingError, match=r"task sets, objective tb, seed 5, iteration 1$"):
        Trainer(spec).run()


def test_records_follow_the_schedule():
    """Accuracy at the start, at every third iteration, at the end; log Z beside it; the density at the end alone."""
    records = Trainer(small(task=GaussianMixture(), iterations=7, density=8)).run()
    for metric in ("jsd", "log_z"):
        chosen = [(r["iteration"], r["trajectories"], r["seed"]) for r in records if r["metric"] == metric]
        assert chosen == [(i, 8 * i, seed) for i in (0, 3, 6, 7) for seed in (0, 1)]
    cells = [(r["iteration"], r["seed"], len(r["density"])) for r in records if r["metric"] == "density"]
    assert cells == [(7, seed, 64) for seed in (0, 1)]
    assert all(("density" in r) == (r["metric"] == "density") != ("value" in r) for r in records)


def test_only_balance_losses_with_a_log_z_learn_it():
    """A known log Z is exact and stays; VarGrad, DevGrad and the divergences have none."""
    for name, objective in OBJECTIVES.items():
        trainer = Trainer(small(objective=objective, iterations=2, dtype="float64"))
        records = trainer.run()
        assert any(r["metric"] == "log_z" for r in records) == (
            name in ("tb", "tb, first batch", "db", "subtb", "f_tb")
        )
        if name == "tb, known Z":
            assert trainer.log_z.detach().flatten().tolist() == [SETS.log_z] * 2


def test_only_db_and_subtb_have_flows():
    """A network of the policy's shape, which depends on its own seed alone, and learns."""
    for name, objective in OBJECTIVES.items():
        trainer = Trainer(small(objective=objective))
        flows = list(trainer.flow.parameters())
        assert bool(flows) == (name in ("db", "subtb"))
        if flows:
            assert [p.shape for p in flows] == [(2, 4, 8), (2, 8, 1), (2, 1, 8), (2, 1, 1)]
            alone = Trainer(small(objective=objective, seeds=(1,)))
            assert all(torch.equal(p[1:], other) for p, other in zip(flows, alone.flow.parameters(), strict=True))
            before = [p.clone() for p in flows]
            trainer.step()
            assert all((p != other).any(-1).any(-1).all() for p, other in zip(flows, before, strict=True))


@pytest.mark.parametrize("batch", [4, 64])
@pytest.mark.parametrize("name", ["db", "subtb"])
@pytest.mark.parametrize("task", LEARNABLE.values(), ids=LEARNABLE)
def test_flows_looked_up_are_those_of_every_state_by_itself(task, name, batch, monkeypatch):
    """Of all states in a table, of those of a batch, and of states that are no numbers: one loss, and its gradients."""
    found = []
    for looked_up in (True, False):
        if not looked_up:
            monkeypatch.setattr(engine, "table_of", lambda *arguments: None)
        trainer = Trainer(small(task=task, objective=OBJECTIVES[name], dtype="float64", batch_size=batch))
        drawn = training.rollout(task, trainer.policy, batch, trainer.generators)
        log_flow = trainer.log_flow(drawn)
        loss = trainer.spec.objective.loss(drawn, trainer.parameters, trainer.log_z, log_flow=log_flow)
        leaves = [*trainer.parameters, *trainer.flow.parameters(), trainer.log_z]
        found.append([loss, log_flow[drawn.steps.going], *torch.autograd.grad(loss.sum(), leaves)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["db", "subtb"])
def test_flows_that_are_not_finite_stop_the_training(name):
    """They reach the loss of their own seed."""
    trainer = Trainer(small(objective=OBJECTIVES[name], seeds=(10, 11)))

    def spoil(done, total):
        if done == 2:
            with torch.no_grad():
                trainer.flow.biases[0][1] = float("nan")

    label = OBJECTIVES[name].label
    with pytest.raises(TrainingError, match=rf"objective {label}, seed 11, iteration 3$"):
        trainer.run(progress=spoil)


LEARNING = {"iterations": 200, "batch_size": 64, "learning_rate": 0.02, "evaluate_every": 200, "seeds": (0, 1, 2)}
# Where all weights are equal, at the target, the paper's estimates stay noisy by the part that their baseline leaves.
PAPER = {f"{n}, both": Objective(name=n, control_variate="both") for n in ("renyi", "tsallis")}
LEARNED = OBJECTIVES | {"renyi": Objective(name="renyi")} | PAPER


@pytest.mark.parametrize("task", LEARNABLE.values(), ids=LEARNABLE)
@pytest.mark.parametrize("name", LEARNED)
def test_every_objective_learns_its_target(name, task):
    """The exact L1 falls from over 0.15 below 0.01; for the paper's estimates of Rényi and Tsallis below 0.1.

    On the larger hypergrid below 0.1 for all, and for Rényi after some more iterations.
    """
    settings = LEARNING | ({"iterations": 100, "evaluate_every": 100} if task.task == "phylogenetics" else {})
    settings |= {"iterations": 300, "evaluate_every": 300} if (name, task.task) == ("renyi", "hypergrid") else {}
    settings |= {"learning_rate": 0.01} if name in PAPER else {}
    records = Trainer(small(task=task, objective=LEARNED[name], **settings)).run()
    for seed in settings["seeds"]:
        first, last = of(records, "l1", seed)
        assert first > 0.15
        assert last < (0.1 if name in PAPER or task.task == "hypergrid" else 0.01)


def test_planar_tasks_are_learned():
    """A single Gaussian: the JSD falls below 0.03, from over 0.1."""
    task = GaussianMixture(side=1, scale=1.5)
    settings = LEARNING | {"batch_size": 64, "iterations": 100, "evaluate_every": 100, "resolution": 48}
    records = Trainer(small(task=task, objective=OBJECTIVES["reverse_kl"], **settings)).run()
    for seed in settings["seeds"]:
        first, last = of(records, "jsd", seed)
        assert first > 0.1
        assert last < 0.03


@pytest.mark.parametrize("name", ["tb", "db", "subtb"])
@pytest.mark.parametrize("task", TINY_TASKS.values(), ids=TINY_TASKS)
def test_learned_log_z_approaches_the_exact_one(task, name):
    """Within two hundredths, from 0: TB's itself, DB's and SubTB's with what the flow network adds at the source."""
    trainer = Trainer(small(task=task, objective=OBJECTIVES[name], **LEARNING))
    records = trainer.run()
    source = task.observe(task.initial(3, 1)).float()
    added = trainer.flow(source).detach().flatten().tolist() if name != "tb" else [0.0] * 3
    for seed in LEARNING["seeds"]:
        first, last = of(records, "log_z", seed)
        assert first == 0
        assert last + added[seed] == pytest.approx(task.log_z, abs=0.02)


@pytest.mark.parametrize("task", [SETS, GaussianMixture(side=2)], ids=lambda task: task.task)
@pytest.mark.parametrize("name", ["tb", "db", "subtb"])
def test_log_z_starts_where_it_is_told_to(name, task):
    """At a number; or at the log of the mean weight of a first batch, which is drawn from each seed's own numbers."""
    given = Trainer(small(task=task, objective=Objective(name=name, log_z_start=-3)))
    assert given.log_z.flatten().tolist() == [-3, -3]
    trainer = Trainer(small(task=task, objective=Objective(name=name, log_z="batch")))
    scale = Trainer(small(task=task, objective=Objective(name="tsallis"))).log_scale
    torch.testing.assert_close(trainer.log_z.detach(), scale, rtol=0, atol=0)
    first = rollout(task, trainer.policy, trainer.spec.batch_size, streams("training", trainer.spec.seeds))
    weights = (first.log_pb + first.log_reward - first.log_pf).detach().exp()
    torch.testing.assert_close(trainer.log_z.detach().exp(), weights.mean(1, keepdim=True))
    for one in (given, trainer):
        before = one.log_z.detach().clone()
        records = one.run()
        assert of(records, "log_z", 1)[0] == before[1].item()
        assert (one.log_z != before).all()


def test_checkpoints_are_safetensors(tmp_path):
    """So that no code runs when one is read."""
    Trainer(small()).save(tmp_path / "run.checkpoint")
    content = (tmp_path / "run.checkpoint").read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert "gfn" in json.loads(content[8 : 8 + length])["__metadata__"]
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(content)
