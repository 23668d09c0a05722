"""Faces for the Pulumi engine: stand-ins for the azure-native and docker plugins."""
