"""The `trainup` resource provider: a gRPC host and one handler per resource kind."""
