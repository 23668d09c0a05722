"""Runs the checks side by side, each within its time; what depends on a failed one is left out."""

import threading
from collections.abc import Mapping, Sequence

from trainup.cli.doctor.finding import Check, Finding, Level, Patient, warning
from trainup.core.errors import TrainupError


def examine(patient: Patient, checks: Sequence[Check]) -> tuple[dict[str, list[Finding]], dict[str, str]]:
    """Name of a check → its findings; and name of a check that was left out → the one that kept it from being tried."""
    results: dict[str, list[Finding]] = {}
    left_out: dict[str, str] = {}
    remaining = list(checks)
    while remaining:
        for check in list(remaining):
            if reason := next((one for one in check.after if one in left_out or _failed(results.get(one))), None):
                left_out[check.name] = left_out.get(reason, reason)
                remaining.remove(check)
        ready = [check for check in remaining if all(one in results for one in check.after)]
        if not ready:
            break
        results |= _side_by_side(patient, ready)
        remaining = [check for check in remaining if check not in ready]
    return {check.name: results[check.name] for check in checks if check.name in results}, left_out


def _failed(findings: list[Finding] | None) -> bool:
    return findings is not None and any(finding.level is Level.ERROR for finding in findings)


def _side_by_side(patient: Patient, checks: Sequence[Check]) -> Mapping[str, list[Finding]]:
    """The findings of checks that need nothing of each other. A check that hangs is left behind: its thread ends with
    the process."""
    done: dict[str, list[Finding]] = {}
    broken: list[BaseException] = []

    def run(check: Check) -> None:
        try:
            done[check.name] = list(check.run(patient))
        except (TrainupError, OSError) as problem:
            done[check.name] = [warning(check.name, f"it could not be tried: {problem}", "try again")]
        except BaseException as problem:  # a mistake of ours: the main thread reports it
            broken.append(problem)

    threads = {check: threading.Thread(target=run, args=(check,), daemon=True) for check in checks}
    for thread in threads.values():
        thread.start()
    for check, thread in threads.items():
        thread.join(check.seconds)
    if broken:
        raise broken[0]
    late = {
        check.name: [warning(check.name, f"no answer within {check.seconds:g} s", "try again, or look at the network")]
        for check in checks
        if check.name not in done
    }
    return {**late, **done}
