"""Which service answers which path. The longest prefix wins; what is not here is 404."""

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

# POSTs that change nothing a public read shows.
_HARMLESS = ("/oauth2/", "/api/v1/me/messages", "/api/v1/identity/registrations")


def service_of(path: str) -> str | None:
    """The service whose prefix covers the path, by whole segments."""
    while path:
        if path in ROUTES:
            return ROUTES[path]
        path = path.rpartition("/")[0]
    return None


def is_upload(path: str) -> bool:
    return path.startswith(UPLOADS)


def may_change(method: str, path: str) -> bool:
    """Whether a request may change what public reads of its service show."""
    if method in {"GET", "HEAD", "OPTIONS"} or path.startswith(_HARMLESS):
        return False
    return not (path.startswith("/api/v1/items/") and path.endswith("/precheck"))
