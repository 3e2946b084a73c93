"""Vendors for tests, measurements and trying out: local HTTP servers that behave as the real ones do, faults included."""
