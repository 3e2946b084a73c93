"""The site's own settings, in an environment that does not depend on the machine's."""

import os

_KEPT = {"DATABASE_URL", "DATA_DIR"}
for _name in list(os.environ):
    if _name.startswith(("MIDTRANS_", "STRIPE_", "GOOGLE_", "ZOOM_", "HMS_")):
        del os.environ[_name]
os.environ.update(
    ENV_FILE=os.devnull,
    DEBUG="1",
    SECRET_KEY="only-for-tests",
    SITE_URL="http://testserver",
    EMAIL_URL="memorymail://",
    TOKEN_KEYS="t0k3nK3yF0rT3stsOnlyAAAAAAAAAAAAAAAAAAAAAAA=",
    MIDTRANS_SERVER_KEY="SB-Mid-server-EXAMPLE0123456789abcd",
    MIDTRANS_SNAP_URL="https://snap.test/snap/v1",
    MIDTRANS_API_URL="https://api.midtrans.test",
)

from config.settings import *  # noqa: E402, F403

# Nobody needs the tests' rows after a power cut: locks and visibility stay as they are, waiting for the disk goes.
_database = DATABASES["default"]  # noqa: F405
_database["OPTIONS"] = {**_database.get("OPTIONS", {}), "options": "-c synchronous_commit=off"}
INSTALLED_APPS = [*INSTALLED_APPS, "tests"]  # noqa: F405 - its quick `flush`
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
