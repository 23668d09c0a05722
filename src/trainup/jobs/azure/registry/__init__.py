"""Images in an Azure container registry: looked up, and built there."""
