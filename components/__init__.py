"""Pulumi components: one file per noun."""
