"""A linear map of the channels of every site, by the fastest kernel."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_HAS_ONEDNN = torch.backends.mkldnn.is_available()  # the compiler cannot trace this call


class SiteLinear(nn.Linear):
    """`torch.nn.Linear`, up to rounding.

    On a CPU, float32 runs as a 1x1 convolution over site-major memory. That is the same product,
    but by oneDNN, which on AMD processors takes half the time of the matrix product that
    `torch.nn.Linear` uses there.
    """

    def forward(self, input: Tensor) -> Tensor:
        if not _suits_convolution(input, self.weight):
            return super().forward(input)
        # The compiler cannot convolve where sizes change, but it can call an operator that does.
        product = _convolve_op if torch.compiler.is_compiling() else _convolve
        return product(input, self.weight, self.bias)


def _suits_convolution(x: Tensor, weight: Tensor) -> bool:
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.numel() > 0
        and _HAS_ONEDNN
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_exporting()
        # The operator would fail under the compiled `torch.func.grad`, and `jvp` would give zero.
        and not torch._C._are_functorch_transforms_active()
    )


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``W x + b`` as a 1x1 convolution of one image of height ``x.numel() / C`` and width 1."""
    out = F.conv2d(_as_image(x), weight[:, :, None, None], bias)
    return _as_sites(out, x.shape)


def _as_image(x: Tensor) -> Tensor:
    return x.reshape(1, -1, 1, x.shape[-1]).permute(0, 3, 1, 2)


def _as_sites(image: Tensor, shape: torch.Size) -> Tensor:
    return image.permute(0, 2, 3, 1).reshape(*shape[:-1], image.shape[1]).contiguous()


@torch.library.custom_op("kuramoto_nn::site_linear", mutates_args=())
def _convolve_op(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return _convolve(x, weight, bias)


@_convolve_op.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return x.new_empty(*x.shape[:-1], weight.shape[0])


@torch.library.custom_op("kuramoto_nn::site_linear_backward", mutates_args=())
def _convolve_backward(
    grad: Tensor, x: Tensor, weight: Tensor, needs: list[bool]
) -> tuple[Tensor, Tensor, Tensor]:
    image, kernel = _as_image(x), weight[:, :, None, None]
    sizes = [len(weight)]
    to_x, to_weight, to_bias = torch.ops.aten.convolution_backward(
        _as_image(grad), image, kernel, sizes, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, needs
    )
    return (
        _as_sites(to_x, x.shape) if needs[0] else x.new_empty(0),
        to_weight.flatten(1).contiguous() if needs[1] else x.new_empty(0),
        to_bias if needs[2] else x.new_empty(0),
    )


@_convolve_backward.register_fake
def _(grad: Tensor, x: Tensor, weight: Tensor, needs: list[bool]) -> tuple[Tensor, ...]:
    shapes = (x.shape, weight.shape, weight.shape[:1])
    return tuple(x.new_empty(shape if n else 0) for shape, n in zip(shapes, needs, strict=True))


def _keep(ctx, inputs, output):
    x, weight, _ = inputs
    ctx.save_for_backward(x, weight)


def _backward(ctx, grad):
    needs = list(ctx.needs_input_grad)
    grads = _convolve_backward(grad, *ctx.saved_tensors, needs)
    return tuple(g if n else None for g, n in zip(grads, needs, strict=True))


_convolve_op.register_autograd(_backward, setup_context=_keep)
