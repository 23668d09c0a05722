"""What a script of the how-to does: one request after the other, each followed to its end before the next.

python one_by_one.py PLAN PAUSE
"""

import io
import json
import sys
import tarfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from trainup.jobs import snapshot
from trainup.jobs.azure.http.blobs import Blobs
from trainup.jobs.azure.http.client import AzureClient
from trainup.jobs.azure.http.connection import connect
from trainup.jobs.azure.platform import code
from trainup.jobs.azure.platform.workspace import Workspace

BUILDS = "2019-06-01-preview"


def main(plan: dict[str, Any], pause: float) -> None:
    """Make the platform, build the image, and start the job."""
    client = connect()
    known: dict[str, str] = {}
    for put in plan["platform"]:
        text = json.dumps(put)
        for old, new in known.items():
            text = text.replace(old, new)
        made = _made(client, json.loads(text), pause)
        if old := plan["principals"].get(put[0]):
            known[old] = made["properties"]["principalId"]  # Entra gives a new one to every identity
    _built(client, plan, pause)
    _made(client, plan["environment"], pause)
    _uploaded(client, plan)
    _made(client, plan["job"], pause)


def _made(client: AzureClient, put: list[Any], pause: float) -> dict[str, Any]:
    identity, version, body = put
    made = client.put(identity, body, version=version)
    while made.get("properties", {}).get("provisioningState") == "Creating":
        time.sleep(pause)
        made = client.get(identity, version=version)
    return made


def _built(client: AzureClient, plan: dict[str, Any], pause: float) -> None:
    registry, context = plan["registry"], io.BytesIO()
    with tarfile.open(fileobj=context, mode="w:gz") as tar:
        tar.add(plan["context"], arcname=".")
    fresh = {"x-ms-correlation-request-id": str(uuid.uuid4())}
    place = client.post(f"{registry}/listBuildSourceUploadUrl", version=BUILDS, headers=fresh)
    Blobs(client).put(place["uploadUrl"], context.getvalue())
    order = {**plan["build"], "sourceLocation": place["relativePath"]}
    build = client.post(f"{registry}/scheduleRun", order, version=BUILDS)["properties"]["runId"]
    while (status := client.get(f"{registry}/runs/{build}", version=BUILDS)["properties"]["status"]) != "Succeeded":
        assert status in ("Queued", "Started", "Running"), status
        time.sleep(pause)


def _uploaded(client: AzureClient, plan: dict[str, Any]) -> None:
    workspace, source = plan["job"][0].rpartition("/jobs/")[0], Path(plan["source"])
    trees = snapshot.TreeHashes()
    taken = snapshot.take(source, cache=snapshot.StatCache(source), trees=trees)
    code.ensure(
        Workspace(client, workspace),
        source,
        digest=taken.digest,
        manifest=taken.manifest,
        hashes=trees,
        progress=lambda text: None,
        stop=threading.Event(),
    )


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), float(sys.argv[2]))
