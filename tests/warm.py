"""What a first training loads and looks up, so that processes that are forked afterwards need not."""

from gfn.environments import Sets
from gfn.policies import PolicySettings
from gfn.runs.provenance import provenance
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import Trainer

SPEC = TrainingSpec(task=Sets(universe=4, size=2), policy=PolicySettings(hidden=(4,)), iterations=1)
provenance(SPEC, "cpu")
Trainer(SPEC).run()
