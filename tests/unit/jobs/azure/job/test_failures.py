"""Why a job failed, from what Azure says."""

from typing import Any

import pytest

from trainup.core.failure import FailureClass
from trainup.jobs.azure.job.failures import class_of, classify, lacks_role


def envelope(message: str, code: str = "UserError", *inner: str) -> dict[str, Any]:
    """An error as the run history wraps it."""
    error: dict[str, Any] = {"code": code, "message": message}
    told = error
    for name in inner:
        told["innerError"] = {"code": name}
        told = told["innerError"]
    return {"error": error, "correlation": {"operation": "0"}, "time": "2026-11-25T00:00:00Z"}


@pytest.mark.parametrize(
    ("message", "inner", "kind"),
    [
        (
            "The specified subscription has a total vCPU quota of 6 and cannot accomodate for at least 1 requested "
            "managed compute nodes which maps to 8 vCPUs",
            ("ClusterMinNodesExceedCoreQuota",),
            FailureClass.QUOTA,
        ),
        ("Operation results in exceeding quota limits of Total Clusters", (), FailureClass.QUOTA),
        ("Cluster.Properties.VMSize is not a supported VM size", (), FailureClass.QUOTA),
        (
            "Image build failed. For more details, check log file azureml-logs/20_image_build_log.txt",
            ("ImageBuildFailure",),
            FailureClass.IMAGE_BUILD,
        ),
        (
            "Job environment preparation failed. Failed to pull Docker image x.azurecr.io/a. Error: unauthorized: 403",
            ("EnvironmentPreparationFailed",),
            FailureClass.IMAGE_PULL,
        ),
        ("Job environment preparation failed on 10.0.0.4", (), FailureClass.ENVIRONMENT),
        ("JobContainerConfigFailed: bash is not in the image: exit code 126", (), FailureClass.ENVIRONMENT),
        (
            "AzureMLCompute job failed. JobFailed: Submitted script failed with a non-zero exit code; see the log. "
            "Reason: User process 'python' exited with status code 1.",
            ("UserScriptFailure",),
            FailureClass.USER_CODE,
        ),
        ("AllocationFailed: there is not enough capacity in the region", (), FailureClass.CAPACITY),
        ("The node was preempted by the platform", (), FailureClass.PREEMPTED),
        ("The job was canceled because the spot node was evicted", (), FailureClass.PREEMPTED),
        ("The job was canceled because it exceeded its maximum run duration", (), FailureClass.TIMEOUT),
        ("The job was canceled because it ran for longer than its timeout of PT1S.", (), FailureClass.TIMEOUT),
        ("Something went wrong", (), FailureClass.SERVICE),
    ],
)
def test_each_text_has_its_class(message: str, inner: tuple[str, ...], kind: FailureClass) -> None:
    failure = classify(envelope(message, "UserError", *inner))
    assert failure.failure_class is kind
    assert message in failure.message


USER_WORDS = [
    "RuntimeError: entry was evicted from the cache; exit 1",
    "OSError: [Errno 122] Disk quota exceeded",
    "failed to download image 3.jpg",
    "requests.exceptions.ReadTimeout: timed out, the limit was exceeded",
    "not enough capacity in the buffer",
    "asyncio.CancelledError: the task was cancelled",
    "Image build failed for the thumbnail",
    "make: command not found, exit code 127",
    "unauthorized: authentication required to the registry of shapes",
]
"""What scripts print about their own affairs before they end."""


@pytest.mark.parametrize("words", USER_WORDS)
@pytest.mark.parametrize(
    "before",
    [
        "AzureMLCompute job failed. JobFailed: Submitted script failed with a non-zero exit code; see the driver log "
        "file for details. Reason: User process 'python' exited with status code 1. Please check log file "
        "'user_logs/std_log.txt' for error details. Error: ",
        "Execution failed. User process 'python' exited with status code 1. Please check log file "
        "'user_logs/std_log.txt' for error details. ",
        "Process 'worker 0' exited with code 1. Traceback (most recent call last): ",
    ],
)
def test_what_a_script_printed_does_not_decide_whose_fault_it_was(before: str, words: str) -> None:
    failure = classify(envelope(before + words, "UserError"))
    assert (failure.failure_class, failure.exit_code) == (FailureClass.USER_CODE, 1)
    assert words in failure.message, "it is shown all the same"


@pytest.mark.parametrize("words", USER_WORDS)
def test_a_code_that_speaks_of_the_script_is_believed_whatever_the_text(words: str) -> None:
    assert classify(envelope(words, "UserError", "UserScriptFailure")).failure_class is FailureClass.USER_CODE


def test_a_node_that_was_taken_away_is_known_whatever_its_script_had_printed() -> None:
    failure = classify(envelope("The node was preempted by the platform. Error: RuntimeError: exit code 3"))
    assert (failure.failure_class, failure.exit_code) == (FailureClass.PREEMPTED, None)


def test_the_message_is_the_one_that_says_something() -> None:
    told = {
        "error": {"code": "ServiceError", "message": "Run failed", "error": envelope("the disk of the node is full")}
    }
    assert classify(told).message == "the disk of the node is full"


@pytest.mark.parametrize("told", [None, {}, {"error": None}, {"error": "text"}, {"error": {"error": []}}])
def test_an_error_without_words_is_one_all_the_same(told: Any) -> None:
    failure = classify(told)
    assert failure.failure_class is FailureClass.SERVICE
    assert failure.message


def test_an_exit_code_is_told() -> None:
    failure = classify(envelope("User process 'python' exited with status code 137. non-zero exit code"))
    assert (failure.failure_class, failure.exit_code, failure.signal) == (FailureClass.USER_CODE, 137, "SIGKILL")


def test_a_text_about_nothing_known_has_no_class() -> None:
    assert class_of("all is well") is None


MOUNT = (
    "Failed to mount URI azureml://datastores/pets/paths/x. Error Code: ScriptExecution.StreamAccess.Authentication "
    "Native Error: error in streaming from input data sources StreamError(PermissionDenied(Some(This request is not "
    "authorized to perform this operation using this permission.)))"
)
PULL = (
    "Failed to pull Docker image x.azurecr.io/a. This error may occur because the compute could not authenticate with "
    "the Docker registry to pull the image. If using ACR please ensure that a Managed Identity with AcrPull access to "
    "the ACR is assigned to the compute."
)
SCRIPT = (
    "AzureMLCompute job failed. JobFailed: Submitted script failed with a non-zero exit code. Error: PermissionDenied"
)


@pytest.mark.parametrize("ran", [True, False])
@pytest.mark.parametrize(
    ("message", "lacks", "kind"),
    [
        ("Identity of the specified managed compute gpu-cluster is not found.", True, FailureClass.SERVICE),
        (MOUNT, True, FailureClass.SERVICE),
        (PULL, True, FailureClass.IMAGE_PULL),
        ("Failed to pull Docker image x.azurecr.io/a: manifest unknown", False, FailureClass.IMAGE_PULL),
        ("Failed to pull Docker image x: toomanyrequests", False, FailureClass.IMAGE_PULL),
        (SCRIPT, False, FailureClass.USER_CODE),
        ("Total vCPU quota of 6", False, FailureClass.QUOTA),
    ],
)
def test_what_an_identity_without_its_role_fails_with(message: str, lacks: bool, kind: FailureClass, ran: bool) -> None:
    assert lacks_role(envelope(message), ran=ran) is lacks
    assert classify(envelope(message), fallback=FailureClass.USER_CODE, ran=ran).failure_class is kind
