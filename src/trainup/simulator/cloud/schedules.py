"""Rules by which Azure Machine Learning refuses a schedule."""

from collections.abc import Iterator

from tzlocal.windows_tz import win_tz

from trainup.simulator.cloud.address import parse
from trainup.simulator.cloud.job_rules import JOB_RULES
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.rules import Put, Rule
from trainup.simulator.cloud.view import View

FIELDS = 5


def _trigger(azure: View, put: Put) -> Iterator[Refused]:
    if put("properties.trigger.triggerType") != "Cron":
        return
    expression = str(put("properties.trigger.expression"))
    if len(expression.split()) != FIELDS:
        yield Refused(400, "UserError", f"The cron expression {expression!r} has to have {FIELDS} fields (NCronTab).")
    if (zone := put("properties.trigger.timeZone")) is not None and zone not in win_tz:
        yield Refused(400, "UserError", f"The time zone {zone!r} is none of Windows' time zones.")


def _job(azure: View, put: Put) -> Iterator[Refused]:
    if put("properties.action.actionType") != "CreateJob":
        return
    workspace = put.address.id.rpartition("/schedules/")[0]
    job = Put(
        parse(f"{workspace}/jobs/{put.address.name}"), {"properties": put("properties.action.jobDefinition")}, None
    )
    for rule in JOB_RULES:
        yield from rule(azure, job)


RULES: tuple[Rule, ...] = (_trigger, _job)
