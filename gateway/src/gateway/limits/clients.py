"""Whose request it is: the holder of the token, else the address it came from."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

UNKNOWN = "unknown"


class Addresses:
    """Believes `X-Forwarded-For` only as far as it was written by trusted proxies."""

    def __init__(self, trusted: str) -> None:
        words = filter(None, (word.strip() for word in trusted.split(",")))
        self._trusted = [ip_network(word, strict=False) for word in words]

    def client(self, peer: str | None, forwarded: bytes | None) -> str:
        """The nearest address that is not one of the trusted proxies."""
        if peer is None:
            return UNKNOWN
        if not self._trusted or forwarded is None or not self.is_trusted(peer):
            return peer
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            address = hop.strip()
            if _parsed(address) is None:
                return peer
            if not self.is_trusted(address):
                return address
            peer = address
        return peer

    def is_trusted(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._trusted)


def bucket_key(address: str) -> str:
    """An IPv6 customer has a whole /64, so that is what is counted."""
    if ":" not in address:
        return address
    parsed = _parsed(address)
    if not isinstance(parsed, IPv6Address):
        return address
    return str(ip_network((int(parsed) >> 64 << 64, 64)))


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
