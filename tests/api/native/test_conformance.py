"""Schemathesis asks whatever the document allows, and much that it does not: no answer breaks what the document says.

`make fuzz` asks a hundred times as much. What is checked: no status, media type, header or body that is not documented;
no server error; nothing valid refused as invalid (a rule may refuse it: 422), nothing invalid accepted; no route open
without a key.
"""

from collections.abc import Iterator

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.modes import GenerationMode

from tests.api.native.installation import Installation
from tests.api.native.test_tenancy import ABOUT, DOCUMENT, OPERATIONS, World

MEANT = {
    "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "412", "422"]},
    "missing_required_header": {"expected-statuses": ["401", "428"]},
}
EXAMPLES = 4 if hypothesis.settings().max_examples < 1000 else 300


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    installation = Installation(tmp_path_factory.mktemp("conformance"))
    with installation.asked() as client:
        known = installation.furnish()
        yield World(installation, client, known, known.key_id)
    installation.close()


@pytest.fixture(scope="module")
def schema(world: World) -> schemathesis.BaseSchema:
    config = SchemathesisConfig.from_dict({"checks": MEANT})
    return schemathesis.openapi.from_asgi("/v1/openapi.json", world.client.http.app, config=config)


@pytest.mark.fuzz
@pytest.mark.parametrize("operation", [one for one in OPERATIONS if ABOUT[one].kind != "elsewhere"])
def test_no_request_gets_an_answer_that_is_not_documented(
    world: World, schema: schemathesis.BaseSchema, operation: str
) -> None:
    method, path = OPERATIONS[operation]
    shown = {"Authorization": f"Bearer {world.installation.operator}"}
    there = dict(zip(_names(path), (world.filled(name, False) for name in ABOUT[operation].names), strict=False))

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @hypothesis.given(case=schema[f"/v1{path}"][method].as_strategy(), known=hypothesis.strategies.booleans())
    def ask(case: schemathesis.Case, known: bool) -> None:
        if known and there and case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
            case.path_parameters = {**there}  # of something that is there
        case.call_and_validate(headers=shown)

    ask()


def _names(path: str) -> list[str]:
    return [part.partition("}")[0] for part in path.split("{")[1:]]


def test_the_document_is_one_of_openapi() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert len(OPERATIONS) == sum(len(methods) for methods in DOCUMENT["paths"].values())
