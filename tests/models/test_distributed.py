"""Two real processes: DistributedDataParallel gives the gradient of the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import torch
from torch.testing import assert_close

from tests.models import small

ROOT = Path(__file__).resolve().parents[2]


def test_two_processes_have_the_gradient_of_one(tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    result = subprocess.run(
        [*torchrun, "--standalone", "-m", "tests.models.distributed_worker", tmp_path / "g.pt"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    theirs = torch.load(tmp_path / "g.pt", weights_only=True)
    assert theirs.keys() == small.ALL.keys()
    for name in small.ALL:
        model = small.build(name)
        given, noise = small.inputs(model, batch=4)
        model(given, **noise).square().mean().backward()
        for parameter_name, parameter in model.named_parameters():
            gradient = theirs[name][parameter_name]
            assert_close(gradient, parameter.grad, atol=1e-5, rtol=1e-3, msg=parameter_name)
