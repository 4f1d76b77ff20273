"""Arrays of images as ``.npz``: ``images`` (uint8, N x H x W, or x 3 in colour) and ``labels``."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistgan.errors import DataError
from mnistgan.files import atomic_path

_MAX_UNPACKED = 2**28
_MAX_RATIO = 100


def write_npz(
    path: Path, pictures: Iterable[npt.NDArray[np.uint8]], shape: tuple[int, ...]
) -> None:
    """Write a stream of image arrays as ``images``, atomically and in constant memory.

    Args:
        path: the file.
        pictures: arrays n x H x W, or n x H x W x 3, that together have the shape.
        shape: of the whole array.
    """
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    # NumPy's own writer wants the whole array; an .npz is a zip of .npy files, so this is one too.
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w") as archive,
        archive.open("images.npy", "w", force_zip64=True) as member,
    ):
        np.lib.format.write_array_header_2_0(member, header)
        for block in pictures:
            member.write(np.ascontiguousarray(block).data)


def read_npz(path: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64] | None]:
    """Read images and, where there are any, labels.

    Returns:
        Images, uint8, N x C x H x W; labels, int64, N, or None.

    Raises:
        DataError: the file cannot be read, holds no such arrays, or they do not fit together.
    """
    try:
        arrays = _arrays(path)
        return _images(arrays), _labels(arrays)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(
            f"{path}: {error}; give an .npz with images (uint8, N x H x W or N x H x W x 3) and, "
            "if there are any, labels (whole numbers, N)"
        ) from error


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > max(_MAX_UNPACKED, _MAX_RATIO * path.stat().st_size):
        raise ValueError("unpacks to far more than images of its size would")
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in ("images", "labels") if name in file.files}


def _images(arrays: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint8]:
    images = arrays.get("images")
    if images is None:
        raise ValueError("holds no array 'images'")
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"its images are {images.dtype} of shape {images.shape}")
    if not images.size:
        raise ValueError("holds no image")
    return np.ascontiguousarray(np.moveaxis(images, -1, 1))


def _labels(arrays: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.int64] | None:
    labels = arrays.get("labels")
    if labels is None:
        return None
    if labels.dtype.kind not in "iu" or labels.shape != arrays["images"].shape[:1]:
        raise ValueError(f"its labels are {labels.dtype} of shape {labels.shape}")
    if labels.min() < 0:
        raise ValueError("has labels below 0")
    return labels.astype(np.int64)
