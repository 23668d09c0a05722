"""Files in a source folder that are no part of a snapshot: the project's own files, and those that tools leave behind.

If they were part of it, a policy change in the stack file, a state kept in the repository or a manual start of the
script would train again, and an old model in `outputs/` could be taken for a new one.

Always left out:

- what is called as one of `NEVER`, and compiled Python beside its source;
- files of a Pulumi project, of MLflow's database and of coverage, by name;
- `outputs/` at the root of the source, where a run writes and which it gets empty.

Left out unless it is code or an ignore file brings it back by its name (`!wandb/`):

- folders of `LEFT_BY_TOOLS`, but one that holds Python files itself is a package of the user's;
- folders with a `CACHEDIR.TAG` (https://bford.info/cachedir/), and DVC's cache.
"""

import re
from collections.abc import Collection

NEVER = frozenset(
    {
        b".git",
        b".pulumi",
        b".trainup",
        b".toolchain",
        b"__pycache__",
        b".pytest_cache",
        b".mypy_cache",
        b".ruff_cache",
        b".hypothesis",
        b".ipynb_checkpoints",
        b".tox",
        b".nox",
        b".eggs",
        b".DS_Store",
        b"Thumbs.db",
    }
)
LEFT_BY_TOOLS = frozenset(
    {b"mlruns", b"mlartifacts", b"wandb", b"lightning_logs", b"node_modules", b".cache", b".idea", b".vscode"}
)
CACHE_MARK = b"CACHEDIR.TAG"
OUTPUTS = b"outputs"
_FILES = re.compile(
    rb"Pulumi(?:\.[^/]+)?\.(?:ya?ml|json)"
    rb"|mlflow\.db(?:-(?:journal|wal|shm))?"
    rb"|\.coverage(?:\.[^/]+)?"
)
DOCKERIGNORE = (
    *(f"**/{name.decode()}" for name in sorted(NEVER)),
    *(f"**/Pulumi{stack}.{end}" for stack in ("", ".*") for end in ("yaml", "yml", "json")),
    *(f"**/{name}" for name in ("mlflow.db", "mlflow.db-*", "mlruns", "mlartifacts", ".coverage")),
)
"""The same for the context of an image, as lines of a `.dockerignore`; another line may bring each of them back."""


def is_left_over(path: bytes, *, is_folder: bool, beside: Collection[bytes]) -> bool:
    """Whether a file or folder, relative to the source, is never a part of it; `beside` are the names in its folder."""
    name = path[path.rfind(b"/") + 1 :]
    if name in NEVER or (is_folder and path == OUTPUTS):
        return True
    if is_folder:
        return False
    return bool(_FILES.fullmatch(name)) or (name.endswith(b".pyc") and name[:-1] in beside)


def is_left_by_tools(path: bytes, names: Collection[bytes]) -> bool:
    """Whether a folder, relative to the source, is the cache or the records of a tool; `names` are in it."""
    above, _, name = path.rpartition(b"/")
    if name in LEFT_BY_TOOLS:
        return not any(entry.endswith(b".py") for entry in names)
    return CACHE_MARK in names or (name in (b"cache", b"tmp") and above.rpartition(b"/")[2] == b".dvc")
