"""Managed online endpoints of Azure ML."""
