"""What readers call the things that the code has names for."""

from __future__ import annotations

import re

from gfn.study.plotting.style import CONTROL_VARIATES, OBJECTIVES, RIVALS, TASKS

VARIATES = {name: label for name, (label, *_) in CONTROL_VARIATES.items()}
METRICS = {
    "l1": "L1 distance",
    "l1_error": "standard error of the L1 distance",
    "jsd": "JSD (nats)",
    "elbo": "lower bound on log Z (nats)",
    "log_z": "log Z",
    "top_k": "mean log-reward of the best",
    "modes": "modes",
    "effective_share": "effective sample size, share",
    "covered": "modes covered, share",
    "tv": "total variation",
    "subset_tv": "total variation on random subsets",
    "drawn_subset_tv": "total variation on drawn subsets",
    "spearman": "rank correlation",
    "elbo_gap": "ELBO below log Z (nats)",
    "eubo_gap": "EUBO above log Z (nats)",
    "tb_loss": "TB loss",
    "squared_bias": "squared bias",
    "log_z_error": "error of log Z (nats)",
    "sliced": "sliced distance",
    "mode_tv": "total variation of the weights of modes",
    "missed": "modes missed, share",
}
COLUMNS = {
    "alpha": "α",
    "epsilon": "ε",
    "log_z_rate": "step size of log Z",
    "batch_size": "batch size",
    "batch_sizes": "batch sizes",
    "control_variate": "control variate",
    "standard_deviation": "standard deviation",
    "reverse_kl_centred": "reverse KL, rewards over Z",
    "caught_up": "caught up",
    "log_reward": "log-reward",
    "learning_rate": "step size",
}
NAMES = COLUMNS | METRICS | VARIATES | TASKS | OBJECTIVES | RIVALS
# Words of one language only: where they stand in a sentence they may mean something else.
PARTS = re.compile(r"(, | over | against | than )")
WORDS = re.compile(r"(?<![\w/.])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w/.(])")


def readable(text: str) -> str:
    """A text of a table with readers' names: ``sets, reverse_kl over tb`` becomes ``Sets, reverse KL over TB``.

    Code names with an underscore are replaced wherever they stand, those that are words as well only where they are a whole
    part of the text. An underscore of a name that is not known becomes a space.
    """
    parts = PARTS.split(text)
    return "".join(NAMES.get(part) or WORDS.sub(lambda found: _spoken(found[0]), part) for part in parts)


def capital(text: str) -> str:
    """With a capital, but for Greek letters, which are symbols."""
    return text[:1].upper() + text[1:] if text[:1].isascii() else text


def _spoken(name: str) -> str:
    return NAMES.get(name) or name.replace("_", " ")
