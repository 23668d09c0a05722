"""Long-running operations. Their status can be queried by id, also after they have ended."""

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
    """The long-running operations on all resources. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._all: dict[str, _Operation] = {}

    def begin(self, resource_id: str, verb: str, seconds: float, error: Refused | None = None) -> bool:
        """Start an operation such as `Creating`, which ends after these seconds, with the error if one is given.

        False when it takes no time: then there is no operation to follow.
        """
        if seconds * self._clock.scale <= 0:
            return False
        started = datetime.now(UTC).isoformat()
        operation = _Operation(resource_id.lower(), verb, started, self._clock.until(seconds), error)
        with self._changed:
            self._all[str(uuid.uuid4())] = operation
        return True

    def end(self, resource_id: str) -> None:
        """End the unfinished operations on a resource now, so that nobody has to wait for them."""
        with self._changed:
            for operation in self._all.values():
                if self._holds(operation, resource_id):
                    operation.ends = time.monotonic()
            self._changed.notify_all()

    def forget(self, resource_id: str) -> None:
        """Remove all operations on a resource, and so their errors."""
        with self._changed:
            self._all = {
                key: operation for key, operation in self._all.items() if operation.resource != resource_id.lower()
            }

    def unfinished(self, resource_id: str) -> str | None:
        """Id of the unfinished operation on a resource; None when there is none."""
        with self._changed:
            return next((key for key, operation in self._all.items() if self._holds(operation, resource_id)), None)

    def state(self, resource_id: str) -> str | None:
        """Provisioning state of a resource with an unfinished or a failed operation; None otherwise."""
        with self._changed:
            operations = [operation for operation in self._all.values() if operation.resource == resource_id.lower()]
        if not operations:
            return None
        if operations[-1].ends > time.monotonic():
            return operations[-1].verb
        return "Failed" if operations[-1].error else None

    def wait(self, resource_id: str) -> Refused | None:
        """Wait until the operations on a resource have ended; the error of the last one, if it failed."""
        with self._changed:
            operations = [operation for operation in self._all.values() if self._holds(operation, resource_id)]
            for operation in operations:
                while (left := operation.ends - time.monotonic()) > 0:
                    self._changed.wait(left)
        return operations[-1].error if operations else None

    def status(self, operation_id: str) -> dict[str, Any] | None:
        """The status of an operation as a client polls it; None for an unknown id."""
        with self._changed:
            operation = self._all.get(operation_id)
        if operation is None:
            return None
        answer = {"id": operation_id, "name": operation_id, "startTime": operation.started}
        if operation.ends > time.monotonic():
            return answer | {"status": "InProgress"}
        if operation.error:
            return answer | {"status": "Failed", **operation.error.envelope()}
        return answer | {"status": "Succeeded"}

    def _holds(self, operation: _Operation, resource_id: str) -> bool:
        return operation.resource == resource_id.lower() and operation.ends > time.monotonic()
