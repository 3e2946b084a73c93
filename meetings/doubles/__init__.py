"""Vendors of meetings on a local port, for tests, the bench and development. They ship beside the real thing."""
