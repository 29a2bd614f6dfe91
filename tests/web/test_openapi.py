from __future__ import annotations

import re
from typing import Any

from flask import Flask

from browsing import Browser
from resguardo.web.openapi import BESIDE_API
from resguardo.web.openapi_told import TOLD


def described(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/openapi")
    assert answer.status_code == 200
    assert answer.json is not None
    return dict(answer.json)


def of_the_application(app: Flask) -> set[tuple[str, str]]:
    return {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if (rule.rule.startswith("/api/") or rule.rule in BESIDE_API) and rule.endpoint != "login"
    }


def test_it_has_every_address_and_no_other(app: Flask) -> None:
    paths = described(app)["paths"]
    assert {(path, method) for path, methods in paths.items() for method in methods} == of_the_application(app)


def test_what_is_told_belongs_to_an_address(app: Flask) -> None:
    assert set(TOLD) <= {rule.endpoint for rule in app.url_map.iter_rules()}


def test_it_is_whole(app: Flask) -> None:
    """Names differ, each has its sentence, places in an address are parameters, references lead somewhere."""
    spec = described(app)
    operations = [(path, op) for path, methods in spec["paths"].items() for op in methods.values()]
    names = [op["operationId"] for _, op in operations]
    assert len(set(names)) == len(names)
    for path, op in operations:
        assert op["summary"]
        places = [parameter["name"] for parameter in op["parameters"] if parameter["in"] == "path"]
        assert sorted(re.findall(r"\{(\w+)\}", path)) == sorted(places)
        assert "default" in op["responses"]
    for name in re.findall(r"#/components/schemas/(\w+)", str(spec)):
        assert name in spec["components"]["schemas"]


def test_an_answer_is_as_it_says(alice: Browser, app: Flask) -> None:
    schemas = described(app)["components"]["schemas"]
    batch = alice.get("/api/batches/batch_000001").json
    listing = alice.get("/api/batches").json
    progress = alice.get("/api/progress").json
    assert batch is not None
    assert listing is not None
    assert progress is not None
    assert set(listing) == set(schemas["Listing"]["properties"])
    assert set(schemas["Batch"]["properties"]) == set(batch["batch"])
    assert set(schemas["Progress"]["properties"]["totals"]["properties"]) == set(progress["totals"])
    person = schemas["Progress"]["properties"]["people"]["items"]["properties"]
    assert set(person) == set(progress["people"][0])
    refused = alice.post("/api/batches", {}).json
    assert refused is not None
    assert set(refused) == set(schemas["Error"]["properties"])
