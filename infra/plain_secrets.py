"""Finds likely secrets in plain text in the stack's configuration, before anything is created from them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainup.core.images import ImageBuilder
from trainup.core.input_secrets import Place, in_text, in_values
from trainup.core.texts import decode

if TYPE_CHECKING:  # building the class takes long, and stacks on `local` do without
    from trainup.infra.azure_image_settings import AzureImageSettings

ALLOWED = "allow_secrets"


def likely_secrets(sections: Mapping[str, Any]) -> dict[Place, str]:
    """Path → what is wrong there and what to do, as the end of a sentence that begins with the path."""
    problems = {}
    for suspect in in_values({key: value for key, value in sections.items() if key != ALLOWED}):
        if suspect.place[:2] == ("registry", "password"):
            continue  # refused by a rule of its own
        owner, inner = _owner(sections, suspect.shown)
        if not any(
            inner == allowed or inner.startswith((f"{allowed}.", f"{allowed}["))
            for allowed in _allowed(owner, sections)
        ):
            problems[suspect.place] = (
                f"it looks like a secret ({suspect.kind}), which would be kept and shown as plain text: "
                f'{_way_out(suspect.place)}; if it is none, add "{inner}" to trainup:{f"{owner}." if owner else ""}'
                f"{ALLOWED}"
            )
    return problems


def in_files_of_image(root: Path, image: "AzureImageSettings") -> list[str]:
    """Likely secrets in those files of an image that the provider's check does not read."""
    names = [image.conda] if image.conda else []
    names += [image.dockerfile_path] if image.builder is ImageBuilder.DOCKER else []
    problems = []
    for name in names:
        try:
            text = decode((root / name).read_bytes())
        except (OSError, ValueError):
            continue  # reported by the settings' own check, or by the build
        problems += [
            f"trainup:image: {name}:{line} looks like a secret ({kind}), which everyone who may pull the image could "
            f'read: take it out; if it is none, end the line with `# pragma: allowlist secret` or add "{name}:{line}" '
            f"to trainup:image.{ALLOWED}"
            for line, kind in in_text(text, name)
            if not {name, f"{name}:{line}"} & set(image.allow_secrets or ())
        ]
    return problems


def _owner(sections: Mapping[str, Any], path: str) -> tuple[str, str]:
    """The run or section whose `allow_secrets` covers a path, and the path relative to it."""
    key, _, inner = path.partition(".")
    runs = sections.get("runs")
    if key == "runs" and isinstance(runs, dict):
        name = max((name for name in runs if inner.startswith(f"{name}.")), key=len, default=None)
        if name is not None:
            return f"runs.{name}", inner.removeprefix(f"{name}.")
    return ("image", inner) if key == "image" and inner else ("", path)


def _allowed(owner: str, sections: Mapping[str, Any]) -> list[str]:
    section: Any = sections
    if owner == "image":
        section = sections.get("image")
    elif owner:
        section = sections["runs"][owner.removeprefix("runs.")]
    entries = section.get(ALLOWED) if isinstance(section, dict) else None
    return [path for path in entries if isinstance(path, str) and path] if isinstance(entries, list) else []


def _way_out(place: Place) -> str:
    if place[0] == "runs":
        return (
            "take it out, set it with `pulumi config set --secret trainup:NAME`, and name it in `secrets` of the run, "
            "whose script gets it as a variable"
        )
    if place[0] == "workspace":
        return (
            "take it out, and let the runs log in by MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD among their "
            "`secrets`"
        )
    if place[0] == "image":
        return "take it out: everyone who may pull the image could read it"
    return "take it out"
