"""Commands that are hurt on purpose: killed, refused a file operation, short of disk or memory.

A :class:`Nursery` is a process that has imported everything once and forks a child for each
command, so that a run costs its own work and no import. Shared by tests/system/test_faults.py and
benchmarks/torture.py.
"""

from __future__ import annotations

import csv
import errno
import importlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from PIL import Image
from support import HURRIED

from mnistgan.runs import inspection
from mnistgan.storage import checkpoint, tables
from mnistgan.storage.run_directory import RunDirectory

ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)

RECIPE = """
seed = 3
[data]
name = "digits"
[model]
latent_dim = 4
[model.generator]
widths = [8]
[model.discriminator]
widths = [8]
[train]
epochs = 3
batch_size = 600
device = "cpu"
[checkpoint]
keep = 2
[evaluate]
every = 1
n = 100
"""
"""Two steps an epoch; every kind of file that a run can leave, and a checkpoint that is pruned."""


@dataclass(frozen=True)
class Order:
    """A command, and what happens to it.

    Attributes:
        arguments: after ``mnistgan``.
        folder: the run directory whose file operations are counted; absolute.
        at: the operation, from 1, that does not happen; 0 for none.
        error: what is raised in its place; 0 for a SIGKILL.
        kill_after: seconds until a SIGKILL; negative for none.
        file_size: bytes that no file may exceed; negative for no limit. Not even what is said:
            some thousand must be left for that.
        memory: bytes of address space that may be taken on top of the imports'; likewise.
    """

    arguments: list[str]
    folder: str
    at: int = 0
    error: int = 0
    kill_after: float = -1
    file_size: int = -1
    memory: int = -1


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: its exit code; negative for the signal that killed it.
        seconds: that it took.
        stdout: what it said there.
        stderr: what it said there.
        operations: on files of the run, in order; of a killed command none.
    """

    code: int
    seconds: float
    stdout: str
    stderr: str
    operations: list[str] = field(default_factory=list)


class Nursery:
    """Runs commands, one at a time, in children of a process that is ready.

    Args:
        cache: the folder in which mnistgan keeps what took long to compute.
    """

    def __init__(self, cache: Path) -> None:
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",  # more would not survive a fork
            "MNISTGAN_CACHE": str(cache),
            "COLUMNS": "120",
        }
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __enter__(self) -> Nursery:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process, which waits for its child."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()

    def __call__(self, folder: Path, *arguments: object, **fault: Any) -> Outcome:
        """Run ``mnistgan`` with these arguments under a fault; see :class:`Order`."""
        order = Order([str(one) for one in arguments], str(folder.absolute()), **fault)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        return Outcome(**json.loads(self._process.stdout.readline()))


# What a run left -------------------------------------------------------------------------------


def contents(run: Path) -> dict[str, bytes]:
    """All that equal runs have equal: every file, but for times, speeds and the command line."""
    files = {str(path.relative_to(run)): path for path in sorted(run.rglob("*")) if path.is_file()}
    found = {name: path.read_bytes() for name, path in files.items()}
    for name in (".lock", "environment.json"):
        found.pop(name, None)
    if "metrics.csv" in found:
        rows = csv.reader(found["metrics.csv"].decode().splitlines())
        found["metrics.csv"] = repr([row[:-1] for row in rows]).encode()  # the last is images/s
    return found


def differences(run: Path, whole: dict[str, bytes]) -> list[str]:
    """The files in which a run differs from an unbroken one."""
    mine = contents(run)
    return sorted(name for name in {**mine, **whole} if mine.get(name) != whole.get(name))


def damages(run: Path) -> list[str]:
    """The files of a run, as it lies there, that bear a final name and are not whole."""
    directory = RunDirectory(run)
    readers: dict[str, Callable[[Path], object]] = {
        ".pt": checkpoint.read_file,
        ".png": _decode,
        ".gif": _decode,
        ".toml": lambda path: directory.read_config(),
        ".json": lambda path: json.loads(path.read_text()),
        ".csv": lambda path: path.name != "metrics.csv" or tables.read_metrics(path),
    }
    found = []
    for path in sorted(run.rglob("[!.]*.*")):
        try:
            readers[path.suffix](path)
        except Exception as error:  # whatever a reader finds
            found.append(f"{path.relative_to(run)}: {error}")
    return found


def _decode(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


class Disk:
    """A file system in memory that is as large as it is told to be.

    Raises:
        OSError, subprocess.CalledProcessError: this process may not mount one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._mount("-t", "tmpfs", "-o", "size=64m", "tmpfs")

    def resize(self, size: int) -> None:
        """From now on it holds so many bytes."""
        self._mount("-o", f"remount,size={size}")

    def close(self) -> None:
        """Remove it with all that it holds."""
        subprocess.run(["umount", self.folder], check=True)

    def _mount(self, *arguments: str) -> None:
        command = ["mount", *arguments, str(self.folder)]
        subprocess.run(command, check=True, capture_output=True)


class Torture:
    """Runs of one recipe, hurt in many ways and each held against the unbroken one.

    Args:
        nursery: that runs them.
        folder: for the runs; empty.
        changes: assignments that change :data:`RECIPE`.

    Attributes:
        whole: the contents of the unbroken run.
        operations: on files that it took.
        resumed: the same of resuming it from its second last checkpoint.
        seconds: that it took.
    """

    def __init__(self, nursery: Nursery, folder: Path, *changes: str) -> None:
        self._nursery = nursery
        self._run = folder / "run"
        self._recipe = folder / "recipe.toml"
        self._recipe.write_text(RECIPE)
        self._changes = [part for change in changes for part in ("--set", change)]
        self.go_on()  # the first may have a classifier to train
        self.clear()
        first = self.go_on()
        assert first.code == 0, first.stderr
        self.operations, self.seconds = first.operations, first.seconds
        self.whole = contents(self._run)
        self._pruned = [one.split()[1] for one in self.operations if one.startswith("os.remove ")]
        self._saved_at = _first(self.operations, "os.rename checkpoints/")
        self.fall_back()
        self.resumed = self.go_on().operations
        assert not differences(self._run, self.whole)
        self.clear()

    def clear(self) -> None:
        """Remove the run."""
        shutil.rmtree(self._run, ignore_errors=True)

    def fall_back(self) -> None:
        """Take the newest checkpoint away, as if the run had been killed before it was saved."""
        RunDirectory(self._run).checkpoint_files()[0].unlink()

    def go_on(self, **fault: Any) -> Outcome:
        """Start the run, or go on with it where it has begun."""
        begun = RunDirectory(self._run).exists()
        if begun:
            return self._nursery(self._run, "train", "--resume", self._run, **fault)
        where = ("--config", self._recipe, "--output-dir", self._run)
        return self._nursery(self._run, "train", *where, *self._changes, **fault)

    def survive(
        self,
        *many: dict[str, Any],
        begun: bool = False,
        relieve: Callable[[], object] = lambda: None,
    ) -> list[Outcome]:
        """Hurt a run, again and again, look at it each time, and go on to the end.

        Args:
            many: faults, one for each attempt.
            begun: whether the first attempt resumes a run rather than starts one.
            relieve: what the user does before going on.

        Returns:
            How each attempt ended; the last one is whole.

        Raises:
            AssertionError: something was lost, or not told well.
        """
        if begun:
            self.go_on()
            self.fall_back()
        outcomes = []
        for fault in many:
            outcomes.append(self.go_on(**fault))
            self._look(outcomes[-1], begun or fault.get("at", 0) > self._saved_at)
        relieve()
        outcomes.append(self.go_on())
        assert outcomes[-1].code == 0, outcomes[-1].stderr
        lacking = {file for outcome in outcomes for file in _lost_outputs(outcome.stderr)}
        left = [name for name in differences(self._run, self.whole) if not _is_of(name, lacking)]
        if any(fault.get("error") for fault in many):  # an old one that could not be removed
            left = [name for name in left if name not in self._pruned]
        assert not left, f"differs from the unbroken run: {left}"
        self.clear()
        return outcomes

    def _look(self, outcome: Outcome, saved: bool) -> None:
        """See that what lies there is whole, and that who was not killed said what to do."""
        assert not damages(self._run), damages(self._run)
        if saved:
            found = inspection.inspect(self._run)
            assert found["newest_valid_checkpoint"], found["checkpoints"]
        if outcome.code not in (0, -signal.SIGKILL):
            assert ADVICE.search(refusal(outcome)), outcome.stderr


ADVICE = re.compile(r"free some space|check (its|the) |choose|give|start a new run")

_FILES_OF = {
    "metrics": ("metrics.csv", "evaluations.csv", "curves.png"),
    "samples": ("samples/", "training.gif"),
}
"""What lacks something for good where an output was switched off; the others draw anew."""


def _lost_outputs(stderr: str) -> list[str]:
    """The files that may differ because their output was switched off, as was said."""
    names = re.findall(r"warning: the output '(\w+)' of mnistgan", stderr)
    return [file for name in names for file in _FILES_OF.get(name, ())]


def _is_of(name: str, files: set[str]) -> bool:
    return any(name.startswith(file) for file in files)


def _first(operations: list[str], beginning: str) -> int:
    """The number, from 1, of the first operation that begins so."""
    return next(n for n, one in enumerate(operations, 1) if one.startswith(beginning))


def refusal(outcome: Outcome) -> str:
    """The one sentence with which a command ended.

    Raises:
        AssertionError: it ended otherwise.
    """
    assert outcome.code in (1, 2), f"exit code {outcome.code}: {outcome.stderr}"
    assert "Traceback" not in outcome.stderr, outcome.stderr
    last = outcome.stderr.rstrip("\n").rpartition("\n")[2]
    assert last.startswith("mnistgan: error: "), outcome.stderr
    assert outcome.stderr.count("mnistgan: error: ") == 1, outcome.stderr
    assert "this is a bug" not in last, last
    return last


# The nursery's own process ---------------------------------------------------------------------


def _serve() -> None:
    _import_all()
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            order = Order(**json.loads(line))
            began = time.monotonic()
            child = os.fork()
            if not child:
                _obey(order, Path(folder))
            if order.kill_after >= 0:
                time.sleep(order.kill_after)  # the moment is the fault itself
                os.kill(child, signal.SIGKILL)  # ours until it is waited for, ended or not
            _, status = os.waitpid(child, 0)
            answer = json.dumps(asdict(_outcome(status, began, Path(folder))))
            sys.stdout.write(f"{answer}\n")
            sys.stdout.flush()


def _outcome(status: int, began: float, folder: Path) -> Outcome:
    stdout, stderr = ((folder / name).read_text(errors="replace") for name in ("1", "2"))
    operations = folder / "operations"
    done = json.loads(operations.read_text()) if operations.exists() else []
    operations.unlink(missing_ok=True)
    code, seconds = os.waitstatus_to_exitcode(status), time.monotonic() - began
    return Outcome(code, seconds, stdout, stderr, done)


def _import_all() -> None:
    """What a run imports on its way; nothing is computed, since a fork takes no threads along."""
    for name in (
        "matplotlib.backends.backend_agg",
        "mnistgan.rendering.animations",
        "mnistgan.cli",
        "mnistgan.export.onnx",
        "mnistgan.rendering.curves",
        "mnistgan.runs.run",
    ):
        importlib.import_module(name)
    from mnistgan.evaluation import classifier

    Image.init()
    vars(classifier).update(HURRIED)


def _obey(order: Order, folder: Path) -> None:
    """Run the command in this process, and end it."""
    from mnistgan.cli import main

    for number, name in ((0, os.devnull), (1, folder / "1"), (2, folder / "2")):
        mode = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(name, mode), number)
    shim = _Shim(order)
    code = 70
    try:
        _limit(order)
        shim.put_on()
        sys.argv = ["mnistgan", *order.arguments]
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    try:
        shim.rest()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        sys.stdout.flush()
        sys.stderr.flush()
        (folder / "operations").write_text(json.dumps(shim.operations))
    finally:
        os._exit(code)  # or it would go on as the nursery


def _limit(order: Order) -> None:
    if order.file_size >= 0:  # Python ignores SIGXFSZ: a write fails as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.file_size, resource.RLIM_INFINITY))
    if order.memory >= 0:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + order.memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


_EVENTS = {
    "open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.listdir",
    "os.scandir", "os.truncate", "os.link", "os.symlink",
}  # fmt: skip


class _Shim:
    """Counts what is done to a run's files, and does to one of these what was ordered."""

    def __init__(self, order: Order) -> None:
        self.operations: list[str] = []
        self._order = order
        self._active = False

    def put_on(self) -> None:
        """From here on; there is no way to take an audit hook off again."""
        self._active = True
        sys.addaudithook(self._hook)
        self._wrap(os, "fsync", lambda handle: None)
        half: Callable[..., None] = lambda path, data, *rest, **more: _write_half(path, data)  # noqa: E731
        self._wrap(Path, "write_bytes", half)
        self._wrap(Path, "write_text", half)

    def rest(self) -> None:
        """No operation counts from here on."""
        self._active = False

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._active and event in _EVENTS:
            self._count(event, arguments[event == "os.rename"])  # the name that it gets

    def _wrap(self, owner: Any, name: str, instead: Callable[..., None]) -> None:
        """Count a function that no audit event tells of; a fault does ``instead`` first."""
        original = getattr(owner, name)

        def counted(first: Any, *rest: Any, **more: Any) -> Any:
            place = Path(f"/proc/self/fd/{first}").readlink() if name == "fsync" else first
            self._count(name, place, lambda: instead(first, *rest, **more))
            return original(first, *rest, **more)

        setattr(owner, name, counted)

    def _count(self, event: str, place: object, instead: Callable[[], None] | None = None) -> None:
        if not (isinstance(place, str | Path) and str(place).startswith(self._order.folder)):
            return
        self.operations.append(f"{event} {Path(place).relative_to(self._order.folder)}")
        if len(self.operations) == self._order.at:
            self.rest()
            if instead is not None:
                instead()
            if not self._order.error:
                os.kill(os.getpid(), signal.SIGKILL)
            self._active = True
            raise OSError(self._order.error, os.strerror(self._order.error), str(place))


def _write_half(path: Path, data: str | bytes) -> None:
    raw = data.encode() if isinstance(data, str) else data
    with path.open("wb") as file:
        file.write(raw[: len(raw) // 2])


if __name__ == "__main__":
    _serve()
