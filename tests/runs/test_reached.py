"""What a run depends on: all that it executes, and nothing of other tasks and divergences."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import gfn
from gfn.environments import TASKS, Banana, DiscreteEnvironment, GaussianMixture, ManyWell, Sets, load_task
from gfn.policies import PolicySettings
from gfn.runs import provenance, reached
from gfn.runs.costs import measure_costs
from gfn.runs.draws import Draws
from gfn.runs.gradients import measure_gradients
from gfn.runs.objective import ALL_OBJECTIVES, Objective
from gfn.runs.off_policy import OffPolicy
from gfn.runs.provenance import source_fingerprint, source_fingerprints
from gfn.runs.reached import CONTINUOUS, LOOKING, REGISTRY
from gfn.runs.rivals import race
from gfn.runs.spec import CostSpec, GradientSpec, ReferenceSpec, RivalSpec, TrainingSpec
from gfn.runs.training import Trainer
from tests.helpers import DISCRETE

ROOT = Path(gfn.__file__).parent
SMALL = {task.task: task for task in [*DISCRETE.values(), GaussianMixture(side=2), Banana()]}
SIZES = {"iterations": 2, "batch_size": 4, "seeds": (0,), "resolution": 8, "l1_objects": 4, "l1_orders": 2}
SIZES |= {"policy": PolicySettings(hidden=(4,), components=2, gin_width=4)}


def training(task="sets", **own):
    return TrainingSpec(task=SMALL[task], **(SIZES | own))


def gradient(*objectives, **own):
    sizes = {"warmup": (0, 1), "batch_sizes": (2,), "replicates": 4, "seeds": (0,), "policy": SIZES["policy"]}
    return GradientSpec(task=SMALL["sets"], objectives=objectives, **(sizes | own))


def rival(model, **own):
    sizes = {"policy": SIZES["policy"], "seeds": (0,), "budget": 16, "batch_size": 4, "marks": 1, "points": 8}
    return RivalSpec(task=ManyWell(pairs=1), model=model, **(sizes | own))


SPECS = {f"{task} {name}": training(task, objective=Objective(name=name)) for task in SMALL for name in ("tb", "renyi")}
SPECS |= {name: training(objective=Objective(name=name)) for name in ALL_OBJECTIVES}
SPECS |= {
    f"tb {baseline}": training(objective=Objective(baseline=baseline)) for baseline in ("scalar", "state", "last")
}
SPECS |= {scheme: training(draws=Draws(scheme=scheme)) for scheme in ("common", "prefix", "distinct", "replayed")}
SPECS |= {
    "known log Z": training("dags", objective=Objective(log_z="known")),
    "learned backward": training(policy=PolicySettings(hidden=(4,), backward="learned")),
    "large sets": TrainingSpec(task=Sets(universe=40, size=3), **SIZES),
    "density": training("banana", density=4),
    "off policy": training(off_policy=OffPolicy(exploration=0.5, replay=0.5, lag=2)),
    "off policy in the plane": training("gaussian_mixture", off_policy=OffPolicy(exploration=0.5)),
    "measures": training(measures=True),
    "measures of large sets": TrainingSpec(task=Sets(universe=64, size=3), measures=True, **SIZES),
    "gradients off policy": gradient(Objective(name="renyi"), off_policy=OffPolicy(exploration=0.5)),
    "gradients": gradient(Objective(name="renyi"), Objective(name="reverse_kl"), exact=True),
    "gradients of tb": gradient(Objective(), exact=True),
    "path integral sampler": rival("path_integral"),
    "gflownet as a rival": rival("gflownet", objective=Objective(log_z="batch")),
    "costs": CostSpec(task=SMALL["sets"], objectives=(Objective(),), rounds=1, warmup=0, batch_size=4),
}


def execute(spec, folder):
    if isinstance(spec, TrainingSpec):
        trainer = Trainer(spec)
        trainer.save(folder / "checkpoint")
        assert trainer.load(folder / "checkpoint")
        trainer.run()
    elif isinstance(spec, GradientSpec):
        measure_gradients(spec)
    elif isinstance(spec, RivalSpec):
        race(spec)
    else:
        measure_costs(spec)


@pytest.mark.parametrize("name", SPECS)
def test_all_that_a_run_executes_is_reached(name, tmp_path):
    """Every file of the package of which a line of a function is run; the registry of tasks only finds them."""
    files: set[str] = set()
    spec = SPECS[name].model_copy(update={"seeds": (1,)})  # nothing of it is remembered

    def note(frame, event, argument):
        files.add(frame.f_code.co_filename)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        execute(spec, tmp_path)
    finally:
        sys.setprofile(before)
    executed = {Path(file) for file in files if file.startswith(str(ROOT))}
    executed -= {ROOT.joinpath(*name.split(".")[1:]).with_suffix(".py") for name in REGISTRY}
    assert len(executed) > 5
    assert executed <= set(reached.reached(spec).values())


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package to change, and the fingerprint of a run by it."""
    root = tmp_path / "gfn"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance.gfn, "__file__", str(root / "__init__.py"))
    return root


def changed(copy, spec):
    """The modules of which a new line changes the fingerprint of a run."""
    before, found = source_fingerprint(spec), set()
    for path in sorted(copy.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        path.write_text(text + "\nNEW = 1\n", encoding="utf-8")
        if source_fingerprint(spec) != before:
            found.add(".".join(path.relative_to(copy).with_suffix("").parts))
        path.write_text(text, encoding="utf-8")
    assert source_fingerprint(spec) == before
    return found


def test_the_fingerprint_changes_with_what_is_reached_and_with_nothing_else(copy):
    spec = training("hypergrid", objective=Objective(name="tb"))
    found = changed(copy, spec)
    assert found == {name.removeprefix("gfn.") for name in reached.reached(spec)}
    others = {kind.__module__.removeprefix("gfn.") for task, kind in TASKS.items() if task != "hypergrid"}
    others |= {"environments.forests", "environments.graphs", "environments.planar", "policies.gin", "runs.gradients"}
    others |= {"estimators.divergences", "runs.reference", "runs.costs", "environments.contract", "cli"}
    assert not found & (others - {"environments.planar"})
    assert {"runs.training", "sampling.engine", "environments.hypergrid", "estimators.balance", "settings"} <= found
    assert not {name for name in found if name.split(".")[0] in LOOKING or name.endswith("__init__")}


@pytest.mark.parametrize(
    ("spec", "module"),
    [
        (training("phylogenetics"), "policies.gin"),
        (training("phylogenetics"), "environments.forests"),
        (training("dags"), "environments.linear_gaussian"),
        (training("banana"), "environments.planar"),
        (training(objective=Objective(name="renyi")), "estimators.divergences"),
        (gradient(Objective(name="renyi")), "estimators.balance"),
        (gradient(Objective()), "runs.gradients"),
        (ReferenceSpec(), "runs.reference"),
        (SPECS["costs"], "runs.costs"),
    ],
    ids=lambda x: x if isinstance(x, str) else x.kind,
)
def test_what_a_specification_chooses_counts(spec, module):
    """In the measurement of gradients also the objective along whose training it is made."""
    assert f"gfn.{module}" in reached.reached(spec)


def test_those_of_many_are_those_of_each():
    assert source_fingerprints(SPECS.values()) == {source_fingerprint(spec) for spec in SPECS.values()}


def test_words_do_not_count(copy):
    before = source_fingerprint(training())
    for path in copy.rglob("*.py"):
        path.write_text(path.read_text(encoding="utf-8") + "\n# a comment\n", encoding="utf-8")
    assert source_fingerprint(training()) == before


def test_a_new_task_divergence_or_rival_in_a_file_of_its_own_leaves_runs_as_they_are(copy):
    """Those that look neither at its file nor at the lists in which it has its place."""
    before = {name: source_fingerprint(spec) for name, spec in SPECS.items()}
    for room in ("environments", "estimators", "rivals"):
        (copy / room / "new.py").write_text("class New: ...\n", encoding="utf-8")
        for file in ("registry.py", "__init__.py"):
            path = copy / room / file
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                path.write_text(f"from gfn.{room}.new import New\n{text}NEW = New\n", encoding="utf-8")
    assert {name: source_fingerprint(spec) for name, spec in SPECS.items()} == before


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.kind != "rival"])
def test_only_rivals_depend_on_rivals_and_only_continuous_tasks_on_their_code(name):
    spec = SPECS[name]
    found = reached.reached(spec).keys()
    assert not {each for each in found if each.startswith("gfn.rivals") or each in ("gfn.runs.rivals", *REGISTRY)}
    others = {*CONTINUOUS, "gfn.environments.planar", "gfn.evaluation.samples"}
    if isinstance(spec.task, DiscreteEnvironment):
        assert not found & others
    else:
        assert others <= found


def test_packages_only_pass_names_on():
    """So their ``__init__`` needs not be part of a fingerprint: imports, words about them, and lists of names."""
    import ast

    for path in ROOT.rglob("__init__.py"):
        if path.relative_to(ROOT).parts[0] not in LOOKING:
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
                names = isinstance(node, ast.Assign) and node.targets[0].id in ("__all__", "__version__")
                assert text or names or isinstance(node, ast.Import | ast.ImportFrom), f"{path}: {ast.unparse(node)}"


def test_the_registry_is_there():
    for name in REGISTRY:
        assert (ROOT / Path(*name.split(".")[1:])).with_suffix(".py").is_file()


OWN = '''"""Mine."""
from own_help.sizes import SIZE
from tests.environments.test_contract import Bag


class Mine(Bag):
    """Words."""

    things: int = SIZE
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A task of one's own, with another module beside it, and one that it does not use."""
    (tmp_path / "own_help").mkdir()
    files = {
        "own_task.py": OWN,
        "own_help/__init__.py": "",
        "own_help/sizes.py": "SIZE = 2\n",
        "own_rest.py": "X = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield load_task("own_task:Mine")
    for module in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[module]


def test_the_code_of_a_task_of_ones_own_is_part_of_it(mine, tmp_path):
    """Its module, and what it imports from beside it; not the words in them, and nothing else."""
    spec = TrainingSpec(task=mine())
    assert {"own_task", "own_help.sizes", "tests.environments.test_contract"} <= reached.reached(spec).keys()
    before, due = source_fingerprint(spec), {"own_task.py", "own_help/sizes.py", "own_help/__init__.py"}
    for path in sorted(tmp_path.rglob("*.py")):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(tmp_path).as_posix()
        path.write_text(text + "\n# a word\n", encoding="utf-8")
        assert source_fingerprint(spec) == before
        path.write_text(text + "\nNEW = 1\n", encoding="utf-8")
        assert (source_fingerprint(spec) != before) == (name in due), name
        path.write_text(text, encoding="utf-8")
    path.write_text(text.replace("Words", "Other words"), encoding="utf-8")


def test_a_task_whose_source_is_not_to_be_had_is_refused():
    from gfn.settings import SettingsError
    from tests.environments.test_contract import Bag

    hidden = type("Hidden", (Bag,), {"__module__": "typed_in"})
    with pytest.raises(
        SettingsError, match="Hidden is not allowed in runs that are stored: its source is not to be had"
    ):
        source_fingerprint(TrainingSpec(task=hidden()))
