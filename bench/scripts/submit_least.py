"""The least that has to be asked to submit a folder of one file: over one connection, with Python's own library.

python submit_least.py ADDRESS WORKSPACE CLUSTER ENVIRONMENT FOLDER
"""

import http.client
import json
import os
import ssl
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

VERSION = "api-version=2025-12-01"
address, workspace, cluster, environment, folder = sys.argv[1:]
connection = http.client.HTTPSConnection(urlsplit(address).netloc, context=ssl.create_default_context())


def ask(method: str, url: str, body: Any = None, **headers: str) -> dict[str, Any]:
    """The JSON of an answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    connection.request(method, url, data, {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    told = answer.read()
    assert answer.status < 300, told
    return dict(json.loads(told)) if told else {}


identity = urlsplit(os.environ["IDENTITY_ENDPOINT"])
secret = {"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}
token = ask("GET", f"{identity.path}?resource={address}&api-version=2019-08-01", **secret)
login = {"Authorization": f"Bearer {token['access_token']}"}
code = f"{workspace}/codes/{uuid.uuid4()}/versions/1"
upload = {"pendingUploadType": "TemporaryBlobReference"}
place = ask("POST", f"{code}/startPendingUpload?{VERSION}", upload, **login)["blobReferenceForConsumption"]
container = urlsplit(place["credential"]["sasUri"])
blob = f"{container.path}/code/main.py?{container.query}"
ask(
    "PUT",
    blob,
    (Path(folder) / "main.py").read_bytes(),
    **{"x-ms-blob-type": "BlockBlob", "x-ms-version": "2022-11-02"},
)
body = {"codeUri": f"{container.scheme}://{container.netloc}{container.path}/code", "isAnonymous": True}
ask("PUT", f"{code}?{VERSION}", {"properties": body}, **login)
job = {
    "jobType": "Command",
    "command": "python main.py",
    "codeId": code,
    "environmentId": environment,
    "computeId": cluster,
    "experimentName": "bench",
}
ask("PUT", f"{workspace}/jobs/{uuid.uuid4()}?{VERSION}", {"properties": job}, **login)
