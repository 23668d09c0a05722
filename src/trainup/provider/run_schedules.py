"""What the schedule of a run asks of the next update, and what a preview tells about it."""

from datetime import UTC, datetime
from typing import Any

from trainup.core import schedules
from trainup.core.errors import TrainupError
from trainup.core.values import has_unknown
from trainup.jobs import lifecycle
from trainup.jobs.job_inputs import job_of
from trainup.jobs.targets import target_of
from trainup.provider.handler import Context, Properties, ResourceError, State
from trainup.provider.input_checks import run_owner

NEXT_TIMES = 3
"""How many of the next times a preview shows."""


class ScheduleNews:
    """Remembers what `diff` has found, for the call of `plan` that follows."""

    def __init__(self) -> None:
        self._found: set[str] = set()

    def look(self, context: Context, state: State, inputs: Properties) -> str:
        """Why a run whose inputs are unchanged is updated: it is due, or its schedule has started it. Else empty."""
        self._found.discard(context.urn)
        if not (news := _news(context, state, inputs)):
            return ""
        self._found.add(context.urn)
        return news

    def told(self, context: Context) -> bool:
        """Whether `look` found something for this resource."""
        found = context.urn in self._found
        self._found.discard(context.urn)
        return found


def tell_times(context: Context, inputs: Properties) -> None:
    """Tell in a preview when a run will train next; the estimate of costs tells what each time costs."""
    if not (schedule := _schedule(inputs)):
        return
    ticks = schedules.next_ticks(schedule, datetime.now(UTC), NEXT_TIMES)
    when = ", ".join(map(schedules.shown, ticks)) or f"never any more, for it ended at {schedule.get('end_time')}"
    context.note(f"its schedule, `{schedule['expression']}` in {schedule['time_zone']}: {when}")


def _news(context: Context, state: State, inputs: Properties) -> str:
    schedule = _schedule(inputs)
    if not schedule or has_unknown([inputs.get("workspace"), inputs.get("cloud")]):
        return ""
    target = target_of(inputs, context.project)
    try:
        attempts = target.attempts(state.id)
        if not attempts:
            return ""  # deleted elsewhere, which a refresh tells
        newest = attempts[-1]
        if (since := lifecycle.due_since(target, schedule, attempts)) is not None:
            return f"it is due since {schedules.shown(since)} by its schedule, and another attempt starts"
        if newest.name != state.outputs.get("name"):
            return f"its schedule has started {newest.name}, which is {newest.status}, and is taken over"
        if not has_unknown(inputs) and not target.keeps_schedule(
            job_of(inputs, context.project, _owner(context, inputs, state))
        ):
            return "its schedule is not as declared, and is set again"
    except (TrainupError, OSError) as error:
        raise ResourceError(f"what the schedule of {inputs.get('run')} has started cannot be read: {error}") from error
    return ""


def _owner(context: Context, inputs: Properties, state: State) -> Any:
    return run_owner(context, inputs, state.outputs.get("owner"))


def _schedule(inputs: Properties) -> dict[str, str]:
    given = inputs.get("schedule")
    return {} if not given or has_unknown(given) else schedules.parse(given)
