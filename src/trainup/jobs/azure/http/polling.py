"""How often Azure is asked how something stands."""

import os
from collections.abc import Mapping

from trainup.jobs.target import Polling


def polling(variables: Mapping[str, str] = os.environ) -> Polling:
    """From 2 s up to half a minute; the official client's variables change it."""
    fastest = float(variables.get("AZUREML_RUN_POLLING_INTERVAL_MIN") or 2)
    slowest = float(variables.get("AZUREML_RUN_POLLING_INTERVAL_MAX") or 30)
    return Polling(fastest, max(fastest, slowest), max(fastest, slowest / 2))
