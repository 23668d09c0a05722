"""The inputs of an endpoint, and the digest of what is deployed to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainup.core import input_values as kinds
from trainup.core import suggest
from trainup.core.azure_names import check_name
from trainup.core.canonical import sha256
from trainup.core.input_assets import data_input
from trainup.core.input_secrets import in_values
from trainup.core.input_values import Invalid
from trainup.core.inputs import Finding
from trainup.core.targets import TARGETS
from trainup.core.values import Unknown, has_unknown

DIGEST_CHARS = 12
SAMPLES = "samples"
"""The folder of sample requests, in the source folder, where none is named."""
REQUEST_SECONDS = 5.0
"""How long a request may take where nothing is said: Azure ML's default."""
LONGEST_REQUEST = 180.0
"""Seconds: the most that Azure ML allows."""
INSTANCE_TYPE = "Standard_DS3_v2"
"""The size of an instance on Azure where none is named."""
AUTH_MODES = ("aad_token", "key")
"""Who may call an endpoint on Azure: who has the right by Entra ID, or who has the key."""
LOCATION = frozenset({"target", "workspace", "name"})
"""Inputs that say which endpoint it is; with another value it is another endpoint."""
COMPUTED = frozenset({"snapshot_digest", "manifest", "digest"})


def _model(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or "value" in value:
        raise Invalid("a model has `uri` and `digest`, perhaps `path` for a part of it, and `id` of its version")
    asset = {"id": kinds.filled(value["id"])} if isinstance(value.get("id"), str) else {}
    return {**data_input({key: item for key, item in value.items() if key != "id"}), **asset}


def _endpoint_name(value: Any) -> str:
    if problem := check_name("endpoint", kinds.text(value)):
        raise Invalid(problem)
    return str(value)


def _request_timeout(value: Any) -> float:
    seconds = kinds.duration(value)
    if seconds > LONGEST_REQUEST:
        raise Invalid(f"{value!r} is too long: a request to an endpoint of Azure ML takes at most 180s")
    return seconds


_percent = kinds.Whole(0, 100, "a share of the requests in percent")

PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "target": kinds.one_of(TARGETS),
    "workspace": kinds.filled,
    "name": _endpoint_name,
    "source": kinds.filled,
    "script": kinds.script,
    "samples": kinds.script,
    "model": _model,
    "image": kinds.filled,
    "environment": kinds.filled,
    "environment_variables": kinds.plain_variables,
    "request_timeout": _request_timeout,
    "instance_count": kinds.Whole(1, 50, "how many instances serve"),
    "instance_type": kinds.filled,
    "auth_mode": kinds.one_of(AUTH_MODES),
    "traffic": _percent,
    "mirror_traffic": kinds.Whole(0, 50, "a share of the requests in percent"),
    "port": kinds.Whole(1024, 65535, "a port of this machine"),
    "cloud": kinds.filled,
    "allow_secrets": kinds.words,
}
"""Input → its parser."""
REQUIRED = ("target", "workspace", "name", "source", "image")


@dataclass(frozen=True, kw_only=True)
class EndpointInputs:
    """The parsed inputs of an endpoint."""

    target: str = ""
    workspace: str = ""
    name: str = ""
    source: str = ""
    script: str = "score.py"
    samples: str = SAMPLES
    model: Mapping[str, Any] = field(default_factory=dict)
    """`uri`, `digest` and perhaps `path`; empty where the script needs no model."""
    image: str = ""
    environment: str = ""
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    request_timeout: float = REQUEST_SECONDS
    """Seconds."""
    instance_count: int = 1
    instance_type: str = ""
    auth_mode: str = AUTH_MODES[0]
    traffic: int = 100
    mirror_traffic: int = 0
    port: int | None = None
    cloud: str | None = None
    allow_secrets: tuple[str, ...] = ()


def parse(inputs: Mapping[str, Any]) -> tuple[EndpointInputs, list[Finding]]:
    """Check all inputs of an endpoint. Unknown values, in a preview, break no rule and have their defaults."""
    findings = []
    values: dict[str, Any] = {}
    for name in sorted(inputs.keys() - PARSERS.keys() - COMPUTED):
        findings.append(Finding(name, suggest.unknown(name, PARSERS, f"an endpoint has no input {name!r}")))
    findings += [Finding(name, f"{name!r} is missing") for name in REQUIRED if inputs.get(name) is None]
    for name, parse_one in PARSERS.items():
        value = inputs.get(name)
        if value is None or isinstance(value, Unknown):
            continue
        try:
            values[name] = parse_one(value)
        except Invalid as error:
            findings.append(Finding(name + error.at, str(error)))
    parsed = EndpointInputs(**values)
    findings += [
        Finding(
            str(suspect.place[0]),
            f"{suspect.shown} looks like a secret ({suspect.kind}), which would be kept and shown as plain text: take "
            f'it out; if it is none, add "{suspect.shown}" to `allow_secrets`',
        )
        for suspect in in_values(
            {name: value for name, value in inputs.items() if name not in COMPUTED | {"allow_secrets", *LOCATION}},
            parsed.allow_secrets,
        )
    ]
    return parsed, findings


def digest_of(inputs: Mapping[str, Any], parsed: EndpointInputs) -> str | None:
    """The digest of what is deployed; None where a part of it is unknown. Defaults are left out of it."""
    identity = ("snapshot_digest", "script", "samples", "image", "environment_variables", "instance_type")
    if has_unknown([inputs.get(name) for name in (*identity, "model", "instance_count", "request_timeout")]):
        return None
    content: dict[str, Any] = {
        "snapshot": inputs.get("snapshot_digest"),
        "script": parsed.script,
        "image": parsed.image,
    }
    if parsed.model:
        content["model"] = {name: parsed.model[name] for name in ("digest", "path") if name in parsed.model}
    plain = EndpointInputs()
    for name in ("samples", "environment_variables", "request_timeout", "instance_count", "instance_type"):
        if (value := getattr(parsed, name)) != getattr(plain, name):
            content[name] = value
    return sha256(content)


def deployment_name(digest: str) -> str:
    """The name of a deployment, by its content; it fits the rule for names of Azure ML's deployments."""
    return f"d-{digest[:DIGEST_CHARS]}"
