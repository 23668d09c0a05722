"""Poll intervals for jobs and builds on Azure."""

import os
from collections.abc import Mapping

from trainup.jobs.target import Polling


def polling(variables: Mapping[str, str] = os.environ) -> Polling:
    """Intervals from 2 s to 30 s, or as set by the variables of the official client."""
    fastest = float(variables.get("AZUREML_RUN_POLLING_INTERVAL_MIN") or 2)
    slowest = float(variables.get("AZUREML_RUN_POLLING_INTERVAL_MAX") or 30)
    return Polling(fastest, max(fastest, slowest), max(fastest, slowest / 2))
