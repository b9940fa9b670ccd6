"""All the gateway knows of paths: who answers them, and what is special about some."""

# The longest prefix wins; a path that is not here is 404.
ROUTES = {
    "/oauth2": "identity",
    "/.well-known": "identity",
    "/api/v1/identity": "identity",
    "/api/v1/me/companies": "identity",
    "/api/v1/me/mandates": "identity",
    "/api/v1/me/profile": "identity",
    "/api/v1/me/messages": "identity",
    "/api/v1/mandates": "identity",
    "/api/v1/orgs": "identity",
    "/api/v1/operations/identity": "identity",
    "/api/v1/items": "catalog",
    "/api/v1/catalog": "catalog",
    "/api/v1/lists": "catalog",
    "/api/v1/bundles": "catalog",
    "/api/v1/operations/catalog": "catalog",
    "/api/v1/cases": "case",
    "/api/v1/tasks": "case",
    "/api/v1/files": "case",
    "/api/v1/progress": "case",
    "/api/v1/me/cases": "case",
    "/api/v1/public": "case",
    "/api/v1/supervision": "case",
    "/api/v1/calendar": "case",
    "/api/v1/operations/case": "case",
    "/api/v1/me/certificates": "exchange",
    "/api/v1/me/footprints": "exchange",
    "/api/v1/certificates": "exchange",
    "/api/v1/exchange": "exchange",
    "/api/v1/operations/exchange": "exchange",
}

UPLOADS = ("/api/v1/files", "/api/v1/catalog/imports")
PUBLIC = ("/api/v1/items", "/api/v1/lists", "/api/v1/orgs/regions", "/.well-known/")
# POSTs that change nothing a public read shows.
_HARMLESS = ("/oauth2/", "/api/v1/me/messages", "/api/v1/identity/registrations")
# What a thief or a guesser would repeat has limits of its own, whoever asks.
_ENTRY = frozenset({"/oauth2/login", "/oauth2/token", "/api/v1/identity/registrations"})
_PROGRESS = frozenset({"/api/v1/progress", "/progress"})
# What applications in a browser call from another origin; pages a person signs in on are not here.
_CROSS_ORIGIN = frozenset(
    {
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
        "/oauth2/token",
        "/oauth2/userinfo",
        "/oauth2/revoke",
    }
)


def service_of(path: str) -> str | None:
    """The service whose prefix covers the path, by whole segments."""
    while path:
        if path in ROUTES:
            return ROUTES[path]
        path = path.rpartition("/")[0]
    return None


def is_upload(path: str) -> bool:
    return path.startswith(UPLOADS)


def is_public(method: str, path: str) -> bool:
    """Whether the answer may be the same for everybody, and then be kept."""
    return path.startswith(PUBLIC) and method in {"GET", "HEAD"}


def may_change(method: str, path: str) -> bool:
    """Whether a request may change what public reads of its service show."""
    if method in {"GET", "HEAD", "OPTIONS"} or path.startswith(_HARMLESS):
        return False
    return not (path.startswith("/api/v1/items/") and path.endswith("/precheck"))


def limit_class(method: str, path: str) -> str:
    """Which of the limits per client a request counts against."""
    plain = path.rstrip("/")
    if plain in _ENTRY:
        return "entry"
    if plain in _PROGRESS:
        return "progress"
    return "read" if method in {"GET", "HEAD", "OPTIONS"} else "write"


def is_cross_origin(path: str) -> bool:
    return path.startswith("/api/") or path in _CROSS_ORIGIN
