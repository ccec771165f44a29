"""Which web addresses may be written down, and which network addresses are public: pure, no network, no Django.

The networks are those of the IANA special-purpose registries (RFC 6890 and what followed); `ipaddress.is_private` and
`is_global` alone let multicast, NAT64, 6to4 and others through, and differ between releases of Python.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import idna

LONGEST = 2048
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOT_PUBLIC_V4 = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
# Of IPv6 only global unicast is in use: that leaves out loopback, link-local, unique local, multicast, the mapped
# and compatible forms of IPv4 and NAT64 (64:ff9b::/96, 64:ff9b:1::/48).
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_NOT_PUBLIC_V6 = [
    ipaddress.ip_network(network)
    for network in (
        "2001::/23",  # IETF protocols: Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation, RFC 9637
    )
]
_UNFIT = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029]")
# What some resolvers read as a number: 2130706433, 0x7f.1, 017700000001, 127.1.
_NUMBER = re.compile(r"(?:[0-9]+|0[xX][0-9a-fA-F]*)")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


class BadAddress(ValueError):
    """The address breaks a rule; `code` names it: scheme, user, host, port, length, characters."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A checked address, in parts. `host` is ASCII and in small letters; `target` is path and query as sent."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What the Host header says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


def is_public(address: IPAddress) -> bool:
    """Whether anybody on the internet may have that address."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address.scope_id is not None or address not in _GLOBAL_V6:
        return False
    return not any(address in network for network in _NOT_PUBLIC_V6)


@functools.lru_cache(maxsize=1024)
def parse(url: str) -> WebAddress:
    """The parts of an http or https address; raises BadAddress. Asks no network: a name may still lead inside."""
    if len(url) > LONGEST:
        raise BadAddress("length")
    if _UNFIT.search(url):
        raise BadAddress("characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress("port" if "port" in str(error).lower() else "host") from error
    if parts.scheme not in {"http", "https"}:
        raise BadAddress("scheme")
    if "@" in parts.netloc:
        raise BadAddress("user")
    if port == 0 or parts.netloc.endswith(":"):
        raise BadAddress("port")
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    if not target.isascii():
        target = re.sub(r"[^\x21-\x7e]", _percent, target)
    return WebAddress(
        parts.scheme, _host(parts.hostname or ""), port or {"http": 80, "https": 443}[parts.scheme], target
    )


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def _host(host: str) -> str:
    """A host name or an address in its one usual form; whatever could be read in two ways is refused."""
    if ":" in host:
        if "%" in host:  # a scope: only this machine knows what it means
            raise BadAddress("host")
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError as error:
            raise BadAddress("host") from error
    name = host
    if not host.isascii():
        try:
            # Strict: full-width digits and dots, which some software folds into plain ones, are no letters here.
            name = ".".join(idna.alabel(label).decode() for label in host.lower().split("."))
        except (idna.IDNAError, UnicodeError) as error:
            raise BadAddress("host") from error
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress("host")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError as error:
            raise BadAddress("host") from error
    return name


# Names that mean this machine or this network, for whoever reads them (RFC 6761, RFC 6762, and one that ICANN keeps free).
_NEAR = {"localhost", "local", "internal"}


def is_near(host: str) -> bool:
    """Whether a host's name leads nowhere but to this machine or its own network."""
    return host.rpartition(".")[2] in _NEAR


def domain(name: str) -> str:
    """A name of the public DNS in ASCII, two labels at least (IDNA 2008); raises BadAddress for any other, and for an
    address in numbers."""
    found = _host(name.lower())
    labels = found.split(".")
    if len(labels) < 2 or "_" in found or _NUMBER.fullmatch(labels[-1]) or is_near(found):
        raise BadAddress("host")
    try:
        return idna.encode(found).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise BadAddress("host") from error
