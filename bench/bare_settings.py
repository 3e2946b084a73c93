"""The site's settings, but nothing of the site: one view. What Django and the server cost by themselves."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.bare_urls"
MIDDLEWARE = []
INSTALLED_APPS = []
