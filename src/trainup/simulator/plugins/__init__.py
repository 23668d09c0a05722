"""The simulated azure-native and docker providers for the Pulumi engine."""
