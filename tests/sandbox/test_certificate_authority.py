import socket
import ssl
import threading

import pytest

from sandbox.certificate_authority import CertificateAuthority


@pytest.fixture
def authority(tmp_path):
    return CertificateAuthority(tmp_path)


def handshake(authority, host, context):
    """Shake hands with a server that has a certificate of the authority; gives the certificate that the client saw."""
    certificate, key = authority.issue("server", [host])
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate, key)
    ours, theirs = socket.socketpair()

    def serve():
        try:
            server_context.wrap_socket(theirs, server_side=True).close()
        except ssl.SSLError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with context.wrap_socket(ours, server_hostname="127.0.0.1") as connection:
            return connection.getpeercert()
    finally:
        ours.close()
        thread.join()


def test_a_strict_client_that_knows_the_authority_trusts_its_certificates(authority):
    context = ssl.create_default_context(cafile=authority.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    seen = handshake(authority, "127.0.0.1", context)
    assert ("IP Address", "127.0.0.1") in seen["subjectAltName"]


def test_the_name_must_be_in_the_certificate(authority):
    context = ssl.create_default_context(cafile=authority.ca_file)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority, "elsewhere.example", context)


def test_another_authority_is_not_trusted(authority, tmp_path):
    stranger = CertificateAuthority(tmp_path / "stranger")
    context = ssl.create_default_context(cafile=stranger.ca_file)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority, "127.0.0.1", context)


def test_keys_are_for_the_owner_only(authority):
    _, key = authority.issue("someone", [], organization="system:masters")
    assert key.stat().st_mode & 0o077 == 0
