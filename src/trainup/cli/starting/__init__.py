"""What `trainup init` sees in a folder with training code, and what it writes there."""
