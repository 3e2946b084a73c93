"""Measure the site: giving links, webhooks, slots. `python -m bench`, or `make bench`."""
