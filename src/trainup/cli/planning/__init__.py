"""What the next `up` would do, from a preview: `trainup plan` and `trainup request`."""
