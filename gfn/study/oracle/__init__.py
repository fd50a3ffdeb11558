"""An oracle for losses: what the expected gradient of any loss descends, computed on tasks where all trajectories can be listed."""

from gfn.study.oracle.called import StepTerms, from_file
from gfn.study.oracle.examination import SMALL, Examination, examine
from gfn.study.oracle.family import MEMBERS, ORDERS
from gfn.study.oracle.situations import SAMPLINGS
from gfn.study.oracle.tables import POLICIES

__all__ = [
    "MEMBERS",
    "ORDERS",
    "POLICIES",
    "SAMPLINGS",
    "SMALL",
    "Examination",
    "StepTerms",
    "examine",
    "from_file",
]
