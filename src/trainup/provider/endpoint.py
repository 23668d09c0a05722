"""`trainup:index:Endpoint`: a model behind an address, which changes hands without losing a request."""

from collections.abc import Collection
from dataclasses import replace

from trainup.core import targets
from trainup.core.inputs import Finding
from trainup.core.serving import LOCATION, EndpointInputs, deployment_name, digest_of, parse
from trainup.core.values import UNKNOWN, has_unknown
from trainup.jobs import snapshot
from trainup.jobs.job_inputs import with_absolute_uri
from trainup.jobs.serving.deployment import Deployment, Endpoint, endpoint_of
from trainup.jobs.target import TargetError
from trainup.provider.handler import Change, Context, Difference, Properties, ResourceError, State, compare
from trainup.provider.input_checks import owner_of
from trainup.provider.stat_caches import SOURCES, StatCaches

OUTPUTS = ("url", "deployment", "model_version")
OWN = (*OUTPUTS, "owner")
NOT_COMPARED = frozenset({"source", "digest", "snapshot_digest", "allow_secrets"})
"""The manifest tells which files changed, and the digests only sum up what is compared one by one."""


class EndpointHandler:
    """Inputs: `core/serving.py`. Check adds `snapshot_digest`, `manifest` and `digest`, over what is deployed.

    Outputs: the inputs, `url`, `deployment` (what serves) and `model_version` (the model's digest, or its version).
    """

    def __init__(self) -> None:
        self._caches = StatCaches(SOURCES)

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        inputs = {
            name: value for name, value in inputs.items() if name not in ("snapshot_digest", "manifest", "digest")
        }
        parsed, findings = parse(inputs)
        if isinstance(inputs.get("source"), str) and parsed.source:
            try:
                content = snapshot.take(
                    context.project / parsed.source, cache=self._caches.of(context), allow_secrets=parsed.allow_secrets
                )
                inputs |= {"snapshot_digest": content.digest, "manifest": content.manifest}
                findings += _file_findings(inputs, parsed, content.files)
            except snapshot.SnapshotError as error:
                findings += [Finding("source", problem) for problem in error.problems]
        elif not findings:
            inputs |= {"snapshot_digest": UNKNOWN, "manifest": UNKNOWN}
        if not findings and not has_unknown([inputs.get(name) for name in ("target", "name", "port")]):
            # Without a workspace it is a new endpoint, unless the workspace is made anew, and the port was its own.
            is_told = parsed.workspace or (context.urn and (context.before or {}).get("port") != parsed.port)
            # A deployment has its model, and needs the files of the run no more.
            has_model = context.before is not None and context.before.get("model") == inputs.get("model")
            asked = replace(parsed, model={}) if has_model else parsed
            endpoint = endpoint_of(asked, context.project, owner_of(context))
            findings += [Finding(name, reason) for name, reason in (endpoint.problems() if is_told else ())]
        if findings:
            return inputs, findings
        return {**inputs, "digest": digest_of(inputs, parsed) or UNKNOWN}, []

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        changes = compare(
            _compared(old), _compared(new), lambda name: Change.REPLACE if name in LOCATION else Change.UPDATE
        )
        if new.get("digest") != old.get("digest") and not changes:
            changes["digest"] = Change.UPDATE
        if not changes and (problem := self._drift(context, state)):
            context.warn(problem)
            changes["deployment"] = Change.UPDATE
        return Difference(changes)

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        digest = inputs.get("digest")
        deployment = deployment_name(digest) if isinstance(digest, str) else UNKNOWN
        url = state.outputs["url"] if state and inputs.get("port") == state.outputs.get("port") else UNKNOWN
        return {**inputs, "url": url, "deployment": deployment, "model_version": _version(inputs)}

    def create(self, context: Context, inputs: Properties) -> State:
        return self._deploy(context, inputs, None)

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return self._deploy(context, inputs, state.outputs.get("owner"))

    def _deploy(self, context: Context, inputs: Properties, token: str | None) -> State:
        parsed, _ = parse({name: value for name, value in inputs.items() if name not in OWN})
        owner = owner_of(context, token)
        endpoint = endpoint_of(parsed, context.project, owner, context.info, context.canceled)
        digest = inputs["digest"] if isinstance(inputs.get("digest"), str) else digest_of(inputs, parsed)
        assert digest is not None, "what is created is known"
        source = context.project / parsed.source
        has_samples = (source / parsed.samples).is_dir()
        deployment = Deployment(
            name=deployment_name(digest),
            source=source,
            script=parsed.script,
            snapshot=inputs["snapshot_digest"],
            manifest=inputs["manifest"],
            model=with_absolute_uri(context.project, dict(parsed.model)) if parsed.model else {},
            image=parsed.image,
            samples=parsed.samples if has_samples else "",
            variables=parsed.environment_variables,
            instances=parsed.instance_count,
            request_seconds=parsed.request_timeout,
        )
        if not has_samples:
            context.warn(
                f"{parsed.name}: {parsed.source}/{parsed.samples} does not exist, so that nothing is asked before it "
                "serves: put a request there as NAME.json, and its answer as NAME.expected.json"
            )
        try:
            serving = endpoint.deploy(deployment)
        except (TargetError, snapshot.SnapshotError, OSError) as error:
            raise ResourceError(
                f"{parsed.name}: {deployment.name} does not serve: {error}{_before(endpoint)}"
            ) from error
        outputs = {"url": serving.url, "deployment": serving.live, "model_version": _version(inputs)}
        return State(parsed.name, {**inputs, "digest": digest, **serving.facts, **outputs, "owner": owner.token})

    def read(self, context: Context, state: State) -> State | None:
        parsed, _ = parse(_inputs_of(state))
        try:
            serving = endpoint_of(parsed, context.project, owner_of(context, state.outputs.get("owner"))).read()
        except TargetError as error:
            raise ResourceError(str(error)) from error
        if serving is None:
            return None
        facts = {**serving.facts, "url": serving.url, "deployment": serving.live}
        return State(state.id, {**state.outputs, **facts}, state.inputs)

    def delete(self, context: Context, state: State) -> None:
        parsed, _ = parse(_inputs_of(state))
        try:
            endpoint_of(
                parsed, context.project, owner_of(context, state.outputs.get("owner")), context.info, context.canceled
            ).remove()
        except TargetError as error:
            raise ResourceError(str(error)) from error

    def _drift(self, context: Context, state: State) -> str | None:
        """What is not as it was deployed, where that can be told without a request."""
        parsed, _ = parse(_inputs_of(state))
        if not targets.is_on_this_machine(parsed.target):
            return None
        serving = endpoint_of(parsed, context.project, owner_of(context, state.outputs.get("owner"))).read()
        if serving is None:
            return f"endpoint {parsed.name} does not serve any more, and is started again"
        if serving.live != state.outputs.get("deployment"):
            return (
                f"endpoint {parsed.name} is served by {serving.live}, and gets {state.outputs.get('deployment')} again"
            )
        return None


def _file_findings(inputs: Properties, parsed: EndpointInputs, files: Collection[str]) -> list[Finding]:
    """Findings about files of the source that the inputs name and that a server would not get."""
    findings = []
    if parsed.script not in files:
        what = "`script` names the entry script, which has init() and run()"
        findings.append(Finding("script", f"{parsed.source}/{parsed.script} does not exist or is ignored; {what}"))
    if inputs.get("samples") is not None and not any(path.startswith(f"{parsed.samples}/") for path in files):
        what = "`samples` names a folder of the source with requests to try a deployment with"
        findings.append(Finding("samples", f"{parsed.source}/{parsed.samples} has no file; {what}"))
    return findings


def _before(endpoint: Endpoint) -> str:
    """What serves after a deployment has failed, as the end of a sentence."""
    serving = endpoint.read()
    return f"\n{serving.live} serves on at {serving.url}" if serving else "\nNothing serves there"


def _version(inputs: Properties) -> object:
    model = inputs.get("model")
    return model.get("digest", "") if isinstance(model, dict) else ""


def _inputs_of(state: State) -> Properties:
    return {name: value for name, value in (state.inputs or state.outputs).items() if name not in OWN}


def _compared(inputs: Properties) -> Properties:
    compared = {name: value for name, value in inputs.items() if name not in NOT_COMPARED}
    if isinstance(model := compared.get("model"), dict):
        compared["model"] = {**model, "uri": None}
    return compared
