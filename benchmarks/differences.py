"""What differs between the compared implementations, in words that stand beside their numbers."""

from __future__ import annotations

_STEPS = "always makes as many steps as the longest trajectory can have, and more"
_PASSES = {
    "gfnx": "a second forward pass over all states, as in its baselines",
    "gfnx, one pass": "no second forward pass: the gradient goes back through the rollout",
}
_OF_TASK = {
    "hypergrid": f"same reward, same network; {_STEPS}",
    "sequences": f"same reward, same network on letters and blanks; {_STEPS}",
    "dags": (
        "same data and network, but the BGe score in place of BIC, computed of the whole batch at each step in which a "
        f"graph is finished; ours is looked up in a table; {_STEPS}"
    ),
    "phylogenetics": (
        "same alignment, but parsimony in place of the likelihood; its network sees the Fitch sets of the roots by an "
        "MLP of the same width in place of our graph network, and has the same head; one step more"
    ),
}
_TORCHGFN = (
    "same reward and network; uses the log-probabilities of sampling, step by step; asks a module for the uniform "
    "backward policy"
)

DIFFERENCES: dict[tuple[str, str], str] = {
    ("torchgfn", "sets"): f"{_TORCHGFN}; one more step and action to leave a finished set",
    ("torchgfn", "hypergrid"): f"{_TORCHGFN}; sees states again that it has seen in the same batch",
}
DIFFERENCES |= {
    (peer, task): f"{text}; {passes}" for peer, passes in _PASSES.items() for task, text in _OF_TASK.items()
}
