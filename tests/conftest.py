"""Shared by all tests: threads, hypothesis profiles, and the folder of reference material."""

from __future__ import annotations

import os
import signal
from pathlib import Path

# Several pytest workers share the cores, so each takes one thread. Set before torch is imported,
# and in the environment, so that the processes which tests start (torchrun, gloo) follow.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import HealthCheck, settings

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)

# No deadline: the first call of a torch operator may take a hundred times as long as the second.
settings.register_profile(
    "local", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# A background job (`make test &`) ignores SIGINT, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside (or inside) the checkout; without one the test is skipped."""
    for folder in (ROOT.parent / "shared", ROOT / "shared"):
        if folder.is_dir():
            return folder
    pytest.skip(f"no folder {ROOT.parent / 'shared'}: the reference material is not here")
