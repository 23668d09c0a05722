"""`trainup:index:LiveModel`: judges a candidate by rules, and says which version of a model is live.

Which one is live is a fact of the target: an alias in MLflow, a tag in Azure ML. The state is a view of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trainup.core import suggest
from trainup.core.choices import OnFailure
from trainup.core.errors import TrainupError
from trainup.core.gates import Judgment, Rule, judge, parse_rules
from trainup.core.inputs import Finding
from trainup.core.models import ModelVersion, from_wire, nothing
from trainup.core.numbers import to_number
from trainup.core.values import UNKNOWN, Unknown, has_unknown
from trainup.jobs.targets import registry_of
from trainup.provider.deciders import Deciders
from trainup.provider.handler import Change, Context, Difference, InitFailed, Properties, State, compare
from trainup.provider.input_checks import check_names, check_texts

LOCATION = ("target", "workspace", "model")
TEXTS = (*LOCATION, "cloud", "on_failure")
OUTPUTS = ("live", "passed", "reasons")


class LiveModelHandler:
    """Inputs: `target`, `workspace`, `cloud`, `model` (its name), `candidate` (a `ModelVersion` as a map), `metrics`
    (by default the candidate's own), `rules` (texts, `core/gates.py`) and `on_failure`: `fail` or `keep`.

    Outputs: the inputs, `live` (a `ModelVersion` as a map, with an empty `version` where nothing is), `passed`, and
    `reasons`, a sentence for each rule. With `fail`, a candidate that does not pass fails the update; in any case what
    is live stays so.
    """

    def __init__(self) -> None:
        self._deciders = Deciders()

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        findings = check_names(inputs, (*LOCATION, "candidate", "rules"), ("cloud", "metrics", "on_failure"))
        findings += check_texts(inputs, TEXTS)
        rules = inputs.get("rules")
        if rules is not None and not isinstance(rules, (list, Unknown)):
            findings.append(Finding("rules", "rules are a list of texts, such as `accuracy >= 0.97`"))
        elif isinstance(rules, list):
            if not rules:
                findings.append(Finding("rules", "a gate without a rule lets everything through: give it one"))
            texts = [rule if isinstance(rule, str) else "" for rule in rules]
            if not has_unknown(rules):
                findings += [Finding(f"rules[{at}]", problem) for at, problem in parse_rules(texts)[1]]
        choices = [str(choice) for choice in OnFailure]
        policy = inputs.get("on_failure")
        if isinstance(policy, str) and policy not in choices:
            findings.append(Finding("on_failure", f"{policy!r} is none of {', '.join(choices)}"))
        if not findings:
            findings = self._deciders.findings(context, inputs)
        return inputs, findings

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        changes = compare(old, new, lambda name: Change.REPLACE if name in LOCATION else Change.UPDATE)
        if not changes and state.outputs.get("passed") is False and _fails(new):
            changes["passed"] = Change.UPDATE
        return Difference(changes)

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        unknown = {**inputs, **dict.fromkeys(OUTPUTS, UNKNOWN)}
        if has_unknown(inputs["rules"]):
            return unknown
        rules = _rules(inputs)
        if has_unknown([inputs[name] for name in LOCATION]):
            told = (
                "judges the candidate when it is there, against what is live then, which only the workspace can tell:"
            )
            context.note("\n".join([told, *(rule.text for rule in rules)]))
            return unknown
        try:
            live = registry_of(inputs, context.project).live(str(inputs["model"]), start=False)
            live = live or nothing(str(inputs["model"]))
        except TrainupError as error:
            live = _live(state, inputs)
            context.note(f"what is live cannot be asked for now ({error}): this is as the state has it")
        if has_unknown([inputs["candidate"], inputs.get("metrics")]):
            given = inputs.get("metrics")
            doubts = _never_logged(rules, state, live) if has_unknown([given]) or not given else _lacking(rules, given)
            lines = ["judges the candidate when it is there:", *(rule.plan(live) for rule in rules), *doubts]
            context.note("\n".join(lines))
            return unknown
        candidate, judgments = _judged(inputs, rules, live)
        passed = _is_passed(candidate, judgments)
        verdict = f"{candidate.version or 'nothing'} {'goes live' if passed else 'does not go live'}:"
        context.note("\n".join([verdict, *_sentences(candidate, judgments)]))
        return {**unknown, "passed": passed, "live": (candidate if passed else live).to_wire()}

    def create(self, context: Context, inputs: Properties) -> State:
        registry, name = registry_of(inputs, context.project), str(inputs["model"])
        live = registry.live(name, start=True) or nothing(name)
        candidate, judgments = _judged(inputs, _rules(inputs), live)
        passed, reasons = _is_passed(candidate, judgments), _sentences(candidate, judgments)
        if passed:
            registry.make_live(candidate)
            live = candidate
        outputs = {**inputs, "live": live.to_wire(), "passed": passed, "reasons": reasons}
        told = "; ".join(reasons)
        stays = f"{live.version} stays live" if live.version else "nothing is live"
        refused = f"{candidate.version or 'the candidate'} does not go live, and {stays}: {told}"
        if passed:
            context.info(f"{candidate.version} is live: {told}")
        elif _fails(inputs):
            what_to_do = "Train a better one, or change the rules; with `on_failure: keep` this is no failure"
            raise InitFailed(name, outputs, [f"{refused}. {what_to_do}"])
        else:
            context.note(refused)
        return State(name, outputs)

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return self.create(context, inputs)

    def read(self, context: Context, state: State) -> State | None:
        inputs = {**state.outputs, **(state.inputs or {})}
        try:
            live = registry_of(inputs, context.project).live(str(inputs["model"]), start=False)
        except TrainupError as error:
            context.warn(f"what is live cannot be asked for ({error}), and stays as the state has it")
            return state
        now = live or nothing(str(inputs["model"]))
        return State(state.id, {**state.outputs, "live": now.to_wire()}, state.inputs)

    def delete(self, context: Context, state: State) -> None:
        """What is live stays so: it is a fact of the workspace, which the next gate of this model finds."""


def _rules(inputs: Properties) -> list[Rule]:
    return parse_rules([str(rule) for rule in inputs["rules"]])[0]


def _live(state: State | None, inputs: Properties) -> ModelVersion:
    known: Any = state.outputs.get("live") if state else None
    return from_wire(known) if isinstance(known, dict) else nothing(str(inputs["model"]))


def _judged(inputs: Properties, rules: Sequence[Rule], live: ModelVersion) -> tuple[ModelVersion, list[Judgment]]:
    """The candidate with the metrics that count, and what becomes of each rule."""
    candidate = from_wire(inputs["candidate"])
    if isinstance(given := inputs.get("metrics"), dict):
        candidate = from_wire({**candidate.to_wire(), "metrics": {key: to_number(one) for key, one in given.items()}})
    return candidate, judge(rules, candidate.metrics, live, candidate.version)


def _lacking(rules: Sequence[Rule], metrics: Mapping[str, Any]) -> list[str]:
    """A sentence for each metric that a candidate, whose metrics are known, does not have."""
    return [
        suggest.unknown(name, sorted(metrics), f"the candidate has no metric {name!r}, so that it does not go live")
        for name in dict.fromkeys(rule.metric for rule in rules)
        if name not in metrics
    ]


def _never_logged(rules: Sequence[Rule], state: State | None, live: ModelVersion) -> list[str]:
    """A sentence for each metric that neither the last candidate nor what is live has; none where both are unknown."""
    former = state.outputs if state else {}
    last = former.get("metrics") or (former.get("candidate") or {}).get("metrics") or {}
    known = sorted({*last, *live.metrics})
    missing = dict.fromkeys(rule.metric for rule in rules if known and rule.metric not in known)
    return [
        suggest.unknown(name, known, f"no candidate so far had a metric {name!r}, and without it none passes")
        for name in missing
    ]


def _is_passed(candidate: ModelVersion, judgments: Sequence[Judgment]) -> bool:
    return bool(candidate.version) and all(judgment.holds for judgment in judgments)


def _sentences(candidate: ModelVersion, judgments: Sequence[Judgment]) -> list[str]:
    if not candidate.version:
        return ["there is no candidate, since its run did not complete"]
    return [judgment.reason for judgment in judgments]


def _fails(inputs: Properties) -> bool:
    return inputs.get("on_failure") != OnFailure.KEEP
