"""Checks the references of runs to other runs and to data for unknown names and cycles, and orders the runs."""

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import ValidationError

from trainup.core import suggest
from trainup.infra.model_settings import GateSettings, RegisteredModelSettings
from trainup.infra.run_settings import RunSettings
from trainup.infra.sections import maps

MOST_SHOWN = 20
"""The most runs of a cycle that a message names."""


def problems_of(
    runs: Mapping[str, RunSettings],
    data: Collection[str],
    node_limit: int,
    models: Mapping[str, RegisteredModelSettings],
    gates: Mapping[str, GateSettings],
) -> list[str]:
    """A problem for each unknown name, and for each run that could never start."""
    problems = []
    for name, run in runs.items():
        problems += _references(name, run, runs, data, gates)
        problems += [
            f"trainup:runs.{upstream}.wait: {name} comes after it, so `up` has to wait for its end: leave `wait` out"
            for upstream in run.upstream
            if upstream in runs and runs[upstream].wait is False
        ]
        if (run.nodes or 1) > node_limit:
            problems.append(
                f"trainup:runs.{name}.nodes: {run.nodes} nodes never start on a cluster with max_nodes "
                f"{node_limit}: raise trainup:cluster.max_nodes or ask for fewer"
            )
    if loop := _loop(runs, models, gates):
        shown = loop if len(loop) <= MOST_SHOWN else [*loop[: MOST_SHOWN // 2], "…", *loop[-MOST_SHOWN // 2 :]]
        problems.append(f"trainup:runs: {' → '.join(shown)}: runs that wait for each other never start")
    return problems


def problems_among_mistakes(sections: Mapping[str, Any]) -> list[str]:
    """A problem for each unknown name, where other sections are not valid."""
    runs, data = dict(maps(sections.get("runs"))), sections.get("data")
    problems = []
    for name, settings in runs.items():
        try:
            run = RunSettings.model_validate(settings)
        except ValidationError:
            continue
        named = [section if isinstance(section, dict) else {} for section in (data, sections.get("gates"))]
        problems += _references(name, run, sections["runs"], *named)
    return problems


def _references(
    name: str, run: RunSettings, runs: Collection[str], data: Collection[str], gates: Collection[str]
) -> list[str]:
    problems = []
    for upstream in run.after or ():
        if upstream not in runs:
            sentence = suggest.unknown(upstream, runs, f"there is no run {upstream!r}")
            problems.append(f"trainup:runs.{name}.after: {sentence}")
    for key, item in (run.inputs or {}).items():
        at = f"trainup:runs.{name}.inputs.{key}"
        if item.run and item.run not in runs:
            sentence = suggest.unknown(item.run, runs, f"there is no run {item.run!r}")
            problems.append(f"{at}.run: {sentence}")
        if item.data and item.data not in data:
            sentence = suggest.unknown(item.data, data, f"there is no {item.data!r} in trainup:data")
            problems.append(f"{at}.data: {sentence}")
        if item.gate and item.gate not in gates:
            sentence = suggest.unknown(item.gate, gates, f"there is no {item.gate!r} in trainup:gates")
            problems.append(f"{at}.gate: {sentence}")
    return problems


def _loop(
    runs: Mapping[str, RunSettings], models: Mapping[str, RegisteredModelSettings], gates: Mapping[str, GateSettings]
) -> list[str] | None:
    """A cycle of runs, from the first one back to it; None where there is none."""
    try:
        TopologicalSorter(_upstream(runs, models, gates)).prepare()
    except CycleError as error:
        loop: list[str] = error.args[1]
        return loop[::-1]  # in the order of waiting, which is the reverse of graphlib's
    return None


def order(
    runs: Mapping[str, RunSettings], models: Mapping[str, RegisteredModelSettings], gates: Mapping[str, GateSettings]
) -> list[str]:
    """The names of the runs in an order in which each comes after those that it waits for."""
    return list(TopologicalSorter(_upstream(runs, models, gates)).static_order())


def _upstream(
    runs: Mapping[str, RunSettings], models: Mapping[str, RegisteredModelSettings], gates: Mapping[str, GateSettings]
) -> dict[str, list[str]]:
    """Run → the runs that it waits for, also through the gates whose live models it reads."""

    def behind(gate: GateSettings) -> list[str]:
        return [one for one in (models[gate.model].run if gate.model in models else None, gate.metrics_of) if one]

    return {
        name: [
            upstream
            for upstream in (
                *run.upstream,
                *(one for gate in run.gates if gate in gates for one in behind(gates[gate])),
            )
            if upstream in runs
        ]
        for name, run in runs.items()
    }
