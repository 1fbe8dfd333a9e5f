"""Who is asked: endpoints, credentials, and the HTTP client."""
