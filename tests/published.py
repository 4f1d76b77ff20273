"""Published data sets in small: made-up images in each set's own files."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support import noise_images, to_idx

from mnistgan import catalog
from mnistgan.catalog import DataSet, Split

COUNT = {"train": 40, "test": 20}
"""Images in the parts of a small set."""


def md5(raw: bytes) -> str:
    """As the catalog states it."""
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


@dataclass
class Small:
    """Puts a small data set into the catalog, and its files into a root."""

    monkeypatch: pytest.MonkeyPatch

    def __call__(self, name: str, root: Path) -> DataSet:
        data_set = catalog.DATA_SETS[name]
        folder = root / data_set.folder
        folder.mkdir(parents=True, exist_ok=True)
        for file, raw in _files(data_set).items():
            (folder / file).write_bytes(raw)
        archives = tuple(
            dataclasses.replace(
                archive, md5=md5((folder / archive.name).read_bytes()), unpacked_md5=None
            )
            for archive in data_set.archives
        )
        parts = {
            split: dataclasses.replace(getattr(data_set, split), count=count)
            for split, count in COUNT.items()
        }
        smaller = dataclasses.replace(data_set, archives=archives, mirrors=(), **parts)
        self.monkeypatch.setitem(catalog.DATA_SETS, name, smaller)
        return smaller


def _files(data_set: DataSet) -> dict[str, bytes]:
    """The archives of a set in its own format, by name."""
    parts = {"train": data_set.train, "test": data_set.test}
    arrays: dict[str, bytes] = {}
    for seed, (name, split) in enumerate(parts.items()):
        assert isinstance(split, Split)
        count, side = COUNT[name], data_set.side
        images = noise_images(count, side, side, seed=seed)
        labels = np.arange(count, dtype=np.int64) % len(data_set.classes)
        if data_set.form == "usps":
            arrays[f"{split.images}.bz2"] = _usps_lines(images, labels)
        else:
            if data_set.name == "emnist-letters":
                labels = labels + 1
            stored: np.ndarray = labels.astype(np.uint8)
            if "idx2-int" in split.labels:
                stored = np.repeat(labels[:, None], 8, axis=1).astype(np.int32) * [1, *[7] * 7]
                stored = stored.astype(np.int32)
            arrays[f"{split.images}.gz"] = gzip.compress(to_idx(images))
            arrays[f"{split.labels}.gz"] = gzip.compress(to_idx(stored))
    return {"gzip.zip": _zip(arrays)} if data_set.form == "emnist" else arrays


def _usps_lines(images: np.ndarray, labels: np.ndarray) -> bytes:
    values = images.reshape(len(images), -1) / 127.5 - 1
    lines = (
        " ".join([str(label + 1), *(f"{i}:{value:.6f}" for i, value in enumerate(row, 1))]) + " \n"
        for label, row in zip(labels, values, strict=True)
    )
    return bz2.compress("".join(lines).encode())


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, raw in files.items():
            archive.writestr(f"gzip/{name}", raw)
    return buffer.getvalue()
