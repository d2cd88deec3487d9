"""The project's own files, as the house rules read them."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("protocols", "devices", "headend", "scenarios", "tools")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git knows or would add, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().rstrip("\0").split("\0")
    return tuple(sorted(Path(name) for name in names if (ROOT / name).is_file()))


def python_files(*folders: str) -> Iterator[Path]:
    return (path for path in tracked() if path.suffix == ".py" and path.parts[0] in folders)


def read(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def project() -> dict[str, object]:
    return tomllib.loads(read(Path("pyproject.toml")))


@cache
def _looked_at(path: Path) -> tuple[str | None, tuple[tuple[str, int], ...]]:
    """A file's docstring and imports.  Parsed once for all rules, and the tree is not kept: those
    of the whole house fill some hundred megabytes."""
    tree = ast.parse(read(path))
    return ast.get_docstring(tree), tuple(_imported(tree))


def docstring(path: Path) -> str | None:
    return _looked_at(path)[0]


def imported(path: Path) -> tuple[tuple[str, int], ...]:
    """Every absolute module name that a file imports, with its line."""
    return _looked_at(path)[1]


def _imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno
