"""Randomness without state: every draw of a run follows from the seed and where it is made.

A run that resumes at step t draws what an uninterrupted one would have drawn there, and a global
batch is drawn alike by any number of processes.
"""

import numpy as np
import torch

STREAMS = ("initialisation", "order", "views", "noise", "evaluation", "steps")


def generator_for(
    seed: int, stream: str, index: int = 0, *, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Make the generator of one stream at one index.

    Args:
        seed: Seed of the run.
        stream: What is drawn; one of `STREAMS`.
        index: Where: the epoch, the step, …
        device: Device of the generator.

    Returns:
        A generator seeded by all three.
    """
    entropy = np.random.SeedSequence((seed, STREAMS.index(stream), index))
    state = int(entropy.generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator(device).manual_seed(state)
