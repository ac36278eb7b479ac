"""Public keys: their form, their fingerprints, and new ones."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import hashlib
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from nova_clone.domain.errors import Invalid

_RSA_BITS: Final = 2048
_RSA_EXPONENT: Final = 65537
_LENGTH_BYTES: Final = 4
#: Kinds of key that ssh knows and the cryptography library does not read.
_OPAQUE: Final = frozenset(
    ("ssh-dss", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")
)
#: The name of a user in a certificate, as Windows reads it.
_USER_PRINCIPAL: Final = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_VALID_DAYS: Final = 3650


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewKey:
    """A generated key pair, in the form that is handed out once."""

    public_key: str
    fingerprint: str
    private_key: str = dataclasses.field(repr=False)


def fingerprint(kind: str, public_key: str) -> str:
    """Return the fingerprint of a public key; raises `Invalid` for what is none."""
    return _x509_fingerprint(public_key) if kind == "x509" else _ssh_fingerprint(public_key)


def generate(kind: str, user_id: str) -> NewKey:
    """Return a new RSA key pair, as an ssh key or with a certificate for the user."""
    private = rsa.generate_private_key(public_exponent=_RSA_EXPONENT, key_size=_RSA_BITS)
    public_key = _certificate(private, user_id) if kind == "x509" else _ssh_text(private)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8 if kind == "x509" else _OPENSSL_FORM,
        serialization.NoEncryption(),
    )
    return NewKey(
        public_key=public_key,
        fingerprint=fingerprint(kind, public_key),
        private_key=pem.decode(),
    )


_OPENSSL_FORM: Final = serialization.PrivateFormat.TraditionalOpenSSL


def _ssh_fingerprint(public_key: str) -> str:
    blob = _ssh_blob(public_key)
    return _colons(hashlib.md5(blob, usedforsecurity=False).hexdigest())


def _ssh_blob(public_key: str) -> bytes:
    parts = public_key.split(None, 2)
    if len(parts) < 2 or "\n" in public_key.strip():
        raise _bad("it is not of the form: type, key, comment")
    kind, text = parts[0], parts[1]
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _bad("the key is not base64") from None
    length = int.from_bytes(blob[:_LENGTH_BYTES], "big")
    if blob[_LENGTH_BYTES : _LENGTH_BYTES + length] != kind.encode():
        raise _bad("the key is not of the type that is named")
    if kind not in _OPAQUE:
        _check_ssh(f"{kind} {text}")
    return blob


def _check_ssh(line: str) -> None:
    try:
        serialization.load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise _bad("it cannot be read") from None


def _x509_fingerprint(certificate: str) -> str:
    try:
        parsed = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        raise _bad("it is not a certificate in PEM form") from None
    return _colons(parsed.fingerprint(hashes.SHA1()).hex())  # noqa: S303 - the API's form


def _colons(digest: str) -> str:
    return ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))


def _bad(reason: str) -> Invalid:
    return Invalid(f"Keypair data is invalid: {reason}")


def _ssh_text(private: rsa.RSAPrivateKey) -> str:
    public = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return f"{public.decode()} Generated-by-Nova"


def _certificate(private: rsa.RSAPrivateKey, user_id: str) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id[:64] or "user")])
    principal = user_id.encode()[:100]
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=_VALID_DAYS))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.OtherName(_USER_PRINCIPAL, bytes((0x0C, len(principal))) + principal)]
            ),
            critical=False,
        )
        .sign(private, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
