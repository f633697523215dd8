r"""Rules for names, labels and other short texts, with the explanations that clients know.

Every `is_*` function takes the text and returns the list of what is wrong with it, empty when it is right.
Sources: RFC 1123, RFC 1035, the Kubernetes documentation pages "Object Names and IDs" and "Labels and
Selectors".
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from pybernetes.api.fields import FieldError, invalid, required

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"
_ENV_NAME = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"

_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"

_label = re.compile(_LABEL).fullmatch
_subdomain = re.compile(_SUBDOMAIN).fullmatch
_label_1035 = re.compile(_LABEL_1035).fullmatch
_qualified = re.compile(_QUALIFIED).fullmatch
_key = re.compile(rf"(?:{_SUBDOMAIN}/)?(?:[A-Za-z0-9][-A-Za-z0-9_.]{{0,61}})?[A-Za-z0-9]").fullmatch
_label_value = re.compile(_LABEL_VALUE).fullmatch
_env_name = re.compile(_ENV_NAME).fullmatch
_config_key = re.compile(_CONFIG_KEY).fullmatch
_header = re.compile(_HEADER).fullmatch
_percent = re.compile(_PERCENT).fullmatch
_c_identifier = re.compile(_C_IDENTIFIER).fullmatch
_wildcard = re.compile(_WILDCARD).fullmatch
_port_charset = re.compile("[-a-z0-9]+").fullmatch
_letter = re.compile("[a-z]").search
_http_path = re.compile(_HTTP_PATH).fullmatch

_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end "
    "with an alphanumeric character"
)
_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
    "must start "
    "and end with an alphanumeric character"
)
_LABEL_1035_WORDS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, "
    "and end with an alphanumeric character"
)
_WILDCARD_WORDS = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
    "consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)
_QUALIFIED_WORDS = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character"
)
_LABEL_VALUE_WORDS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
    "must start "
    "and end with an alphanumeric character"
)
_ENV_WORDS = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
_CONFIG_KEY_WORDS = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_C_IDENTIFIER_WORDS = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric "
    "characters or '_'"
)

LABEL_MAX = 63
SUBDOMAIN_MAX = 253


def regex_words(words: str, pattern: str, *examples: str) -> str:
    """An explanation followed by examples and the pattern, in the usual form."""
    if not examples:
        return f"{words} (regex used for validation is '{pattern}')"
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{words} (e.g. {shown}regex used for validation is '{pattern}')"


def _too_long(limit: int, unit: str = "characters") -> str:
    return f"must be no more than {limit} {unit}"


def _longer(text: str, limit: int) -> bool:
    return len(text) > limit or (not text.isascii() and len(text.encode()) > limit)


def is_dns1123_label(text: str) -> list[str]:
    if len(text) <= LABEL_MAX and _label(text):
        return []
    wrong = [_too_long(LABEL_MAX)] if _longer(text, LABEL_MAX) else []
    if not _label(text):
        if _subdomain(text):
            wrong.append("must not contain dots")
        else:
            wrong.append(regex_words(_LABEL_WORDS, _LABEL, "my-name", "123-abc"))
    return wrong


def is_dns1123_subdomain(text: str) -> list[str]:
    if len(text) <= SUBDOMAIN_MAX and _subdomain(text):
        return []
    wrong = [_too_long(SUBDOMAIN_MAX)] if _longer(text, SUBDOMAIN_MAX) else []
    if not _subdomain(text):
        wrong.append(regex_words(_SUBDOMAIN_WORDS, _SUBDOMAIN, "example.com"))
    return wrong


def is_dns1035_label(text: str) -> list[str]:
    wrong = [_too_long(LABEL_MAX)] if _longer(text, LABEL_MAX) else []
    if not _label_1035(text):
        wrong.append(regex_words(_LABEL_1035_WORDS, _LABEL_1035, "my-name", "abc-123"))
    return wrong


def is_wildcard_subdomain(text: str) -> list[str]:
    wrong = [_too_long(SUBDOMAIN_MAX)] if _longer(text, SUBDOMAIN_MAX) else []
    if not _wildcard(text):
        wrong.append(regex_words(_WILDCARD_WORDS, _WILDCARD, "*.example.com"))
    return wrong


def is_qualified_name(text: str) -> list[str]:
    """A label key, an annotation key, a resource name: `[prefix/]name`."""
    if len(text) <= SUBDOMAIN_MAX and _key(text):
        return []
    prefix, slash, name = text.rpartition("/")
    wrong: list[str] = []
    if slash:
        if "/" in prefix:
            words = regex_words(
                f"a valid label key {_QUALIFIED_WORDS}", _QUALIFIED, "MyName", "my.name", "123-abc"
            )
            return [f"{words} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
        if not prefix:
            wrong.append("prefix part must be non-empty")
        else:
            wrong.extend(f"prefix part {one}" for one in is_dns1123_subdomain(prefix))
    if not name:
        wrong.append("name part must be non-empty")
    elif _longer(name, LABEL_MAX):
        wrong.append(f"name part {_too_long(LABEL_MAX, 'bytes')}")
    if not _qualified(name):
        words = regex_words(_QUALIFIED_WORDS, _QUALIFIED, "MyName", "my.name", "123-abc")
        wrong.append(f"name part {words}")
    return wrong


is_label_key = is_qualified_name


def is_label_value(text: str) -> list[str]:
    if len(text) <= LABEL_MAX and _label_value(text):
        return []
    wrong = [_too_long(LABEL_MAX, "bytes")] if _longer(text, LABEL_MAX) else []
    if not _label_value(text):
        wrong.append(regex_words(_LABEL_VALUE_WORDS, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return wrong


def is_path_segment(text: str) -> list[str]:
    """A name that only has to fit into a URL (RBAC objects)."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in text]


def is_env_var_name(text: str) -> list[str]:
    """Names of variables: any printable ASCII but `=`."""
    if not text:
        return ["environment variable name must be non-empty"]
    if all(" " <= char <= "~" and char != "=" for char in text):
        return []
    return [_ENV_WORDS]


def is_config_key(text: str) -> list[str]:
    """A key of a ConfigMap or a Secret."""
    wrong = [_too_long(SUBDOMAIN_MAX)] if _longer(text, SUBDOMAIN_MAX) else []
    if not _config_key(text):
        wrong.append(regex_words(_CONFIG_KEY_WORDS, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if text == ".":
        wrong.append("must not be '.'")
    elif text == "..":
        wrong.append("must not be '..'")
    elif text.startswith(".."):
        wrong.append("must not start with '..'")
    return wrong


def is_http_header_name(text: str) -> list[str]:
    if _header(text):
        return []
    words = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [regex_words(words, _HEADER, "X-Header-Name")]


def is_c_identifier(text: str) -> list[str]:
    if _c_identifier(text):
        return []
    return [regex_words(_C_IDENTIFIER_WORDS, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName")]


def is_port_number(port: int) -> list[str]:
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]


def is_port_name(text: str) -> list[str]:
    """An IANA service name (RFC 6335, 5.1): 1 to 15 of `a-z0-9-`, a letter among them."""
    wrong: list[str] = []
    if len(text) > 15:
        wrong.append(_too_long(15))
    if not _port_charset(text):
        wrong.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _letter(text):
        wrong.append("must contain at least one letter (a-z)")
    if "--" in text:
        wrong.append("must not contain consecutive hyphens")
    if text and (text[0] == "-" or text[-1] == "-"):
        wrong.append("must not begin or end with a hyphen")
    return wrong


def is_percent(text: str) -> list[str]:
    if _percent(text):
        return []
    words = "a valid percent string must be a numeric string followed by an ending '%'"
    return [regex_words(words, _PERCENT, "1%", "93%")]


def parse_ip(text: str) -> IPv4Address | IPv6Address | None:
    """An address without zone and without leading zeros, or None."""
    if "%" in text:
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_ip(path: str, text: str) -> list[FieldError]:
    if parse_ip(text) is None:
        return [invalid(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    return []


def is_cidr(path: str, text: str) -> list[FieldError]:
    """An address with a prefix length; host bits may be set."""
    try:
        if "/" not in text or "%" in text or not text.partition("/")[2].isdigit():
            raise ValueError(text)
        network = ip_network(text, strict=False)
    except ValueError:
        return [invalid(path, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")]
    if isinstance(network, IPv6Network) and network.prefixlen > 128:
        return [invalid(path, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")]
    return []


def is_domain_prefixed_path(path: str, text: str) -> list[FieldError]:
    """`acme.io/foo`: who is responsible for something."""
    if not text:
        return [required(path)]
    host, _, rest = text.partition("/")
    if not host or not rest:
        return [invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    errors = [invalid(path, host, why) for why in is_dns1123_subdomain(host)]
    if not _http_path(rest):
        errors.append(invalid(path, rest, regex_words("Invalid path", _HTTP_PATH)))
    return errors


def is_fully_qualified_name(path: str, text: str) -> list[FieldError]:
    """A domain with at least three segments (signer domains, node-level plugin names)."""
    if not text:
        return [required(path)]
    wrong = is_dns1123_subdomain(text)
    if wrong:
        return [invalid(path, text, ",".join(wrong))]
    if text.count(".") < 2:
        return [invalid(path, text, "should be a domain with at least three segments separated by dots")]
    return []
