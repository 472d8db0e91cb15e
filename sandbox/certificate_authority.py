"""The sandbox's own certificate authority."""

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALIDITY = datetime.timedelta(days=30)


class CertificateAuthority:
    """Issues the TLS certificates of one sandbox, as EKS has a certificate authority per cluster.

    The certificates carry what strict verifiers ask for (RFC 5280: key identifiers, key usage, alternative
    names), so that Python 3.13, Go and OpenSSL accept them.

    Attributes:
        ca_pem: The CA certificate in PEM, base64-encoded in EKS's `certificateAuthority.data`.
        ca_file: The same in a file, `ca.pem` in the state directory.
    """

    ca_pem: str
    ca_file: Path

    def __init__(self, state_dir: Path) -> None:
        self._directory = state_dir / "pki"
        self._directory.mkdir(parents=True, exist_ok=True)
        self._issued = 0
        self._lock = Lock()
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
        self._certificate = (
            _builder(name, name, self._key.public_key(), self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(certificate_authority=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.ca_pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.ca_file = state_dir / "ca.pem"
        self.ca_file.write_text(self.ca_pem)

    def issue(self, common_name: str, hosts: Sequence[str], *, organization: str | None = None) -> tuple[Path, Path]:
        """Issue a certificate good for servers and clients.

        Args:
            common_name: The subject's common name (Kubernetes: the user name of a client certificate).
            hosts: DNS names and IP addresses for the subject alternative names.
            organization: The subject's organization (Kubernetes: the group of a client certificate).

        Returns:
            The certificate file and the key file, both PEM.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if organization is not None:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        builder = (
            _builder(x509.Name(attributes), self._certificate.subject, key.public_key(), self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(certificate_authority=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
        )
        if hosts:
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        with self._lock:
            self._issued += 1
            stem = f"{self._issued:03d}"
        certificate_file = self._directory / f"{stem}.crt"
        key_file = self._directory / f"{stem}.key"
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.touch(mode=0o600)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate_file, key_file


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _key_usage(*, certificate_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not certificate_authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificate_authority,
        crl_sign=certificate_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
