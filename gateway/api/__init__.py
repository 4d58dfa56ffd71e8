"""HTTP: what callers see.  Thin: every decision is made in `gateway.exchange`."""

from gateway.api.app import create_app

__all__ = ["create_app"]
