"""Whatever the OpenAPI document allows, and what it does not: never a fault of the server, never an answer unsaid."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests.service.conftest import Running

OPERATIONS = (
    "GET /health",
    "GET /metrics",
    "GET /v1/jobs/{job}",
    "POST /v1/companions",
    "POST /v1/jobs/{job}/rows",
    "POST /v1/lookup",
    "POST /v1/lookups",
    "POST /v1/offline",
    "POST /v1/offline/check",
    "POST /v1/trajectory",
)


@pytest.fixture(scope="module")
def operations(service: Running) -> dict[str, Any]:
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    return {o.ok().label: o.ok() for o in schema.get_all_operations()}


def test_every_operation_is_asked(operations: dict[str, Any]) -> None:
    assert tuple(sorted(operations)) == OPERATIONS


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda m: m.value)
@pytest.mark.parametrize("label", OPERATIONS)
def test_what_the_document_says(
    label: str, mode: GenerationMode, operations: dict[str, Any], service: Running
) -> None:
    operation, asked = operations[label], 0
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.path_parameters):
        pytest.skip("nothing can be said wrongly")

    @settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        nonlocal asked
        headers = {"Authorization": f"Bearer {service.keys['all']}"}
        # what a document allows may still be refused: ids of another kind, jobs that are not there
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance], timeout=30)
        asked += 1

    ask()
    assert asked > 0
