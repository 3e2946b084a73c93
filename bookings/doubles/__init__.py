"""What doubles of vendors stand on: a local HTTP server with the faults that networks and vendors have."""
