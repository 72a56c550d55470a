"""Renders a described scene: colours and labels out of one pass over the rays.

Labels come from Cryptomatte, which counts how many of a pixel's samples fell on which object; the
label is the object with most of them. So labels are of the very image, edges included.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bpy  # pyright: ignore[reportMissingImports]
import numpy as np
from PIL import Image

from examples.clevrtex_scenes.blender.stage import build_shapes, light_and_paint
from examples.clevrtex_scenes.scene import Scene
from examples.clevrtex_scenes.variants import find_variant

# Blender's own reader of EXR files comes with bpy, but outside the path.
_OWN_PACKAGES = f"python/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
sys.path.append(str(Path(bpy.utils.resource_path("LOCAL")) / _OWN_PACKAGES))
import OpenImageIO as oiio  # noqa: E402  # pyright: ignore[reportMissingImports]

CRYPTOMATTE = "CryptoObject00"


@dataclass(frozen=True)
class Quality:
    """How to render.

    Args:
        size: Width and height in pixels.
        samples: Rays per pixel; the denoiser removes what noise is left.
        threads: Of this process.
    """

    size: tuple[int, int]
    samples: int
    threads: int


def render(scene: Scene, quality: Quality) -> tuple[np.ndarray, np.ndarray]:
    """Render a scene whose shapes `quick_labels` has built.

    Args:
        scene: The scene.
        quality: Size and samples.

    Returns:
        image: `(H, W, 4)` uint8.
        labels: `(H, W)` uint8; 0 is the ground, k the k-th object.
    """
    light_and_paint(scene)
    _prepare(scene, quality)
    return _run(quality)


def quick_labels(scene: Scene, quality: Quality) -> np.ndarray:
    """Build the shapes of a scene and see with one ray per pixel what is visible.

    Args:
        scene: The scene.
        quality: Its size counts.

    Returns:
        `(H, W)` uint8 labels.
    """
    build_shapes(scene)
    _prepare(scene, Quality(quality.size, 1, quality.threads))
    return _run(quality)[1]


def _prepare(scene: Scene, quality: Quality) -> None:
    settings = bpy.context.scene
    settings.render.engine = "CYCLES"
    settings.render.resolution_x, settings.render.resolution_y = quality.size
    settings.render.resolution_percentage = 100
    settings.render.threads_mode, settings.render.threads = "FIXED", quality.threads
    settings.render.dither_intensity = 0.0
    settings.view_settings.view_transform = "Filmic"
    settings.view_settings.look = find_variant(scene.variant).look
    cycles = settings.cycles
    cycles.device, cycles.seed = "CPU", scene.render_seed
    cycles.samples, cycles.use_adaptive_sampling = quality.samples, False
    cycles.use_denoising, cycles.denoiser = quality.samples > 1, "OPENIMAGEDENOISE"
    cycles.denoising_use_gpu, cycles.denoising_prefilter = False, "FAST"
    cycles.max_bounces = cycles.diffuse_bounces = cycles.glossy_bounces = 2
    cycles.sample_clamp_indirect = 10.0
    layer = settings.view_layers[0]
    layer.use_pass_cryptomatte_object, layer.pass_cryptomatte_depth = True, 2


def _run(quality: Quality) -> tuple[np.ndarray, np.ndarray]:
    """Render; save the result twice, as passes and as a picture; read both back."""
    settings = bpy.context.scene
    bpy.ops.render.render()
    result, image = bpy.data.images["Render Result"], settings.render.image_settings
    with tempfile.TemporaryDirectory(prefix="scene-") as folder:
        passes, picture = f"{folder}/passes.exr", f"{folder}/picture.png"
        image.media_type, image.file_format = "MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER"
        image.exr_codec, image.color_depth = "NONE", "32"
        result.save_render(passes, scene=settings)
        image.media_type, image.file_format = "IMAGE", "PNG"
        image.color_mode, image.color_depth, image.compression = "RGBA", "8", 0
        result.save_render(picture, scene=settings)
        with Image.open(picture) as opened:
            pixels = np.asarray(opened.convert("RGBA"))
        labels = read_labels(passes)
    width, height = quality.size
    assert pixels.shape[:2] == labels.shape == (height, width)
    return pixels, labels


def read_labels(path: str) -> np.ndarray:
    """Read the label of every pixel from a Cryptomatte pass.

    Args:
        path: A multi-part EXR file as Blender writes it; objects with a label are named by it.

    Returns:
        `(H, W)` uint8; what has no label, as the ground, is 0.
    """
    part = 0
    while CRYPTOMATTE not in (buffer := oiio.ImageBuf(path, part, 0)).spec().channelnames[0]:
        part += 1
    # The first part's header names the objects by their hashes.
    header = oiio.ImageBuf(path, 0, 0).spec().extra_attribs
    (manifest,) = [entry.value for entry in header if entry.name.endswith("/manifest")]
    names = {int(key, 16): name for name, key in json.loads(manifest).items()}
    # Ranks are sorted by their share of the pixel: the first channel names the largest one.
    keys = np.ascontiguousarray(buffer.get_pixels("float")[..., 0]).view(np.uint32)
    labels = np.zeros(keys.shape, dtype=np.uint8)
    for key, name in names.items():
        if name.isdigit():
            labels[keys == key] = int(name)
    return labels
