"""The form of `sweep` in a stack file, for editors. Its rules are in `core/sweeps`, which the provider asks."""

from typing import Any

from trainup.core.sweeps.declaration import Algorithm, Goal
from trainup.core.sweeps.policies import Type

Schema = dict[str, Any]

_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 1}
_TIME: Schema = {"anyOf": [{"type": "string"}, _NUMBER]}
_VALUES: Schema = {"type": "array", "items": {"anyOf": [{"type": "string"}, _NUMBER]}}
_KINDS = [f"{q}{log}{kind}" for kind in ("uniform", "normal") for log in ("", "log") for q in ("", "q")]


def _map(description: str, properties: Schema, required: list[str] | None = None) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required or [],
        "additionalProperties": False,
    }


_ALGORITHMS: Schema = {"enum": [*Algorithm]}
_SAMPLING = _map("How points are found.", {"type": _ALGORITHMS, "seed": {"type": "integer"}}, ["type"])
_DISTRIBUTION = _map(
    "Values by a distribution of Azure ML; the log distributions take exponents of e.",
    {
        "type": {"enum": ["choice", "randint", *_KINDS]},
        "values": _VALUES,
        "upper": _COUNT,
        **dict.fromkeys(("min_value", "max_value", "mu", "sigma", "q"), _NUMBER),
    },
    ["type"],
)
SCHEMA = _map(
    "A sweep of hyperparameters, in the words of Azure ML's sweep jobs.",
    {
        "sampling_algorithm": {"anyOf": [_ALGORITHMS, _SAMPLING]},
        "search_space": {
            "type": "object",
            "description": "Name → values; the command takes `${{search_space.name}}`.",
            "additionalProperties": {"anyOf": [_VALUES, _DISTRIBUTION]},
        },
        "objective": _map(
            "Which trial is the best.",
            {"primary_metric": {"type": "string"}, "goal": {"enum": [*Goal]}},
            ["primary_metric", "goal"],
        ),
        "limits": _map(
            "How much the sweep may run.",
            {
                "max_total_trials": _COUNT,
                "max_concurrent_trials": _COUNT,
                "timeout": _TIME,
                "trial_timeout": _TIME,
            },
        ),
        "early_termination": _map(
            "Which trials end early.",
            {
                "type": {"enum": [*Type]},
                "evaluation_interval": _COUNT,
                "delay_evaluation": {"type": "integer", "minimum": 0},
                "slack_factor": _NUMBER,
                "slack_amount": _NUMBER,
                "truncation_percentage": _COUNT,
            },
            ["type"],
        ),
    },
    ["sampling_algorithm", "search_space", "objective"],
)
