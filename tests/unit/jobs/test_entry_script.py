"""Whose fault an error is: the request's or the script's own; and what a sample has to be answered with."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from trainup.jobs.serving import samples
from trainup.jobs.serving.server_log import failure
from trainup.jobs.serving.trainup_entry import OTHER_VERSION, difference, explained, load, refusal, samples_in

DIGIT = {"data": [[0.0] * 4]}


def judged(error: Exception, body: Any, *known: Any) -> str | None:
    return refusal(error, body if isinstance(body, bytes) else json.dumps(body).encode(), list(known))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"data": [[1, 2, 3]]}, "'data'[0] has 3 items, and in the sample 4"),
        ({"data": [["a", 0, 0, 0]]}, "'data'[0][0] is a text, and in the sample a number"),
        ({"digits": [[1, 2, 3, 4]]}, "the request has no 'data', and the sample has"),
        ({"data": 5}, "'data' is a number, and in the sample a list"),
        ([1], "the request is a list, and in the sample an object"),
    ],
)
def test_a_request_of_another_shape_than_the_sample_is_told_the_difference(value: Any, words: str) -> None:
    assert difference(value, DIGIT) == words


@pytest.mark.parametrize("value", [DIGIT, {"data": [[1, 2, 3, 4]] * 7}, {"data": [[1, 2, 3, 4]], "more": True}])
def test_a_request_of_the_same_shape_differs_in_nothing(value: Any) -> None:
    assert difference(value, DIGIT) is None


def test_an_error_is_the_requests_fault_where_it_differs_from_every_sample() -> None:
    mixed = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    assert (
        judged(mixed, {"data": [[1]]}, DIGIT) == f"'data'[0] has 1 items, and in the sample 4 (RuntimeError: {mixed})"
    )
    assert judged(mixed, {"data": [[1]]}, DIGIT, {"data": [[2]]}) is None
    assert judged(mixed, DIGIT, DIGIT) is None
    assert judged(mixed, b"\xff", DIGIT) == f"the request is no JSON, and the sample is (RuntimeError: {mixed})"


def test_a_value_error_is_always_a_refusal_and_a_key_error_only_where_no_sample_tells_better() -> None:
    assert judged(ValueError("no digit"), DIGIT, DIGIT) == "ValueError: no digit"
    assert judged(KeyError("data"), {}) == "KeyError: 'data'"
    assert judged(KeyError("data"), DIGIT, DIGIT) is None
    assert judged(MemoryError(), {}) is None


def test_a_long_error_is_cut() -> None:
    assert len(judged(ValueError("x" * 9999), {}) or "") == 300


def test_a_script_without_its_functions_is_told(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text("def run(data): ...")
    with pytest.raises(RuntimeError, match=r"score.py has no function init\(\)"):
        load(str(script))
    with pytest.raises(RuntimeError, match="there is no entry script"):
        load(str(tmp_path / "none.py"))


def test_samples_are_requests_and_expected_answers_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "a.expected.json").write_text('{"digit": 3, "p": 0.25}')
    (tmp_path / "b.json").write_text("[2]")
    first, second = samples.of(tmp_path)
    assert (first.name, second.name, second.expected) == ("a.json", "b.json", None)
    assert first.problem(200, b'{"p": 0.2500000001, "digit": 3}') is None
    assert first.problem(200, b'{"p": 0.26, "digit": 3}') is not None
    assert first.problem(200, b'{"p": 0.25, "digit": true}') is not None
    assert "answered with status 500: oh" in (first.problem(500, b"oh") or "")
    assert second.problem(200, b"anything") is None
    assert samples_in(str(tmp_path)) == [[1], [2]]
    assert samples_in("") == []


@pytest.mark.parametrize(
    "said",
    [
        "Trying to unpickle estimator SVC from version 1.3.0 when using version 1.7.2. This may\nlead to errors",
        "[10:00:00] WARNING: error_msg.cc:27: If you are loading a serialized model (like pickle in Python) or\nolder",
    ],
)
def test_a_model_that_another_version_of_its_library_wrote_ends_the_start_with_what_to_do(said: str) -> None:
    def init() -> None:
        warnings.warn(said, UserWarning, stacklevel=2)

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=OTHER_VERSION)
        with pytest.raises(RuntimeError) as raised:
            explained(init)()
    message = str(raised.value)
    assert "another version of its library than the image has: train it in this image" in message
    assert " ".join(said.split()) in message
    assert "\n" not in message


def test_other_warnings_of_a_script_are_no_errors() -> None:
    def init() -> str:
        warnings.warn("it will be removed", DeprecationWarning, stacklevel=2)
        return "loaded"

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=OTHER_VERSION)
        with pytest.warns(DeprecationWarning, match="it will be removed"):
            assert explained(init)() == "loaded"


def test_a_model_of_another_version_that_the_script_loads_when_it_is_imported_is_told_from_the_log() -> None:
    log = "Traceback (most recent call last):\nsklearn.exceptions.InconsistentVersionWarning: Trying to unpickle\nhttps://x"
    assert failure(log).startswith(
        "its server ended: sklearn.exceptions.InconsistentVersionWarning: Trying to unpickle"
    )
