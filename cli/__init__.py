"""The `trainup` command."""
