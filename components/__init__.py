"""Pulumi components, one file per noun, and the provider's resources that they consist of."""

from trainup.components import official_host

official_host.install()
