"""The build context that a registry gets: the files that Docker would send, identified by their digest.

A symbolic link is sent as a link. Empty folders are left out, as git leaves them out: two machines with the same files
agree. So are git's folder, caches, virtual environments and the files of the Pulumi project, unless the
`.dockerignore` brings them back.
"""

import gzip
import hashlib
import os
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from trainup.core import bounded, canonical, input_secrets
from trainup.core.dockerignore import Rules
from trainup.core.errors import UserError
from trainup.core.images import NODE_PLATFORM
from trainup.core.inputs import Finding
from trainup.core.package_lists import lines_of
from trainup.core.texts import decode, wide
from trainup.jobs.build_selection import IGNORE_FILE, WAY_OUT, Selection, select
from trainup.jobs.snapshot import limits, reading
from trainup.jobs.snapshot.cache import StatCache
from trainup.jobs.snapshot.kept_out import Counter, KeptOut
from trainup.jobs.snapshot.leftovers import DOCKERIGNORE
from trainup.jobs.snapshot.manifest import differences, fold
from trainup.jobs.snapshot.selection import (
    MOST_BYTES_OF_RULES,
    Excluded,
    SelectedFile,
)

OWN_DOCKERFILE = ".trainup.Dockerfile"
"""What a Dockerfile from outside of the context is called in the archive."""
MOST_NAMED = 20

_LIMITS = "the context holds {}, and at most {} are sent: {}"


class ContextChanged(UserError):
    """The files are no longer what the preview showed."""


@dataclass(frozen=True)
class Recipe:
    """How to build one image."""

    context: Path
    dockerfile: Path
    """Where it lies, in the context or elsewhere. Not looked at when there is a `text`."""
    text: str | None = None
    """The Dockerfile itself."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    platform: str = NODE_PLATFORM
    allow_secrets: Sequence[str] = ()
    """Likely secrets that are none, as `path` or `path:line`."""

    @property
    def dockerfile_name(self) -> str:
        """What the Dockerfile is called in the archive."""
        if self.text is None and self.dockerfile.resolve().is_relative_to(self.context.resolve()):
            return self.dockerfile.resolve().relative_to(self.context.resolve()).as_posix()
        return OWN_DOCKERFILE


@dataclass(frozen=True)
class BuildContext:
    """What would be sent, as it was when it was read."""

    files: Mapping[str, str]
    """Path → `<sha256>:<bytes>`, after `x ` where it may be executed; `-> <target>:0` for a symbolic link."""
    dockerfile: str
    """SHA-256 of the Dockerfile."""
    arguments: Mapping[str, str]
    platform: str

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all that decides what is in the image: where it is built from is no part of it."""
        return canonical.sha256(
            {
                "files": dict(self.files),
                "dockerfile": self.dockerfile,
                "arguments": dict(self.arguments),
                "platform": self.platform,
            }
        )

    @cached_property
    def manifest(self) -> dict[str, str]:
        """The files as previews show them, folders of more than 500 files in one line, and the Dockerfile."""
        return {"(Dockerfile)": self.dockerfile, **fold(self.files)}


def examine(recipe: Recipe, cache: StatCache) -> tuple[BuildContext | None, list[Finding]]:
    """(the context, no findings), or (None, every finding by input). Reads all files and writes nothing."""
    findings = _argument_findings(recipe)
    try:
        texts = _Texts.read(recipe)
    except (OSError, ValueError) as error:
        return None, [*findings, _unusable(recipe, error)]
    try:
        selection = select(recipe.context, texts.rules)
    except ValueError as error:
        return None, [*findings, Finding("context", f"the {IGNORE_FILE} of {recipe.context} cannot be used: {error}")]
    problems = selection.problems
    too_much = limits.exceeded(selection.files, _LIMITS, WAY_OUT)
    read, unread = ({}, too_much) if too_much else reading.examine_all(selection.files, cache)
    suspects = {path: facts.secrets for path, (_, facts) in read.items()}
    dockerfile = texts.dockerfile.decode("utf-8", "replace")
    suspects[recipe.dockerfile_name] = tuple(input_secrets.in_text(dockerfile, recipe.dockerfile_name))
    problems += unread + [text for path, lines in suspects.items() for text in _suspicions(recipe, path, lines)]
    findings += [Finding("context", problem) for problem in problems]
    if findings:
        return None, findings
    return _context_of(recipe, texts, selection, {file.path: read[file.path][0] for file in selection.files}), []


def survey(recipe: Recipe) -> tuple[dict[str, int], list[KeptOut]]:
    """(path → bytes of the files that are sent, the lines of the `.dockerignore` that keep something out).

    Raises OSError or ValueError where the context cannot be read.
    """
    texts, counter = _Texts.read(recipe), Counter()

    def exclude(path: str, location: str) -> None:
        if pattern := texts.rules.excluding(path):
            file = texts.ignore_file if pattern.line else ""
            counter.add(Excluded(os.fsencode(path), os.fsencode(location), file, pattern.line, pattern.text))
        else:
            counter.add(Excluded(os.fsencode(path), os.fsencode(location), "", 0, "virtual environments"))

    selection = select(recipe.context, texts.rules, exclude)
    return {file.path: file.status.st_size for file in selection.files}, counter.rules


_REQUIREMENTS = re.compile(r"(?:.*/)?(?:[\w.-]*requirements[\w.-]*\.txt|(?:conda|environment)[\w.-]*\.ya?ml)")
MOST_BYTES_OF_REQUIREMENTS = 64 * 1024


def packages(recipe: Recipe, context: BuildContext) -> dict[str, list[str]]:
    """File → packages, for files of requirements and Conda files in the context: later previews tell what changed."""
    result = {}
    for path, entry in context.files.items():
        if _REQUIREMENTS.fullmatch(path) and 0 < int(entry.rpartition(":")[2]) <= MOST_BYTES_OF_REQUIREMENTS:
            try:
                result[path] = lines_of(decode((recipe.context / path).read_bytes()))
            except (OSError, ValueError):  # changed since it was examined, or no text
                continue
    return result


def pack(recipe: Recipe, expected: BuildContext, archive: BinaryIO) -> None:
    """Write the context as a `tar.gz` that is the same for the same content, wherever and whenever it is made.

    The files are hashed while they are written. Raises ContextChanged if they differ from `expected` or cannot be read.
    """
    try:
        texts = _Texts.read(recipe)
        selection = select(recipe.context, texts.rules)
        with (
            gzip.GzipFile(fileobj=archive, mode="wb", mtime=0, filename="") as compressed,
            tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            entries = _write(tar, selection, texts.own(recipe))
    except (OSError, ValueError) as error:
        raise ContextChanged(f"the context {recipe.context} cannot be read any more: {error}") from error
    packed = _context_of(recipe, texts, selection, entries)
    if packed.digest != expected.digest:
        names = differences(expected.manifest, packed.manifest)
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        raise ContextChanged(
            f"the context {recipe.context} changed between the preview and the build: {', '.join(names[:MOST_NAMED])}"
            f"{more}. An image is built from what the preview showed: run `pulumi up` again"
        )


@dataclass(frozen=True)
class _Texts:
    """The files that say how to build, as they are now."""

    dockerfile: bytes
    ignore: str
    ignore_file: str
    """Its name; empty where there is none."""

    @classmethod
    def read(cls, recipe: Recipe) -> "_Texts":
        """OSError or ValueError when one of them cannot be used."""
        os.listdir(recipe.context)
        dockerfile = bounded.read_bytes(recipe.dockerfile) if recipe.text is None else recipe.text.encode()
        # As BuildKit does: an ignore file of the Dockerfile's own comes first.
        own = recipe.dockerfile.with_name(recipe.dockerfile.name + IGNORE_FILE)
        candidates = [*([own] if recipe.text is None else []), recipe.context / IGNORE_FILE]
        ignore_file = next((path for path in candidates if path.is_file()), None)
        if problem := wide(dockerfile):
            raise ValueError(f"{recipe.dockerfile.name}: {problem}")
        if ignore_file is None:
            return cls(dockerfile, "", "")
        return cls(dockerfile, decode(bounded.read_bytes(ignore_file, MOST_BYTES_OF_RULES)), ignore_file.name)

    @cached_property
    def rules(self) -> Rules:
        return Rules.read(self.ignore, DOCKERIGNORE)

    def own(self, recipe: Recipe) -> dict[str, bytes]:
        """Dockerfile and ignore file, which are sent even if they are excluded: the registry's builder reads both."""
        ignore = self.ignore
        if recipe.dockerfile_name == OWN_DOCKERFILE:  # must not get into the image
            ignore = f"{ignore}\n{OWN_DOCKERFILE}\n" if ignore else f"{OWN_DOCKERFILE}\n{IGNORE_FILE}\n"
        return {recipe.dockerfile_name: self.dockerfile} | ({IGNORE_FILE: ignore.encode()} if ignore else {})


def _write(tar: tarfile.TarFile, selection: Selection, own: Mapping[str, bytes]) -> dict[str, str]:
    """The members, and the entry of every selected file as it was read."""
    paths = [*own, *selection.links, *(file.path for file in selection.files)]
    for folder in sorted({parent for path in paths for parent in _parents(path)}):
        tar.addfile(_member(folder, 0o755, tarfile.DIRTYPE))
    for path, target in sorted(selection.links.items()):
        link = _member(path, 0o777, tarfile.SYMTYPE)
        link.linkname = target
        tar.addfile(link)
    for path, content in sorted(own.items()):
        member = _member(path, 0o644)
        member.size = len(content)
        tar.addfile(member, BytesIO(content))
    entries = {}
    for file in selection.files:
        with open(file.location, "rb") as opened:
            hashed = _Hashed(opened)
            if file.path in own:
                hashed.read()
            else:
                member = _member(file.path, 0o755 if _is_executable(file) else 0o644)
                member.size = file.status.st_size
                tar.addfile(member, hashed)
        entries[file.path] = reading.entry(hashed.digest.hexdigest(), hashed.size)
    return entries


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest, self.size = file, hashlib.sha256(), 0

    def read(self, count: int = -1) -> bytes:
        data = self._file.read(count)
        self.digest.update(data)
        self.size += len(data)
        return data


def _member(path: str, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    """Whose it is and when it was made are left out: neither changes an image."""
    member = tarfile.TarInfo(path)
    member.type, member.mode = kind, mode
    return member


def _context_of(recipe: Recipe, texts: _Texts, selection: Selection, entries: Mapping[str, str]) -> BuildContext:
    marked = {file.path: ("x " if _is_executable(file) else "") + entries[file.path] for file in selection.files}
    files = {**marked, **{path: f"-> {target}:0" for path, target in selection.links.items()}}
    dockerfile = hashlib.sha256(texts.dockerfile).hexdigest()
    return BuildContext(dict(sorted(files.items())), dockerfile, recipe.arguments, recipe.platform)


def _is_executable(file: SelectedFile) -> bool:
    return bool(file.status.st_mode & 0o111)


def _parents(path: str) -> Iterator[str]:
    while path := os.path.dirname(path):
        yield path


def _unusable(recipe: Recipe, error: OSError | ValueError) -> Finding:
    if not os.path.isdir(recipe.context):
        return Finding("context", f"there is no folder {recipe.context}: `context` is relative to Pulumi.yaml")
    if recipe.text is None and not os.path.isfile(recipe.dockerfile):
        return Finding(
            "dockerfile",
            f"there is no {recipe.dockerfile}: write one, name another with `dockerfile` (relative to Pulumi.yaml), or "
            "give its text as `dockerfile_text`",
        )
    return Finding("context", f"what the image is built from cannot be read: {error}")


def _suspicions(recipe: Recipe, path: str, lines: Sequence[tuple[int, str]]) -> list[str]:
    allowed = frozenset(recipe.allow_secrets)
    return [
        f"{path}:{line} looks like a secret ({kind}), which everyone who may pull the image could read: take it out; "
        f'if it is none, end the line with `# pragma: allowlist secret` or add "{path}:{line}" to `allow_secrets`'
        for line, kind in lines
        if allowed.isdisjoint((path, f"{path}:{line}"))
    ]


def _argument_findings(recipe: Recipe) -> list[Finding]:
    allowed = [place for place in recipe.allow_secrets if isinstance(place, str)]
    return [
        Finding(
            f'arguments["{suspect.place[1]}"]',
            f"it looks like a secret ({suspect.kind}), which the image's history would show: take it out; if it is "
            f'none, add "{suspect.shown}" to `allow_secrets`',
        )
        for suspect in input_secrets.in_values({"arguments": recipe.arguments}, allowed)
    ]
