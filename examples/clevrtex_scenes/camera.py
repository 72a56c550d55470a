"""The camera as plain geometry: where a point of the world lies in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LENS = 35.0  # mm
SENSOR = 32.0  # mm, along the longer side
POSITION = (7.481, -6.508, 5.344)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks at the origin, its top upwards.

    Args:
        position: `(3,)` where it stands.

    Examples:
        >>> x, y, depth = Camera((0.0, -10.0, 0.0)).project((0.0, 0.0, 0.0), size=(320, 240))
        >>> x, y, round(depth, 6)
        (160, 120, 10.0)
    """

    position: tuple[float, float, float]

    @property
    def axes(self) -> np.ndarray:
        """`(3, 3)`: rows are the unit vectors to the right, up and backwards, in the world."""
        backwards = np.asarray(self.position) / np.linalg.norm(self.position)
        right = np.cross((0.0, 0.0, 1.0), backwards)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(backwards, right), backwards])

    def directions(self) -> dict[str, tuple[float, float, float]]:
        """Unit vectors along the ground (and up and down) as the viewer names them."""
        right, _, backwards = self.axes
        front = np.array([backwards[0], backwards[1], 0.0])
        front /= np.linalg.norm(front)
        up = np.array([0.0, 0.0, 1.0])
        named = {"right": right, "left": -right, "front": front, "behind": -front}
        named |= {"above": up, "below": -up}
        return {name: (float(x), float(y), float(z)) for name, (x, y, z) in named.items()}

    def project(
        self, point: tuple[float, float, float], *, size: tuple[int, int]
    ) -> tuple[int, int, float]:
        """Find a point in the picture.

        Args:
            point: In the world.
            size: Width and height of the picture in pixels, the width being the longer side.

        Returns:
            Column and row of the pixel, counted from the top left, and the depth along the axis.
        """
        x, y, z = self.axes @ (np.asarray(point) - self.position)
        scale = size[0] * LENS / SENSOR / -z
        return round(size[0] / 2 + scale * x), round(size[1] / 2 - scale * y), float(-z)
