"""Pulumi components, one file per noun, and the provider's resources that they consist of."""
