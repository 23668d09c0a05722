"""The facts about one resource of a preview: as lines for people, and as JSON for `trainup plan`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainup.core.facts import JSON, MARK
from trainup.jobs.facts.upload import Upload
from trainup.jobs.facts.why import Reason
from trainup.jobs.facts.wording import listed

MOST_REASONS = 8


@dataclass(frozen=True)
class Facts:
    """What an `up` would do with one resource, why, and what it uploads for it."""

    name: str
    """Name of the run or of the image."""
    kind: str
    """`run` or `image`."""
    action: str
    """`create`, `replace` or `update`."""
    reasons: Sequence[Reason] = ()
    uploads: Sequence[Upload] = ()
    notes: Sequence[str] = ()
    """What is not known, and why."""

    def lines(self) -> Iterator[str]:
        """The short form, for a preview."""
        for label, in_place in (("why", False), ("changed in place", True)):
            texts = [reason.text for reason in self.reasons if reason.in_place is in_place]
            if texts:
                yield f"{label}: {listed(texts, MOST_REASONS, '; ')}"
        for reason in self.reasons:
            yield from (f"  {line}" for line in reason.lines)
        yield from (upload.summary for upload in self.uploads)
        yield from self.notes

    def to_json(self) -> dict[str, Any]:
        """JSON values: those of the fields, and the texts that people get."""
        result: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        for values, upload in zip(result["uploads"], self.uploads, strict=True):
            values["travels"], values["summary"] = upload.travels, upload.summary
            for item, change in zip(values["changes"] or (), upload.changes or (), strict=True):
                item["text"] = change.text
        return result


def message(facts: Facts, words: Sequence[str]) -> str:
    """The message that tells the facts, in the form that the variable TRAINUP_FACTS asks for by these words."""
    if JSON in words:
        return MARK + json.dumps(facts.to_json())
    return "\n".join(facts.lines())


def parse(text: str) -> Mapping[str, Any] | None:
    """The facts in a message, as `to_json` made them; None for any other message."""
    _, mark, rest = text.partition(MARK)
    if not mark:
        return None
    try:
        content = json.JSONDecoder().raw_decode(rest)[0]
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
