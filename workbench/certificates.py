"""The certificates that this machine trusts: a company's own among them, which builds and letters need as well."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
# Debian, Fedora, openSUSE, Alpine.
USUAL_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/ca-bundle.pem"),
    Path("/etc/ssl/cert.pem"),
)


def ca_bundle(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file of certificates this machine trusts; None where it has none."""
    named = [Path(environ[name]) for name in CERTIFICATE_VARIABLES if environ.get(name)]
    default = ssl.get_default_verify_paths().cafile
    usual = [*USUAL_BUNDLES, *([Path(default)] if default else [])]
    return next((path for path in (*named, *usual) if path.is_file()), None)


def ca_bundle_asked_for(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The bundle where the person's variables name one: programs in containers then need it as well."""
    return ca_bundle(environ) if any(environ.get(name) for name in CERTIFICATE_VARIABLES) else None


def context(more: Path | None = None) -> ssl.SSLContext:
    """For talking TLS as a client: whom this machine trusts, and who `more`, a file of certificates, names. Raises OSError."""
    made = ssl.create_default_context()
    for path in (ca_bundle(), more):
        if path:
            made.load_verify_locations(path)
    return made
