"""The bounds on the step size of docs/why/energy.md, on random symmetric couplings in float64."""

import pytest
import torch

from kuramoto_nn.functional import energy, euler, normalize, velocity

SYSTEMS, SITES, STEPS = 64, 5, 60


def random_systems(dim: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Symmetric J ``(B, P, N, P, N)`` of any sign and c ``(B, P, N)``, scaled over four decades."""
    scales = 10 ** (4 * torch.rand(2, SYSTEMS, 1, 1, generator=generator).double() - 2)
    size = SITES * dim
    matrix = torch.randn(SYSTEMS, size, size, generator=generator, dtype=torch.float64)
    kinds = torch.stack((matrix + matrix.mT, matrix @ matrix.mT, -matrix @ matrix.mT))
    coupling = kinds[torch.arange(SYSTEMS) % 3, torch.arange(SYSTEMS)] * scales[0]
    c = torch.randn(SYSTEMS, SITES, dim, generator=generator, dtype=torch.float64) * scales[1]
    return coupling.view(SYSTEMS, SITES, dim, SITES, dim), c


def worst_change(dim: int, factor: float, *, uniform: bool) -> float:
    """Largest change of the energy in a step of `factor` times the bound, relative to J and c."""
    generator = torch.Generator().manual_seed(dim)
    coupling, c = random_systems(dim, generator)
    least = torch.linalg.eigvalsh(coupling.flatten(3).flatten(1, 2))[:, 0].view(-1, 1)
    norms = torch.linalg.matrix_norm(coupling.transpose(2, 3), ord=2)  # (B, P, P)
    bound = 2 / (c.norm(dim=-1).amax(1) + 2 * norms.sum(2).amax(1))  # (E3)
    x = normalize(torch.randn(c.shape, generator=generator, dtype=torch.float64))
    size, worst = norms.sum((1, 2)) + c.norm(dim=-1).sum(1), -torch.inf
    for _ in range(STEPS):
        coupled = torch.einsum("binjm,bjm->bin", coupling, x)
        if not uniform:
            strongest = ((x * (coupled + c)).sum(-1) - least).amax(1)  # (E2)
            bound = 2 / strongest.clamp_min(1e-6)
        dx = velocity(x, coupled + c)
        there = euler(x, dx, lambda x: x, factor * bound[:, None, None])
        coupled_there = torch.einsum("binjm,bjm->bin", coupling, there)
        change = energy(there, coupled_there, c) - energy(x, coupled, c)
        x, worst = there, max(worst, (change / size).max().item())
    return worst


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("uniform", [True, False])
def test_energy_descends_up_to_the_bound(dim: int, uniform: bool):
    assert worst_change(dim, 1.0, uniform=uniform) <= 1e-14


@pytest.mark.parametrize("dim", [2, 4])
def test_energy_rises_beyond_the_bound(dim: int):
    assert worst_change(dim, 2.0, uniform=False) > 1e-6


@pytest.mark.parametrize("strength", [3.0, 0.1])
def test_the_bound_is_sharp_without_coupling(strength: float):
    c = torch.tensor([[strength, 0.0]], dtype=torch.float64)
    x = normalize(torch.tensor([[1.0, 1e-3]], dtype=torch.float64))
    none = torch.zeros_like(x)
    for factor, rises in ((0.99, False), (1.01, True)):
        there = euler(x, velocity(x, c), lambda x: x, 2 * factor / strength)
        assert (energy(there, none, c) > energy(x, none, c)).item() == rises
