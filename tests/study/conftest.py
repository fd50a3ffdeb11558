"""What tests of pictures share."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from gfn.study.plotting import use_style


@pytest.fixture
def figures():
    """Drawn without a screen; style and open figures are left as they were."""
    with mpl.rc_context():
        plt.switch_backend("agg")
        use_style()
        yield
        plt.close("all")
