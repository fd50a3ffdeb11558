"""The page on speed: its targets, its sentences, its tables and its picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from matplotlib.text import Text

from benchmarks import settings, suite
from benchmarks.gains import description, summary
from benchmarks.measure import spread
from benchmarks.page import page
from benchmarks.picture import WIDTH, picture, save
from benchmarks.settings import COMPARISONS, FULL, sizes
from benchmarks.targets import REASONS, TARGETS, look_up, missed, reasons, rows
from benchmarks.words import folded, listed, number, table
from tests.benchmarks.results import a_spread, made_up


def unfolded(text):
    """What a reader sees before opening anything."""
    return re.sub(r"^````\{dropdown\}.*?^````$", "", text, flags=re.MULTILINE | re.DOTALL)


def test_targets_are_judged():
    """By the median, from the right side, by the most costly of several; what was not measured is not judged."""
    results = made_up()
    parts = results["parts"]
    assert "missed" not in page(results)
    assert f"Of {len(TARGETS)} targets, {len(TARGETS)} are met." in page(results)
    found = {target.name: target for target in TARGETS}
    (tsallis,) = rows(parts, "objectives", task="sets", objective="tsallis loo")
    tsallis["ratio"] = a_spread(1.2)
    (limit,) = rows(parts, "limit", task="sets")
    limit["share"] = a_spread(0.5)
    (made,) = rows(parts, "book")
    made["minutes"] = spread([12.5])
    parts["source"]["rows"].append({"folder": "gfn/more", "files": 1, "lines": 4800})
    names = {"objectives sets loo", "limit sets", "book minutes", "source lines"}
    assert missed(parts) == names
    assert found["objectives sets loo"].find(parts) == (a_spread(1.2), "Tsallis")
    assert found["source lines"].find(parts)[0]["median"] == 360 + 1000 + 500 + 1154 + 4800
    assert not found["limit sets"].met(a_spread(0.5))
    text = page(results)
    assert unfolded(text).count("**missed**") == len(names)
    assert f"Of {len(TARGETS)} targets, {len(TARGETS) - len(names)} are met." in text
    quick = page(results | {"quick": True})
    assert "missed" not in quick
    assert "targets, " not in quick
    del parts["peers"]
    assert found["peers sets 128 torchgfn"].find(parts) == (None, "")
    assert missed(parts) == names
    del parts["book"]  # which the reasons of other targets name
    assert missed(parts) == names - {"book minutes"}
    assert "**missed**" in page(results)


def test_every_missed_target_has_its_number_and_its_reason_folded_below(tmp_path, monkeypatch):
    """Targets with the same reason together; one without a reason says so."""
    results = made_up()
    for row in rows(results["parts"], "peers", task="hypergrid"):
        row["ratio"] = a_spread(3)
    for row in rows(results["parts"], "evaluation", task="banana"):
        row["share"] = a_spread(0.4)
    path = tmp_path / "reasons.yaml"
    names = [target.name for target in TARGETS if target.name.startswith("peers hypergrid")]
    path.write_text("\n".join(f"{name}: Steps are many, arithmetic {{limit|sets|share|.0%}}." for name in names))
    monkeypatch.setattr(reasons, "__defaults__", (path, None))
    text = page(results)
    peers, evaluations = re.findall(r"^````\{dropdown\} \d+ targets? missed, and why$(.*?)^````$", text, re.M | re.S)
    assert peers.count("3.00 (2.70–3.30), target ≤") == len(names) == 4
    assert peers.count("Steps are many, arithmetic 71\u00a0%.") == 1
    assert "**Banana, evaluation's share of the runs**: 40\u00a0% (36–44), target ≤\u00a015\u00a0%" in evaluations
    assert "No reason has been measured yet." in evaluations
    assert "Steps are many" not in unfolded(text)


def test_of_two_ways_to_use_a_peer_the_faster_counts():
    """In its target as in the first sentences; and seeds trained together are no comparison of one seed."""
    results = made_up()
    (row,) = rows(results["parts"], "peers", task="hypergrid", batch=16, peer="gfnx, one pass")
    row["ratio"] = a_spread(0.7)
    (target,) = [target for target in TARGETS if target.name == "peers hypergrid 16 gfnx"]
    assert target.find(results["parts"]) == (a_spread(0.7), "")
    assert "1.4 on Hypergrid with 16 trajectories" in summary(results["parts"], judge=True)
    (many,) = rows(results["parts"], "peers", task="sets", seeds=10)
    many["ratio"] = a_spread(2)
    assert "peers sets 128 torchgfn" not in missed(results["parts"])
    assert "10 of them take 2.00 times as long as one takes with torchgfn (Sets)" in summary(
        results["parts"], judge=True
    )


def test_what_a_user_gains_is_said_of_what_was_measured():
    """Each sentence leaves with its part, and the picture's description too; what is slower is said as plainly."""
    parts = made_up()["parts"]
    said = {
        "peers": "times as quick as that of torchgfn",
        "objectives": "a divergence takes at most",
        "book": "159 runs",
    }
    for name, words in said.items():
        assert words in summary(parts, judge=False)
        assert words not in summary({other: part for other, part in parts.items() if other != name}, judge=False)
    assert summary({}, judge=True) == description({}) == ""
    for row in rows(parts, "peers", task="sequences"):
        row["ratio"] = a_spread(2)
    assert "10 on DAGs and 0.50 on Sequences." in summary(parts, judge=False)
    (costly,) = rows(parts, "objectives", task="dags", objective="renyi both")
    costly["ratio"] = a_spread(1.44)
    assert "1.44 with both control variates (Rényi on DAGs)" in summary(parts, judge=False)


def test_reasons_take_their_numbers_from_the_results(tmp_path):
    """A number that was not measured is refused, in one sentence."""
    parts, path = made_up()["parts"], tmp_path / "reasons.yaml"
    path.write_text("limit sets: '{limit|sets|share|.0%} of it, {objectives|sets|tb|memory|.1f} MiB'")
    assert reasons(parts, path) == {"limit sets": "71\u00a0% of it, 6.0 MiB"}
    for place in ("limit|nowhere|share|.0%", "limit|sets|nothing|.1f", "scaling|taxa|99|time|.1f", "nothing|share|.0%"):
        with pytest.raises(ValueError, match="was not measured"):
            look_up(parts, place)


def test_the_page_has_every_row():
    """With plain numbers, its head and its machine; a failure with its reason."""
    text = page(made_up())
    lines = text.splitlines()
    assert lines[1] == "# Speed"
    assert "MemoryError: too large" in text
    assert "| Sets, 128 | torchgfn | 0.100 | ≤\u00a00.20 |" in text
    assert "| Sets, 128: torchgfn | 3.00 (2.70–3.30) | 30.0 (27.0–33.0) | 0.100 (0.090–0.110) |" in text
    assert "| Sets, 128: 10 seeds, theirs one | torchgfn | 0.100 |  |" in text
    assert "| Sets | 2,048 | 142 | 2.90 | 4.10 | 71\u00a0% (64–78) |" in text
    assert "| Sets | 0.280 | 2 to 17 | 14\u00a0% (13–15) |" in text
    assert suite.machine()["processor"] in text
    assert "gfnx 0.0.1, torch 2.13.0." in text
    assert "| abc |" in text
    assert "On one a device an iteration with 128 trajectories of one seed is 12.0 times as fast" in text
    assert "up to 200 times, on Sets with 8192 trajectories of one seed" in text
    assert "`pytest -m gpu`), 184 passed there" in text
    assert "Of the 2 runs of [figure 3](../paper/fig3.ipynb), ten seeds each, made again on it, 1 agree" in text
    assert (
        "50\u00a0% of their final values lie within two standard errors of those from the CPU, and the furthest 5.00"
        in text
    )
    assert "| DAGs | 12.0 | 1.50 | 8.00 |" in text
    assert "| Sets | TB | 8,192 | 1 | 400 | 0.500 | 8.00 | 200 (180–220) |" in text
    assert "`make book PART=paper`: 159 runs with 3 seeds on 2 cores, 14.4 minutes of processor time." in text
    assert "| `make book PART=paper` | 7.50\u00a0minutes | ≤\u00a012\u00a0minutes |" in text
    assert "| `make edition` | 18.0\u00a0minutes | ≤\u00a045\u00a0minutes |" in text
    assert "| Code that makes the results | 3,014\u00a0lines | ≤\u00a04,800\u00a0lines |" in text
    assert "| Sets | 20 | 5.50 |" in text
    for size in sizes(FULL):
        assert f"| {size.axis} | {size.value} | 7.70" in text
    table_rows = [line for line in lines if line.startswith("|")]
    assert all(line.endswith(" |") and "\n" not in line for line in table_rows)


@pytest.mark.parametrize("results", [made_up(), suite.read(settings.RESULTS)], ids=["made up", "committed"])
def test_the_page_is_no_wall(results):
    """A picture before the first table; in each section at most one table that is not folded, of short cells and full rows."""
    text = unfolded(page(results))
    head, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    assert ":file: ../_static/speed.svg" in head
    assert "| --- |" not in head
    assert len(sections) == 8
    for section in sections:
        found = re.findall(r"(?:^\|.*\n?)+", section, flags=re.MULTILINE)
        assert len(found) <= 1
        for line in "".join(found).splitlines():
            cells = line.strip("| ").split(" | ")
            assert len(cells) <= 6
            assert max(map(len, cells)) <= 60
    for block in re.findall(r"(?:^\|.*\n?)+", page(results), flags=re.MULTILINE):
        assert len({line.count(" | ") for line in block.splitlines()}) == 1


def test_the_edition_is_listed_only_where_it_was_measured():
    results = made_up()
    del results["parts"]["edition"]
    assert "make edition" not in unfolded(page(results))


def test_the_picture_shows_the_numbers():
    """Bars end where the results say, on a telephone every letter is large enough, and nothing is cut off."""
    parts = made_up()["parts"]
    for value, row in enumerate(rows(parts, "peers"), 1):
        row["ratio"] = a_spread(value / 10)
    figure = picture(parts)
    packages, seeds, divergences = figure.axes
    ends = [bar.get_x() + bar.get_width() for bar in packages.patches]
    shown = [1 / row["ratio"]["median"] for row in rows(parts, "peers", seeds=1)]
    assert all(min(abs(end - time) for time in shown) < 1e-9 for end in ends)
    assert len(ends) == len({(c.task, c.batch, p.split(",")[0]) for c in COMPARISONS for p in c.contenders})
    assert [bar.get_width() for bar in seeds.patches] == [30, 3, 3]
    assert all(line.get_xdata()[0] == pytest.approx(1.03) for line in divergences.lines if line.get_label()[0] != "_")
    assert WIDTH * 96 <= 390
    figure.draw_without_rendering()
    words = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert min(text.get_fontsize() for text in words) >= 9
    titles = [part.get_suptitle() for part in figure.subfigs]
    boxes = [text.get_window_extent() for text in words if text.get_text() in titles]
    assert len(boxes) == 3
    for box in boxes + [axis.get_tightbbox() for axis in figure.axes]:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_the_picture_is_the_same_for_the_same_results(tmp_path):
    """Byte for byte, another one for others, and none where nothing was measured."""
    parts, path = made_up()["parts"], tmp_path / "speed.svg"
    save(parts, path)
    first = path.read_bytes()
    assert b"html[data-theme=dark]" in first, "it has the colours of the dark page, too"
    save(parts, path)
    assert path.read_bytes() == first
    rows(parts, "peers", task="dags")[0]["ratio"] = a_spread(0.5)
    save(parts, path)
    assert path.read_bytes() != first
    save({}, path)
    assert not path.exists()
    assert ":file:" not in page({"quick": False, "parts": {}})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.00123, "0.0012"),
        (0.0449, "0.045"),
        (0.9996, "1.00"),
        (9.996, "10.0"),
        (99.96, "100"),
        (1234, "1,234"),
    ],
)
def test_numbers_are_plain(value, text):
    assert number(value) == text


def test_lists_read_as_sentences():
    assert [listed(list("abc")[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_folded_blocks_hold_tables():
    """Fenced by more marks than anything within."""
    block = folded("All", f"{table(['a'], [['1']])}\n\n```{{note}}\nwords\n```\n")
    assert block.startswith("````{dropdown} All\n| a |")
    assert block.endswith("\n```\n````")


def test_the_committed_page_is_that_of_the_committed_results():
    """Word for word, and its picture says what it shows."""
    results = suite.read(settings.RESULTS)
    assert settings.PAGE.read_text(encoding="utf-8") == page(results)
    drawn = settings.PICTURE.read_text(encoding="utf-8")
    assert ElementTree.fromstring(drawn).get("aria-label") == description(results["parts"])


def test_committed_reasons_belong_to_targets():
    assert reasons(suite.read(settings.RESULTS)["parts"]).keys() <= {target.name for target in TARGETS}
    assert REASONS.exists()
