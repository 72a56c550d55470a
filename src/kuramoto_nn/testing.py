"""Laws of oscillators and couplings as assertions, to be run on modules of one's own.

Every function takes example tensors, so that shape, dtype and device are the user's, and raises an
`AssertionError` that shows the worst counterexample.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from kuramoto_nn.functional import from_oscillators, to_oscillators
from kuramoto_nn.layers import KuramotoLayer

__all__ = [
    "assert_energy_descends",
    "assert_keeps_shape",
    "assert_on_sphere",
    "assert_rotation_equivariant",
    "assert_symmetric",
]

TOLERANCE_ULPS = 1e3
"""Default tolerance, relative to the largest value compared, in units of the dtype's epsilon."""


def assert_on_sphere(x: Tensor, oscillator_dim: int, *, tolerance: float | None = None) -> None:
    """Assert that every oscillator is a unit vector.

    Args:
        x: Oscillators, ``(B, C, *S)``.
        oscillator_dim: Components N of an oscillator.
        tolerance: Largest accepted ``| |x_i| - 1 |``; 1000 epsilons of the dtype if None.

    Raises:
        AssertionError: With the index and the norm of the worst oscillator.

    Examples:
        >>> assert_on_sphere(torch.tensor([[0.6, 0.8, 0.0, 2.0]]), 2)
        Traceback (most recent call last):
        AssertionError: oscillator 1 of x[0, :] has norm 2, not 1 (tolerance 0.000119)
    """
    norms = to_oscillators(x.detach(), oscillator_dim).double().norm(dim=-1)  # (B, *S, K)
    error, index = _worst((norms - 1).abs())
    allowed = _allowed(x.new_ones(()), tolerance)
    if not error <= allowed:
        batch, *site, oscillator = index
        place = ", ".join(map(str, (batch, ":", *site)))
        raise AssertionError(
            f"oscillator {oscillator} of x[{place}] has norm {norms[index]:.10g}, not 1 "
            f"(tolerance {allowed:.3g})"
        )


def assert_keeps_shape(module: Callable[[Tensor], Tensor], x: Tensor) -> None:
    """Assert that a module keeps shape, dtype and device, and its input itself, as a coupling must.

    Args:
        module: A coupling or another map ``(B, C, *S) -> (B, C, *S)``.
        x: Example input; an empty batch of it is tried as well.

    Raises:
        AssertionError: With both shapes, dtypes or devices, or that the input was overwritten.

    Examples:
        >>> assert_keeps_shape(torch.nn.Conv2d(4, 4, 3), torch.randn(2, 4, 8, 8))
        Traceback (most recent call last):
        AssertionError: the shape changes: (2, 4, 8, 8) becomes (2, 4, 6, 6)
    """
    for given in (x, x[:0]):
        original = given.clone()
        with torch.no_grad():
            result = module(given)
        if not torch.allclose(given, original, rtol=0, atol=0, equal_nan=True):
            raise AssertionError("the module overwrites its input; try ReLU() without inplace=True")
        for name in ("shape", "dtype", "device"):
            before, after = getattr(given, name), getattr(result, name)
            if before != after:
                before, after = (tuple(v) if name == "shape" else v for v in (before, after))
                raise AssertionError(f"the {name} changes: {before} becomes {after}")


def assert_rotation_equivariant(
    module: Callable[[Tensor], Tensor],
    x: Tensor,
    oscillator_dim: int,
    *,
    tolerance: float | None = None,
    generator: torch.Generator | None = None,
) -> None:
    """Assert that a common rotation R of all oscillators commutes with a module: f(R x) = R f(x).

    It holds for couplings ``J = j (x) I`` and for a layer with such a coupling, no stimulus and no
    natural frequency: ``lambda x: layer(x, torch.zeros_like(x))``.

    Args:
        module: A map ``(B, C, *S) -> (B, C, *S)``.
        x: Example input.
        oscillator_dim: Components N of an oscillator.
        tolerance: Largest accepted error, relative to the largest component of the result.
        generator: Source of the random rotation.

    Raises:
        AssertionError: With the index of the component that differs most, and both values.

    Examples:
        >>> torch.manual_seed(0)
        <torch._C.Generator object at ...>
        >>> assert_rotation_equivariant(lambda x: 2 * x, torch.randn(2, 8, 5), 4)
        >>> assert_rotation_equivariant(torch.relu, torch.randn(2, 8, 5), 4)
        Traceback (most recent call last):
        AssertionError: f(R x) differs from R f(x) most at (...): ...
    """
    size = (oscillator_dim, oscillator_dim)
    rotation = torch.randn(size, generator=generator, dtype=torch.float64)
    rotation = torch.linalg.qr(rotation).Q.to(x)

    def rotate(values: Tensor) -> Tensor:
        return from_oscillators(to_oscillators(values, oscillator_dim) @ rotation.T)

    with torch.no_grad():
        _assert_same(module(rotate(x)), rotate(module(x)), "f(R x)", "R f(x)", tolerance)


def assert_symmetric(
    coupling: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    tolerance: float | None = None,
    generator: torch.Generator | None = None,
) -> None:
    """Assert that a coupling is linear and symmetric: ``<u, J v> = <J u, v>``.

    With a symmetric J and Omega = 0 the energy decreases for small steps.

    Args:
        coupling: J, a map ``(B, C, *S) -> (B, C, *S)``.
        x: Example input, for its shape, dtype and device.
        tolerance: Largest accepted error, relative to ``|u| |J v|``.
        generator: Source of u and v, on the CPU.

    Raises:
        AssertionError: With both inner products, or the place where J is not linear.

    Examples:
        >>> assert_symmetric(lambda x: x.roll(1, -1), torch.randn(2, 4, 7))
        Traceback (most recent call last):
        AssertionError: <u, J v> = ... differs from <J u, v> = ...
    """
    u, v = (torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x.device) for _ in "uv")
    with torch.no_grad():
        ju, jv = coupling(u), coupling(v)
        _assert_same(coupling(u - 2 * v), ju - 2 * jv, "J(u - 2 v)", "J u - 2 J v", tolerance)
        left, right = (u.double() * jv.double()).sum(), (ju.double() * v.double()).sum()
        scale = (u.norm() * jv.norm()).to(x.dtype)
    if not (left - right).abs() <= _allowed(scale, tolerance):
        raise AssertionError(f"<u, J v> = {left:.10g} differs from <J u, v> = {right:.10g}")


def assert_energy_descends(
    layer: KuramotoLayer,
    x: Tensor,
    c: Tensor,
    *,
    num_steps: int | None = None,
    tolerance: float | None = None,
) -> None:
    """Assert that the energy of every sample decreases at every step.

    It does for symmetric J and Omega = 0, if the step size is small enough; and it may otherwise.

    Args:
        layer: The layer.
        x: Start of the oscillators, ``(B, C, *S)``.
        c: Stimulus, same shape.
        num_steps: Steps T; the layer's own if None.
        tolerance: Largest accepted increase in a step, relative to the largest energy.

    Raises:
        AssertionError: With the sample and the step of the largest increase, and both energies.

    Examples:
        >>> layer = KuramotoLayer(torch.nn.Identity(), channels=4, oscillator_dim=2, step_size=-1.0)
        >>> assert_energy_descends(layer, torch.randn(1, 4, 3), torch.randn(1, 4, 3))
        Traceback (most recent call last):
        AssertionError: the energy of sample 0 increases in step ...
    """
    with torch.no_grad():
        energies = layer.trajectory(x, c, num_steps=num_steps).energies
    if len(energies) < 2:
        return
    increase, (step, sample) = _worst(energies.diff(dim=0))
    if not increase <= _allowed(energies.abs().max().to(x.dtype), tolerance):
        before, after = energies[step : step + 2, sample].tolist()
        raise AssertionError(
            f"the energy of sample {sample} increases in step {step + 1}: from {before:.10g} to "
            f"{after:.10g}; it decreases for a symmetric coupling without natural frequency, if "
            f"the step size is small enough"
        )


def _assert_same(
    first: Tensor, second: Tensor, first_name: str, second_name: str, tolerance: float | None
) -> None:
    error, index = _worst((first - second).abs())
    if not error <= _allowed(torch.maximum(first.abs().max(), second.abs().max()), tolerance):
        raise AssertionError(
            f"{first_name} differs from {second_name} most at {index}: {first[index]:.10g} and "
            f"{second[index]:.10g}"
        )


def _worst(errors: Tensor) -> tuple[float, tuple[int, ...]]:
    """Largest value, or the first NaN, and its index."""
    flat = int(errors.argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), errors.shape))
    return errors.flatten()[flat].item(), index


def _allowed(scale: Tensor, tolerance: float | None) -> float:
    """Absolute tolerance for values of this size and dtype."""
    relative = TOLERANCE_ULPS * torch.finfo(scale.dtype).eps if tolerance is None else tolerance
    return relative * scale.item()
