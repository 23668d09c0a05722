"""Finds the Python scripts of a folder that may be training scripts."""

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainup.core.texts import decode

LIKELY = re.compile(r"(?:^|[_-])(train|main|run|fit|finetune)", re.IGNORECASE)
"""Names that are typical of training scripts."""
TESTS = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py|setup\.py|noxfile\.py|__init__\.py")
PASSED_OVER = frozenset({"tests", "test", "docs", "infra", "node_modules", "site-packages", "build", "dist"})
DEEPEST = 3
"""How many levels of folders below the first one are searched."""
MOST_FILES = 2_000
MOST_BYTES = 1024**2
DATA_FOLDERS = ("data", "dataset", "datasets")
SHELL_NAMES = re.compile(r"--?[A-Za-z][\w-]*")


@dataclass(frozen=True)
class Script:
    """A script, and what its code shows."""

    path: Path
    """Relative to the folder that was searched."""
    has_main_part: bool
    """Whether it has `if __name__ == "__main__":`; otherwise it does its work on import."""
    imports: frozenset[str]
    """Top-level names of the modules that it imports."""
    data_option: str | None = None
    """The command-line option for the path of its data, such as `--data`."""

    @property
    def rank(self) -> tuple[object, ...]:
        """Sort key that puts likely training scripts first: by name, then by a main part, then by depth."""
        is_named = bool(LIKELY.search(self.path.stem))
        return (not is_named, not self.has_main_part, len(self.path.parts), str(self.path))


def find(folder: Path) -> list[Script]:
    """All scripts in a folder, the likeliest first. Files that are no valid Python are skipped."""
    scripts = (read(folder, path) for path in _python_files(folder))
    return sorted((script for script in scripts if script), key=lambda script: script.rank)


def read(folder: Path, path: Path) -> Script | None:
    """The script at a path relative to the folder; None where it only defines things or cannot be read."""
    try:
        if (folder / path).stat().st_size > MOST_BYTES:
            return None
        tree = ast.parse(decode((folder / path).read_bytes()))
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None
    has_main_part = any(_is_main_part(node) for node in tree.body)
    if not has_main_part and not any(_does_something(node) for node in tree.body):
        return None
    return Script(path, has_main_part, frozenset(_imports(tree)), _data_option(tree))


def _python_files(folder: Path) -> Iterator[Path]:
    count = 0
    for path, folders, files in os.walk(folder):
        inside = Path(path).relative_to(folder)
        is_deepest = len(inside.parts) >= DEEPEST
        folders[:] = [] if is_deepest else sorted(name for name in folders if not _is_passed_over(Path(path, name)))
        for name in sorted(files):
            if name.endswith(".py") and not TESTS.fullmatch(name):
                yield inside / name
                count += 1
                if count >= MOST_FILES:
                    return


def _is_passed_over(folder: Path) -> bool:
    name = folder.name
    return name.startswith((".", "__")) or name.lower() in PASSED_OVER or (folder / "pyvenv.cfg").exists()


def _is_main_part(node: ast.stmt) -> bool:
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
        return False
    sides = [node.test.left, *node.test.comparators]
    names = {side.id for side in sides if isinstance(side, ast.Name)}
    return "__name__" in names and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)


def _does_something(node: ast.stmt) -> bool:
    """Whether a top-level statement does something, such as a call or a loop, and is not just a definition."""
    if isinstance(node, (ast.For, ast.While, ast.With)):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _data_option(tree: ast.Module) -> str | None:
    """The first command-line option, of argparse or click, that is named after data."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name_of(node.func) in ("add_argument", "option"):
            names = [item.value for item in node.args if isinstance(item, ast.Constant) and isinstance(item.value, str)]
            long = [name for name in names if SHELL_NAMES.fullmatch(name)]
            if any(re.fullmatch(r"--data(?:[_-]?(?:set|dir|path|folder|root))*", name) for name in long):
                return next(name for name in long if name.startswith("--"))
    return None


def _name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
