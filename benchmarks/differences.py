"""What differs between the compared implementations, in words that stand beside their numbers."""

from __future__ import annotations

from benchmarks.environments import pinned

# What losses the packages have, as read in their source.
LOSSES = (
    "Both are trained with balance losses, which gfnx leaves to the programs in its repository; neither has the Rényi "
    "or the Tsallis divergence, or leave-one-out.\n"
    f"torchgfn {pinned('torchgfn')} documents its loss `LinexLoss`, {{math}}`g(t) = e^t - t - 1`, as forward KL. It is "
    "given {math}`t = \\log p_F - \\log p_B - \\log r + \\log Z`, and with this sign its gradient on policy is that of half "
    "a {math}`\\chi^2` divergence; with the opposite sign, `LinexLoss(alpha=-1)`, it is forward KL's."
)
# What is true of a package on every task.
PACKAGES = (
    "torchgfn uses the log-probabilities that sampling has computed, as we do, and asks a module for the uniform "
    "backward policy.\n"
    "gfnx makes as many steps as the longest trajectory can have, and more, whatever was drawn.\n"
    "It is measured in two ways: as in its baselines, with a second forward pass over all states for the loss, and in "
    "one pass, with the gradient going back through the rollout."
)
_PASSES = {"gfnx": "second forward pass", "gfnx, one pass": "no second forward pass"}
_OF_TASK = {
    "hypergrid": "longest trajectories always",
    "sequences": "longest trajectories always",
    "dags": "BGe score in place of BIC, computed at every step in which a graph is finished (ours is a table); longest "
    "trajectories always",
    "phylogenetics": "parsimony in place of the likelihood; an MLP of the same width on the Fitch sets of the roots in "
    "place of our graph network, with the same head",
}

DIFFERENCES: dict[tuple[str, str], str] = {
    ("torchgfn", "sets"): "one more step and action, to leave a finished set",
    ("torchgfn", "hypergrid"): "evaluates states again that the batch has met before",
}
DIFFERENCES |= {
    (peer, task): f"{passes}; {text}" for peer, passes in _PASSES.items() for task, text in _OF_TASK.items()
}
