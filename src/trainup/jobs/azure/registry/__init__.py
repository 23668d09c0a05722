"""Images in container registries: look-ups, and builds in Azure."""
