"""Django's PostgreSQL backend, which starts the embedded server first when it is asked to."""
