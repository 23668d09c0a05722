"""What the schedule of a run asks of the next update, and what a preview tells about it."""

from datetime import UTC, datetime

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


def tell_times(context: Context, inputs: Properties) -> None:
    """Tell in a preview when a run will train next; the estimate of costs tells what each time costs."""
    if not (schedule := _schedule(inputs)):
        return
    ticks = schedules.next_ticks(schedule, datetime.now(UTC), NEXT_TIMES)
    when = ", ".join(map(schedules.shown, ticks)) or f"never any more, for it ended at {schedule.get('end_time')}"
    context.note(f"its schedule, `{schedule['expression']}` in {schedule['time_zone']}: {when}")


def news_of(context: Context, state: State, inputs: Properties) -> str:
    """Why a run whose inputs are unchanged is updated: it is due, or its schedule has started it. Else empty."""
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
        owner = run_owner(context, inputs, state.outputs.get("owner"))
        if not has_unknown(inputs) and not target.keeps_schedule(job_of(inputs, context.project, owner)):
            return "its schedule is not as declared, and is set again"
    except (TrainupError, OSError) as error:
        raise ResourceError(f"what the schedule of {inputs.get('run')} has started cannot be read: {error}") from error
    return ""


def _schedule(inputs: Properties) -> dict[str, str]:
    given = inputs.get("schedule")
    return {} if not given or has_unknown(given) else schedules.parse(given)
