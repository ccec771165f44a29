"""All settings, fed by the environment; nonsense is refused at the start, in one line that names the variable.

`ACCORD_ENV` is `production` (the default), `demo` or `test`. Production refuses DEBUG and a weak key.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
import structlog
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def number(name: str, default: int, low: int, high: int) -> int:
    """A whole number from the environment within [low, high]; raises ImproperlyConfigured that names it."""
    raw = env.str(name, default=str(default))
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {raw!r}.") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name} must lie between {low} and {high}, not {value}.")
    return value


def flag(name: str, default: bool) -> bool:
    """A yes or no from the environment; raises ImproperlyConfigured for anything else."""
    raw = env.str(name, default="true" if default else "false").strip().lower()
    if raw not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise ImproperlyConfigured(f"{name} must be true or false, not {raw!r}.")
    return raw in {"1", "true", "yes", "on"}


def required(name: str, meaning: str) -> str:
    """A text that must be given; raises ImproperlyConfigured with its meaning when it is not."""
    value = str(env.str(name, default=""))
    if not value:
        raise ImproperlyConfigured(f"Set {name}: {meaning}.")
    return value


ACCORD_ENV = env.str("ACCORD_ENV", default="production")
if ACCORD_ENV not in {"production", "demo", "test"}:
    raise ImproperlyConfigured(f"ACCORD_ENV must be production, demo or test, not {ACCORD_ENV!r}.")
IS_PRODUCTION = ACCORD_ENV == "production"

DEBUG = flag("DEBUG", False)
if DEBUG and IS_PRODUCTION:
    raise ImproperlyConfigured("DEBUG must be off in production: it shows settings and code to strangers.")
SECRET_KEY = required("SECRET_KEY", "at least 50 random characters that stay the same between starts")
if len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 12 or "insecure" in SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is weak: use at least 50 random characters.")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# The address people reach us at: every link in mails, feeds and the API begins with it.
SITE_URL = required("SITE_URL", "the public address, for example https://tracker.example.org").rstrip("/")
if not SITE_URL.startswith(("https://", "http://")) or (
    IS_PRODUCTION and not SITE_URL.startswith("https://")
):
    raise ImproperlyConfigured("SITE_URL must begin with https:// (http:// only in demo and test).")
SITE_HOST = SITE_URL.split("://", 1)[1].split("/")[0].rsplit(":", 1)[0]
SITE_NAME = env.str("SITE_NAME", default="Accord Tracker")
DATA_LICENCE = env.str("DATA_LICENCE", default="")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or [SITE_HOST]
if "*" in ALLOWED_HOSTS and IS_PRODUCTION:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name hosts in production, not *.")
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    "notifications",
    "commitments",
    "tracker",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "pgtrigger",
    "tracker.apps.SignInsConfig",
    "csp",
]
MIDDLEWARE = [
    "tracker.health.Probes",
    "tracker.middleware.Unavailable",
    "django.middleware.security.SecurityMiddleware",
    "commitments.api.gate.Gate",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "tracker.middleware.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "tracker.urls"
WSGI_APPLICATION = "tracker.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "tracker" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tracker.context.site",
            ],
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url_config(required("DATABASE_URL", "postgres://user:password@host:5432/name"))
}
_database = DATABASES["default"]
if _database["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must begin with postgres://: PostgreSQL is the only engine.")
_database["ATOMIC_REQUESTS"] = False
_database["CONN_MAX_AGE"] = 60
_database["CONN_HEALTH_CHECKS"] = True
_database.setdefault("OPTIONS", {})
_database["OPTIONS"].setdefault("connect_timeout", 5)
_database["OPTIONS"].setdefault("application_name", "accord-tracker")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STAFF_LOCK_TIMEOUT_MS = number("STAFF_LOCK_TIMEOUT_MS", 5000, 100, 60000)

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "/admin/login/"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("uk", _("Ukrainian")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "tracker" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "tracker.formats"

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not IS_PRODUCTION

# Security. Strict by default; cookies are secure wherever the site is.
_https = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
LANGUAGE_COOKIE_SECURE = _https
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = flag("SECURE_SSL_REDIRECT", False)
SECURE_HSTS_SECONDS = number("HSTS_SECONDS", 31536000 if _https else 0, 0, 63072000)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
if flag("BEHIND_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# How many proxies of ours stand in front: only that many entries of X-Forwarded-For are believed.
TRUSTED_PROXIES = number("TRUSTED_PROXIES", 0, 0, 5)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

# Work. PostgreSQL remembers, Redis only wakes: a broker that hangs must never hold a process up.
REDIS_URL = required("REDIS_URL", "redis://host:6379/0 or redis+socket:///path")
BEAT_SECONDS = number("BEAT_SECONDS", 2, 1, 60)

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = number("EMAIL_PORT", 25, 1, 65535)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = flag("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = flag("EMAIL_USE_SSL", False)
if EMAIL_USE_TLS and EMAIL_USE_SSL:
    raise ImproperlyConfigured("Set EMAIL_USE_TLS or EMAIL_USE_SSL, not both.")
EMAIL_TIMEOUT = number("EMAIL_TIMEOUT", 10, 1, 60)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"{SITE_NAME} <alerts@{SITE_HOST}>")
# For so long a mail about something published is held back; a retraction within that time stops it.
ALERT_HOLD = timedelta(seconds=number("ALERT_HOLD_SECONDS", 120, 0, 3600))
# Where bounces come back to (each mail gets a return path of its own, ADDRESS+TOKEN), and the key of a mail provider
# that reports them.
BOUNCE_ADDRESS = env.str("BOUNCE_ADDRESS", default="").strip().lower()
if BOUNCE_ADDRESS and not re.fullmatch(r"[a-z0-9._-]{1,20}@[a-z0-9.-]{1,200}", BOUNCE_ADDRESS):
    raise ImproperlyConfigured("BOUNCE_ADDRESS must be a plain address, at most 20 characters before the @.")
BOUNCE_SECRET = env.str("BOUNCE_SECRET", default="")
if BOUNCE_SECRET and not re.fullmatch(r"whsec_[A-Za-z0-9+/]{32,}={0,2}", BOUNCE_SECRET):
    raise ImproperlyConfigured("BOUNCE_SECRET must be whsec_ and at least 24 random bytes in base64.")
# A mail provider that reports bounces in a form of its own (read by django-anymail), and what proves that it is the one:
# its key where it signs, else the name and password that it sends (name:password).
BOUNCE_PROVIDER = env.str("BOUNCE_PROVIDER", default="").strip().lower()
BOUNCE_PROVIDER_KEY = env.str("BOUNCE_PROVIDER_KEY", default="", multiline=True).strip()
_SIGNING = {
    "mailersend": "MAILERSEND_SIGNING_SECRET",
    "mailgun": "MAILGUN_WEBHOOK_SIGNING_KEY",
    "mailtrap": "MAILTRAP_TRACKING_SECRET",
    "mandrill": "MANDRILL_WEBHOOK_KEY",
    "postal": "POSTAL_WEBHOOK_KEY",
}
_SENDING_A_PASSWORD = ("brevo", "mailjet", "postmark", "sparkpost")
ANYMAIL: dict[str, str] = {}
if BOUNCE_PROVIDER:
    if BOUNCE_PROVIDER not in (*_SIGNING, *_SENDING_A_PASSWORD):
        raise ImproperlyConfigured(
            f"BOUNCE_PROVIDER must be one of {', '.join(sorted((*_SIGNING, *_SENDING_A_PASSWORD)))}."
        )
    if BOUNCE_PROVIDER in _SENDING_A_PASSWORD and not re.fullmatch(
        r"[!-9;-~]+:[!-~]{24,}", BOUNCE_PROVIDER_KEY
    ):
        raise ImproperlyConfigured(
            f"BOUNCE_PROVIDER_KEY must be name:password for {BOUNCE_PROVIDER}, the password of at least 24 characters."
        )
    if BOUNCE_PROVIDER in _SIGNING and (len(BOUNCE_PROVIDER_KEY) < 16 or not BOUNCE_PROVIDER_KEY.isascii()):
        raise ImproperlyConfigured(
            f"BOUNCE_PROVIDER_KEY must be the key with which {BOUNCE_PROVIDER} signs its webhooks."
        )
    ANYMAIL = {_SIGNING.get(BOUNCE_PROVIDER, "WEBHOOK_SECRET"): BOUNCE_PROVIDER_KEY}
# The mailbox in which the notifications to BOUNCE_ADDRESS lie, read by IMAP over TLS.
BOUNCE_IMAP_HOST = env.str("BOUNCE_IMAP_HOST", default="")
BOUNCE_IMAP_PORT = number("BOUNCE_IMAP_PORT", 993, 1, 65535)
BOUNCE_IMAP_USER = env.str("BOUNCE_IMAP_USER", default="")
BOUNCE_IMAP_PASSWORD = env.str("BOUNCE_IMAP_PASSWORD", default="")
BOUNCE_IMAP_FOLDER = env.str("BOUNCE_IMAP_FOLDER", default="INBOX")
if BOUNCE_IMAP_HOST and not (BOUNCE_ADDRESS and BOUNCE_IMAP_USER and BOUNCE_IMAP_PASSWORD):
    raise ImproperlyConfigured(
        "BOUNCE_IMAP_HOST needs BOUNCE_ADDRESS, BOUNCE_IMAP_USER and BOUNCE_IMAP_PASSWORD."
    )
# Sign-ups an hour from one network (an IPv4 address, an IPv6 /64).
SIGNUPS_PER_NETWORK = number("SIGNUPS_PER_NETWORK", 30, 1, 100000)
# Signs checkpoints of the log: an Ed25519 key (RFC 8032), base64 of its 32 bytes. Empty: none are written.
CHECKPOINT_KEY = env.str("CHECKPOINT_KEY", default="")
# `/metrics` answers whoever brings this token, or, where that is set, this machine itself.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < 32:
    raise ImproperlyConfigured("METRICS_TOKEN is weak: use at least 32 random characters.")
METRICS_LOOPBACK = flag("METRICS_LOOPBACK", False)
# Our own client reaches public addresses only; tests and the fault bench name the ports of 127.0.0.1 that it may.
try:
    OUTBOUND_LOOPBACK_PORTS = frozenset(int(port) for port in env.list("OUTBOUND_LOOPBACK_PORTS", default=[]))
except ValueError:
    raise ImproperlyConfigured("OUTBOUND_LOOPBACK_PORTS must be port numbers with commas between.") from None
if OUTBOUND_LOOPBACK_PORTS and IS_PRODUCTION:
    raise ImproperlyConfigured(
        "OUTBOUND_LOOPBACK_PORTS is for tests only: it opens this machine to webhooks."
    )
# Where the demo's mail catcher keeps what it received; empty everywhere else, and then there is no such page.
DEMO_MAIL_DIR = env.str("DEMO_MAIL_DIR", default="")
if DEMO_MAIL_DIR and IS_PRODUCTION:
    raise ImproperlyConfigured("DEMO_MAIL_DIR is for the demo only.")

# The API. Requests a minute from one network (an IPv4 address, an IPv6 /64), and with one token.
API_PER_MINUTE = number("API_PER_MINUTE", 600, 1, 100_000_000)
API_TOKEN_PER_MINUTE = number("API_TOKEN_PER_MINUTE", 6000, 1, 100_000_000)
# A Redis for answers that were given before, which the processes share; it may throw away what it likes
# (maxmemory-policy allkeys-lru). Not the broker's. Empty: each process keeps its own.
CACHE_URL = env.str("CACHE_URL", default="")
# For how long a process may believe that nothing was added to the log, in thousandths of a second.
API_HEAD_MS = number("API_HEAD_MS", 1000, 0, 60_000)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["tracker.kit.rendering.JSON"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tracker.kit.problems.handle",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Accord Tracker",
    "DESCRIPTION": "What states promised each other, where it stands, and how we know.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# A signed link is a key: whoever reads it in a log could leave or erase for somebody else.
SIGNED_LINK = re.compile(r"/(confirm|manage|leave|erase|heard|calendar)/[^/\s\"]+")
# So is a token of the API, wherever it was put by mistake.
API_TOKEN = re.compile(r"act_[0-9a-f]{8}[A-Za-z0-9_-]+")


def hide_links(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Takes the tokens of signed links and of the API out of whatever is logged."""
    for name, value in event.items():
        if isinstance(value, str) and "/" in value:
            value = event[name] = SIGNED_LINK.sub(r"/\1/[hidden]", value)
        if isinstance(value, str) and "act_" in value:
            event[name] = API_TOKEN.sub("act_[hidden]", value)
    return event


timestamper = structlog.processors.TimeStamper(fmt="iso", utc=True)
_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    timestamper,
    hide_links,
]
structlog.configure(
    processors=[*_shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    raise ImproperlyConfigured(f"LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR, not {LOG_LEVEL!r}.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                hide_links,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": _shared,
        }
    },
    "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stream"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"level": LOG_LEVEL},
        # Addresses that do not exist are the visitor's business, not an event of ours.
        "django.request": {"level": "ERROR"},
        "axes": {"level": "WARNING"},
        # The mail catcher's and the tests' SMTP server tell every step of every conversation.
        "mail.log": {"level": "WARNING"},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
