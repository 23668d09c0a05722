"""What a preview tells of a run that is new or changes: why it trains again, and what is uploaded for it."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainup.core import facts as facts_words
from trainup.core import targets
from trainup.core.errors import TrainupError
from trainup.core.input_assets import CONTENT
from trainup.core.inputs import with_definition
from trainup.core.status import Status
from trainup.core.values import Unknown, reveal
from trainup.jobs.snapshot import TreeHashes
from trainup.provider.handler import Context, Properties, State

if TYPE_CHECKING:
    from trainup.jobs.facts.files import Contents, FileChange
    from trainup.jobs.facts.report import Facts
    from trainup.jobs.facts.upload import Upload

# What compares and words the facts is imported only when a run changes: previews of unchanged stacks need none of it.


@dataclass(frozen=True)
class Before:
    """A run as it is in the state."""

    id: str
    outputs: Properties
    inputs: Properties
    replaced: bool
    news: str = ""
    """What its schedule asks of the next update."""


class RunFacts:
    """Remembers what `diff` has seen, for the call of `plan` that follows: a new run has none."""

    def __init__(self) -> None:
        self._before: dict[str, Before] = {}

    def remember(self, context: Context, state: State, old: Properties, *, replaced: bool, news: str = "") -> None:
        """Note the former inputs of a run that changes."""
        self._before[context.urn] = Before(state.id, state.outputs, old, replaced, news)

    def news(self, context: Context) -> str:
        """What its schedule asks of the next update; empty where it asks nothing. Call it before `preview`."""
        before = self._before.get(context.urn)
        return before.news if before else ""

    def preview(
        self, context: Context, inputs: Properties, trees: TreeHashes, notes: Callable[[], Sequence[str]] = lambda: ()
    ) -> None:
        """Tell the facts, and those that `notes` finds."""
        from trainup.jobs.facts import report

        words = os.environ.get(facts_words.VARIABLE, "").split()
        if facts_words.NOTHING in words:
            return
        try:
            facts = self._facts(context, inputs, trees, with_uploads=True, with_lines=facts_words.LINES in words)
            facts = replace(facts, notes=[*notes(), *facts.notes])
        except (TrainupError, OSError) as error:  # files that change meanwhile: the facts only inform
            context.note(f"why it trains, and what is uploaded, could not be told: {error}")
            return
        if text := report.message(facts, words):
            context.note(text)

    def start(self, context: Context, inputs: Properties) -> None:
        """Tell why a run trains again, when it does; as progress, since the preview has told it."""
        if context.urn not in self._before:
            return
        with suppress(TrainupError, OSError):  # the preview has told it, or why it cannot be told
            for line in self._facts(context, inputs, TreeHashes(), with_uploads=False, with_lines=False).lines():
                context.info(line)

    def _facts(
        self, context: Context, inputs: Properties, trees: TreeHashes, *, with_uploads: bool, with_lines: bool
    ) -> "Facts":
        from trainup.jobs.facts import report
        from trainup.jobs.facts.why import Reason, Surroundings, reasons
        from trainup.provider.image_facts import packages_of, why_rebuilt

        before = self._before.pop(context.urn, None)
        secrets = _secret_texts(inputs, before.inputs if before else {})
        changes, notes = _changes(context, before, inputs, secrets, with_lines=with_lines)
        told: list[Reason] = []
        if before:
            around = Surroundings(changes or (), lambda image: packages_of(context, inputs, image), why_rebuilt())
            told = reasons(before.inputs, inputs, around)
            told = [Reason(one.key, one.text, one.in_place, one.lines if with_lines else ()) for one in told]
            status = Status(before.outputs.get("status") or Status.NOT_RESPONDING)
            if before.news:
                told.insert(0, Reason("schedule", before.news, in_place=True))
            elif not before.replaced and status.is_failure:
                told.insert(0, Reason("status", f"the last attempt ended {status}, and another one starts"))
            elif not before.replaced and not status.is_terminal:
                told.insert(0, Reason("status", f"it is {status}, and is waited for", in_place=True))
        is_new_content = before is None or before.replaced
        uploads = _uploads(context, before, inputs, changes, trees) if with_uploads and is_new_content else []
        action = "create" if before is None else "replace" if before.replaced else "update"
        return report.Facts(str(inputs.get("run")), "run", action, told, uploads, notes)


def _changes(
    context: Context, before: Before | None, inputs: Properties, secrets: list[str], *, with_lines: bool
) -> tuple["list[FileChange] | None", list[str]]:
    """(the files that differ from the last snapshot, what is not at hand); (None, []) without a last snapshot."""
    from trainup.jobs import snapshot
    from trainup.jobs.facts import files
    from trainup.jobs.facts.contents import RecordedContents, SourceContents
    from trainup.jobs.targets import target_of

    old, new = (before.inputs if before else {}).get("manifest"), inputs.get("manifest")
    if isinstance(new, Unknown) or not (isinstance(old, dict) or (before and isinstance(new, dict))):
        return None, []
    old, new = dict(old or {}), dict(new or {})
    if old == new or before is None:
        return [], []
    former: RecordedContents | None = None
    current: Contents | None = None
    notes = []
    # The former code of a run on Azure has to be downloaded, so only when its lines are asked for.
    if old and new and (with_lines or targets.is_on_this_machine(before.inputs.get("target"))):
        try:
            target = target_of(before.inputs, context.project)
            former = RecordedContents(target.code(str(before.outputs.get("name") or before.id)))
            current = SourceContents(snapshot.files(context.project / str(with_definition(inputs).get("source"))))
            changes = files.compare(old, new, former, current, secrets)
            if with_lines and former.is_limited:
                notes.append("the former code is too large to be fetched for a comparison: some lines are not shown")
            return changes, notes
        except (TrainupError, OSError) as error:
            if with_lines:
                notes.append(f"the lines of the former code are not at hand: {error}")
    return files.compare(old, new), notes


def _uploads(
    context: Context,
    before: Before | None,
    inputs: Properties,
    changes: "list[FileChange] | None",
    trees: TreeHashes,
) -> "list[Upload]":
    from trainup.jobs.facts.upload import Upload, largest
    from trainup.jobs.snapshot.kept_out import survey

    uploads: list[Upload] = []
    is_copied = targets.is_on_this_machine(inputs.get("target"))
    source = with_definition(inputs).get("source")
    code: str | None = None
    if isinstance(source, str) and isinstance(inputs.get("manifest"), dict):
        files, rules = survey(context.project / source)
        sizes = {file.path: file.status.st_size for file in files}
        is_first = not (before and before.inputs.get("manifest"))
        code = trees.get(str(inputs.get("snapshot_digest")))
        uploads.append(
            Upload(
                "code",
                source,
                len(sizes),
                sum(sizes.values()),
                largest(sizes),
                rules,
                None if is_first else changes,
                is_first,
                is_copied=is_copied,
            )
        )
    if is_copied:
        return uploads
    data = _new_data(context.project, before, inputs)
    former = with_definition(before.inputs).get("inputs") if before else None
    data_uploads = [_data_upload(name, item, is_first=name not in (former or {})) for name, item in data.items()]
    return _answered(inputs, uploads, code, [*data.values()], data_uploads)


def _answered(
    inputs: Properties,
    code_uploads: "list[Upload]",
    code: str | None,
    data: list[Mapping[str, Any]],
    data_uploads: "list[Upload]",
) -> "list[Upload]":
    """The uploads, with what the workspace says about them."""
    from trainup.jobs.targets import opening_of

    if not code_uploads and not data:
        return []
    unknown = ""
    answers: list[bool | None] = [None] * (1 + len(data))
    if not isinstance(inputs.get("workspace"), str):
        answers, unknown = [False] * (1 + len(data)), ""  # a workspace that does not exist yet has nothing
    else:
        try:
            answers = opening_of(str(inputs["target"])).has(inputs, code, data)
        except (TrainupError, OSError) as error:
            unknown = f"the workspace cannot be asked: {str(error).splitlines()[0]}"
    code_answers = answers[:1] if code_uploads else []
    pairs = zip([*code_uploads, *data_uploads], [*code_answers, *answers[1:]], strict=True)
    return [replace(upload, is_there=answer, unknown=unknown) for upload, answer in pairs]


def _new_data(project: Path, before: Before | None, inputs: Properties) -> dict[str, Mapping[str, Any]]:
    """Data input on this machine → its declaration with an absolute path, for those that the last run had not."""
    items = with_definition(inputs).get("inputs")
    former = with_definition(before.inputs).get("inputs") if before else None
    is_same_place = before is not None and before.inputs.get("workspace") == inputs.get("workspace")
    known = {item.get("digest") for item in former.values()} if isinstance(former, dict) and is_same_place else set()
    result: dict[str, Mapping[str, Any]] = {}
    for name, item in items.items() if isinstance(items, dict) else ():
        uri, digest = item.get("uri"), item.get("digest")
        if not (isinstance(uri, str) and isinstance(digest, str) and digest.startswith(CONTENT)):
            continue
        if digest not in known and "://" not in uri and (project / uri).exists():
            result[name] = {**item, "uri": str((project / uri).resolve())}
    return result


def _data_upload(name: str, item: Mapping[str, Any], *, is_first: bool) -> "Upload":
    from trainup.jobs.facts.upload import Upload, largest
    from trainup.jobs.local import data

    sizes = {file or path.name: path.stat().st_size for file, path in data.files_of(Path(item["uri"]))}
    path, total = Path(item["uri"]).name, sum(sizes.values())
    return Upload(f"data {name}", path, len(sizes), total, largest(sizes), is_first=is_first)


def _secret_texts(*all_inputs: Properties) -> list[str]:
    """The values of secrets that are known here, to be masked wherever they stand."""
    values = [reveal(inputs.get("secrets") or {}) for inputs in all_inputs]
    return [text for value in values if isinstance(value, dict) for text in value.values() if isinstance(text, str)]
