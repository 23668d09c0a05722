"""The version of trainup, of its plugin and of the schema of its components: one for all, as in `pyproject.toml`."""

VERSION = "0.1.0"
