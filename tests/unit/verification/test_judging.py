"""What is said of a belief follows from what was seen, and from nothing else."""

from importlib import import_module

import pytest

from trainup.core.exchange import Exchange
from trainup.verification import bundle, judging, report
from trainup.verification.beliefs.listing import BELIEFS
from trainup.verification.evidence import Evidence, Operation, Step
from trainup.verification.judging import Outcome

WORKSPACE = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.MachineLearningServices/workspaces/{}"
JOB = f"{WORKSPACE}/jobs/{{}}"
UPLOAD = f"{WORKSPACE}/codes/{{}}/versions/{{}}/startPendingUpload"
SIGNED = {"blobReferenceForConsumption": {"credential": {"credentialType": "SAS", "sasUri": "<address>"}}}
UNSIGNED = {"blobReferenceForConsumption": {"credential": None}}
USAGES = "/subscriptions/{}/providers/Microsoft.MachineLearningServices/locations/{}/usages"


def usage(kind: str, limit: int) -> dict[str, object]:
    return {"name": {"value": "standardNCASv3_T4Family"}, "type": f"x/{kind}/usages", "limit": limit}


def verdict(name: str, *exchanges: Exchange) -> judging.Verdict:
    (belief,) = [belief for belief in BELIEFS if belief.name == name]
    return belief.judge(Evidence(list(exchanges)))


PUT = Exchange("PUT", JOB, [], 201, about="a")
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/{{}}"
DEPLOYMENT = f"{ENDPOINT}/deployments/{{}}"
MODEL = f"{WORKSPACE}/models/{{}}"
IMPORT = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ContainerRegistry/registries/{}/importImage"
TAGS = {"properties": {"tags": {"<1>": "<text>"}}}
MOVE = Exchange("PUT", ENDPOINT, [], 200, request={"properties": {"traffic": {"<1>": "<text>"}}})
MADE = Exchange("PUT", DEPLOYMENT, [], 201)


def settled(route: str, state: str, **properties: str) -> Exchange:
    """An answer to a GET of what is in this provisioning state."""
    body = {"properties": {"provisioningState": state, **properties}}
    return Exchange("GET", route, [], 200, response=body, about="a")


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        (
            "job-is-found",
            [Exchange("GET", JOB, [], 404, about="a"), PUT, Exchange("GET", JOB, [], 404, about="b")],
            [PUT, Exchange("GET", JOB, [], 404, about="a")],
        ),
        (
            "upload-is-signed",
            [Exchange("POST", UPLOAD, [], 200, response=SIGNED)],
            [Exchange("POST", UPLOAD, [], 200, response=UNSIGNED)],
        ),
        (
            "upload-starts-at-once",
            [Exchange("POST", UPLOAD, [], 200)],
            [Exchange("POST", UPLOAD, [], 403), Exchange("POST", UPLOAD, [], 200)],
        ),
        (
            "logs-are-signed",
            [Exchange("GET", "/{}/…", ["sig"], 206)],
            [Exchange("GET", "/{}/…", ["sig"], 403)],
        ),
        (
            "compute-delete",
            [Exchange("DELETE", f"{WORKSPACE}/computes/{{}}", ["underlyingResourceAction"], 202)],
            [Exchange("DELETE", f"{WORKSPACE}/computes/{{}}", ["underlyingResourceAction"], 400)],
        ),
        ("busy-cluster", [PUT], [Exchange("PUT", JOB, [], 409), PUT]),
        (
            "usage-rows",
            [
                Exchange(
                    "GET",
                    USAGES,
                    [],
                    200,
                    response={"value": [usage("dedicatedCores", 4), usage("lowPriorityCores", -1)]},
                )
            ],
            [Exchange("GET", USAGES, [], 200, response={"value": [usage("dedicatedCores", 4)]})],
        ),
        (
            "spot-limit",
            [Exchange("GET", USAGES, [], 200, response={"value": [usage("lowPriorityCores", -1)]})],
            [Exchange("GET", USAGES, [], 200, response={"value": [usage("lowPriorityCores", 20)]})],
        ),
        (
            "job-statuses",
            [Exchange("GET", JOB, [], 200, response={"properties": {"status": "Running"}})],
            [Exchange("GET", JOB, [], 200, response={"properties": {"status": "Dreaming"}})],
        ),
        (
            "roles",
            [Exchange("PUT", "/x/roleAssignments/{}", [], 201, seconds=0), Exchange("GET", "/x", [], 403, seconds=800)],
            [
                Exchange("PUT", "/x/roleAssignments/{}", [], 201, seconds=0),
                Exchange("GET", "/x", [], 403, seconds=1000),
            ],
        ),
        (
            "model-by-put",
            [Exchange("PUT", f"{MODEL}/versions/{{}}", [], 201)],
            [Exchange("PUT", f"{MODEL}/versions/{{}}", [], 400)],
        ),
        (
            "model-tags",
            [Exchange("PUT", MODEL, [], 200, request=TAGS, response=TAGS)],
            [Exchange("PUT", MODEL, [], 200, request=TAGS, response={"properties": {"tags": {}}})],
        ),
        ("import-by-digest", [Exchange("POST", IMPORT, [], 202)], [Exchange("POST", IMPORT, [], 400)]),
        ("endpoint-states", [settled(DEPLOYMENT, "Succeeded")], [settled(ENDPOINT, "Dreaming")]),
        (
            "endpoint-address",
            [settled(ENDPOINT, "Creating"), settled(ENDPOINT, "Succeeded", scoringUri="<address>")],
            [settled(ENDPOINT, "Succeeded"), settled(ENDPOINT, "Succeeded", scoringUri="<address>")],
        ),
        (
            "endpoint-order",
            [MADE, MOVE, Exchange("DELETE", DEPLOYMENT, [], 202)],
            [MADE, MOVE, Exchange("DELETE", DEPLOYMENT, [], 400)],
        ),
        ("request-by-header", [Exchange("POST", "/score", [], 200)], [Exchange("POST", "/score", [], 404)]),
        (
            "failed-deployment",
            [settled(DEPLOYMENT, "Failed"), Exchange("POST", f"{DEPLOYMENT}/getLogs", [], 200)],
            [settled(DEPLOYMENT, "Failed"), Exchange("POST", f"{DEPLOYMENT}/getLogs", [], 404)],
        ),
    ],
)
def test_a_belief_is_confirmed_by_the_one_and_refuted_by_the_other(
    name: str, right: list[Exchange], wrong: list[Exchange]
) -> None:
    assert verdict(name, *right).outcome is Outcome.CONFIRMED
    assert verdict(name, *wrong).outcome is Outcome.WRONG


def test_nothing_is_said_of_what_was_not_seen() -> None:
    assert {belief.judge(Evidence()).outcome for belief in BELIEFS} == {Outcome.NOT_SEEN}


@pytest.mark.parametrize("belief", BELIEFS, ids=lambda belief: belief.name)
def test_a_belief_names_code_that_exists(belief: object) -> None:
    for place in (belief.relied_on, belief.simulated_by):  # type: ignore[attr-defined]
        module, _, path = place.partition(":")
        found: object = import_module(module)
        for name in path.split("."):
            fields = getattr(found, "__dataclass_fields__", {})
            found = fields[name] if name in fields else getattr(found, name)


def test_an_answer_is_wrong_where_the_simulated_azure_has_made_up_a_property() -> None:
    simulated = {f"GET {JOB}": {"statuses": [200], "properties": ["id", "properties", "properties.status"]}}
    full = Exchange("GET", JOB, [], 200, response={"id": "<id>", "more": 1, "properties": {"status": "Running"}})
    poor = Exchange("GET", JOB, [], 200, response={"id": "<id>", "properties": {}})
    assert judging.compare(simulated, Evidence([full]))[f"GET {JOB}"].outcome is Outcome.CONFIRMED
    told = judging.compare(simulated, Evidence([poor]))[f"GET {JOB}"]
    assert (told.outcome, told.seen) == (Outcome.WRONG, "answered 200; never had properties.status")
    listed = {"GET /x": {"statuses": [200], "properties": ["value", "value[].id"]}}
    for items, outcome in (([], Outcome.CONFIRMED), ([{"name": "<text>"}], Outcome.WRONG)):
        answer = Exchange("GET", "/x", [], 200, response={"value": items})
        assert judging.compare(listed, Evidence([answer]))["GET /x"].outcome is outcome
    refused = judging.compare(simulated, Evidence([Exchange("GET", JOB, [], 403)]))[f"GET {JOB}"]
    assert refused.outcome is Outcome.WRONG
    assert judging.compare(simulated, Evidence())[f"GET {JOB}"].outcome is Outcome.NOT_SEEN


def test_the_list_of_beliefs_has_those_that_nothing_backs_first_of_all() -> None:
    short, whole = report.beliefs(everything=False), report.beliefs(everything=True)
    for belief in BELIEFS:
        assert f"{belief.name}: {belief.claim}" in whole
        assert (f"{belief.name}: " in short) is not belief.source


def test_a_bundle_is_judged_again_as_the_journey_was(tmp_path: object) -> None:
    evidence = Evidence([PUT], [Operation("up", "a:b:C", "create", False, "team-vision is full")], [Step("up", 1, 2.5)])
    file = tmp_path / "bundle.json"  # type: ignore[operator]
    bundle.write(file, evidence, ["team-vision"])
    assert "team-vision" not in file.read_text()
    assert bundle.judge(bundle.read(file)).beliefs == bundle.judge(evidence).beliefs
    assert file.stat().st_mode & 0o077 == 0
    file.write_text("{}")
    with pytest.raises(bundle.BundleError, match="is no bundle"):
        bundle.read(file)
