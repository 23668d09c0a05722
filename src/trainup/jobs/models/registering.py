"""Registers a model: files of a run, or of a version in another registry."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from trainup.core.canonical import sha256
from trainup.core.models import ModelVersion, number_of
from trainup.jobs.models.registry import ModelRegistry, Reference, Registration
from trainup.jobs.target import File, Record, Target, TargetError
from trainup.jobs.transfers import Transfer, side_by_side

MOST_NAMED = 10
"""The most files that a message names."""


def files_at(target: Target, record: Record, path: str) -> list[File]:
    """The file, or the files of the folder, at a path in the outputs of a run; their paths begin with its last part.

    Raises TargetError where the run left nothing there.
    """
    every = target.files(record.name)
    inside = [file for file in every if file.path == path or file.path.startswith(f"{path}/")]
    if not inside:
        names = ", ".join(file.path for file in every[:MOST_NAMED]) or "nothing"
        more = f" and {len(every) - MOST_NAMED} more" if len(every) > MOST_NAMED else ""
        raise TargetError(f"{record.name} left no {path} among its outputs, only {names}{more}: correct `path`")
    above = len(path) - len(PurePosixPath(path).name)
    return [replace(file, path=file.path[above:]) for file in inside]


def digest_of(files: Sequence[File], progress: Callable[[str], None]) -> str:
    """SHA-256 over paths and content of files, which are read for it."""
    transfer = Transfer("reading the model", [file.size for file in files], progress)

    def digest(file: File) -> tuple[str, str]:
        content = hashlib.sha256()
        for piece in file.pieces():
            content.update(piece)
            transfer.moved(len(piece))
        return file.path, content.hexdigest()

    return sha256(dict(side_by_side(digest, files)))


def register(
    registry: ModelRegistry,
    target: Target,
    record: Record,
    name: str,
    path: str,
    registration: Registration,
    progress: Callable[[str], None] = lambda text: None,
) -> ModelVersion:
    """Register what a completed run left at a path. Raises TargetError."""
    files = files_at(target, record, path)
    digest = digest_of(files, progress)
    definition = target.definition(record.name).inputs
    data = {key: str(item["digest"]) for key, item in (definition.get("inputs") or {}).items() if item.get("digest")}
    version = ModelVersion(
        name=name,
        version=number_of(digest),
        uri=record.outputs_uri.rstrip("/") + f"/{path}".removesuffix(PurePosixPath(path).name).rstrip("/"),
        path=PurePosixPath(path).name,
        digest=digest,
        run=record.name,
        run_digest=record.digest,
        image=str(definition.get("image") or ""),
        commit=record.git.commit,
        data=data,
        metrics=dict(record.metrics),
    )
    # Equal content that another run left behind keeps its own lineage; its metrics here are those of this run.
    return replace(registry.add(version, files, registration), metrics=version.metrics)


def take_over(
    registry: ModelRegistry,
    source: ModelRegistry,
    reference: Reference,
    name: str,
    registration: Registration,
    progress: Callable[[str], None] = lambda text: None,
) -> ModelVersion:
    """Register what another registry has, with its lineage and metrics. Raises TargetError."""
    theirs = source.find(reference.name, reference.version)
    if theirs is None:
        raise TargetError(f"there is no {reference}: it was removed, or never registered; run `trainup promote` again")
    if known := registry.find(name, theirs.version):
        return replace(known, metrics=theirs.metrics)
    files = source.files(theirs)
    if digest_of(files, progress) != theirs.digest:
        raise TargetError(
            f"the files of {reference} are not those that were registered: promote a version that is whole"
        )
    image = registry.take_image(source, theirs.image) if theirs.image else ""
    return registry.add(replace(theirs, name=name, id="", uri="", image=image), files, registration)
