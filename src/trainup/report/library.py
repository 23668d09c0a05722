"""The plotting library that a page holds: Apache ECharts, as npm has it, compressed.

`echarts/` holds its licence and notice. To take another version: `npm pack echarts@VERSION`, `gzip -9 -n` of
`dist/echarts.min.js`, and the two hashes.
"""

import base64
from pathlib import Path

VERSION = "6.1.0"
SHA256 = "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0"
"""Of `dist/echarts.min.js`."""
INTEGRITY = "sha512-q0yaFPggC9FUdsWH4blavRWFmxdrIodbkoKNAjJudAI6CA9gNPxHtV2RcZNEepZVlk4yvBYkOkbk6HIVpIyHZA=="
"""Of the package, as the npm registry tells it."""
FILE = Path(__file__).parent / "echarts" / "echarts.min.js.gz"


def encoded() -> str:
    """The compressed library in base64; browsers decompress it (`DecompressionStream`)."""
    return base64.b64encode(FILE.read_bytes()).decode()


def sha256() -> str:
    """The hash of the library as a Content-Security-Policy writes it."""
    return base64.b64encode(bytes.fromhex(SHA256)).decode()
