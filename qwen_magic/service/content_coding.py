"""A limit on how often a body may be compressed, for every httpx2 client of this package."""

from __future__ import annotations

import httpx2

__all__ = ["packed_once"]


def packed_once(response: httpx2.Response) -> None:
    """Raise httpx2's `DecodingError` for a body that was compressed twice: 275 such bytes decompress to 4 GB.

    One coding expands a byte to at most 1,000, and httpx2 decompresses in pieces of 1 MB.
    """
    codings = [coding.strip() for coding in response.headers.get("content-encoding", "").lower().split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if len(codings) > 1:
        raise httpx2.DecodingError(f"packed {len(codings)} times: {', '.join(codings[:5])}", request=response.request)
