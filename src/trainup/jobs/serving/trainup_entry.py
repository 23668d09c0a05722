"""The entry script of every deployment: the user's own one, with answers that say why a request is refused.

It runs in the environment of the model, by `azureml-inference-server-http`, and imports nothing of trainup. That server
answers 500 to every error of `run()`, so that nobody can tell a wrong request from a broken server. Here an error is
the request's fault where it is a `ValueError`, or where the request is built differently from the samples that the
deployment was tried with; then the answer is 400, with the error and the difference. A request that is too large is
answered with 413, and a model that another version of its library wrote is not served.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

MOST_SHOWN = 300
"""Characters of an error that an answer repeats."""
MOST_BYTES = 10 * 1024**2
"""The largest request."""
MOST_DRAINED = 32
"""How many times the limit of a request is read, so that its sender gets the answer."""
CHUNK = 1 << 16
OTHER_VERSION = r"Trying to unpickle estimator|.*If you are loading a serialized model"
"""How the warnings of scikit-learn and XGBoost about a model of another version begin. The results may be wrong."""


def load(path: str) -> ModuleType:
    """The user's entry script as a module. Raises what the script raises, and RuntimeError where it is none."""
    if not os.path.isfile(path):
        raise RuntimeError(f"there is no entry script {path}")
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("entry_module", path)
    assert spec is not None, "the file is there"
    assert spec.loader is not None, "the file is there"
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles look their module up there
    spec.loader.exec_module(module)
    missing = [name for name in ("init", "run") if not callable(getattr(module, name, None))]
    if missing:
        raise RuntimeError(f"{os.path.basename(path)} has no function {' and no function '.join(missing)}()")
    return module


def explained(init: Callable[[], Any]) -> Callable[[], Any]:
    """The function `init`; a warning that was made an error ends it with what to do."""

    @functools.wraps(init)
    def init_explained() -> Any:
        try:
            return init()
        except Warning as warning:
            said = " ".join(str(warning).split())
            raise RuntimeError(
                "the model was written by another version of its library than the image has: train it in this image, "
                f"or serve it in its own ({type(warning).__name__}: {said})"
            ) from warning

    return init_explained


def limit_requests(limit: int) -> None:
    """Have requests of more bytes than this answered with 413 and the reason."""
    import flask
    from werkzeug.exceptions import RequestEntityTooLarge

    application, reason = flask.Flask.wsgi_app, f"the request is larger than {limit} bytes, the most that is taken"

    def limited(self: flask.Flask, environ: dict[str, Any], start_response: Any) -> Any:
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) <= limit:
            return application(self, environ, start_response)
        rest = min(int(length), MOST_DRAINED * limit)
        while rest > 0 and (chunk := environ["wsgi.input"].read(min(CHUNK, rest))):
            rest -= len(chunk)  # who still sends would not get the answer
        return flask.Response(json.dumps({"message": reason}), 413, mimetype="application/json")(
            environ, start_response
        )

    flask.Flask.wsgi_app = limited
    flask.Request.max_content_length = limit  # for bodies that do not tell their length
    RequestEntityTooLarge.description = reason


def samples_in(folder: str) -> list[Any]:
    """The bodies of the sample requests in a folder, parsed; those that are no JSON are left out."""
    samples = []
    for path in sorted(Path(folder).glob("*.json")) if folder else ():
        if not path.name.endswith(".expected.json"):
            try:
                samples.append(json.loads(path.read_text(encoding="utf-8")))
            except ValueError:
                continue
    return samples


def difference(value: Any, sample: Any, place: str = "the request") -> str | None:
    """How a request is built differently from a sample, in words; None where it is not."""
    if _kind(value) != _kind(sample):
        return f"{place} is {_kind(value)}, and in the sample {_kind(sample)}"
    if isinstance(sample, dict):
        missing = [key for key in sample if key not in value]
        if missing:
            return f"{place} has no {missing[0]!r}, and the sample has"
        inner = ((value[key], sample[key], f"{key!r}") for key in sample)
    elif isinstance(sample, list) and sample:
        if not any(isinstance(item, (list, dict)) for item in sample) and len(value) != len(sample):
            return f"{place} has {len(value)} items, and in the sample {len(sample)}"
        named = place if place.startswith("'") else "the list"
        inner = ((item, sample[0], f"{named}[{index}]") for index, item in enumerate(value))
    else:
        return None
    return next((found for item in inner if (found := difference(*item))), None)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    names = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def refusal(error: Exception, body: bytes, samples: list[Any]) -> str | None:
    """Why a request is refused, if the error is its fault; None where it is the script's own."""
    found = None
    if samples:
        try:
            value = json.loads(body)
        except ValueError:
            found = "the request is no JSON, and the sample is"
        else:
            differences = [difference(value, sample) for sample in samples]
            found = differences[0] if all(differences) else None
    wrong = isinstance(error, ValueError) or (not samples and isinstance(error, (LookupError, TypeError)))
    if not found and not wrong:
        return None
    said = f"{type(error).__name__}: {error}"[:MOST_SHOWN]
    return f"{found} ({said})" if found else said


def checked(run: Callable[..., Any], samples: list[Any]) -> Callable[..., Any]:
    """The function `run` with refusals as answers of status 400; its signature and its decorators stay visible."""

    @functools.wraps(run)
    def run_checked(*args: Any, **kwargs: Any) -> Any:
        try:
            return run(*args, **kwargs)
        except SystemExit as error:
            raise RuntimeError("run() ended its process, which a request must not do") from error
        except Exception as error:
            import flask
            from azureml_inference_server_http.api.aml_response import AMLResponse

            reason = refusal(error, flask.request.get_data(), samples)
            if reason is None:
                raise
            traceback.print_exc()
            return AMLResponse({"message": reason}, 400, json_str=True)

    return run_checked


if "TRAINUP_SCORING_SCRIPT" in os.environ:
    # On Azure the code lies beside this file; on this machine the address is a whole one.
    _script = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.environ["TRAINUP_SCORING_SCRIPT"])
    _samples = os.environ.get("TRAINUP_SAMPLES", "")
    limit_requests(MOST_BYTES)
    warnings.filterwarnings("error", message=OTHER_VERSION)  # before the script, which may ignore it
    _module = load(_script)
    init = explained(_module.init)
    run = checked(
        _module.run, samples_in(os.path.join(os.path.dirname(os.path.abspath(__file__)), _samples) if _samples else "")
    )
