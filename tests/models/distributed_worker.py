"""One of two gloo processes: the gradient of every small model on its half of a batch."""

import os
import sys

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from tests.models import small


def main(path: str) -> None:
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    gradients = {}
    for name in small.ALL:
        model = small.build(name)
        given, noise = small.inputs(model, batch=4)
        mine = slice(rank * 4 // world, (rank + 1) * 4 // world)
        parallel = DistributedDataParallel(model)  # keeps its reducer alive until after backward
        out = parallel(given[mine], **{key: value[mine] for key, value in noise.items()})
        out.square().mean().backward()
        gradients[name] = {n: p.grad for n, p in model.named_parameters()}
    if rank == 0:
        torch.save(gradients, path)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
    os._exit(0)  # gloo's threads may still run, and abort an interpreter that winds down
