"""`trainup init`: examines a folder with training code and writes the Pulumi files."""
