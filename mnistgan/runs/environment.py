"""What mnistgan runs on: versions, device, folders and plugins, as in a bug report.

Imports neither torch nor torchvision at the top: an installation of which one cannot be imported is
described, too.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mnistgan import __version__
from mnistgan.datasets.torchvision_import import import_torchvision
from mnistgan.errors import UsageError
from mnistgan.generators.named import NamedGenerator
from mnistgan.outputs.registry import OutputPlugin
from mnistgan.plugins import Plugin, installed, one_line
from mnistgan.storage import user_dirs

_PACKAGES = ("torch", "torchvision", "numpy", "typer", "rich")

PLUGIN_KINDS: dict[str, type[Plugin]] = {"generators": NamedGenerator, "outputs": OutputPlugin}
"""The class of each kind of plugin."""


@dataclass(frozen=True)
class InstalledPlugin:
    """An installed plugin: its kind, its name, and its package with the version."""

    kind: str
    name: str
    package: str


@dataclass(frozen=True)
class Arithmetic:
    """What a run computes with unless its config says otherwise.

    Attributes:
        device: device that ``train.device = "auto"`` selects.
        device_name: name of the GPU, or of the machine's processor type.
        precision: precision that ``train.precision = "auto"`` selects on it.
        threads: number of CPU threads.
        cuda: version of CUDA that torch was built with; None for a build without CUDA.
    """

    device: str
    device_name: str
    precision: str
    threads: int
    cuda: str | None


@dataclass(frozen=True)
class Environment:
    """What mnistgan runs on.

    Attributes:
        versions: versions of mnistgan, Python and packages; None for a package that is missing.
        system: operating system and processor type.
        cores: number of CPU cores of the machine.
        arithmetic: None if torch cannot be used.
        data_root: folder of the data sets; None if it cannot be determined.
        cache: folder of the cache; None if it cannot be determined.
        plugins: the installed plugins of every kind.
        problems: one sentence for each library that cannot be imported, and each other failure.
    """

    versions: dict[str, str | None]
    system: str
    cores: int | None
    arithmetic: Arithmetic | None
    data_root: Path | None
    cache: Path | None
    plugins: Sequence[InstalledPlugin]
    problems: Sequence[str] = field(default_factory=list)


def describe() -> Environment:
    """Describe what mnistgan runs on. Raises nothing: what fails becomes a problem."""
    problems: list[str] = []
    # From the metadata: a package that cannot be imported has a version, too.
    versions = {package: _version(package) for package in _PACKAGES}
    arithmetic: Arithmetic | None = None
    try:
        import torch

        versions["torch"] = str(torch.__version__)  # unlike the metadata, with +cpu or +cu130
        arithmetic = _arithmetic()
    # A library whose binaries do not fit the machine raises OSError, RuntimeError and others.
    except Exception as error:
        problems.append(f"torch cannot be used ({one_line(error)})")
    try:
        versions["torchvision"] = str(import_torchvision().__version__)
    except Exception as error:
        problems.append(str(error) if isinstance(error, UsageError) else one_line(error))
    return Environment(
        versions={"mnistgan": __version__, "python": platform.python_version(), **versions},
        system=platform.platform(),
        cores=os.cpu_count(),
        arithmetic=arithmetic,
        data_root=_folder(user_dirs.data_root, problems),
        cache=_folder(user_dirs.cache, problems),
        plugins=installed_plugins(),
        problems=problems,
    )


def installed_plugins(*kinds: str) -> list[InstalledPlugin]:
    """The installed plugins of these kinds, by default of all, without importing them."""
    return [
        InstalledPlugin(kind, plugin.name, plugin.origin)
        for kind in kinds or PLUGIN_KINDS
        for several in installed(PLUGIN_KINDS[kind]).values()
        for plugin in several
    ]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _arithmetic() -> Arithmetic:
    import torch

    from mnistgan.models import devices, precision

    devices.use_threads(None)
    device = devices.resolve("auto")
    is_gpu = device.type == "cuda"
    return Arithmetic(
        device=device.type,
        device_name=torch.cuda.get_device_name(device) if is_gpu else platform.machine(),
        precision=str(precision.resolve("auto", device)).removeprefix("torch."),
        threads=torch.get_num_threads(),
        cuda=torch.version.cuda,
    )


def _folder(find: Callable[[], Path], problems: list[str]) -> Path | None:
    try:
        return find()
    except UsageError as error:
        problems.append(str(error))
        return None
