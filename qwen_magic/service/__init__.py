"""Endpoints, credentials, and the HTTP clients."""
