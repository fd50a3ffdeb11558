"""Tasks: their graphs against closed forms, their rewards and samplers against their own definitions."""

from __future__ import annotations

import math
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gfn.environments import Banana, DAGs, GaussianMixture, Hypergrid, Phylogenetics, Sequences, Sets
from gfn.environments.enumeration import log_max_reward, state_graph, target_distribution
from gfn.environments.planar import cell_area
from gfn.evaluation.exact import all_trajectories
from gfn.settings import SettingsError
from tests.helpers import SMALL_TASKS, frequencies_p, generators, some_actions

ALARM = 1e-4  # false-alarm rate of each chi-square test here
bounds = st.tuples(st.floats(-3, 3), st.floats(-3, 3)).map(sorted)


@st.composite
def sets(draw):
    universe, (low, high) = draw(st.integers(1, 6)), draw(bounds)
    return Sets(
        universe=universe,
        size=draw(st.integers(1, universe)),
        low=low,
        high=high,
        task_seed=draw(st.integers(0, 2**40)),
    )


@st.composite
def sequences(draw):
    (f_low, f_high), (g_low, g_high) = draw(bounds), draw(bounds)
    sizes = {
        "alphabet": draw(st.integers(1, 4)),
        "length": draw(st.integers(1, 4)),
        "task_seed": draw(st.integers(0, 2**40)),
    }
    return Sequences(**sizes, f_low=f_low, f_high=f_high, g_low=g_low, g_high=g_high)


hypergrids = st.builds(
    Hypergrid,
    side=st.integers(2, 6),
    dimensions=st.integers(1, 3),
    r0=st.floats(1e-3, 1),
    r1=st.floats(0, 2),
    r2=st.floats(0, 5),
)
dags = st.builds(
    DAGs,
    nodes=st.integers(2, 4),
    samples=st.integers(5, 60),
    edges_per_node=st.floats(0, 2),
    weight_low=st.floats(0, 0.5),
    weight_high=st.floats(0.5, 2),
    prior=st.sampled_from(["bic", "uniform"]),
    task_seed=st.integers(0, 2**40),
)


@st.composite
def phylogenetics(draw):
    taxa, sites = draw(st.integers(3, 5)), draw(st.integers(1, 4))
    sequences = [draw(st.text("ACGTRYN-", min_size=sites, max_size=sites)) for _ in range(taxa)]
    return Phylogenetics(alignment=tuple(zip("abcde", sequences)), branch_length=draw(st.floats(0.01, 2)))


discrete = st.one_of(sets(), sequences(), phylogenetics(), hypergrids, dags)
planar = st.one_of(
    st.builds(GaussianMixture, side=st.integers(1, 4), spacing=st.floats(0.5, 4), scale=st.floats(0.3, 1.5)),
    st.builds(Banana, correlation=st.floats(-0.9, 0.9)),
)


@given(sets())
def test_counts_of_sets(task):
    """States, objects, edges and trajectories are binomials and factorials."""
    graph, (_, actions) = state_graph(task), all_trajectories(task)
    n, k = task.universe, task.size
    assert len(graph.states) == sum(math.comb(n, j) for j in range(k + 1)) == task.state_count
    assert len(graph.objects) == math.comb(n, k)
    assert len(graph.source) == sum(math.comb(n, j) * (n - j) for j in range(k))
    assert actions[0].shape[1] == math.perm(n, k)


@given(sequences())
def test_counts_of_sequences(task):
    """A tree: an object for every word of up to N letters, and a trajectory for each."""
    graph, (_, actions) = state_graph(task), all_trajectories(task)
    words = sum(task.alphabet**n for n in range(task.length + 1))
    prefixes = words - task.alphabet**task.length
    assert len(graph.objects) == words == actions[0].shape[1]
    assert len(graph.states) == words + prefixes == task.state_count
    assert len(graph.source) == len(graph.states) - 1


def test_default_sequences_are_enumerated_quickly():
    """All 299 593 words of the paper's task within half a minute (about a second is usual), and Z with them."""
    start = time.monotonic()
    task = Sequences()
    objects = state_graph(task).objects
    assert len(objects) == 299_593
    assert float(task.log_reward(objects).logsumexp(0)) == pytest.approx(task.log_z, abs=1e-10)
    assert time.monotonic() - start < 30


@given(discrete)
def test_log_z_is_the_sum_over_objects(task):
    """Closed forms against brute force."""
    assert float(task.log_reward(state_graph(task).objects).logsumexp(0)) == pytest.approx(task.log_z, abs=1e-10)


@given(discrete)
def test_the_highest_reward_is_the_maximum_over_objects(task):
    """Closed forms against brute force."""
    highest = float(task.log_reward(state_graph(task).objects).max())
    assert log_max_reward(task) == pytest.approx(highest, abs=1e-10)
    assert task.log_max_reward is not None or isinstance(task, Phylogenetics)


@given(discrete)
def test_undo_is_the_inverse_of_step(task):
    """On every edge, and each edge joins different states."""
    graph = state_graph(task)
    parents, children = graph.states[graph.source], graph.states[graph.target]
    torch.testing.assert_close(task.step(parents, graph.action), children)
    torch.testing.assert_close(task.undo(children, graph.action), parents)
    assert (task.key(parents) != task.key(children)).all()
    assert len(task.key(graph.states).unique()) == len(graph.states)


@given(discrete)
def test_backward_mask_is_exactly_the_parents(task):
    """The mask against all edges of the enumeration; log_parents counts them, to float64's accuracy."""
    graph = state_graph(task)
    expected = torch.zeros(len(graph.states), task.action_count, dtype=torch.bool)
    expected[graph.target, graph.action] = True
    torch.testing.assert_close(task.backward_mask(graph.states), expected)
    count = torch.zeros(len(graph.states), dtype=torch.float64).index_add_(
        0, graph.target, torch.ones(len(graph.target)).double()
    )
    torch.testing.assert_close(task.log_parents(graph.states)[1:].double(), count[1:].log(), rtol=1e-14, atol=1e-14)
    assert count[0] == 0 == task.log_parents(graph.states)[0]


@given(discrete)
def test_every_state_before_an_object_can_go_on(task):
    """And only objects are without further states; all lie within max_steps of the source."""
    graph = state_graph(task)
    assert task.mask(graph.states[~graph.terminal]).any(-1).all()
    assert not graph.terminal[graph.source].any()
    assert len(graph.levels) == task.max_steps
    assert set(graph.source.tolist()) == set((~graph.terminal).nonzero().flatten().tolist())


TREES = Phylogenetics(alignment=tuple(zip("abcd", ("ACGT", "ACGA", "TCGA", "TTGC"))))
ALL = [*SMALL_TASKS.values(), TREES, GaussianMixture(), Banana()]


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.task)
def test_a_terminal_state_stays_as_it_is(task):
    """Under whatever action, as the base class promises."""
    state, source = task.initial(2), generators(1)[0]
    for _ in range(task.max_steps):
        state = task.step(state, some_actions(task, state, source))
    assert task.is_terminal(state).all()
    for action in (0, getattr(task, "action_count", 1) - 1):
        torch.testing.assert_close(task.step(state, torch.full((2,), action)), state, rtol=0, atol=0)


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.task)
def test_functions_are_pure_and_batched(task):
    """``[R, B, …]`` gives what each state gives alone, and no argument is changed."""
    state, source = task.initial(2, 2), generators(1)[0]
    for _ in range(task.max_steps):
        before, actions = state.clone(), some_actions(task, state, source)
        after = task.step(state, actions)
        torch.testing.assert_close(state, before, rtol=0, atol=0)
        for r in range(2):
            for b in range(2):
                torch.testing.assert_close(task.step(state[r, b], actions[r, b]), after[r, b], rtol=0, atol=0)
                torch.testing.assert_close(task.observe(after[r, b]), task.observe(after)[r, b], rtol=0, atol=0)
                torch.testing.assert_close(task.log_parents(after[r, b]), task.log_parents(after)[r, b], rtol=0, atol=0)
        state = after
    assert task.observe(state).shape == (2, 2, task.observation_size)
    torch.testing.assert_close(task.log_reward(state)[1, 0], task.log_reward(state[1, 0]))
    assert task.log_reward(state).dtype == torch.float64


@pytest.mark.parametrize("task", [*SMALL_TASKS.values(), TREES], ids=lambda task: task.task)
def test_observations_tell_open_states_apart(task):
    """Else no policy could be right at both of them."""
    graph = state_graph(task)
    seen = task.observe(graph.states[~graph.terminal]).unique(dim=0)
    assert len(seen) == (~graph.terminal).sum()


def test_rewards_are_the_documented_sums():
    """By hand, for one set and one stopped word."""
    task = SMALL_TASKS["sets 5 choose 3"]
    expected = task.values[0] + task.values[2] + task.values[4]
    torch.testing.assert_close(task.log_reward(torch.tensor([True, False, True, False, True])), expected)
    task = SMALL_TASKS["sequences 3 letters length 3"]
    expected = task.position_weights[0] * task.letter_values[2] + task.position_weights[1] * task.letter_values[1]
    torch.testing.assert_close(task.log_reward(torch.tensor([2, 1, task.stop])), expected)


@given(st.integers(0, 10_000))
def test_rewards_follow_the_task_seed_and_their_law(seed):
    """Same seed, same law; other seed, other law; always within the bounds; f and g of Sequences apart."""
    one, same, other = (Sets(task_seed=s, low=-0.5, high=2).values for s in (seed, seed, seed + 1))
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    assert not torch.equal(one, other)
    assert one.min() >= -0.5
    assert one.max() <= 2
    task = Sequences(task_seed=seed, f_low=0, f_high=1, g_low=0, g_high=1)
    assert not torch.equal(task.letter_values[:6], task.position_weights)


@pytest.mark.parametrize("seed", [2**31, 2**62, 2**63, 2**64])
def test_task_seeds_work_or_are_refused(seed):
    """A seed that settings accept must not fail later."""
    try:
        task = Sets(task_seed=seed)
    except SettingsError as error:
        assert "task_seed" in str(error)
        assert seed > 2**31
    else:
        assert task.values.isfinite().all()


@pytest.mark.parametrize("sizes", [(6, 3), (7, 7), (5, 1)])
def test_target_samples_of_sets(sizes):
    """Chi-square against r/Z over all objects (false-alarm rate 1e-4)."""
    task = Sets(universe=sizes[0], size=sizes[1], low=-2.0, task_seed=1)
    samples = task.sample_target(20_000, torch.Generator().manual_seed(0))
    assert (samples.sum(-1) == task.size).all()
    keys = task.key(state_graph(task).objects)
    which = (task.key(samples)[:, None] == keys).long().argmax(-1)
    counts = torch.bincount(which, minlength=len(keys))
    assert len(keys) == 1 or frequencies_p(counts, target_distribution(task)) > ALARM


def cells(task, points):
    """Which of 12 × 12 cells of the task's box each point lies in, or -1 outside."""
    column = torch.zeros(len(points), dtype=torch.long)
    outside = torch.zeros(len(points), dtype=torch.bool)
    for axis, (low, high) in enumerate(task.box):
        place = ((points[:, axis] - low) / (high - low) * 12).floor().long()
        outside |= (place < 0) | (place > 11)
        column = column * 12 + place
    return column.masked_fill(outside, -1)


@pytest.mark.parametrize(
    "task",
    [GaussianMixture(), GaussianMixture(side=2, spacing=1.3, scale=0.7), Banana(), Banana(correlation=-0.5)],
    ids=str,
)
def test_target_samples_of_the_plane(task):
    """Chi-square on 144 cells against quadrature of the density (false-alarm rate 1e-4)."""
    points, area = torch.cartesian_prod(*task.axes(600)), cell_area(task.box, 600)
    mass = torch.zeros(144, dtype=torch.float64).index_add_(
        0, cells(task, points), task.log_density(points).exp() * area
    )
    where = cells(task, task.sample_target(20_000, torch.Generator().manual_seed(0)))
    assert (where < 0).float().mean() < 1e-3
    assert frequencies_p(torch.bincount(where[where >= 0], minlength=144), mass / mass.sum()) > ALARM


@given(planar)
def test_planar_densities_integrate_to_one(task):
    """Midpoint quadrature on the task's own box, which must therefore hold the mass; log Z = 0."""
    points, area = torch.cartesian_prod(*task.axes(400)), cell_area(task.box, 400)
    assert float(task.log_density(points).exp().sum() * area) == pytest.approx(1, abs=1e-4)
    assert task.log_z == 0


@given(planar, st.integers(1, 7))
def test_planar_cells_fill_their_box(task, resolution):
    """Equal cells with the points of ``axes`` in their middle, on the task's own box, its window or any other."""
    for box in (None, task.window, ((-1.0, 2.0), (3.0, 4.0))):
        for axis, (low, high) in zip(task.axes(resolution, box), box or task.box, strict=True):
            edges = torch.linspace(low, high, resolution + 1, dtype=torch.float64)
            torch.testing.assert_close(axis, (edges[1:] + edges[:-1]) / 2, rtol=1e-9, atol=1e-9)
    sides = [high - low for low, high in task.box]
    assert cell_area(task.box, resolution) * resolution**2 == pytest.approx(sides[0] * sides[1])


@given(planar)
def test_the_window_shows_most_of_the_target(task):
    """It lies within the box, and nine samples out of ten lie within it."""
    inside = torch.ones(500, dtype=torch.bool)
    points = task.sample_target(500, torch.Generator().manual_seed(0))
    for axis, ((low, high), (outer_low, outer_high)) in enumerate(zip(task.window, task.box, strict=True)):
        assert outer_low <= low < high <= outer_high
        inside &= (points[:, axis] >= low) & (points[:, axis] <= high)
    assert inside.double().mean() > 0.9


def test_planar_rewards_are_the_density_at_the_point():
    for task in (GaussianMixture(), Banana()):
        state = task.initial(1)
        for coordinate in (0.3, -1.2):
            state = task.step(state, torch.tensor([coordinate]).double())
        torch.testing.assert_close(task.log_reward(state), task.log_density(torch.tensor([[0.3, -1.2]]).double()))


word = st.text("xyz", min_size=1, max_size=3)
REFUSED = {
    (Sets, "universe"): st.one_of(st.integers(-5, 0), st.integers(1025, 10**6), word, st.none(), st.just(2.5)),
    (Sets, "size"): st.one_of(st.integers(-5, 0), st.integers(1025, 10**6), st.integers(33, 1024), word),
    (Sets, "low"): st.one_of(st.just(math.nan), st.just(math.inf), st.just(-math.inf), st.floats(1.5, 9), word),
    (Sets, "high"): st.one_of(st.just(math.nan), st.just(math.inf), st.just(-math.inf), word),
    (Sets, "task_seed"): st.one_of(st.integers(-9, -1), word, st.just(0.5)),
    (Sets, "task"): st.one_of(st.just("sequences"), word),
    (Sequences, "alphabet"): st.one_of(st.integers(-5, 0), st.integers(257, 999), word),
    (Sequences, "length"): st.one_of(st.integers(-5, 0), st.integers(257, 999), word),
    (Sequences, "f_low"): st.one_of(st.just(math.nan), st.floats(1.5, 9), word),
    (Sequences, "f_high"): st.one_of(st.just(math.inf), word),
    (Sequences, "g_low"): st.one_of(st.just(-math.inf), st.floats(2.5, 9), word),
    (Sequences, "g_high"): st.one_of(st.just(math.nan), word),
    (Hypergrid, "side"): st.one_of(st.integers(-5, 1), st.integers(4097, 9999), word),
    (Hypergrid, "dimensions"): st.one_of(st.integers(-5, 0), st.integers(65, 99), word),
    (Hypergrid, "r0"): st.one_of(st.floats(-9, 0), st.just(math.inf), word),
    (Hypergrid, "r1"): st.one_of(st.floats(-9, -0.1), st.just(math.nan), word),
    (Hypergrid, "r2"): st.one_of(st.floats(-9, -0.1), st.just(math.inf), word),
    (DAGs, "nodes"): st.one_of(st.integers(-5, 1), st.integers(33, 99), word),
    (DAGs, "samples"): st.one_of(st.integers(-5, 5), st.just(10**9), word, st.none()),
    (DAGs, "edges_per_node"): st.one_of(st.floats(-9, -0.1), st.just(math.inf), word),
    (DAGs, "weight_low"): st.one_of(st.floats(-9, -0.1), st.floats(0.6, 11), st.just(math.nan), word),
    (DAGs, "weight_high"): st.one_of(st.floats(-9, -0.1), st.floats(10.5, 20), st.just(math.inf), word),
    (DAGs, "prior"): st.one_of(word, st.none(), st.just(1)),
    (Phylogenetics, "branch_length"): st.one_of(st.floats(-9, 9e-7), st.floats(11, 99), st.just(math.nan), word),
    (GaussianMixture, "side"): st.one_of(st.integers(-5, 0), st.integers(33, 99), word),
    (GaussianMixture, "spacing"): st.one_of(st.floats(-9, 0), st.just(math.nan), word),
    (GaussianMixture, "scale"): st.one_of(st.floats(-9, 0), st.just(math.inf), word),
    (Banana, "correlation"): st.one_of(st.floats(1, 9), st.floats(-9, -1), st.just(math.nan), word),
}


@pytest.mark.parametrize(("task", "field"), REFUSED, ids=lambda x: getattr(x, "__name__", x))
@given(data=st.data())
def test_impossible_settings_are_refused(task, field, data):
    """In one sentence naming the field and the value."""
    value = data.draw(REFUSED[task, field])
    with pytest.raises(SettingsError) as caught:
        task(**{field: value})
    assert f"{field} = {value!r} is not allowed" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_large_to_enumerate_is_a_sentence():
    """Keys that would not fit into 64 bits are refused, not wrapped around."""
    for task, name in (
        (Sets(universe=63, size=1), "universe = 63"),
        (Sequences(alphabet=62, length=11), "62 letters and length 11"),
        (Hypergrid(side=8, dimensions=21), "side = 8 in 21 dimensions"),
        (DAGs(nodes=8), "nodes = 8"),
    ):
        with pytest.raises(ValueError, match=rf"^{name}[^\n]*too [^\n]*to enumerate[^\n]*$"):
            state_graph(task)
