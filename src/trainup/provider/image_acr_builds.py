"""The builder `acr` in Azure: finds the image or its build, or begins one, and waits for its end."""

from trainup.core.build_failure import classify
from trainup.core.choices import OnInterrupt
from trainup.core.duration import parse_duration
from trainup.jobs import build_context
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.http.connection import connect
from trainup.jobs.azure.registry.builds import TASKS_REFUSED, Build, BuildStatus, Interrupted
from trainup.jobs.azure.registry.image import RegistryImage
from trainup.provider.handler import Context, InitFailed, Properties, ResourceError, State
from trainup.provider.image_acr_inputs import DEFAULT_TIMEOUT, identifying

TAIL_LINES = 30
BURST = 20
"""Log lines that arrive together are shown as one message from this number on."""


def drive(
    context: Context,
    inputs: Properties,
    recipe: build_context.Recipe,
    content: build_context.BuildContext,
    build_id: str | None,
) -> State:
    """Make the image exist. `build_id` is the build in the state, if there is one."""
    image = _image(context, inputs)
    with image.alone(context.info, context.canceled):
        if reference := image.find():
            image.forget()
            context.info(f"{image.shown} is built already")
            return State(image.name, {**identifying(inputs), "reference": reference, "build": build_id})
        build = image.attach(build_id) or _unanswered_build(context, image)
        if build is None:
            try:
                seconds = int(parse_duration(inputs.get("timeout") or DEFAULT_TIMEOUT))
                build = image.begin(recipe, content, seconds, context.info)
            except build_context.ContextChanged as error:
                raise ResourceError(str(error)) from error
            except AzureError as error:
                raise ResourceError(_refused(error, image)) from error
        return _follow(context, image, inputs, build)


def _unanswered_build(context: Context, image: RegistryImage) -> Build | None:
    """The build of this image whose start was requested but whose answer was lost; waits for its end. Or None."""
    for build in image.unanswered():
        context.info(f"an answer was lost: {build.id} may be the build of {image.shown}, and is waited for")
        try:
            image.builds.follow(build.id, lambda lines: None, lambda now: None, context.canceled)
        except Interrupted:
            raise ResourceError(
                f"interrupted while {build.id}, which may be the build of {image.shown}, went on"
            ) from None
        if ours := image.attach(build.id):
            return ours
    return None


def read(context: Context, state: State) -> State | None:
    """The state of an image that exists, None for one that does not, InitFailed for one that is being built."""
    image, previous = _image(context, state.outputs), state.outputs.get("reference")
    if not image.has_registry:
        return None
    if reference := image.find(previous.rpartition("@")[2] if previous else None):
        return State(state.id, {**state.outputs, "reference": reference}, state.inputs)
    build = image.builds.find(state.outputs["build"]) if not previous else None
    if build and not build.status.is_over:
        raise _unfinished(image, state.outputs, build)
    return None


def delete(context: Context, state: State) -> None:
    """Cancel a build in progress. A finished image stays: other stacks and earlier runs may use it."""
    if not state.outputs.get("reference"):
        image = _image(context, state.outputs)
        image.builds.cancel(state.outputs["build"])
        image.forget()


def _follow(context: Context, image: RegistryImage, inputs: Properties, build: Build) -> State:
    tail: list[str] = []

    def lines(texts: list[str]) -> None:
        tail.extend(texts)
        del tail[:-TAIL_LINES]
        for text in ["\n".join(texts)] if len(texts) >= BURST else texts:
            context.info(text)

    def status(now: Build) -> None:
        context.info(f"build {now.id} of {image.shown}: {now.status}")

    outputs = {**identifying(inputs), "build": build.id}
    try:
        finished = image.builds.follow(build.id, lines, status, context.canceled)
    except Interrupted as interrupted:
        if inputs.get("on_interrupt") != OnInterrupt.CANCEL:
            raise _unfinished(image, outputs, interrupted.build) from None
        image.builds.cancel(build.id)
        image.forget()
        raise ResourceError(f"`pulumi up` was interrupted, and the build {build.id} was cancelled") from None
    image.forget()
    if finished.status is not BuildStatus.SUCCEEDED:
        raise ResourceError(_report(image, finished, tail))
    digest = finished.pushed.get(image.name)
    reference = image.by_digest(digest) if digest else image.find()
    if reference is None:
        raise ResourceError(f"the build {build.id} succeeded, and {image.server} has no {image.name}")
    return State(image.name, {**outputs, "reference": reference})


def _image(context: Context, values: Properties) -> RegistryImage:
    return RegistryImage(
        client=connect(values.get("cloud")),
        registry_id=values["registry_id"],
        server=values["login_server"],
        repository=values["repository"],
        tag=values["digest"],
        folder=context.project / ".trainup" / "builds",
    )


def _unfinished(image: RegistryImage, outputs: Properties, build: Build) -> InitFailed:
    reason = f"the build {build.id} of {image.shown} is {build.status} and goes on; the next `pulumi up` attaches to it"
    return InitFailed(image.name, outputs, [reason], refresh=True)


def _refused(error: AzureError, image: RegistryImage) -> str:
    if error.code == TASKS_REFUSED:
        return (
            f"{image.server} builds nothing for free and trial subscriptions ({TASKS_REFUSED}): upgrade to "
            "pay-as-you-go, build on this machine with `builder: docker`, or take an existing image with "
            "`builder: prebuilt`"
        )
    role = ""
    if error.status in (401, 403):
        role = ". Building takes the role Contributor on the registry: an owner grants it, or names you in `access`"
    return f"{image.shown} could not be built: {error}{role}"


def _report(image: RegistryImage, build: Build, tail: list[str]) -> str:
    """What a user needs to act on a failed build, in one message."""
    failure, remedy = classify(build.status, build.message, tail)
    registry = image.registry_id.rpartition("/")[2]
    return "\n".join(
        [
            f"the build {build.id} of {image.shown} ended {build.status} ({failure.failure_class}): {failure.message}",
            *(["last lines of its log:", *(f"  {line}" for line in tail)] if tail else []),
            f"all of it: az acr task logs --registry {registry} --run-id {build.id}",
            f"what to do: {remedy}",
        ]
    )
