"""`trainup:index:Data`: a file or folder on this machine, identified by the digest of its content."""

from trainup.core.inputs import Finding
from trainup.core.values import UNKNOWN, Unknown
from trainup.jobs.local import data
from trainup.provider.handler import Change, Context, Difference, Properties, ResourceError, State, compare
from trainup.provider.input_checks import check_names
from trainup.provider.stat_caches import DATA, StatCaches


class DataHandler:
    """Input: `path`. Check adds `digest`. Outputs: both of them, and `uri`."""

    def __init__(self) -> None:
        self._digests = DataDigests()

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        inputs = {name: value for name, value in inputs.items() if name != "digest"}
        findings = check_names(inputs, ("path",))
        path = inputs.get("path")
        if isinstance(path, Unknown):
            return {**inputs, "digest": UNKNOWN}, findings
        if path is not None and (not isinstance(path, str) or not path):
            findings.append(Finding("path", f"{path!r} is not text; give the path of a file or a folder"))
        if findings:
            return inputs, findings
        try:
            return {**inputs, "digest": self._digests.digest(context, inputs["path"])}, []
        except data.DataError as error:
            return inputs, [Finding("path", problem) for problem in str(error).splitlines()]

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        return Difference(compare(old, new, lambda name: Change.REPLACE if name == "path" else Change.UPDATE))

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return {**inputs, "uri": inputs["path"]}

    def create(self, context: Context, inputs: Properties) -> State:
        self._digests.confirm(context, inputs["path"], inputs["digest"])
        self._digests.save(context)
        return State(inputs["path"], {**inputs, "uri": inputs["path"]})

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return self.create(context, inputs)

    def read(self, context: Context, state: State) -> State | None:
        if not (context.project / state.id).exists():
            return None
        try:
            digest = self._digests.digest(context, state.id)
        except data.DataError as error:
            raise ResourceError(str(error)) from error
        return State(state.id, {**state.outputs, "digest": digest}, {**(state.inputs or {}), "digest": digest})

    def delete(self, context: Context, state: State) -> None:
        """The data is the user's own."""


class DataDigests:
    """Digests of data, cached for files that have not changed. `save` keeps the cache for the next command.

    A preview writes nothing, so only operations that change something anyway save it.
    """

    def __init__(self) -> None:
        self._caches = StatCaches(DATA)

    def digest(self, context: Context, path: str) -> str:
        """The digest of data at a path relative to the folder of Pulumi.yaml. Raises DataError."""
        return data.digest_of(context.project / path, self._caches.of(context))

    def confirm(self, context: Context, path: str, digest: str) -> None:
        """Raise ResourceError unless the data still is what the preview saw."""
        try:
            current = self.digest(context, path)
        except data.DataError as error:
            raise ResourceError(str(error)) from error
        if current != digest:
            raise ResourceError(f"the data {path} changed since the preview: run `pulumi up` again")

    def save(self, context: Context) -> None:
        """Write the cache to disk."""
        self._caches.of(context).save()
