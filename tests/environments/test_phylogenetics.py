"""Phylogenetics: forests counted, the likelihood against independent sums, alignments read or refused in a sentence."""

from __future__ import annotations

import importlib.util
import itertools
import math
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gfn.environments import Phylogenetics
from gfn.environments.alignment import CODE, site_patterns
from gfn.environments.enumeration import state_graph, target_distribution
from gfn.environments.forests import all_trees, forest_count
from gfn.environments.pruning import jukes_cantor, log_likelihood
from gfn.evaluation.exact import terminal_distribution
from gfn.sampling import rollout
from gfn.settings import SettingsError
from tests.helpers import frequencies_p, generators, small_policy

ALARM = 1e-4  # false-alarm rate of each chi-square test here
DATA = Path(__file__).parents[2] / "data" / "phylogenetics"


def rows(*sequences):
    """An alignment of taxa a, b, c, …"""
    return tuple(zip("abcdefghijklmnopqrstuvwxyz", sequences))


small_sizes = st.integers(3, 5)


@st.composite
def tasks(draw, taxa=small_sizes):
    """A small task with ambiguity codes and gaps in its alignment."""
    n, sites = draw(taxa), draw(st.integers(1, 4))
    sequences = [draw(st.text("ACGTNRY-", min_size=sites, max_size=sites)) for _ in range(n)]
    return Phylogenetics(alignment=rows(*sequences), branch_length=draw(st.floats(0.01, 2)))


def tree(task, *clades):
    """The state that has these clades, each written as the names of its taxa, children before parents."""
    state = task.initial()
    for clade in clades:
        leaves = [task.taxa.index(name) for name in clade]
        roots = sorted({int(task.trees(state)[leaf]) & -int(task.trees(state)[leaf]) for leaf in leaves})
        first, second = (root.bit_length() - 1 for root in roots)
        state = task.step(state, torch.tensor(task.pairs.T.tolist().index([first, second])))
    return state


def test_counts_of_seven_taxa():
    """All 27 007 forests and 10 395 = 13!! trees, by enumeration and in closed form; the trees also by insertion."""
    task = Phylogenetics()
    graph = state_graph(task)
    assert len(graph.states) == 27_007 == task.state_count
    assert len(graph.objects) == 10_395 == math.prod(range(1, 13, 2))
    keys = task.key(all_trees(7))
    assert torch.equal(keys.sort()[0], task.key(graph.objects).sort()[0])
    assert len(keys.unique()) == 10_395


@pytest.mark.parametrize("taxa", range(3, 7))
def test_counts_of_forests(taxa):
    """Against enumeration, tree by tree (Bessel numbers); their sums are OEIS A001515."""
    graph = state_graph(Phylogenetics(alignment=rows(*["A"] * taxa)))
    trees = (graph.states == 0).sum(-1)
    assert [forest_count(taxa, k) for k in range(1, taxa + 1)] == trees.bincount(minlength=taxa + 1)[1:].tolist()
    assert len(graph.states) == [1, 2, 7, 37, 266, 2431][taxa - 1]


def test_all_trees_are_evaluated_quickly():
    """Their likelihoods within 5 seconds (a quarter of a second is usual), and log Z is their sum."""
    task = Phylogenetics()
    objects = state_graph(task).objects
    start = time.monotonic()
    values = task.log_reward(objects)
    assert time.monotonic() - start < 5
    assert float(values.logsumexp(0)) == pytest.approx(task.log_z, abs=1e-10)
    assert target_distribution(task) is target_distribution(Phylogenetics())


def transition(branch_length):
    """exp(tQ) of the rate matrix of Jukes and Cantor, whose mean rate is one substitution."""
    rates = torch.full((4, 4), 1 / 3, dtype=torch.float64)
    return torch.linalg.matrix_exp(branch_length * rates.fill_diagonal_(-1.0))


def brute_force(task, state):
    """Log-likelihood as the sum over the bases of all internal nodes, by the definition."""
    p, n = transition(task.branch_length), len(task.taxa)
    clades = {int(c): n + k for k, c in enumerate(sorted(c for c in state.tolist() if c))}
    nodes = {1 << leaf: leaf for leaf in range(n)} | clades
    edges = []
    for clade, node in nodes.items():
        above = [c for c in clades if c & clade == clade and c != clade]
        if above:
            edges.append((nodes[min(above)], node))
    total = 0.0
    for site in zip(*(sequence for _, sequence in task.alignment)):
        choices = [["ACGT".index(b) for b in CODE[c]] for c in site] + [range(4)] * len(clades)
        value = sum(
            0.25 * math.prod(float(p[bases[parent], bases[child]]) for parent, child in edges)
            for bases in itertools.product(*choices)
        )
        total += math.log(value)
    return total


@given(tasks(taxa=st.integers(3, 4)), st.integers(0, 10**6))
def test_likelihood_is_the_sum_over_internal_bases(task, seed):
    """Pruning against brute force with a matrix exponential, ambiguity codes and gaps included."""
    trees = all_trees(len(task.taxa))
    state = trees[seed % len(trees)]
    assert float(task.log_likelihood(state)) == pytest.approx(brute_force(task, state), abs=1e-9)


@pytest.mark.parametrize("branch_length", [1e-6, 0.1, 1.0, 10.0])
def test_transition_probabilities(branch_length):
    """The closed form is the matrix exponential, and its rows sum to one."""
    stay, change = jukes_cantor(branch_length)
    matrix = stay * torch.eye(4, dtype=torch.float64) + change
    torch.testing.assert_close(matrix, transition(branch_length), rtol=1e-12, atol=1e-15)


def test_two_taxa_by_hand():
    """At twice the branch length: (1/4)(1/4 + 3/4 e) for equal bases, (1/4)(1/4 - 1/4 e) for others, e = exp(-8b/3)."""
    b = 0.3
    decay = math.exp(-8 * b / 3)
    possible, counts = site_patterns(rows("AAC", "ACG"))
    expected = math.log((1 + 3 * decay) / 16) + 2 * math.log((1 - decay) / 16)
    assert float(log_likelihood(torch.tensor([0, 3]), possible, counts, b)) == pytest.approx(expected, abs=1e-12)


def test_three_taxa_by_hand():
    """((a, b), c) with bases A, A, C: sum over the base y of the inner node and x of the root, four cases of them."""
    b = 0.2
    change = (1 - math.exp(-4 * b / 3)) / 4
    same = 1 - 3 * change
    task = Phylogenetics(alignment=rows("A", "A", "C"), branch_length=b)
    # y = A: two kept leaves. The root is A (kept, then changed), C (changed, then kept), or one of two others.
    inner_a = same**2 * (same * change + change * same + 2 * change * change)
    # y = C: two changed leaves. The root is C (kept twice), or one of three others (changed twice).
    inner_c = change**2 * (same**2 + 3 * change**2)
    # y = G or T: the root is y, C, or one of two others.
    inner_gt = 2 * change**2 * (same * change + change * same + 2 * change * change)
    expected = math.log((inner_a + inner_c + inner_gt) / 4)
    assert float(task.log_likelihood(tree(task, "ab", "abc"))) == pytest.approx(expected, abs=1e-12)


@given(tasks(taxa=st.just(4)))
def test_gaps_say_nothing(task):
    """A column of gaps has probability one, and a taxon of gaps might as well not be there."""
    longer = tuple((name, sequence + "-") for name, sequence in task.alignment)
    other = Phylogenetics(alignment=longer, branch_length=task.branch_length)
    state = tree(task, "ab", "abc", "abcd")
    torch.testing.assert_close(other.log_likelihood(state), task.log_likelihood(state))
    possible, counts = site_patterns(task.alignment)
    possible[3] = 1
    three = log_likelihood(torch.tensor([0, 0b11, 0b111]), possible[:3], counts, task.branch_length)
    torch.testing.assert_close(log_likelihood(state, possible, counts, task.branch_length), three)


@given(tasks(taxa=st.just(4)))
def test_the_root_may_slide_along_a_path_of_the_same_length(task):
    """Felsenstein's pulley principle: the model is reversible.

    Where d is unknown, (((c, d), a), b) and (((b, d), a), c) both join a, b and c by one, two and two
    edges; the root is on the way to b in the one, and on the way to c in the other.
    """
    possible, counts = site_patterns(task.alignment)
    possible[3] = 1
    one, other = tree(task, "cd", "acd", "abcd"), tree(task, "bd", "abd", "abcd")
    values = [log_likelihood(state, possible, counts, task.branch_length) for state in (one, other)]
    torch.testing.assert_close(*values)


@given(tasks(taxa=st.integers(3, 5)), st.randoms())
def test_taxa_may_be_reordered(task, random):
    """The posterior over trees, told by their Newick strings, does not depend on the order of the rows."""
    shuffled = list(task.alignment)
    random.shuffle(shuffled)
    other = Phylogenetics(alignment=tuple(shuffled), branch_length=task.branch_length)
    found = []
    for one in (task, other):
        states = all_trees(len(one.taxa))
        clades = [
            frozenset(frozenset(n for k, n in enumerate(one.taxa) if c >> k & 1) for c in s) for s in states.tolist()
        ]
        found.append(dict(zip(clades, one.log_likelihood(states).tolist())))
    assert found[0].keys() == found[1].keys()
    assert all(found[1][key] == pytest.approx(value, abs=1e-9) for key, value in found[0].items())


def test_many_taxa_stay_in_range():
    """62 taxa with short edges: no underflow, log-likelihoods are finite, and training needs no enumeration."""
    letters = torch.randint(4, (62, 12), generator=torch.Generator().manual_seed(0)).tolist()
    alignment = tuple((f"t{k}", "".join("ACGT"[b] for b in row)) for k, row in enumerate(letters))
    task = Phylogenetics(alignment=alignment, branch_length=1e-6)
    state = task.initial(3)
    for _ in range(task.max_steps):
        assert not task.is_terminal(state).any()
        state = task.step(state, task.mask(state).long().argmax(-1))
    assert task.is_terminal(state).all()
    assert task.log_likelihood(state).isfinite().all()
    assert task.backward_mask(state).sum(-1).tolist() == [1, 1, 1]
    with pytest.raises(SettingsError, match=r"^an alignment of 62 taxa is not allowed with an exact log Z[^\n]*$"):
        _ = task.log_z
    with pytest.raises(ValueError, match=r"^an alignment of 62 taxa has too many forests to enumerate[^\n]*$"):
        state_graph(task)


def test_the_offset_is_a_constant_near_log_z():
    """log r is the log-likelihood but for a constant, the log-likelihood of a good tree."""
    task = Phylogenetics()
    trees = all_trees(7)
    torch.testing.assert_close(
        task.log_likelihood(trees) - task.log_reward(trees),
        torch.tensor(task.log_reward_offset).double().expand(len(trees)),
    )
    assert task.is_terminal(task.reference)
    assert 0 <= task.log_z < 10
    assert float(task.log_reward(task.reference)) == 0


def test_rollouts_follow_the_terminal_distribution():
    """Chi-square of 20 000 sampled trees against exact dynamic programming (false-alarm rate 1e-4)."""
    task = Phylogenetics(alignment=rows("ACGT", "ACGA", "TCGA", "TTGA", "TTCA"))
    policy = small_policy(task)
    sampled = task.key(rollout(task, policy, 20_000, generators(1)).terminal[0])
    keys = task.key(state_graph(task).objects)
    counts = (sampled[:, None] == keys).sum(0)
    assert counts.sum() == 20_000
    assert frequencies_p(counts, terminal_distribution(task, policy)[0]) > ALARM


def test_newick():
    """With lengths on all edges, quoted names where needed."""
    task = Phylogenetics(alignment=(("a", "A"), ("b 1", "A"), ("it's", "A"), ("d", "A")), branch_length=0.5)
    state = task.initial()
    for pair in ([1, 2], [0, 3], [0, 1]):
        state = task.step(state, torch.tensor(task.pairs.T.tolist().index(pair)))
    assert task.to_newick(state) == "((a:0.5,d:0.5):0.5,('b 1':0.5,'it''s':0.5):0.5);"


# Data


def simulation():
    spec = importlib.util.spec_from_file_location("simulate", DATA / "simulate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_shipped_alignment_is_what_the_script_simulates():
    """Byte for byte; another seed gives another."""
    script = simulation()
    found = script.simulate(script.SEED, script.TAXA, script.SITES, script.BRANCH_LENGTH)
    assert found[0] == (DATA / "simulated.fasta").read_text()
    assert found[1] == (DATA / "true_tree.nwk").read_text()
    assert script.simulate(1, 7, script.SITES, 0.1)[0] != found[0]
    task = Phylogenetics()
    assert task.taxa == tuple(f"t{k}" for k in range(1, 8))
    assert task.branch_length == script.BRANCH_LENGTH


def test_simulated_sites_follow_the_model():
    """Frequencies of the bases, and of equal bases in a cherry: chi-square of 20 000 sites (false-alarm rate 1e-4)."""
    script = simulation()
    fasta, newick = script.simulate(3, 3, 20_000, 0.3)
    sequences = dict(part.split("\n")[:2] for part in fasta[1:].split("\n>"))
    first, second = (name for name in sequences if newick.count(f"{name}:0.3,t") or f",{name}:0.3):" in newick)
    counts = torch.tensor([sequences[first].count(base) for base in "ACGT"])
    assert frequencies_p(counts, torch.full((4,), 0.25).double()) > ALARM
    equal = sum(x == y for x, y in zip(sequences[first], sequences[second]))
    share = 0.25 + 0.75 * math.exp(-8 * 0.3 / 3)
    assert frequencies_p(torch.tensor([equal, 20_000 - equal]), torch.tensor([share, 1 - share]).double()) > ALARM


NEXUS = """#NEXUS
begin data;
  dimensions ntax=3 nchar=4;
  format datatype=dna missing=? gap=-;
  matrix
    a ACGT
    'b c' AC-T
    d ARNT
  ;
end;
"""


def test_formats_are_equivalent(tmp_path):
    """FASTA, NEXUS and rows; lower case and U; a path of either kind."""
    expected = Phylogenetics(alignment=(("a", "ACGT"), ("b c", "AC-T"), ("d", "ARNT")))
    (tmp_path / "x.nex").write_text(NEXUS)
    assert Phylogenetics(alignment=str(tmp_path / "x.nex")) == expected
    assert Phylogenetics(alignment=[["a", "acgu"], ["b c", "ac-u"], ["d", "arnu"]]) == expected
    (tmp_path / "x.fasta").write_text(">a first\nAC\nGT\n\n>bc\nAC-T\n>d\nARNT\n")
    assert Phylogenetics(alignment=tmp_path / "x.fasta").alignment == (("a", "ACGT"), ("bc", "AC-T"), ("d", "ARNT"))


def test_settings_hold_the_data_not_the_path(tmp_path):
    """Another content under the same path is another task; the record reads back without the file."""
    path = tmp_path / "x.nex"
    path.write_text(NEXUS)
    one = Phylogenetics(alignment=path)
    path.write_text(NEXUS.replace("ARNT", "ARNC"))
    other = Phylogenetics(alignment=path)
    path.unlink()
    assert one != other
    assert Phylogenetics.model_validate_json(one.model_dump_json()) == one
    assert "ARNT" in one.model_dump_json()
    assert "ARNT" not in repr(one)


FASTA = ">a\nACGT\n>b\nACGT\n>c\nACGT\n"
BAD_FILES = {
    "neither format": ("3 4\na ACGT\n", r"neither|must be a FASTA file"),
    "empty": ("", r"must be a FASTA file"),
    "character": (FASTA.replace(">b\nACGT", ">b\nACJT"), r"^character 'J' of taxon 'b' at position 3 .*is not allowed"),
    "ragged": (FASTA.replace(">c\nACGT", ">c\nACG"), r"taxon 'c' has 3 sites where 'a' has 4"),
    "too few": (">a\nACGT\n>b\nACGT\n", r"^alignment of 2 taxa is not allowed: from 3 to 62"),
    "too many": ("".join(f">t{k}\nA\n" for k in range(63)), r"^alignment of 63 taxa is not allowed: from 3 to 62"),
    "duplicate": (FASTA.replace(">c", ">a"), r"two taxa named 'a' is not allowed"),
    "duplicate in NEXUS": (NEXUS.replace("'b c'", "a"), r"two taxa named 'a' is not allowed"),
    "no sites": (">a\n>b\n>c\n", r"empty sequence is not allowed: taxon 'a'"),
    "no name": (FASTA.replace(">b", ">"), r"nameless taxon is not allowed: row 2"),
    "no matrix": ("#NEXUS\nbegin trees;\nend;\n", r"its blocks hold no data matrix"),
    "ragged NEXUS": (NEXUS.replace("AC-T", "AC-"), r"is not allowed: .+"),
    "character in NEXUS": (
        NEXUS.replace("AC-T", "ACJT"),
        r"^character 'J' of taxon 'b c' at position 3 .*is not allowed",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused_in_one_sentence(name, tmp_path):
    text, message = BAD_FILES[name]
    (tmp_path / "x").write_text(text)
    with pytest.raises(SettingsError, match=message) as caught:
        Phylogenetics(alignment=tmp_path / "x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["no/such/file.fasta", ".", "", 5, None, [["a", "A"], ["b", 3]]])
def test_what_is_no_alignment_is_refused(value):
    with pytest.raises(SettingsError, match=r"^alignment[^\n]* is not allowed: [^\n]*$"):
        Phylogenetics(alignment=value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\xfe\x80>")
    with pytest.raises(SettingsError, match=r"must be text in UTF-8$"):
        Phylogenetics(alignment=tmp_path / "x")


def test_without_a_checkout_the_alignment_must_be_given(tmp_path, monkeypatch):
    """The package imports all the same, and says what to do."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gfn.checkout.__file__", str(tmp_path / "gfn" / "checkout.py"))
    with pytest.raises(SettingsError, match=r"^no file data/phylogenetics/simulated.fasta in [^\n]+ in alignment$"):
        Phylogenetics()
    assert len(Phylogenetics(alignment=rows("A", "C", "G")).taxa) == 3
