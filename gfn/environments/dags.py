"""DAGs: Bayesian structure learning, edge by edge."""

import math
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from gfn.environments.base import DiscreteEnvironment
from gfn.environments.graphs import closure, count_dags, log_max_over_dags, log_sum_over_dags
from gfn.environments.linear_gaussian import log_likelihood_gain, simulate
from gfn.environments.tables import DEPENDENT, check_table, read_table
from gfn.settings import SettingsError

TABLE_NODES = 10

Row = Annotated[tuple[float, ...], Field(min_length=1)]


class DAGs(DiscreteEnvironment):
    r"""Directed acyclic graphs on n variables, rewarded by how well they explain data.

    .. math:: \log r(G) = \sum_j \Big[ \max_\theta \log p(x_j \mid x_{\text{Pa}(j)}; \theta)
              - \max_\theta \log p(x_j; \theta) \Big] + \log p(G)

    for a linear-Gaussian model with an intercept and a variance for each variable: the maximised
    likelihood relative to that of the graph without edges, which is a constant that keeps log Z of
    moderate size, times a graph prior. The bare maximised likelihood never falls when an edge is
    added, so that complete graphs are its modes; the prior ``bic``, p(G) ∝ N^(-edges/2), makes r the
    Bayesian information criterion, and gives Markov equivalent graphs equal rewards.

    A state is bool ``[..., 2 n² + 1]``: the adjacency matrix (row i, column j for i → j), the transposed transitive
    closure (row i, column j if j reaches i, itself included), and whether the graph is finished. Action n i + j adds i
    → j, action n² finishes; i → j closes a cycle where j reaches i, so the closure is the mask (Deleu et al., 2022),
    and adding an edge updates it in O(n²). A graph of k edges has k parents.

    How: after i → j, whoever reaches i also reaches what j reaches. In the transposed closure that is the row of i (who
    reaches it) and the column of j (what it reaches), and what is new is every cell where both are true. For 0 → 1 and
    then 1 → 2, the row of 1 says that 0 and 1 reach it, and the column of 2 that it reaches itself only: so the cells of
    row 2 in columns 0 and 1 become true.

    >>> task = DAGs(nodes=3)
    >>> state = task.step(task.initial(), torch.tensor(3 * 0 + 1))
    >>> state[9:18].view(3, 3).int().tolist()
    [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    >>> state = task.step(state, torch.tensor(3 * 1 + 2))
    >>> state[9:18].view(3, 3).int().tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]

    Of the six edges there might be, two are there, three would close a cycle, and 0 → 2 (action 2) or the end (action 9)
    are left.

    >>> task.mask(state).nonzero().flatten().tolist()
    [2, 9]
    """

    task: Literal["dags"] = "dags"
    drawn: ClassVar[bool] = True
    min_steps: ClassVar[int] = 1
    nodes: int = Field(5, ge=2, le=32, description="number n of variables")
    samples: int = Field(100, ge=3, le=1_000_000, description="number N of observations")
    edges_per_node: float = Field(1.0, ge=0, le=1e6, description="expected edges of the true graph, for each variable")
    weight_low: float = Field(0.1, ge=0, le=10, description="least size of the true weights, whose signs are random")
    weight_high: float = Field(0.5, ge=0, le=10, description="largest size of the true weights")
    prior: Literal["bic", "uniform"] = Field("bic", description="graph prior: bic (N^(-1/2) an edge) or uniform")
    data: tuple[Row, ...] | None = Field(
        None,
        min_length=1,
        description="your own observations instead of simulated ones: rows of numbers, or the path of a CSV file",
    )

    @model_validator(mode="before")
    @classmethod
    def _read(cls, values: Any) -> Any:
        """Data name their own sizes, and a file becomes its content, so that the settings are the data's identity."""
        if not isinstance(values, dict) or values.get("data") is None:
            return values
        rows = read_table(values["data"]) if isinstance(values["data"], str | Path) else values["data"]
        first = rows[0] if isinstance(rows, list | tuple) and rows else None
        sizes = {"nodes": len(first), "samples": len(rows)} if isinstance(first, list | tuple) and first else {}
        return sizes | values | {"data": rows}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.samples <= self.nodes:
            raise ValueError(f"samples = {self.samples} is not allowed: it must be above nodes = {self.nodes}")
        low, high = self.weight_low, self.weight_high
        if low > high:
            raise ValueError(f"weight_low = {low} is not allowed: it must be at most weight_high = {high}")
        if self.data is not None:
            check_table(self.data, self.samples, self.nodes)
            for name in ("task_seed", "edges_per_node", "weight_low", "weight_high"):
                if (value := getattr(self, name)) != type(self).model_fields[name].default:
                    raise ValueError(f"{name} = {value} is not allowed beside data: it belongs to simulated ones")
        return self

    @cached_property
    def _source_of_data(self) -> tuple[Tensor | None, Tensor]:
        if self.data is not None:
            return None, torch.tensor(self.data, dtype=torch.float64)
        weights = (self.weight_low, self.weight_high)
        return simulate(self.nodes, self.samples, self.edges_per_node, weights, self.task_seed)

    #: The graph that simulated data come from, bool ``[n, n]``, or None.
    true_graph = property(lambda self: self._source_of_data[0])
    #: The data: float64 ``[N, n]``.
    observations = property(lambda self: self._source_of_data[1])

    @cached_property
    def correlation(self) -> Tensor:
        """Correlations of the variables, all that scores depend on: float64 ``[n, n]``.

        Raises:
            SettingsError: if simulated variables are linear functions of one another up to rounding.
        """
        correlation = torch.corrcoef(self.observations.T)
        if not torch.linalg.eigvalsh(correlation)[0] >= DEPENDENT:
            refused = f"weight_high = {self.weight_high} is not allowed with nodes = {self.nodes}"
            why = "with such weights, simulated variables are linearly dependent up to rounding"
            raise SettingsError(f"{refused} and task_seed = {self.task_seed}: {why}, take smaller ones or fewer edges")
        return correlation

    @cached_property
    def local_scores(self) -> Tensor:
        """Log-score of every variable with every set of parents (bit i for variable i), for small n: ``[n, 2^n]``."""
        sets = (torch.arange(2**self.nodes)[:, None] & self._bits) != 0
        scores = [self._score(torch.full((len(sets),), j), sets & (self._bits != 1 << j)) for j in range(self.nodes)]
        return torch.stack(scores).masked_fill(sets.T, -torch.inf)

    def _score(self, node: Tensor, parents: Tensor) -> Tensor:
        """What ``parents`` (bool ``[M, n]``) add to the log-reward as those of ``node`` (``[M]``)."""
        gain = log_likelihood_gain(self.constant("correlation", parents), self.samples, node, parents)
        penalty = 0.5 * math.log(self.samples) if self.prior == "bic" else 0.0
        return gain - penalty * parents.sum(-1).double()

    max_steps = property(lambda self: self.nodes * (self.nodes - 1) // 2 + 1)
    observation_size = property(lambda self: self.nodes**2)
    action_count = property(lambda self: self.nodes**2 + 1)
    state_count = property(lambda self: 2 * count_dags(self.nodes))
    stop = property(lambda self: self.nodes**2)  #: the action that finishes a graph
    _bits = cached_property(lambda self: 1 << torch.arange(self.nodes))
    _actions = cached_property(lambda self: torch.arange(self.action_count))

    def adjacency(self, state: Tensor) -> Tensor:
        """The graph alone: bool ``[..., n, n]``."""
        return state[..., : self.stop].unflatten(-1, (self.nodes, self.nodes))

    def initial(self, *batch: int, device=None) -> Tensor:
        state = torch.zeros(*batch, 2 * self.nodes**2 + 1, dtype=torch.bool, device=device)
        state[..., self.stop : -1 : self.nodes + 1] = True
        return state

    def observe(self, state: Tensor) -> Tensor:
        return state[..., : self.stop]

    def is_terminal(self, state: Tensor) -> Tensor:
        return state[..., -1]

    def mask(self, state: Tensor) -> Tensor:
        barred = state[..., : self.stop] | state[..., self.stop : -1] | state[..., -1:]
        return torch.cat([~barred, torch.ones_like(barred[..., :1])], -1)

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        chosen = (action.unsqueeze(-1) == self.constant("_actions", state)) & ~state[..., -1:]
        adds = chosen[..., :-1].any(-1)[..., None, None]
        reached = state[..., self.stop : -1].unflatten(-1, (self.nodes, self.nodes))
        tail = (action // self.nodes).clamp(max=self.nodes - 1)[..., None, None].expand_as(reached[..., :1, :])
        head = (action % self.nodes)[..., None, None].expand_as(reached[..., :1])
        joined = reached.gather(-1, head) & reached.gather(-2, tail) & adds
        graph, finished = state[..., : self.stop] | chosen[..., :-1], state[..., -1:] | chosen[..., -1:]
        return torch.cat([graph, (reached | joined).flatten(-2), finished], -1)

    def backward_mask(self, state: Tensor) -> Tensor:
        finished = state[..., -1:]
        return torch.cat([state[..., : self.stop] & ~finished, finished], -1)

    def undo(self, state: Tensor, action: Tensor) -> Tensor:
        kept = state[..., : self.stop] & (action.unsqueeze(-1) != self.constant("_actions", state)[:-1])
        closed = closure(kept.unflatten(-1, (self.nodes, self.nodes))).mT.flatten(-2)
        return torch.cat([kept, closed, torch.zeros_like(kept[..., :1])], -1)

    def log_reward(self, state: Tensor) -> Tensor:
        parents = self.adjacency(state).mT
        node = torch.arange(self.nodes, device=state.device)
        if self.nodes <= TABLE_NODES:
            return self.constant("local_scores", state)[node, (parents * self.constant("_bits", state)).sum(-1)].sum(-1)
        flat = parents.flatten(0, -2)
        return self._score(node.repeat(len(flat) // self.nodes), flat).view(parents.shape[:-1]).sum(-1)

    def key(self, state: Tensor) -> Tensor:
        if self.nodes > 7:
            raise ValueError(f"nodes = {self.nodes} is too large to enumerate: at most 7")
        number = state[..., : self.stop].long() << self.constant("_actions", state)[:-1]
        return number.sum(-1) + (state[..., -1].long() << self.stop)

    @property
    def log_z(self) -> float:
        """log Z, exactly, without listing the graphs.

        Raises:
            SettingsError: beyond 10 nodes.
        """
        if self.nodes > TABLE_NODES:
            raise SettingsError(f"nodes = {self.nodes} is not allowed with an exact log Z: at most {TABLE_NODES}")
        return log_sum_over_dags(self.local_scores)

    @property
    def log_max_reward(self) -> float | None:
        """Of the best graph, exactly, without listing them; None beyond 10 nodes."""
        return log_max_over_dags(self.local_scores) if self.nodes <= TABLE_NODES else None
