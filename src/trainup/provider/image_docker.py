"""Builder `docker`: Docker's own provider builds the image, so that this one only looks up what it begins with."""

from trainup.core import bounded
from trainup.core.inputs import Finding
from trainup.core.texts import decode
from trainup.provider.handler import Change, Context, Difference, Properties, ResourceError, State
from trainup.provider.image_lookups import image_lookups

_NO_RESOURCE = "images of the builder docker are resources of Docker's provider: declare a CustomImage"


class DockerfileCheck:
    """Inputs: `dockerfile`, and optional `arguments` and `cloud`. It is asked for findings, and makes nothing."""

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        try:
            text = decode(bounded.read_bytes(context.project / str(inputs.get("dockerfile") or "Dockerfile")))
        except (OSError, ValueError):
            return inputs, []  # the settings have a finding about it
        problems = image_lookups().missing(context, text, inputs.get("arguments") or {}, inputs.get("cloud"))
        return inputs, [Finding("dockerfile", problem) for problem in problems]

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        return Difference({name: Change.UPDATE for name in new if new[name] != old.get(name)})

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return inputs

    def create(self, context: Context, inputs: Properties) -> State:
        raise ResourceError(_NO_RESOURCE)

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        raise ResourceError(_NO_RESOURCE)

    def read(self, context: Context, state: State) -> State | None:
        raise ResourceError(_NO_RESOURCE)

    def delete(self, context: Context, state: State) -> None:
        """There is nothing to delete."""
