"""Which files of a folder are in a build context: those that its `.dockerignore` does not exclude."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from trainup.core.dockerignore import Rules
from trainup.jobs.snapshot.file_names import printable
from trainup.jobs.snapshot.selection import MOST_ENTRIES, VIRTUAL_ENVIRONMENT_MARK, SelectedFile

IGNORE_FILE = ".dockerignore"
WAY_OUT = f"Exclude what the image does not need in a {IGNORE_FILE}, or name a smaller folder as `context`"


@dataclass
class Selection:
    """The result of a walk through a context; sorted."""

    files: list[SelectedFile] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def select(root: Path, rules: Rules, exclude: Callable[[str, str], None] = lambda path, location: None) -> Selection:
    """Walk through the context; `exclude` gets path and location of what is kept out."""
    selection, entry_count = Selection(), 0
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(os.path.join(root, folder)), key=lambda entry: entry.name)
        except OSError as error:
            selection.problems.append(f"{printable(os.fsencode(folder))} cannot be read ({error.strerror})")
            continue
        entry_count += len(entries)
        if entry_count > MOST_ENTRIES:
            selection.problems.append(f"{root} has more than {MOST_ENTRIES:,} entries. {WAY_OUT}")
            break
        is_environment = folder and any(entry.name == VIRTUAL_ENVIRONMENT_MARK.decode() for entry in entries)
        if is_environment and not rules.may_include_below(folder.rstrip("/")):
            exclude(folder.rstrip("/"), os.path.join(root, folder))
            continue
        for entry in entries:
            path = f"{folder}{entry.name}"
            excluded = rules.excludes(path)
            if entry.is_dir(follow_symlinks=False):
                if not excluded or rules.may_include_below(path):
                    folders.append(f"{path}/")
                else:
                    exclude(path, entry.path)
            elif excluded:
                exclude(path, entry.path)
            else:
                _choose(selection, path, entry)
    selection.files.sort(key=lambda file: file.path)
    return selection


def _choose(selection: Selection, path: str, entry: "os.DirEntry[str]") -> None:
    shown = printable(os.fsencode(path))
    status = entry.stat(follow_symlinks=False)
    if any("\ud800" <= character <= "\udfff" for character in path):
        selection.problems.append(f"{shown} has a name that is not UTF-8 text: rename it, or exclude it")
    elif entry.is_symlink():
        selection.links[path] = os.readlink(entry.path)
    elif stat.S_ISREG(status.st_mode):
        selection.files.append(SelectedFile(path, entry.path, status))
    else:
        selection.problems.append(f"{shown} is neither a file nor a folder nor a link: remove it, or exclude it")
