"""JSON Web Tokens signed with RSA or elliptic-curve keys: encode, verify, and publish the keys.

In: PEM keys and claims. Out: the compact form of RFC 7515, or the claims of one whose signature holds.
Only RS256 and ES256 are spoken, the algorithm follows from the key and never from the token.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
Claims = dict[str, Any]

_P256_BYTES = 32


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def load_private_key(pem: bytes) -> PrivateKey:
    """Raises ValueError for a key that is neither RSA nor P-256."""
    key = serialization.load_pem_private_key(pem, None)
    if isinstance(key, rsa.RSAPrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("a token signing key has to be an RSA or P-256 key")


def load_public_key(pem: bytes) -> PublicKey:
    """From a public or a private key in PEM. Raises ValueError."""
    if b"PRIVATE KEY" in pem:
        return load_private_key(pem).public_key()
    key = serialization.load_pem_public_key(pem)
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    raise ValueError("a token verification key has to be an RSA or P-256 key")


def key_id(key: PublicKey) -> str:
    """The same name for a key wherever it is computed: the hash of its DER form."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return b64(hashlib.sha256(der).digest())


def _algorithm(key: PublicKey) -> str:
    return "RS256" if isinstance(key, rsa.RSAPublicKey) else "ES256"


def sign(key: PrivateKey, claims: Claims) -> str:
    """The compact form."""
    public = key.public_key()
    header = msgspec.json.encode({"alg": _algorithm(public), "kid": key_id(public)})
    signed = f"{b64(header)}.{b64(msgspec.json.encode(claims))}"
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")
    return f"{signed}.{b64(signature)}"


def peek(token: str) -> Claims | None:
    """The claims, unverified: to see who says to have issued it. None when it is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = msgspec.json.decode(unb64(parts[1]))
    except (ValueError, msgspec.DecodeError):
        return None
    return claims if isinstance(claims, dict) else None


def verify(key: PublicKey, token: str) -> bool:
    """Is the signature this key's?"""
    signed, _, signature_text = token.rpartition(".")
    try:
        signature = unb64(signature_text)
        header = msgspec.json.decode(unb64(signed.partition(".")[0]))
        if not isinstance(header, dict) or header.get("alg") != _algorithm(key):
            return False
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            if len(signature) != 2 * _P256_BYTES:
                return False
            r = int.from_bytes(signature[:_P256_BYTES], "big")
            s = int.from_bytes(signature[_P256_BYTES:], "big")
            key.verify(utils.encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError, msgspec.DecodeError):
        return False
    return True


def jwk(key: PublicKey) -> dict[str, str]:
    """The key as RFC 7517 publishes it."""
    made = {"use": "sig", "kid": key_id(key), "alg": _algorithm(key)}
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {**made, "kty": "RSA", "n": b64(_big_endian(numbers.n)), "e": b64(_big_endian(numbers.e))}
    point = key.public_numbers()
    x, y = point.x.to_bytes(_P256_BYTES, "big"), point.y.to_bytes(_P256_BYTES, "big")
    return {**made, "kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)}


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
