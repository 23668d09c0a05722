"""An `az` that is logged in to several tenants of the simulated Azure, for credentials that run it."""

import stat
import sys
from collections.abc import Mapping
from pathlib import Path

SCRIPT = """#!{python}
import json, ssl, sys, urllib.parse, urllib.request

words = sys.argv[1:]
assert words[:2] == ["account", "get-access-token"], words
given = dict(zip(words[2::2], words[3::2]))
query = {{"resource": given["--resource"], "tenant": given.get("--tenant", "")}}
request = urllib.request.Request(
    "{endpoint}?" + urllib.parse.urlencode(query), headers={{"X-IDENTITY-HEADER": "{secret}"}}
)
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({{}}),
    urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile="{authority}")),
)
answer = json.load(opener.open(request))
print(json.dumps({{"accessToken": answer["access_token"], "expires_on": int(answer["expires_on"])}}))
"""


def install(folder: Path, variables: Mapping[str, str]) -> Path:
    """Write the command into a folder for PATH; `variables` are those of the rehearsal."""
    folder.mkdir(parents=True, exist_ok=True)
    text = SCRIPT.format(
        python=sys.executable,
        endpoint=variables["IDENTITY_ENDPOINT"],
        secret=variables["IDENTITY_HEADER"],
        authority=variables["SSL_CERT_FILE"],
    )
    (folder / "az").write_text(text)
    (folder / "az").chmod(stat.S_IRWXU)
    return folder
