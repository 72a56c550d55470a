"""Pure maths on tensors whose last axis holds the N components of an oscillator."""

from kuramoto_nn.functional._dynamics import (
    Integrator,
    energy,
    euler,
    exponential,
    heun,
    rotate,
    rotate_planes,
    velocity,
)
from kuramoto_nn.functional._layout import count_oscillators, from_oscillators, to_oscillators
from kuramoto_nn.functional._order import local_order_parameter, order_parameter
from kuramoto_nn.functional._sphere import (
    exp_map,
    geodesic_distance,
    normalize,
    project_tangent,
    random_sphere,
)

__all__ = [
    "Integrator",
    "count_oscillators",
    "energy",
    "euler",
    "exp_map",
    "exponential",
    "from_oscillators",
    "geodesic_distance",
    "heun",
    "local_order_parameter",
    "normalize",
    "order_parameter",
    "project_tangent",
    "random_sphere",
    "rotate",
    "rotate_planes",
    "to_oscillators",
    "velocity",
]
