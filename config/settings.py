"""Settings of the site. Whatever may differ from site to site is read from the environment (see env.py)."""

from __future__ import annotations

from urllib.parse import urlsplit

import django_stubs_ext

from config import env
from config.embedded_postgres.server import Server
from config.logs import LOGGING as LOGGING  # Django reads it here
from config.logs import note_job

django_stubs_ext.monkeypatch()  # lets classes of Django take their types, as in forms.ModelForm[User]

BASE_DIR = env.BASE_DIR
UNSET_SECRET_KEY = "unset-secret-key-of-a-site-that-is-not-set-up"  # noqa: S105 - checks.py refuses it

env.begin_group("The site")
DEBUG = env.flag("DEBUG", False, "Yes for demos and development only: shows the sandbox gateway and room.")
SECRET_KEY = env.text(
    "SECRET_KEY",
    UNSET_SECRET_KEY,
    "A random text of 50 letters or more that signs sessions and links.",
    shown="one that is known to all",
)
SITE_NAME = env.text("SITE_NAME", "Linkpool", "The name people see.")
SITE_URL = env.address("SITE_URL", "http://localhost:8000", "The address people open, without a final slash.")
DATA_DIR = (BASE_DIR / env.text("DATA_DIR", "var", "The folder for what the site writes itself.")).resolve()
_site = urlsplit(SITE_URL)
ALLOWED_HOSTS = env.listed(
    "ALLOWED_HOSTS",
    ["localhost", "127.0.0.1", "[::1]", _site.hostname or "localhost"],
    "The host names that this site answers to.",
    shown="localhost, 127.0.0.1, [::1] and the host of SITE_URL",
)
CSRF_TRUSTED_ORIGINS = [f"{_site.scheme}://{_site.netloc}"]
TOKEN_KEYS = env.listed("TOKEN_KEYS", [], "Fernet keys that encrypt tutors' tokens, the newest first.")
METRICS_TOKEN = env.text("METRICS_TOKEN", "", "Opens /metrics to Prometheus; empty = closed (open while DEBUG is on).")

env.declare("PORT", "8000", "The port on which manage.py serve and manage.py demo listen.")
env.declare("WEB_CONCURRENCY", "2", "Web processes of manage.py serve, of four threads each.")
env.declare("ENV_FILE", ".env", "The file these settings are read from; the environment itself goes first.")

env.begin_group("What the rules of the business leave to the owner")
HOLD_MINUTES = env.whole("HOLD_MINUTES", 15, "How long a slot in the cart is kept.", least=1)
PAYMENT_MINUTES = env.whole("PAYMENT_MINUTES", 30, "From checkout to the deadline for paying.", least=5)
JOIN_OPENS_MINUTES = env.whole("JOIN_OPENS_MINUTES", 15, "The door opens this long before the start.")
JOIN_CLOSES_MINUTES = env.whole("JOIN_CLOSES_MINUTES", 15, "The door closes this long after the end.")
LINK_BUFFER_MINUTES = env.whole("LINK_BUFFER_MINUTES", 10, "A pool link rests this long between two uses.")
CANCEL_FREE_HOURS = env.whole("CANCEL_FREE_HOURS", 24, "Until then a student cancels without cost.")
CANCEL_LATE_REFUND_PERCENT = env.whole("CANCEL_LATE_REFUND_PERCENT", 50, "What comes back after that, in percent.", most=100)
MOVE_UNTIL_HOURS = env.whole("MOVE_UNTIL_HOURS", 12, "Until then a student may move a session.")
MOVES_ALLOWED = env.whole("MOVES_ALLOWED", 2, "How often a student may move one session.")
NO_SHOW_WAIT_MINUTES = env.whole("NO_SHOW_WAIT_MINUTES", 15, "From when an absence can be reported.")
NO_SHOW_REPORT_HOURS = env.whole("NO_SHOW_REPORT_HOURS", 24, "Until this long after the end an absence can be reported.")
NO_SHOW_ANSWER_HOURS = env.whole("NO_SHOW_ANSWER_HOURS", 12, "How long the other side may answer such a report.")
ANSWER_HOURS = env.whole("ANSWER_HOURS", 24, "How long a request waits for a tutor who approves first.", least=1)
ACCEPTED_PAYMENT_HOURS = env.whole("ACCEPTED_PAYMENT_HOURS", 24, "How long an accepted request may be paid.", least=1)
INVITATION_DAYS = env.whole("INVITATION_DAYS", 14, "How long an invitation to be booked for can be accepted.", least=1)
DEFAULT_TIME_ZONE = env.zone("DEFAULT_TIME_ZONE", "Asia/Jakarta", "The zone of a reader we know nothing of.")
LANGUAGES = [("en", "English"), ("id", "Bahasa Indonesia")]
DEFAULT_LANGUAGE = env.one_of("DEFAULT_LANGUAGE", "en", dict(LANGUAGES), "The language of a reader we know nothing of.")
DEFAULT_CURRENCY = env.currency("DEFAULT_CURRENCY", "IDR", "The currency of new session types.")

from config.meeting_settings import *  # noqa: E402, F403 - listed here, in the order in which people read them
from config.meeting_settings import MEETING_PROVIDERS  # noqa: E402
from config.payment_settings import *  # noqa: E402, F403
from config.payment_settings import PAYMENT_GATEWAYS, SANDBOX_SECRET  # noqa: E402

if DEBUG:
    PAYMENT_GATEWAYS["sandbox"] = {
        "BACKEND": "payments.gateways.sandbox.SandboxGateway",
        "OPTIONS": {"secret": SANDBOX_SECRET, "site_url": SITE_URL},
    }
    MEETING_PROVIDERS["sandbox"] = {
        "BACKEND": "meetings.providers.sandbox.SandboxProvider",
        "OPTIONS": {"site_url": SITE_URL},
    }

INSTALLED_APPS = [
    "config",
    "bookings",
    "meetings",
    "payments",
    "config.apps.LinkpoolAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "rest_framework",
    "procrastinate.contrib.django",
]
MIDDLEWARE = [
    "config.middleware.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.PrivatePagesMiddleware",
    "config.middleware.VisitorLanguageMiddleware",
    "config.middleware.ProgramErrorMiddleware",
    "config.middleware.DatabaseDownMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.LoginMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.ReaderMiddleware",
    "config.middleware.RefusalMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context_processors.site",
            ]
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

env.begin_group("Database, people and mail")
# Database: the address given, else the site's own PostgreSQL in DATA_DIR
_database = env.database("DATABASE_URL", "A PostgreSQL 15+ server; empty = the site starts its own.")
if _database is None:
    _embedded = DATA_DIR / "postgres"
    _database = {
        "ENGINE": "config.embedded_postgres.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "HOST": str(Server(_embedded).socket_folder),
        "EMBEDDED_DATA": str(_embedded),
    }
else:
    _database["ENGINE"] = "config.embedded_postgres.postgresql"
DATABASES = {"default": {**_database, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Counted by every process alike: log-in limits must not start afresh in each of them.
# With Django's 300 entries a busy site would forget counted tries of log-in and codes.
_CACHE = "django.core.cache.backends.db.DatabaseCache"
CACHES = {"default": {"BACKEND": _CACHE, "LOCATION": "site_cache", "OPTIONS": {"MAX_ENTRIES": 100_000}}}

# People
AUTH_USER_MODEL = "bookings.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "bookings:home"  # tutors: bookings.accounts
LOGOUT_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "bookings:tutor_list"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _site.scheme
ACCOUNT_SIGNUP_FORM_CLASS = "bookings.forms.SignupForm"
ACCOUNT_ADAPTER = "bookings.accounts.AccountAdapter"
ACCOUNT_SESSION_REMEMBER = True
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
ALLAUTH_TRUSTED_CLIENT_IP_HEADER = None
ALLAUTH_TRUSTED_PROXY_COUNT = env.whole(
    "TRUSTED_PROXIES", 0, "How many proxies of your own stand before the site (for the visitors' addresses)."
)

# Mail
_mail = env.email(
    "EMAIL_URL",
    "consolemail://" if DEBUG else "smtp://localhost:25",
    "The mail server, such as smtp+tls://user:password@host:587.",
    shown="a mail server on this machine",
)
vars().update(_mail)
MAIL_BACKEND = _mail["EMAIL_BACKEND"]  # used by the job that sends
EMAIL_BACKEND = "config.mail.QueuedBackend"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text(
    "DEFAULT_FROM_EMAIL",
    f"{SITE_NAME} <no-reply@{_site.hostname}>",
    "The sender of every mail.",
    shown="no-reply at the host of SITE_URL",
)
ADMINS = [("Admin", one) for one in env.listed("ADMINS", [], "Who is told of trouble (mail addresses).")]

# Languages and time
LANGUAGE_CODE = "en"  # of programs, logs and whatever is said to nobody in particular: see bookings/languages.py
USE_I18N = USE_TZ = True
TIME_ZONE = DEFAULT_TIME_ZONE
FORMAT_MODULE_PATH = "config.formats"
LOCALE_PATHS = [BASE_DIR / "locale"]

# Static files
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

# Security
env.begin_group("Security")
SECURE_SSL_REDIRECT = env.flag("SSL_REDIRECT", False, "Send http visitors to https (not the webhooks).")
SECURE_REDIRECT_EXEMPT = [r"^webhooks/", r"^health/", r"^metrics"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ALLAUTH_TRUSTED_PROXY_COUNT else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _site.scheme == "https"
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if _site.scheme == "https" and not DEBUG else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.answers.csrf_failed"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
        # Leaving for a gateway's page is a redirect after a form: browsers check form-action there too.
        "form-action": ["'self'", "https:"] + (["http://localhost:*", "http://127.0.0.1:*"] if DEBUG else []),
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["bookings.api_keys.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["bookings.api_keys.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["bookings.api_parsers.BoundedJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["bookings.api_keys.KeyThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "api_key": f"{env.whole('API_CALLS_PER_MINUTE', 600, 'Calls one API key may make.', least=1)}/min"
    },
    "EXCEPTION_HANDLER": "bookings.api_errors.answer_error",
    "UNAUTHENTICATED_USER": None,
    "NUM_PROXIES": ALLAUTH_TRUSTED_PROXY_COUNT,
}

PROCRASTINATE_WORKER_DEFAULTS = {
    "delete_jobs": "successful",
    # Jobs wait for vendors most of the time: one that is slow must not keep the others from their payments.
    "concurrency": env.whole("WORKER_CONCURRENCY", 4, "How many jobs one worker runs at once.", least=1, most=64),
    "wait": True,
    "fetch_job_polling_interval": 1.0,  # seconds: jobs with a time of their own are not announced
    "task_middleware": [note_job],
}

SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS of other names under the same domain: theirs to decide
    "security.W021",  # the same, for browsers' built-in lists
    "security.W008",  # the proxy that ends TLS sends visitors to https; SSL_REDIRECT=1 where it does not
]
