"""Builder `prebuilt`: an existing image. Its tag is resolved once, and the digest is kept in the state."""

from typing import TYPE_CHECKING

from trainup.core.images import NODE_PLATFORM, ImageReference, parse_reference
from trainup.core.input_secrets import in_values
from trainup.core.inputs import Finding
from trainup.core.values import UNKNOWN, has_unknown, reveal
from trainup.jobs.azure.http.connection import connect
from trainup.provider.handler import Change, Context, Difference, Properties, ResourceError, State, compare
from trainup.provider.image_lookups import image_lookups
from trainup.provider.input_checks import check_names, check_texts

if TYPE_CHECKING:
    from trainup.jobs.azure.registry.api_v2 import Login, Registry


class Prebuilt:
    """Inputs: `image`, and optional `username`, `password`, `platform`, `cloud`. Output: `reference`, by digest.

    If the tag moves to another image, nothing changes; `pulumi up --replace <urn>` resolves it again. Delete keeps the
    image.
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        findings = check_names(inputs, ("builder", "image"), ("username", "password", "platform", "cloud"))
        findings += check_texts(inputs, ("image", "platform", "cloud")) + check_texts(reveal(inputs), ("username",))
        image = inputs.get("image")
        if isinstance(image, str) and image:
            try:
                parse_reference(image)
            except ValueError as error:
                findings += [] if in_values(image) else [Finding("image", str(error))]
        findings += [
            Finding(suspect.shown, f"it looks like a secret ({suspect.kind}): log in by `username` and `password`")
            for suspect in in_values({"image": image})
        ]
        if (inputs.get("username") is None) != (inputs.get("password") is None):
            findings.append(Finding("password", "a login is `username` and `password`: give both or neither"))
        if context.urn and not findings and not has_unknown(inputs) and image != (context.before or {}).get("image"):
            platform = inputs.get("platform") or NODE_PLATFORM
            answer = image_lookups().find(context, inputs["image"], inputs.get("cloud"), platform, _login(inputs))
            findings += [Finding("image", answer.problem)] if answer.problem else []
        return inputs, findings

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        content = ("image", "platform")
        return Difference(compare(old, new, lambda name: Change.REPLACE if name in content else Change.UPDATE))

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return {**_without_login(inputs), "reference": state.outputs["reference"] if state else UNKNOWN}

    def create(self, context: Context, inputs: Properties) -> State:
        image = parse_reference(inputs["image"])
        digest = _registry(image, inputs).resolve(image, inputs.get("platform") or NODE_PLATFORM)
        reference = f"{_name(image)}@{digest}"
        context.info(f"{inputs['image']} is {reference}")
        return State(reference, {**_without_login(inputs), "reference": reference})

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return State(state.id, {**_without_login(inputs), "reference": state.outputs["reference"]})

    def read(self, context: Context, state: State) -> State | None:
        reference = parse_reference(state.outputs["reference"])
        inputs = {**state.outputs, **(state.inputs or {})}
        if has_unknown(inputs) or not reference.digest:
            raise ResourceError(f"{state.id!r} is no image by digest: it cannot be looked up")
        exists = _registry(reference, inputs).find(reference.repository, reference.digest)
        return State(state.id, state.outputs, state.inputs) if exists else None

    def delete(self, context: Context, state: State) -> None:
        """The image was there before, and stays."""


def _registry(image: ImageReference, inputs: Properties) -> "Registry":
    # Imported here because it takes longer to import than a whole preview.
    from trainup.jobs.azure.registry.api_v2 import Registry, entra_of

    if login := _login(inputs):
        return Registry(image.server, login=login)
    return Registry(image.server, entra=entra_of(connect(inputs.get("cloud")), image.server))


def _login(inputs: Properties) -> "Login | None":
    from trainup.jobs.azure.registry.api_v2 import Login

    if inputs.get("username") is None:
        return None
    plain = reveal({name: inputs[name] for name in ("username", "password")})
    return Login(plain["username"], plain["password"])


def _name(image: ImageReference) -> str:
    return f"{image.server}/{image.repository}"


def _without_login(inputs: Properties) -> Properties:
    """The inputs without user name and password, for the outputs."""
    return {name: inputs.get(name) for name in ("builder", "image", "platform", "cloud")}
