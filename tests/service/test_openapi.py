"""Whatever the OpenAPI document allows, and what it does not: never a fault of the server, never an answer unsaid."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests.service.conftest import Running


@pytest.fixture
def document(service: Running) -> Any:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


api = schemathesis.pytest.from_fixture("document")


@api.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_the_document_says(case: Any, service: Running) -> None:
    headers = {"Authorization": f"Bearer {service.keys['all']}"}
    # what a document allows may still be refused: ids of another kind, jobs that are not there
    case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance], timeout=20)
