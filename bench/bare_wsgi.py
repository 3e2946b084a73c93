"""The bare view under the site's server: Django, and nothing of the site."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
