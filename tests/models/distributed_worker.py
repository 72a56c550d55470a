"""One of two gloo processes: the gradient of every small model on its half of a batch."""

import gc
import sys

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from tests.models import small


def main(path: str) -> None:
    dist.init_process_group("gloo")
    found = {name: gradients(name) for name in small.ALL}
    if dist.get_rank() == 0:
        torch.save(found, path)
    dist.barrier()
    gc.collect()  # wrapped models sit in cycles; one that outlives the group may abort the process
    dist.destroy_process_group()


def gradients(name: str) -> dict[str, Tensor | None]:
    rank, world = dist.get_rank(), dist.get_world_size()
    model = small.build(name)
    given, noise = small.inputs(model, batch=4)
    mine = slice(rank * 4 // world, (rank + 1) * 4 // world)
    parallel = DistributedDataParallel(model)  # keeps its reducer alive until after backward
    out = parallel(given[mine], **{key: value[mine] for key, value in noise.items()})
    out.square().mean().backward()
    return {n: p.grad for n, p in model.named_parameters()}


if __name__ == "__main__":
    main(sys.argv[1])
