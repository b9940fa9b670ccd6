"""Failures that end a command with a sentence that says what to do, never a traceback.

Refusal
├── PortTaken
├── AlreadyRunning
├── DiskFull
├── Unusable       the state folder cannot be written or is not complete
├── ChildFailed    a server or service does not start or keeps dying
├── NotAnswering   no platform at the address
├── DatabaseAway   a database does not answer
├── SignInFailed
└── Unexpected     an answer or a state that breaks a promise
"""


class Refusal(Exception):
    """Ends the command with its sentence on standard error and exit code 1."""


LAST_PORT = 65535


class PortTaken(Refusal):
    def __init__(self, port: int, holder: str | None) -> None:
        by = f" by {holder}" if holder else ""
        super().__init__(
            f"Port {port} is in use{by}: stop that, or choose another port,"
            f" for instance PORT={port + 1 if port < LAST_PORT else 8081} make run."
        )


class PortForbidden(Refusal):
    def __init__(self, port: int) -> None:
        super().__init__(
            f"Port {port} may not be opened by this user: choose one above 1023,"
            " for instance PORT=8080 make run."
        )


class AlreadyRunning(Refusal):
    def __init__(self, who: str) -> None:
        super().__init__(
            f"The platform of this folder is already running ({who}): use that one, or stop it"
            " with Ctrl-C where it runs."
        )


class DiskFull(Refusal):
    def __init__(self, folder: object, free: int, needed: int) -> None:
        super().__init__(
            f"The disk that holds {folder} has {free // 2**20} MiB left and {needed // 2**20} MiB"
            " are needed: free some space and start again; nothing is lost."
        )


class Unusable(Refusal):
    pass


class ChildFailed(Refusal):
    pass


class NotAnswering(Refusal):
    def __init__(self, base_url: str) -> None:
        super().__init__(
            f"Nothing answers at {base_url}: start the platform with make run,"
            " or name another with ONENET_BASE_URL."
        )


class DatabaseAway(Refusal):
    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"The database of {database} does not answer ({reason}): start it, or mend its address."
        )


class SignInFailed(Refusal):
    def __init__(self, username: str, reason: str) -> None:
        super().__init__(
            f"{username} could not sign in ({reason}): check ONENET_USERNAME and ONENET_PASSWORD."
        )


class Unexpected(Refusal):
    pass
