"""The state of the simulated Azure, with its rules for resources and the properties that it fills in."""
