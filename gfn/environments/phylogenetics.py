"""Phylogenetics (BPI): build a rooted binary tree on n taxa by merging two roots at a time."""

import math
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor

from gfn.environments.alignment import Alignment, check_alignment, read_alignment, shipped_alignment, site_patterns
from gfn.environments.base import DiscreteEnvironment
from gfn.environments.forests import all_trees, forest_count, insert_leaf, newick
from gfn.environments.pruning import log_likelihood
from gfn.settings import SettingsError

MAX_KEY_TAXA = 8
MAX_LOG_Z_TAXA = 9


class Phylogenetics(DiscreteEnvironment):
    r"""The posterior over rooted binary trees given aligned DNA, under a uniform prior.

    .. math:: \log r(x) = \log p(\text{alignment} \mid x) - \log p(\text{alignment} \mid x_0)

    The likelihood is that of Jukes and Cantor with one length on all edges. x₀ is the tree found by stepwise addition;
    the constant leaves the target as it is, and keeps log Z within reach of a learned one that starts at zero.

    A state is a forest, int64 ``[..., n]``, as :mod:`gfn.environments.forests` writes it. An action
    merges the two trees whose smallest leaves are i < j; pairs are in lexicographic order.
    """

    task: Literal["phylogenetics"] = "phylogenetics"
    alignment: Alignment = Field(
        default_factory=shipped_alignment,
        repr=False,
        description="FASTA or NEXUS file of aligned DNA, or its names and sequences [default: the shipped simulation]",
    )
    branch_length: float = Field(
        0.1, ge=1e-6, le=10, description="expected substitutions per site along every edge of a tree"
    )

    @field_validator("alignment", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return read_alignment(value) if isinstance(value, str | Path) else value

    @field_validator("alignment")
    @classmethod
    def _check(cls, value: Alignment) -> Alignment:
        return check_alignment(value)

    @cached_property
    def taxa(self) -> tuple[str, ...]:
        """Names of the n leaves."""
        return tuple(name for name, _ in self.alignment)

    @cached_property
    def leaves(self) -> Tensor:
        """The clade of every leaf, int64 ``[n]``: one bit each."""
        return 1 << torch.arange(len(self.taxa))

    @cached_property
    def pairs(self) -> Tensor:
        """The two leaves i < j of every action: int64 ``[2, A]``."""
        return torch.triu_indices(len(self.taxa), len(self.taxa), 1)

    _patterns = cached_property(lambda self: site_patterns(self.alignment))
    #: Which bases each taxon may have in each site pattern: ``[n, 4, S]``.
    possible_bases = property(lambda self: self._patterns[0])
    #: How many sites have each pattern: ``[S]``.
    pattern_counts = property(lambda self: self._patterns[1])

    max_steps = property(lambda self: len(self.taxa) - 1)
    observation_size = property(lambda self: len(self.taxa) ** 2)
    action_count = property(lambda self: math.comb(len(self.taxa), 2))

    @property
    def state_count(self) -> int:
        return sum(forest_count(len(self.taxa), trees) for trees in range(1, len(self.taxa) + 1))

    def initial(self, *batch: int, device=None) -> Tensor:
        return torch.zeros(*batch, len(self.taxa), dtype=torch.long, device=device)

    def observe(self, state: Tensor) -> Tensor:
        """Which leaves each label's clade holds, row after row."""
        return (state.unsqueeze(-1) & self.constant("leaves", state) != 0).flatten(-2)

    def is_terminal(self, state: Tensor) -> Tensor:
        return (state[..., 1:] != 0).all(-1)

    def trees(self, state: Tensor) -> Tensor:
        """The clade of the whole tree that each leaf is in: int64 ``[..., n]``."""
        leaves = self.constant("leaves", state)
        # Clades that share a leaf are nested, so the largest number is the largest of them.
        holding = state.unsqueeze(-1) * (state.unsqueeze(-1) & leaves != 0)
        return holding.amax(-2).maximum(leaves)

    def mask(self, state: Tensor) -> Tensor:
        first, second = self.constant("pairs", state)
        return (state[..., first] == 0) & (state[..., second] == 0)

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        return torch.where(self.is_terminal(state).unsqueeze(-1), state, self.move(state, action))

    def move(self, state: Tensor, action: Tensor) -> Tensor:
        first, second = self.constant("pairs", state)[:, action].unsqueeze(-1)
        trees = self.trees(state)
        return state.scatter(-1, second, trees.gather(-1, first) | trees.gather(-1, second))

    def backward_mask(self, state: Tensor) -> Tensor:
        first, second = self.constant("pairs", state)
        root = torch.where(state == self.trees(state), state, 0)[..., second]
        return (root & -root) == self.constant("leaves", state)[first]

    def undo(self, state: Tensor, action: Tensor) -> Tensor:
        return state.scatter(-1, self.constant("pairs", state)[1, action].unsqueeze(-1), 0)

    def key(self, state: Tensor) -> Tensor:
        n = len(self.taxa)
        if n > MAX_KEY_TAXA:
            raise ValueError(f"an alignment of {n} taxa has too many forests to enumerate: at most {MAX_KEY_TAXA} taxa")
        return (state[..., 1:] << n * torch.arange(n - 1, device=state.device)).sum(-1)

    def log_likelihood(self, state: Tensor) -> Tensor:
        """log p(alignment | x) of complete trees x, in nats: float64 ``[...]``."""
        patterns = self.constant("possible_bases", state), self.constant("pattern_counts", state)
        return log_likelihood(state, *patterns, self.branch_length)

    def log_reward(self, state: Tensor) -> Tensor:
        return self.log_likelihood(state) - self.log_reward_offset

    @cached_property
    def reference(self) -> Tensor:
        """The tree x₀ found by stepwise addition, int64 ``[n]``: each taxon in turn goes where the likelihood is best."""
        tree = torch.zeros(1, 1, dtype=torch.long)
        for leaf in range(1, len(self.taxa)):
            candidates = insert_leaf(tree, leaf)
            possible = self.possible_bases[: leaf + 1]
            values = log_likelihood(candidates, possible, self.pattern_counts, self.branch_length)
            tree = candidates[values.argmax()].unsqueeze(0)
        return tree[0]

    @cached_property
    def log_reward_offset(self) -> float:
        """What is taken from the log-likelihood to give log r: the log-likelihood of ``reference``."""
        return float(self.log_likelihood(self.reference))

    @cached_property
    def log_z(self) -> float:
        """log Z, exactly, over all trees.

        Raises:
            SettingsError: for more than 9 taxa.
        """
        n = len(self.taxa)
        if n > MAX_LOG_Z_TAXA:
            too_many = "it has too many trees, from 10 taxa on"
            raise SettingsError(f"an alignment of {n} taxa is not allowed with an exact log Z: {too_many}")
        return float(self.log_reward(all_trees(n)).logsumexp(0))

    def to_newick(self, state: Tensor) -> str:
        """One complete tree ``[n]`` in Newick's notation, with branch lengths."""
        return newick(state, self.taxa, self.branch_length)
