"""How a machine gets what trainup needs: uv, the Python environment, the Pulumi CLI and its language host."""
