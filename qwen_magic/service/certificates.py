"""The trusted certificates of every HTTP client of this package, sync or async."""

from __future__ import annotations

import os
import ssl

import httpx2

from ..core.errors import ConfigurationError
from ..core.translatable import _

__all__ = ["trusted"]

# The variables that name a company's certificates: those of OpenSSL, requests and curl.
BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR")


def trusted() -> ssl.SSLContext:
    """A TLS context that trusts the system's certificates and the bundle named by the environment.

    Takes about 20 ms. Raises `ConfigurationError` for a bundle that cannot be loaded.
    """
    bundle = next((os.environ[name] for name in BUNDLES if os.environ.get(name)), None)
    try:
        context = httpx2.create_ssl_context(trust_env=False)
        if bundle:
            context.load_verify_locations(**({"capath": bundle} if os.path.isdir(bundle) else {"cafile": bundle}))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            _("The certificates could not be loaded ({error}).", error=error),
            _("Look at {bundles} in the environment.", bundles=", ".join(BUNDLES)),
        ) from error
    return context
