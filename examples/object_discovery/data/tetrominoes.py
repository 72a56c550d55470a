"""Tetrominoes: three coloured pieces on black, 32x32, either drawn here or the original file.

Every array runs over all scenes at once. Sampling (`sample_scenes`) and rendering (`render`) are
apart: `render` reproduces the original records pixel for pixel from their placements.
"""

from typing import NamedTuple

import numpy as np

from examples.object_discovery.data.originals import ADDRESS, DrawnSet

SCENE_SIZE = 35
BLOCK_SIZE = 5
NUM_PIECES = 3

# Rows of each orientation, top to bottom.
ORIENTATIONS = (
    *("#/#/#/#", "####", "##/##", "###/#..", "..#/###", "###/..#", "##/.#/.#", "##/#./#."),
    *("#./#./##", "##./.##", ".##/##.", ".#/##/#.", "#./##/.#", ".#./###", "###/.#."),
    *(".#/##/.#", "#./##/#."),
)
# Red, green, blue, yellow, magenta, cyan.
COLORS = np.array(
    [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1)], dtype=np.uint8
)
# Brightness of one block: lit from the top left.
_SIDES = [127, 159, 159, 159, 191]
SHADING = np.array(
    [[191, 255, 255, 255, 223], _SIDES, _SIDES, _SIDES, [95, 63, 63, 63, 127]], dtype=np.uint8
)
_SQUARES = [np.array([[*row] for row in text.split("/")]) == "#" for text in ORIENTATIONS]
# (orientations, 4 blocks, row and column) pixel offsets from the piece's top-left corner.
BLOCK_OFFSETS = BLOCK_SIZE * np.array([*map(np.argwhere, _SQUARES)], dtype=np.int32)
# (orientations, height and width) in pixels.
PIECE_SIZES = BLOCK_OFFSETS.max(axis=1) + BLOCK_SIZE


class Scenes(NamedTuple):
    """Placements of the pieces of n scenes."""

    orientation: np.ndarray  # (n, pieces) index into ORIENTATIONS
    color: np.ndarray  # (n, pieces) index into COLORS
    corner: np.ndarray  # (n, pieces, 2) row and column of the piece's top-left pixel

    def block_corners(self) -> np.ndarray:
        """Row and column of every block's top-left pixel, `(n, pieces, 4, 2)`."""
        return self.corner[:, :, None] + BLOCK_OFFSETS[self.orientation]


def overlaps(scenes: Scenes) -> np.ndarray:
    """Say which of n scenes have two pieces sharing a pixel: `(n,)` bool."""
    corners = scenes.block_corners()
    result = np.zeros(len(corners), dtype=bool)
    for first in range(corners.shape[1]):
        for second in range(first):
            gap = np.abs(corners[:, first, :, None] - corners[:, second, None, :])
            result |= np.any(np.all(gap < BLOCK_SIZE, axis=-1), axis=(1, 2))
    return result


def propose_scenes(count: int, *, rng: np.random.Generator) -> Scenes:
    """Draw pieces inside of the image, uniform and independent, so that they may overlap."""
    orientation = rng.integers(len(ORIENTATIONS), size=(count, NUM_PIECES), dtype=np.int32)
    color = rng.integers(len(COLORS), size=(count, NUM_PIECES), dtype=np.int32)
    free = SCENE_SIZE - PIECE_SIZES[orientation] + 1
    return Scenes(orientation, color, rng.integers(free, dtype=np.int32))


def sample_scenes(count: int, *, rng: np.random.Generator) -> Scenes:
    """Draw scenes without overlap, by rejecting whole scenes.

    Rejecting the whole scene, not the last piece, makes the result exactly the proposal given that
    nothing overlaps: the order of the pieces carries no information about their places.
    """
    kept, missing = [propose_scenes(0, rng=rng)], count
    while missing > 0:
        # About 15 % of the proposals have no overlap, so that one round mostly suffices.
        scenes = propose_scenes(8 * missing + 16, rng=rng)
        accepted = np.flatnonzero(~overlaps(scenes))[:missing]
        kept.append(Scenes(*(values[accepted] for values in scenes)))
        missing -= len(accepted)
    return Scenes(*map(np.concatenate, zip(*kept, strict=True)))


def render(scenes: Scenes) -> tuple[np.ndarray, np.ndarray]:
    """Paint images `(n, 3, 35, 35)` and labels `(n, 35, 35)`, k + 1 for piece k, both uint8.

    Where pieces overlap, the later one covers the other.
    """
    count, pieces = scenes.orientation.shape
    brightness = np.zeros((count, SCENE_SIZE, SCENE_SIZE), dtype=np.uint8)
    masks = np.zeros_like(brightness)
    corners = scenes.block_corners()
    scene = np.arange(count)[:, None, None]
    inside = np.arange(BLOCK_SIZE)
    for piece in range(pieces):
        for block in range(corners.shape[2]):
            rows = corners[:, piece, block, 0, None, None] + inside[:, None]
            columns = corners[:, piece, block, 1, None, None] + inside
            brightness[scene, rows, columns] = SHADING
            masks[scene, rows, columns] = piece + 1
    # Background takes any colour: its brightness is 0.
    channels = COLORS[np.pad(scenes.color, ((0, 0), (1, 0)))]
    painted = [brightness * channels[scene, masks, c] for c in range(3)]
    return np.stack(painted, axis=1), masks


class Tetrominoes(DrawnSet):
    """Tetrominoes."""

    num_clusters = 4
    size = 32
    addresses = (f"{ADDRESS}/tetrominoes/tetrominoes_train.tfrecords",)
    pattern = "*tetrominoes*.tfrecords"
    folders = ("tetrominoes",)
    entities = 4
    stored = (SCENE_SIZE, SCENE_SIZE)
    corner = (1, 1)
    side = 32
    streams = {"train": (0,), "test": (1,), "val": (3,)}
    sample = staticmethod(sample_scenes)
    render = staticmethod(render)
