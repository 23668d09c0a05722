"""Seconds that the official client takes to hash a folder.

python hash.py FOLDER TIMES
"""

import sys
import time

from azure.ai.ml._utils._asset_utils import get_content_hash, get_ignore_file

folder, times = sys.argv[1:]
started = time.perf_counter()
for _ in range(int(times)):
    get_content_hash(folder, get_ignore_file(folder))
print(time.perf_counter() - started)
