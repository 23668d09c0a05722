"""What the provider says of an endpoint on this machine before anything is made."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from trainup.core.values import UNKNOWN
from trainup.jobs.local.mlflow_server import free_port
from trainup.provider.endpoint import EndpointHandler
from trainup.provider.handler import Context


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "scoring").mkdir()
    (tmp_path / "scoring" / "score.py").write_text("def init(): pass\ndef run(raw_data): pass\n")
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "model.pkl").write_text("weights")
    return Context("urn", tmp_path, threading.Event())


def told(context: Context, **changes: Any) -> list[tuple[str, str]]:
    inputs = {"target": "local", "workspace": "w", "name": "digits", "source": "scoring", "image": "i", **changes}
    return [(finding.property, finding.reason) for finding in EndpointHandler().check(context, inputs)[1]]


def model(path: Any, uri: Any = "outputs") -> dict[str, Any]:
    return {"uri": uri, "digest": "d", "path": path}


def test_a_port_that_another_program_has_is_told_with_what_to_do(context: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        reason = f"port {port} is taken by another program: end that one, or give the endpoint another `port`"
        assert told(context, port=port) == [("port", reason)]
    assert told(context, port=free_port()) == []


def test_a_model_file_that_the_run_did_not_leave_is_told_with_those_that_it_left(context: Context) -> None:
    ((property, reason),) = told(context, model=model("model.pk"))
    assert property == "model"
    assert "outputs has no 'model.pk', which `path` says" in reason
    assert "did you mean model.pkl?" in reason


@pytest.mark.parametrize("path", ["model.pkl", UNKNOWN])
def test_a_model_that_is_there_or_not_known_yet_is_no_finding(context: Context, path: Any) -> None:
    assert told(context, model=model(path)) == []


@pytest.mark.parametrize("uri", ["removed", UNKNOWN])
def test_a_run_whose_outputs_are_gone_is_left_to_the_deployment_which_may_have_the_files(
    context: Context, uri: Any
) -> None:
    assert told(context, model=model("model.pkl", uri)) == []


def test_a_deployment_that_has_its_model_needs_the_file_of_the_run_no_more(context: Context) -> None:
    deployed = Context("urn", context.project, threading.Event(), before={"model": model("gone.pkl")})
    assert told(deployed, model=model("gone.pkl")) == []


def test_a_missing_script_and_missing_samples_come_at_once(context: Context) -> None:
    found = told(context, script="serve.py", samples="requests")
    assert [property for property, _ in found] == ["script", "samples"]
