"""The unit sphere in R^N, with the N components on the last axis of every tensor.

Reference: Absil, Mahony, Sepulchre, *Optimization Algorithms on Matrix Manifolds* (2008), ch. 3-5.
"""

import torch
from torch import Tensor

NORM_EPS = 1e-12
"""Vectors shorter than this are scaled by 1/NORM_EPS instead of being brought to length one."""
SQUARE_SCALE = 2.0**-20
"""Applied before squaring, exactly: squares of 1e-12 to 1e25 are then normal numbers in float32."""


def normalize(x: Tensor) -> Tensor:
    r"""Map every vector to the sphere, $\Pi(x) = x / |x|$.

    The zero vector stays zero; its gradient is finite but as large as ``1 / NORM_EPS`` (beyond the
    range of float16).
    Half-precision input is normalised in float32 and returned in its own dtype. Lengths up to 1e25
    are within the range of float32.

    Args:
        x: Vectors, shape ``(..., N)``, floating point.

    Returns:
        Unit vectors of the same shape and dtype.

    Raises:
        ValueError: If ``x`` is not floating point.

    Examples:
        >>> normalize(torch.tensor([3.0, 4.0]))
        tensor([0.6000, 0.8000])
    """
    if not x.is_floating_point():
        raise ValueError(f"`x` must be floating point: got {x.dtype}; try x.float()")
    scaled = _at_least_float32(x) * SQUARE_SCALE
    squared = scaled.square().sum(-1, keepdim=True)
    return (scaled * squared.clamp_min((NORM_EPS * SQUARE_SCALE) ** 2).rsqrt()).to(x.dtype)


def project_tangent(x: Tensor, y: Tensor) -> Tensor:
    r"""Project ``y`` onto the tangent space at ``x``, $y - \langle y, x \rangle\, x$.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        y: Vectors, broadcastable with ``x``.

    Returns:
        Vectors orthogonal to ``x``.

    Examples:
        >>> project_tangent(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 3.0]))
        tensor([0., 3.])
    """
    return y - (x * y).sum(-1, keepdim=True) * x


def exp_map(x: Tensor, v: Tensor) -> Tensor:
    r"""Follow the great circle from ``x`` along ``v``, $\cos|v|\, x + \sin|v|\, v / |v|$.

    Smooth at ``v = 0``, where it returns ``x``.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        v: Tangent vectors at ``x``, in radians, same shape.

    Returns:
        Unit vectors of the same shape.

    Examples:
        >>> quarter_turn = torch.tensor([0.0, torch.pi / 2])
        >>> exp_map(torch.tensor([1.0, 0.0]), quarter_turn).round(decimals=6).abs()
        tensor([0., 1.])
    """
    angle = _length(v).unsqueeze(-1)
    return normalize(angle.cos() * x + torch.sinc(angle / torch.pi) * v).to(x.dtype)


def geodesic_distance(x: Tensor, y: Tensor) -> Tensor:
    r"""Angle between unit vectors in radians, $2 \operatorname{atan2}(|x - y|, |x + y|)$.

    Accurate at 0 and at pi, where ``acos`` of the inner product loses half the digits.

    Args:
        x: Unit vectors, shape ``(..., N)``.
        y: Unit vectors, broadcastable with ``x``.

    Returns:
        Angles in ``[0, pi]``, shape ``(...)``.

    Reference:
        W. Kahan, *How Futile are Mindless Assessments of Roundoff* (2006), section 12.

    Examples:
        >>> geodesic_distance(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0]) / 2)
        tensor(1.5708)
    """
    return (2 * torch.atan2(_length(x - y), _length(x + y))).to(x.dtype)


def random_sphere(
    *shape: int,
    generator: torch.Generator | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Draw unit vectors uniformly on the sphere: normalised standard normal noise.

    Args:
        *shape: Shape of the result; the last entry is N.
        generator: Source of randomness; the global one if None.
        dtype: Type of the result.
        device: Device of the result.

    Returns:
        Unit vectors of the given shape.

    Examples:
        >>> random_sphere(5, 3).norm(dim=-1).allclose(torch.ones(5))
        True
    """
    return normalize(torch.randn(*shape, generator=generator, dtype=dtype, device=device))


def _length(x: Tensor) -> Tensor:
    # sqrt has no finite slope at 0; NORM_EPS**2 under the root gives it one, lost in rounding.
    squared = (_at_least_float32(x) * SQUARE_SCALE).square().sum(-1)
    return (squared + (NORM_EPS * SQUARE_SCALE) ** 2).sqrt() / SQUARE_SCALE


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
