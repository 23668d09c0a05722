"""Which of the user's variables reach the tools that trainup starts for itself."""

from trainup.core import tools


def test_what_means_other_interpreters_and_environments_is_left_out() -> None:
    foreign = ("PYTHONPATH", "PYTHONHOME", "PYTHONOPTIMIZE", "PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE")
    foreign += ("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "__PYVENV_LAUNCHER__")
    foreign += ("UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_NO_DEV", "UV_SYSTEM_PYTHON", "UV_FROZEN")
    foreign += (
        "UV_EXCLUDE_NEWER",
        "UV_CONSTRAINT",
        "UV_RESOLUTION",
        "PIP_TARGET",
        "PIP_USER",
        "PIP_REQUIRE_VIRTUALENV",
    )
    assert tools.variables(dict.fromkeys(foreign, "x")) == {}


def test_where_packages_come_from_stays_with_all_that_is_no_business_of_ours() -> None:
    kept = ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX_CORP_USERNAME", "UV_CACHE_DIR")
    kept += (
        "UV_OFFLINE",
        "UV_HTTP_TIMEOUT",
        "UV_NATIVE_TLS",
        "UV_LINK_MODE",
        "UV_PYTHON_INSTALL_DIR",
        "UV_TORCH_BACKEND",
    )
    kept += (
        "PIP_INDEX_URL",
        "PIP_CERT",
        "HTTPS_PROXY",
        "SSL_CERT_FILE",
        "HOME",
        "PATH",
        "PULUMI_PYTHON_CMD",
        "XPYTHONPATH",
    )
    assert set(tools.variables(dict.fromkeys(kept, "x"))) == set(kept)
