"""What tests of pictures and of kept policies share."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from gfn import cli
from gfn.study.plotting import use_style
from gfn.study.results import load_or_train
from tests.study.small_runs import TASKS, spec_of


@pytest.fixture
def figures():
    """Drawn without a screen; style and open figures are left as they were."""
    with mpl.rc_context():
        plt.switch_backend("agg")
        use_style()
        yield
        plt.close("all")


@pytest.fixture(scope="session")
def policies(tmp_path_factory):
    """A run of every task, with its policy."""
    place = tmp_path_factory.mktemp("runs")
    for task in TASKS.values():
        load_or_train(spec_of(task), place, keep=True)
    return place


@pytest.fixture
def gfn_command(capsys):
    """Run the command; its exit status, standard output and standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        return left.value.code, *capsys.readouterr()

    return run
