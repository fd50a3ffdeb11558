"""One thread, one set of random draws: the tests give the same answer on every run."""

from __future__ import annotations

import pytest
import torch
from hypothesis import settings

settings.register_profile("reproducible", derandomize=True, deadline=None, max_examples=25, database=None)
settings.register_profile("wide", deadline=None, max_examples=1000, database=None)
settings.load_profile("reproducible")


@pytest.fixture(autouse=True)
def deterministic():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)
