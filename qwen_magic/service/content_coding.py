"""A limit on how often a body may be packed, for every httpx2 client of this package."""

from __future__ import annotations

import httpx2

__all__ = ["packed_once"]


def packed_once(response: httpx2.Response) -> None:
    """Raises `DecodingError` for a body that was packed more than once: 275 bytes of that unpack to 4 GB.

    One coding makes 1,000 bytes of one at the most, and httpx2 unpacks it in pieces of 1 MB.
    """
    codings = [coding.strip() for coding in response.headers.get("content-encoding", "").lower().split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if len(codings) > 1:
        raise httpx2.DecodingError(f"packed {len(codings)} times: {', '.join(codings[:5])}", request=response.request)
