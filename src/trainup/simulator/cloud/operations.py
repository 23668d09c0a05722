"""Operations that take the service a while: known by an id until they are over, and after."""

import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trainup.simulator.cloud.clock import Clock
from trainup.simulator.cloud.refusal import Refused


@dataclass
class _Operation:
    resource: str
    verb: str
    started: str
    ends: float
    error: Refused | None


class Operations:
    """What is under way. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._all: dict[str, _Operation] = {}

    def begin(self, resource_id: str, verb: str, seconds: float, error: Refused | None = None) -> bool:
        """Start one on a resource, such as `Creating`, that ends with an error or well; False if it takes no time."""
        if seconds * self._clock.scale <= 0:
            return False
        started = datetime.now(UTC).isoformat()
        operation = _Operation(resource_id.lower(), verb, started, self._clock.until(seconds), error)
        with self._changed:
            self._all[str(uuid.uuid4())] = operation
        return True

    def end(self, resource_id: str) -> None:
        """What is under way on a resource is over now, for whoever does not want to wait for it."""
        with self._changed:
            for found in self._all.values():
                if self._holds(found, resource_id):
                    found.ends = time.monotonic()
            self._changed.notify_all()

    def forget(self, resource_id: str) -> None:
        """Nothing that was under way on a resource counts any more."""
        with self._changed:
            self._all = {key: found for key, found in self._all.items() if found.resource != resource_id.lower()}

    def of(self, resource_id: str) -> str | None:
        """Id of the unfinished operation on a resource."""
        with self._changed:
            return next((key for key, found in self._all.items() if self._holds(found, resource_id)), None)

    def state(self, resource_id: str) -> str | None:
        """The provisioning state of a resource while something is under way or when that failed; None otherwise."""
        with self._changed:
            found = [operation for operation in self._all.values() if operation.resource == resource_id.lower()]
        if not found:
            return None
        if found[-1].ends > time.monotonic():
            return found[-1].verb
        return "Failed" if found[-1].error else None

    def wait(self, resource_id: str) -> Refused | None:
        """Until the resource is ready; the error when it is not."""
        with self._changed:
            found = [operation for operation in self._all.values() if self._holds(operation, resource_id)]
            for operation in found:
                while (left := operation.ends - time.monotonic()) > 0:
                    self._changed.wait(left)
        return found[-1].error if found else None

    def status(self, operation: str) -> dict[str, Any] | None:
        """An operation as it is followed, or None for an unknown one."""
        with self._changed:
            found = self._all.get(operation)
        if found is None:
            return None
        told = {"id": operation, "name": operation, "startTime": found.started}
        if found.ends > time.monotonic():
            return told | {"status": "InProgress"}
        if found.error:
            return told | {"status": "Failed", **found.error.envelope()}
        return told | {"status": "Succeeded"}

    def _holds(self, operation: _Operation, resource_id: str) -> bool:
        return operation.resource == resource_id.lower() and operation.ends > time.monotonic()
