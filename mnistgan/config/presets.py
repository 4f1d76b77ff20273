"""The run configs that ship with mnistgan, by name."""

from pathlib import Path

from mnistgan.errors import UsageError, did_you_mean

_HERE = Path(__file__).parents[1]
# A wheel has the files inside the package; a checkout has them where people look for examples.
_FOLDERS = (_HERE / "configs", _HERE.parent / "examples" / "configs")


def names() -> list[str]:
    """All presets, in alphabetical order."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def path(name: str) -> Path:
    """The file of a preset.

    Raises:
        UsageError: there is no preset of that name.
    """
    if name not in names():
        hint = did_you_mean(name, names()) or f"; presets: {', '.join(names())}"
        raise UsageError(f"{name}: is neither a file nor a preset{hint}")
    return _folder() / f"{name}.toml"


def summary(name: str) -> str:
    """The first line of a preset's comment, which describes it."""
    first = path(name).read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").strip()


def _folder() -> Path:
    return next(folder for folder in _FOLDERS if folder.is_dir())
