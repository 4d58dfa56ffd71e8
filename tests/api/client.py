"""The application in the process of the test, and requests of its made-up callers."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from conformance.stage import AUDITOR, EPD, PGO, Client
from gateway.api import create_app
from tests.exchange.house import BGZ, FENNA, House

__all__ = ["Door", "door"]


class Door:
    """HTTP into a house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.http = TestClient(create_app(house.pipeline, house.settings))

    def get(self, path: str, client: Client | None = PGO, person: str = "", headers: Any = None) -> Any:
        """GET as a client; a PGO's person is Fenna unless said otherwise."""
        own = dict(headers or {})
        if client is not None:
            bsn = person or (FENNA if client is PGO else "")
            own["Authorization"] = f"Bearer {self.house.stage.token(client, bsn)}"
        return self.http.get(path, headers=own)

    def post(
        self,
        content: bytes = BGZ,
        media: str = "application/xml",
        client: Client = EPD,
        headers: Any = None,
    ) -> Any:
        """Deliver a document."""
        own = {"Authorization": f"Bearer {self.house.stage.token(client)}", "Content-Type": media}
        return self.http.post("/documents", content=content, headers=own | dict(headers or {}))

    def audit(self, query: str = "") -> Any:
        """The exchange log."""
        return self.get(f"/audit/exchanges{query}", AUDITOR)


@pytest.fixture
def door(house: House) -> Door:
    """An application in which nothing has happened yet."""
    return Door(house)
