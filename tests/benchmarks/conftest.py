"""What the tests of the benchmarks share: the command, and a place of their own for all that is built."""

from __future__ import annotations

import pytest

from benchmarks import __main__, processes, suite


@pytest.fixture
def command(capsys):
    """Run the command in this process: exit status, standard output, standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            __main__.main(list(map(str, arguments)))
        seen = capsys.readouterr()
        return left.value.code, seen.out, seen.err

    return run


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Everything that the suite builds goes to a folder of the test's own."""
    for module in (suite, processes, __main__):
        monkeypatch.setattr(module, "BUILD", tmp_path / "build")
    return tmp_path
