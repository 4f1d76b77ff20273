"""The files and tests that the documentation names exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").glob("*.md")),
]
TREES = ("mnistgan", "tests", "docs", "examples", "benchmarks", ".ci", ".github")


def _prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def _links(page: Path) -> set[str]:
    """The targets of links and pictures that are files."""
    found = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", _prose(page))
    targets = {one.partition("#")[0] for pair in found for one in pair}
    return {one for one in targets if one and not re.match(r"\w+:", one)}


def _code(page: Path) -> list[str]:
    """The words in inline code, in order."""
    return [word for code in re.findall(r"`([^`]+)`", _prose(page)) for word in code.split()]


def _paths(page: Path) -> set[str]:
    """Inline code that names a file here: by its tree, or as a Python file in a folder.

    Other paths, such as ``samples/real.png``, are a user's. NAME stands for a file of the reader's.
    """
    named = (word.partition("::")[0] for word in _code(page))
    return {
        path
        for path in named
        if re.fullmatch(rf"({'|'.join(map(re.escape, TREES))})/[^*~]*|[\w/]+/\w+\.py", path)
        and "NAME" not in path
    }


def _tests(page: Path) -> Iterator[tuple[Path, str]]:
    """Each ``tests/FILE::NAME``; ``::NAME`` alone is of the file before it."""
    file = ""
    for word in _code(page):
        path, _, name = word.partition("::")
        file = path or file
        if name:
            yield ROOT / file, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
class TestEveryPage:
    def test_links(self, page: Path) -> None:
        assert [one for one in _links(page) if not (page.parent / one).exists()] == []

    def test_paths(self, page: Path) -> None:
        folders = (ROOT, ROOT / "mnistgan")  # architecture.md leaves mnistgan/ out
        missing = [one for one in _paths(page) if not any((at / one).exists() for at in folders)]
        assert missing == []

    def test_tests(self, page: Path) -> None:
        for file, name in _tests(page):
            assert re.search(rf"(def|class) {name}\b", file.read_text(encoding="utf-8")), name


def test_security_names_a_test_for_each_promise() -> None:
    promises = re.findall(r"^\| (?!promise|-)[^|]+ \| ([^|]+) \|$", _security(), flags=re.M)
    assert len(promises) > 8
    assert all("tests/" in one for one in promises)


def _security() -> str:
    return (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_architecture_shows_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = text.partition("```text\n")[2].partition("```")[0]
    shown = set(re.findall(r"^(\w+)/", tree, flags=re.M)) | set(re.findall(r"\b(\w+)\.py", tree))
    package = ROOT / "mnistgan"
    there = {path.parent.name for path in package.glob("*/__init__.py")}
    there |= {path.stem for path in package.glob("[!_]*.py")}
    assert shown == there
