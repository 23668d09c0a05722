"""Builder `acr`: an Azure container registry builds the image in the cloud; nothing is needed on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainup.core.choices import OnInterrupt
from trainup.core.duration import parse_duration
from trainup.core.images import NODE_PLATFORM
from trainup.core.inputs import Finding
from trainup.core.texts import decode
from trainup.core.values import UNKNOWN, Unknown, has_secret, has_unknown
from trainup.jobs import build_context
from trainup.provider.handler import Change, Context, Difference, Properties, ResourceError, State, compare
from trainup.provider.image_acr_inputs import REQUIRED, identifying
from trainup.provider.image_lookups import image_lookups
from trainup.provider.input_checks import check_names, check_texts
from trainup.provider.stat_caches import BUILD_CONTEXTS, StatCaches

CONTENT = ("context", "dockerfile", "dockerfile_text", "arguments", "platform", "allow_secrets")
"""Inputs that decide what is built: the digest is computed once all of them are known."""
POLICY = ("timeout", "on_interrupt", "cloud")
COMPUTED = ("digest", "manifest", "packages")
SAME_IMAGE = ("context", "dockerfile", "allow_secrets", *POLICY)
"""Inputs that never change the content of the image, such as the folder that its parts are read from."""
SHORTEST, LONGEST = 300, 8 * 3600
"""Range of a build's timeout that the service accepts, in seconds."""


class RegistryBuilder:
    """Inputs: `registry_id`, `login_server`, `repository`, and the optional ones in `CONTENT` and `POLICY`.

    Check adds `digest` and `manifest`. Outputs: `reference`, the image by digest, and `build`, the registry's id of the
    build that made it. After Ctrl-C a build continues, and the next `up` attaches to it, unless `on_interrupt` is
    `cancel`. Delete cancels a build in progress, and keeps the image.
    """

    def __init__(self) -> None:
        # A preview writes nothing: what `check` learns about unchanged files is saved when an image is built.
        self._caches = StatCaches(BUILD_CONTEXTS)

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        inputs = {name: value for name, value in inputs.items() if name not in COMPUTED}
        findings = check_names(inputs, REQUIRED, (*CONTENT, *POLICY)) + _judge(inputs)
        unknown: Properties = {**inputs, "digest": UNKNOWN, "manifest": UNKNOWN}
        wrong = {finding.property.partition("[")[0] for finding in findings}
        if wrong & set(CONTENT) or has_unknown([inputs.get(name) for name in CONTENT]):
            return unknown, findings
        content, problems = build_context.examine(recipe_of(context, inputs), self._caches.of(context))
        if content is None:
            return unknown, [*findings, *problems]
        if context.urn and content.digest != (context.before or {}).get("digest"):
            findings += _missing_images(context, recipe_of(context, inputs), inputs)
        computed = {"digest": content.digest, "manifest": content.manifest}
        if packages := build_context.packages(recipe_of(context, inputs), content):
            computed["packages"] = packages
        return {**inputs, **computed}, findings

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        if isinstance(new.get("login_server"), Unknown) and new.get("registry_id") == old.get("registry_id"):
            # A registry that is updated in place keeps its login server, though the preview does not know it.
            new = {**new, "login_server": old.get("login_server")}
        is_other = any(old.get(name) != new.get(name) for name in ("digest", *REQUIRED))
        is_finished = bool(state.outputs.get("reference"))
        # The packages only say what the digest sums up, and what earlier versions of trainup deployed has none.
        old, new = ({name: value for name, value in one.items() if name != "packages"} for one in (old, new))
        changes = compare(
            old, new, lambda name: Change.REPLACE if is_other and name not in SAME_IMAGE else Change.UPDATE
        )
        if not is_other and not is_finished:
            changes["reference"] = Change.UPDATE
        # A build in progress is cancelled before another begins.
        return Difference(changes, delete_first=is_other and not is_finished)

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        reference = state.outputs.get("reference") if state else None
        return {**identifying(inputs), "reference": reference or UNKNOWN}

    def create(self, context: Context, inputs: Properties) -> State:
        return self._drive(context, inputs, None)

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        if reference := state.outputs.get("reference"):
            return State(state.id, {**identifying(inputs), "reference": reference, "build": state.outputs.get("build")})
        return self._drive(context, inputs, state.outputs.get("build"))

    def read(self, context: Context, state: State) -> State | None:
        from trainup.provider import image_acr_builds

        return image_acr_builds.read(context, state)

    def delete(self, context: Context, state: State) -> None:
        from trainup.provider import image_acr_builds

        image_acr_builds.delete(context, state)

    def _drive(self, context: Context, inputs: Properties, build_id: str | None) -> State:
        # Imported here because Azure's client takes longer to import than a whole preview.
        from trainup.provider import image_acr_builds

        recipe, cache = recipe_of(context, inputs), self._caches.of(context)
        content, findings = build_context.examine(recipe, cache)
        if content is None or content.digest != inputs["digest"]:
            reasons = "".join(f"; {finding.reason}" for finding in findings)
            raise ResourceError(f"what the image is built from changed since the preview: run it again{reasons}")
        cache.save()
        return image_acr_builds.drive(context, inputs, recipe, content, build_id)


def recipe_of(context: Context, inputs: Properties) -> build_context.Recipe:
    folder = inputs.get("context") or "."
    return build_context.Recipe(
        context=context.project / folder,
        dockerfile=context.project / (inputs.get("dockerfile") or Path(folder, "Dockerfile")),
        text=inputs.get("dockerfile_text"),
        arguments=inputs.get("arguments") or {},
        platform=inputs.get("platform") or NODE_PLATFORM,
        allow_secrets=inputs.get("allow_secrets") or (),
    )


def _missing_images(context: Context, recipe: build_context.Recipe, inputs: Properties) -> list[Finding]:
    """A finding for each image in the Dockerfile that its registry does not have for this platform."""
    name = "dockerfile" if recipe.text is None else "dockerfile_text"
    text = decode(recipe.dockerfile.read_bytes()) if recipe.text is None else recipe.text
    problems = image_lookups().missing(context, text, recipe.arguments, inputs.get("cloud"), recipe.platform)
    return [Finding(name, problem) for problem in problems]


def _judge(inputs: Properties) -> list[Finding]:
    findings = check_texts(inputs, (*REQUIRED, "context", "dockerfile", "dockerfile_text", "platform", "cloud"))
    arguments, secrets = inputs.get("arguments"), inputs.get("allow_secrets")
    if has_secret(arguments):
        reason = "a secret would be readable in the image's history: download what needs it before, or into the run"
        findings.append(Finding("arguments", reason))
    elif arguments is not None and not _is_texts(arguments):
        findings.append(Finding("arguments", f"{arguments!r} is no map of texts; build arguments are NAME: text"))
    is_list = isinstance(secrets, list) and _is_texts(dict(enumerate(secrets)))
    if secrets is not None and not isinstance(secrets, Unknown) and not is_list:
        findings.append(Finding("allow_secrets", f"{secrets!r} is no list of `path` or `path:line`"))
    if inputs.get("dockerfile") is not None and inputs.get("dockerfile_text") is not None:
        findings.append(
            Finding("dockerfile", "`dockerfile` and `dockerfile_text` exclude each other: keep one of them")
        )
    platform = inputs.get("platform")
    if isinstance(platform, str) and len(platform.split("/")) not in (2, 3):
        findings.append(Finding("platform", f"{platform!r} is no platform: write one such as {NODE_PLATFORM}"))
    if inputs.get("on_interrupt") not in (None, *OnInterrupt):
        findings.append(Finding("on_interrupt", f"{inputs['on_interrupt']!r} is none of {', '.join(OnInterrupt)}"))
    return findings + _judge_timeout(inputs.get("timeout"))


def _judge_timeout(timeout: Any) -> list[Finding]:
    if timeout is None or isinstance(timeout, Unknown):
        return []
    try:
        seconds = parse_duration(timeout)
    except ValueError as error:
        return [Finding("timeout", str(error))]
    if not SHORTEST <= seconds <= LONGEST:
        return [Finding("timeout", f"{timeout!r} is out of range: a registry takes 5 minutes to 8 hours")]
    return []


def _is_texts(value: Any) -> bool:
    return isinstance(value, Unknown) or (
        isinstance(value, Mapping) and all(isinstance(item, (str, Unknown)) for item in value.values())
    )
