"""Do small runs come out bit for bit as they do with another checkout? python scripts/same_numbers.py OTHER_CHECKOUT

Of planar and discrete tasks, on and off policy, and of measurements of gradients. Fingerprints are shown, too: where only those differ, code was changed that
makes no difference to numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]


def numbers() -> dict[str, dict[str, str]]:
    """By run the hash of its specification, its fingerprint, and a digest of all its numbers but seconds."""
    from gfn.environments import Banana, DAGs, GaussianMixture, Hypergrid, Phylogenetics, Sequences, Sets
    from gfn.policies import PolicySettings
    from gfn.runs.draws import Draws
    from gfn.runs.gradients import measure_gradients
    from gfn.runs.objective import Objective
    from gfn.runs.off_policy import OffPolicy
    from gfn.runs.provenance import source_fingerprint
    from gfn.runs.reference import sample_reference
    from gfn.runs.spec import GradientSpec, ReferenceSpec, TrainingSpec
    from gfn.runs.training import Trainer

    sizes = {"iterations": 4, "batch_size": 16, "seeds": (0, 1), "resolution": 32, "evaluate_every": 2}
    sizes |= {"l1_objects": 8, "l1_orders": 2, "policy": PolicySettings(hidden=(16,), components=4)}
    away = OffPolicy(exploration=0.3, replay=0.5)
    specs = {
        "banana": TrainingSpec(task=Banana(), objective=Objective(name="renyi"), density=8, measures=True, **sizes),
        "banana by subtb": TrainingSpec(task=Banana(), objective=Objective(name="subtb"), **sizes),
        "mixture": TrainingSpec(task=GaussianMixture(), measures=True, **sizes),
        "mixture off policy": TrainingSpec(
            task=GaussianMixture(), objective=Objective(name="forward_kl"), off_policy=away, **sizes
        ),
        "sets": TrainingSpec(task=Sets(universe=8, size=3), objective=Objective(name="renyi"), measures=True, **sizes),
        "large sets": TrainingSpec(task=Sets(universe=64, size=4), measures=True, **sizes),
        "sets off policy": TrainingSpec(
            task=Sets(universe=8, size=3), objective=Objective(name="tsallis"), off_policy=away, **sizes
        ),
        "sets backward": TrainingSpec(
            task=Sets(universe=8, size=3), **(sizes | {"policy": PolicySettings(hidden=(16,), backward="learned")})
        ),
        "hypergrid": TrainingSpec(task=Hypergrid(side=5), **sizes),
        "sequences": TrainingSpec(task=Sequences(alphabet=3, length=3), objective=Objective(name="db"), **sizes),
        "dags": TrainingSpec(task=DAGs(nodes=3), objective=Objective(name="devgrad"), **sizes),
        "trees": TrainingSpec(
            task=Phylogenetics(alignment=(("a", "AC"), ("b", "CC"), ("c", "GC"))),
            objective=Objective(name="forward_kl"),
            **sizes,
        ),
        "replayed": TrainingSpec(
            task=Sets(universe=8, size=3), objective=Objective(name="renyi"), draws=Draws(scheme="replayed"), **sizes
        ),
        "gradients": GradientSpec(
            task=Sets(universe=8, size=3),
            objectives=(Objective(name="renyi"), Objective(name="reverse_kl")),
            warmup=(0, 2),
            batch_sizes=(4,),
            replicates=8,
            exact=True,
            policy=sizes["policy"],
        ),
        "reference": ReferenceSpec(samples=20, warmup=20, seeds=(0,)),
    }
    made = {
        TrainingSpec: lambda spec: Trainer(spec).run(),
        GradientSpec: measure_gradients,
        ReferenceSpec: sample_reference,
    }
    found = {}
    for name, spec in specs.items():
        records = [{key: value for key, value in each.items() if key != "seconds"} for each in made[type(spec)](spec)]
        digest = hashlib.sha256(json.dumps(records, default=str).encode()).hexdigest()[:16]
        found[name] = {"hash": spec.hash, "numbers": digest, "source": source_fingerprint(spec)}
    return found


def of(checkout: Path) -> dict[str, dict[str, str]]:
    """Those that the code of a checkout finds, in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--print"]
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    out = subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def main() -> int:
    if sys.argv[1:] == ["--print"]:
        print(json.dumps(numbers()))
        return 0
    other, own = of(Path(sys.argv[1]).resolve()), of(HERE)
    wrong = 0
    for name, found in own.items():
        same = {key: found[key] == other[name][key] for key in found}
        wrong += not (same["hash"] and same["numbers"])
        print(name, *(f"{key} {'same' if value else 'differs'}" for key, value in same.items()), sep=", ")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
