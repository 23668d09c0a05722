"""Which files of a source folder a run gets: those that git would list, less those that `leftovers.py` excludes.

Only files that are part of the repository decide, so that two machines with the same files agree: the `.gitignore`
files in the folder and above it up to the top of its git work tree. A user's global excludes, `.git/info/exclude` and
git's index are not read. A `.amlignore` at the root of the source (with those below it) takes the place of all
`.gitignore` files. A folder with a `.git` of its own, such as a submodule, follows its own rules alone, as in git.
Empty folders are no part of a snapshot. A symbolic link stands for what it points at, which has to lie in the source
folder.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from trainup.core import bounded
from trainup.core.texts import wide
from trainup.jobs.snapshot.file_names import kind, printable, unportable, unreadable
from trainup.jobs.snapshot.gitignore import Rules
from trainup.jobs.snapshot.leftovers import NEVER, is_left_by_tools, is_left_over

VIRTUAL_ENVIRONMENT_MARK = b"pyvenv.cfg"
MOST_ENTRIES = 200_000
"""The walk stops here: somebody named their home folder."""
MOST_BYTES_OF_RULES = 256 * 1024
"""Maximum size of an ignore file."""
Chain = tuple[Rules, ...]


class SelectedFile(NamedTuple):
    """A file that belongs to a snapshot, as it was during the walk."""

    path: str
    """Relative to the source, with slashes."""
    location: str
    """The regular file to read; behind a link, its target."""
    status: os.stat_result


@dataclass
class Selection:
    """The result of a walk through the source; sorted."""

    files: list[SelectedFile] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Folder:
    location: bytes
    """The real folder."""
    prefix: bytes
    """Path relative to the source: empty, or with a final slash."""
    chain: Chain
    """Rules that apply, the farthest first."""
    hops: tuple[bytes, ...] = ()
    """The real folders that held the links which led here."""


class Excluded(NamedTuple):
    """A file or folder that is no part of a snapshot, and what keeps it out."""

    path: bytes
    location: bytes
    file: str
    """The ignore file; empty where trainup itself leaves it out."""
    line: int
    """Number of the line in that file."""
    rule: str
    """The line, or what trainup leaves out."""


def select(root: str, exclude: Callable[[Excluded], None] | None = None) -> Selection:
    """Walk through the folder at `root`, a real path. All problems are collected; nothing is read but ignore files.

    `exclude` gets each file or folder that is kept out; what is in such a folder is not looked at.
    """
    walk = _Walk(os.fsencode(root), exclude)
    walk.run()
    walk.selection.files.sort(key=lambda file: file.path)
    walk.selection.problems.sort()
    return walk.selection


class _Walk:
    def __init__(self, root: bytes, exclude: Callable[[Excluded], None] | None = None) -> None:
        self._exclude = exclude
        self.selection = Selection()
        self.root = root
        self.above = b""
        """The source relative to the top of its git work tree: empty, or with a final slash."""
        self.ignore_file = b".gitignore"

    def first_chain(self) -> Chain | None:
        """The rules that apply at the root; None if they exclude the root itself."""
        if os.path.isfile(self.root + b"/.amlignore"):
            self.ignore_file = b".amlignore"
        elif not _is_repository(self.root):
            return self._chain_from_above()
        return ()

    def run(self) -> None:
        chain = self.first_chain()
        if chain is None:
            return
        folders = [_Folder(self.root, b"", chain)]
        entry_count = 0
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder.location) as listing:
                    entries = {entry.name: entry for entry in listing}
            except OSError as error:
                self._unreadable(folder.prefix, error)
                continue
            entry_count += len(entries)
            if entry_count > MOST_ENTRIES:
                self.selection.problems.append(
                    f"the source folder {printable(self.root)} has more than {MOST_ENTRIES:,} entries, far more than a "
                    "run can get: name a smaller folder, or exclude folders in its .gitignore"
                )
                return
            folders.extend(self._enter(folder, entries))

    def _chain_from_above(self) -> Chain | None:
        """The rules of the folders between the work tree's top and the source; None when they exclude the source."""
        top = os.path.dirname(self.root)
        while not _is_repository(top):
            if top == os.path.dirname(top):
                return ()
            top = os.path.dirname(top)
        relative = os.path.relpath(self.root, top)
        self.above = relative + b"/"
        chain: Chain = ()
        base = b""
        for name in relative.split(b"/"):
            ignore = os.path.join(top, base, self.ignore_file)
            if os.path.isfile(ignore) and not os.path.islink(ignore):
                chain += self.read_rules(ignore, os.path.relpath(ignore, self.root), base)
            base += name
            if _is_excluded(chain, base, is_folder=True):
                self.selection.problems.append(
                    f"the source folder {printable(self.root)} is ignored by a .gitignore above it, so a run would get "
                    "nothing: see the rule with `git check-ignore -v` and change it, or name another folder"
                )
                return None
            base += b"/"
        return chain

    def _enter(self, folder: _Folder, entries: dict[bytes, os.DirEntry[bytes]]) -> Iterator[_Folder]:
        """Take the files of one folder, and yield the folders to go on with."""
        if folder.prefix and VIRTUAL_ENVIRONMENT_MARK in entries:
            self._leave_out(folder.prefix, folder.location, "virtual environments")
            return
        chain = folder.chain
        is_left = folder.prefix and is_left_by_tools(folder.prefix[:-1], entries)
        if is_left and not _is_brought_back(chain, self.above + folder.prefix[:-1]):
            self._leave_out(folder.prefix, folder.location, "caches and records of tools")
            return
        if (
            folder.prefix
            and self.ignore_file == b".gitignore"
            and b".git" in entries
            and _is_repository(folder.location)
        ):
            chain = ()
        ignore = entries.get(self.ignore_file)
        # Git does not follow a link in this place either; the root's .amlignore may be one.
        if ignore and (ignore.is_file(follow_symlinks=False) or (not folder.prefix and ignore.name == b".amlignore")):
            chain += self.read_rules(ignore.path, folder.prefix + ignore.name, self.above + folder.prefix)
        for entry in entries.values():
            path = folder.prefix + entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_left_over(path, is_folder=is_folder or _is_link_to_folder(entry), beside=entries):
                self._leave_out(path, entry.path, "*.pyc" if path.endswith(b".pyc") else printable(entry.name))
                continue
            if _is_excluded(chain, self.above + path, is_folder):
                self._leave_out(path, entry.path, chain=chain, is_folder=is_folder)
                continue
            if is_folder:
                yield _Folder(entry.path, path + b"/", chain, folder.hops)
            elif entry.is_symlink():
                yield from self._follow(entry, path, folder, chain)
            else:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # removed since the folder was listed
                    continue
                self._take(path, entry.path, status)

    def _leave_out(
        self, path: bytes, location: bytes, what: str = "", chain: Chain = (), *, is_folder: bool = False
    ) -> None:
        """Tell who wants to know what is kept out: by trainup, or by a rule of the chain."""
        if self._exclude is None:
            return
        for rules in reversed(chain):
            if rule := rules.deciding(self.above + path, is_folder):
                text = printable(rule.text)
                self._exclude(Excluded(path, location, printable(rules.file), rule.line, text))
                return
        self._exclude(Excluded(path, location, "", 0, what))

    def _follow(self, link: os.DirEntry[bytes], path: bytes, folder: _Folder, chain: Chain) -> Iterator[_Folder]:
        try:
            shown = f"{printable(path)} is a symbolic link to {printable(os.readlink(link.path))}"
            real = os.path.realpath(link.path, strict=True)
            status = os.stat(real)
        except OSError as error:
            self.selection.problems.append(
                f"{printable(path)} is a symbolic link that cannot be followed ({error.strerror}): "
                "repair it, remove it, or add it to .gitignore"
            )
            return
        is_folder = stat.S_ISDIR(status.st_mode)
        inside = (real + b"/").startswith(self.root + b"/")
        if inside and not NEVER.isdisjoint(real[len(self.root) :].split(b"/")):
            return
        if is_folder and any((holder + b"/").startswith(real + b"/") for holder in (*folder.hops, folder.location)):
            self.selection.problems.append(
                f"{shown}, a folder that holds the link itself: a snapshot of it would never end. "
                "Remove it, or add it to .gitignore"
            )
        elif not inside:
            self.selection.problems.append(
                f"{shown}, which is outside the source folder: a run gets the files of the source folder alone. "
                "Copy the target into it, declare it as data, or add the link to .gitignore"
            )
        elif is_folder:
            yield _Folder(real, path + b"/", chain, (*folder.hops, folder.location))
        else:
            self._take(path, real, status)

    def _take(self, path: bytes, location: bytes, status: os.stat_result) -> None:
        reason = unportable(path)
        if not stat.S_ISREG(status.st_mode):
            self.selection.problems.append(
                f"{printable(path)} is a {kind(status.st_mode)}, and only files can be sent: "
                "remove it, or add it to .gitignore"
            )
        elif reason:
            self.selection.problems.append(f"{printable(path)} {reason}: rename it, or add it to .gitignore")
        else:
            self.selection.files.append(SelectedFile(path.decode(), os.fsdecode(location), status))

    def read_rules(self, location: bytes, shown: bytes, base: bytes) -> Chain:
        try:
            content = bounded.read_bytes(location, MOST_BYTES_OF_RULES)
        except bounded.Unusable as error:
            self.selection.problems.append(f"{printable(shown)} is no ignore file: {error}; shorten or remove it")
            return ()
        except OSError as error:
            self._unreadable(shown, error)
            return ()
        if problem := wide(content):
            self.selection.problems.append(f"{printable(shown)}: {problem}")
        return (Rules(content, base, shown),)

    def _unreadable(self, path: bytes, error: OSError) -> None:
        self.selection.problems.append(unreadable(printable(path) or "the source folder", error))


def would_take(root: str, inside: str) -> bool:
    """Whether a new file at a path below the folder would be part of its snapshot, by names and ignore files."""
    walk = _Walk(os.fsencode(root))
    chain = walk.first_chain()
    if chain is None:
        return False
    path = b""
    for name in os.fsencode(inside).split(b"/"):
        ignore = os.path.join(walk.root, path, walk.ignore_file)
        if os.path.isfile(ignore) and not (path and os.path.islink(ignore)):
            chain += walk.read_rules(ignore, path, walk.above + path)
        path += name
        if is_left_over(path, is_folder=True, beside=()) or _is_excluded(chain, walk.above + path, is_folder=True):
            return False
        path += b"/"
    return True


def _is_repository(folder: bytes) -> bool:
    """Whether a git work tree, a linked one or a submodule begins here."""
    mark = folder + b"/.git"
    return os.path.isfile(mark) or os.path.isfile(mark + b"/HEAD")


def _is_excluded(chain: Chain, path: bytes, is_folder: bool) -> bool:
    for rules in reversed(chain):
        if (decision := rules.decide(path, is_folder)) is not None:
            return decision
    return False


def _is_brought_back(chain: Chain, folder: bytes) -> bool:
    """Whether the line that decides about a folder includes it, and by the folder's own name (`!wandb/`)."""
    rules = (rules.deciding(folder, is_folder=True) for rules in reversed(chain))
    rule = next((rule for rule in rules if rule), None)
    return rule is not None and rule.negated and rule.pattern.rpartition(b"/")[2] == folder.rpartition(b"/")[2]


def _is_link_to_folder(entry: os.DirEntry[bytes]) -> bool:
    return entry.is_symlink() and os.path.isdir(entry.path)
