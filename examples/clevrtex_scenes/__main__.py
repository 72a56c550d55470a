"""Render scenes in CLEVRTex's published layout; run it in the environment that has bpy.

    make scenes-venv
    .venv-bpy/bin/python -m examples.clevrtex_scenes --variant full --count 600

Interrupt it whenever you like: the same command goes on with the scenes that are missing. Several
commands, also on several machines with one disk, may work on the same folder.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from examples.clevrtex_scenes import pool
from examples.clevrtex_scenes.draw import Job, draw
from examples.clevrtex_scenes.layout import CARD, is_complete, variant_folder
from examples.training.checks import check_positive, check_seed
from examples.training.command import run_command
from examples.training.files import write_json
from examples.training.interrupt import deferred_interrupts

RECIPE = 1
"""Counts up when the same options give other pictures."""
LINE_SECONDS = 20.0
LARGEST_INDEX = 999_999
"""File names have six digits."""


@dataclass(frozen=True)
class RenderOptions:
    """Render CLEVRTex-style scenes with masks (see docs/scenes.md)."""

    variant: Literal["full", "outd", "camo", "pbg", "vbg", "grassbg", "clevr"] = "full"
    """Which data set."""
    count: int = 100
    """Number of scenes."""
    first: int = 0
    """Index of the first one."""
    out: Path = Path("runs/clevrtex")
    """Folder of all variants."""
    size: str = "214x160"
    """Width x height in pixels; 320x240 is what was published, 214x160 crops to 128 unresized."""
    samples: int = 16
    """Rays per pixel, before the denoiser."""
    processes: int = 2
    """How many scenes at a time."""
    threads: int = 1
    """Threads of each process."""
    seed: int = 0
    """Same seed, variant and index: same scene."""


def main(options: RenderOptions) -> None:
    """Render what is missing."""
    job = checked_job(options)
    write_card(options, job)
    wanted = range(options.first, options.first + options.count)
    missing = [i for i in wanted if not is_complete(job.root, job.variant, i)]
    print(f"{job.variant}: {options.count - len(missing)} scenes are there, {len(missing)} to go")
    failed, drawn, began, last_line = [], 0, time.monotonic(), 0.0
    with deferred_interrupts() as interrupt:
        work = functools.partial(draw, job)
        for done, outcome in enumerate(
            pool.run(work, missing, processes=options.processes, stopped=lambda: bool(interrupt)), 1
        ):
            drawn += outcome.seconds is not None
            if outcome.error is not None:
                failed.append(outcome.item)
                print(f"scene {outcome.item}: {outcome.error}", file=sys.stderr, flush=True)
            now = time.monotonic()
            if now - last_line >= LINE_SECONDS or done == len(missing):
                last_line = now
                pace = (now - began) / done
                minutes = (len(missing) - done) * pace / 60
                text = f"{done}/{len(missing)}  {pace:.2f} s a scene  {minutes:.0f} min left"
                print(f"{job.variant}: {text}", flush=True)
    if interrupt:
        print(f"stopped by {interrupt.signal_name} after {drawn} scenes; run it again to go on")
        sys.exit(130)
    if failed:
        names = ", ".join(str(item) for item in failed[:10])
        raise ValueError(f"{len(failed)} scenes failed ({names}); run the command again")


def checked_job(options: RenderOptions) -> Job:
    """Check the options.

    Args:
        options: As they were typed.

    Raises:
        ValueError: If they make no sense, or bpy is missing.
    """
    check_positive(options, "count", "samples", "processes", "threads")
    check_seed(options.seed)
    size = re.fullmatch(r"(\d+)x(\d+)", options.size)
    if not size or not 16 <= int(size[2]) <= int(size[1]) <= 4096:
        raise ValueError(
            "--size must be WIDTHxHEIGHT, no higher than wide, from 16 to 4096 pixels: got "
            f"{options.size!r}; try 214x160"
        )
    if options.first < 0 or options.first + options.count - 1 > LARGEST_INDEX:
        raise ValueError(
            f"indices must lie in 0..{LARGEST_INDEX}: got --first {options.first} --count "
            f"{options.count}"
        )
    if importlib.util.find_spec("bpy") is None:
        raise ValueError(
            "this environment has no bpy: build one with `make scenes-venv`, then run "
            ".venv-bpy/bin/python -m examples.clevrtex_scenes"
        )
    return Job(
        options.out,
        options.variant,
        options.seed,
        (int(size[1]), int(size[2])),
        options.samples,
        options.threads,
    )


def write_card(options: RenderOptions, job: Job) -> None:
    """Say in the folder how its scenes are made, or check that it says the same.

    Args:
        options: As they were typed.
        job: As they were understood.

    Raises:
        ValueError: If the folder holds scenes made otherwise.
    """
    path = variant_folder(job.root, job.variant) / CARD
    same = {
        "variant": job.variant,
        "seed": job.seed,
        "size": list(job.size),
        "samples": job.samples,
        "recipe": RECIPE,
    }
    if path.exists():
        try:
            card = dict(json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is damaged ({error}); remove it") from error
        differing = [key for key in same if card.get(key) != same[key]]
        if differing:
            there = ", ".join(f"{key} {card.get(key)}" for key in differing)
            raise ValueError(
                f"{path.parent} holds scenes of another kind ({there}); give the same options or "
                "another --out"
            )
        return
    command = (
        f"python -m examples.clevrtex_scenes --variant {job.variant} --size {options.size} "
        f"--samples {job.samples} --seed {job.seed}"
    )
    versions = {name: importlib.metadata.version(name) for name in ("bpy", "numpy", "pillow")}
    write_json(path, same | {"command": command, "versions": versions})


if __name__ == "__main__":
    run_command(main, RenderOptions)
