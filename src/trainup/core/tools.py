"""Which of the user's variables reach the tools that trainup starts for itself: Python, uv and pip."""

import re
from collections.abc import Mapping

_UV = re.compile(
    r"UV_(?:(?:DEFAULT_|EXTRA_)?INDEX(?:_\w+)?|NO_INDEX|FIND_LINKS|KEYRING_PROVIDER|INSECURE_HOST|NATIVE_TLS|SYSTEM_CERTS"
    r"|HTTP_\w+|REQUEST_TIMEOUT|OFFLINE|CACHE_DIR|NO_CACHE|LINK_MODE|CONCURRENT_\w+|TORCH_BACKEND|GIT_LFS|GITHUB_TOKEN"
    r"|PYTHON_INSTALL_DIR|PYTHON_INSTALL_MIRROR|PYPY_INSTALL_MIRROR|PYTHON_DOWNLOADS|CONFIG_FILE|NO_CONFIG|LOCK_TIMEOUT)"
)
"""Variables of uv about the sources and the download of packages; others are for the user's own environments."""
_OWN = re.compile(r"PYTHON\w*|__PYVENV_LAUNCHER__|UV_\w+|PIP_\w+|VIRTUAL_ENV\w*|CONDA_\w+|_CE_\w+")
"""Variables that select a Python, an environment or packages."""
_PIP = re.compile(r"PIP_(?:INDEX_URL|EXTRA_INDEX_URL|NO_INDEX|FIND_LINKS|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY|TIMEOUT)")


def variables(caller: Mapping[str, str]) -> dict[str, str]:
    """The caller's variables without those that are meant for other interpreters and environments than ours."""
    return {
        name: value
        for name, value in caller.items()
        if not _OWN.fullmatch(name) or _UV.fullmatch(name) or _PIP.fullmatch(name)
    }
