# SPDX-License-Identifier: Apache-2.0
"""Every operation with a key of every role: what is answered is what the documentation says, which
is read from its pages: api.md for each operation, the guide's table for what a role is for. Nothing
is changed: paths name nobody's things and bodies are no objects, so who may gets 400 or 404.
"""
import os
import re

import pytest

from lab import Lab, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROLES = ("member", "auditor", "admin", "owner")


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("roles"), fake)
    made.by_role = {}
    for role in ROLES:
        for name, scopes in (("", ["call", "manage"]), ("manages", ["manage"]), ("calls", ["call"])):
            made.by_role[role, name] = made.must("POST", "/v1/keys", {
                "name": role, "role": role, "scopes": scopes})["key"]
    wait_until(lambda: made.call("GET", "/v1/teams", key=made.by_role["owner", "calls"])[0] == 403,
               "the last key is known")
    yield made
    made.stop()


def page(name):
    with open(os.path.join(ROOT, "src/docs", name), encoding="utf-8") as f:
        return f.read()


def documented():
    """[(method, path with {}, the roles that api.md names, or None where no key is needed)]"""
    found = re.findall(r"^## ([A-Z]+) (\S+)\n\n(.*?)(?=^## |\Z)", page("api.md"), re.M | re.S)
    rows = []
    for method, path, text in found:
        roles = re.search(r"Roles: ([a-z ]+)\.", text)
        assert roles or "No key needed." in text, (method, path)
        rows.append((method, path, roles and set(roles[1].split())))
    return rows


def code_of(lab, method, path, key):
    """Bodies that are none: an array, but nothing where there can be none."""
    if path == "/llms.txt":
        return lab.get(path)[0], None
    body = [] if method in ("POST", "PUT", "PATCH") and "/activate" not in path else None
    path = path.replace("{id}", "01ARZ3NDEKTSV4RRFFQ69G5FAV").replace("{version}", "1")
    status, _, answer = lab.call(method, path, body, key)
    error = answer.get("error") if isinstance(answer, dict) else None
    return status, error["code"] if isinstance(error, dict) else None


def test_every_operation_with_every_role(lab):
    rows = documented()
    served = {(method.upper(), path) for path, methods in
              lab.must("GET", "/openapi.json")["paths"].items() for method in methods}
    assert {(method, path) for method, path, _ in rows} == served and len(served) > 70
    before = lab.rows("SELECT value FROM portcullis.epoch")
    for method, path, roles in rows:
        is_evaluate = path == "/v1/evaluate"
        for role in ROLES:
            for scope in ("", "manages", "calls"):
                status, code = code_of(lab, method, path, lab.by_role[role, scope])
                if roles is not None and scope == "calls" and not is_evaluate:
                    assert (status, code) == (403, "scope_missing"), (method, path, role)
                elif roles is None or role in roles:
                    assert status in (200, 400, 404), (method, path, role, scope, status, code)
                else:
                    assert (status, code) == (403, "role_missing"), (method, path, role, scope)
        assert (code_of(lab, method, path, "pc_live_no")[0] == 401) == (roles is not None)
    assert lab.rows("SELECT value FROM portcullis.epoch") == before, "somebody changed something"


def test_the_guide_says_the_same(lab):
    """| role | may |: each row adds to the ones above it."""
    table = page("guide-platform.md").split("## Keys and roles")[1].split("\n\n")[1]
    says = {cells[1].strip(): cells[2].strip() for cells in
            (line.split("|") for line in table.splitlines()[2:])}
    assert says == {
        "member": "read policies, evaluate",
        "auditor": "also read the audit log, security events, keys, users, endpoints, nodes",
        "admin": "also change policies, keys, users, endpoints, attestations, teams, environments, "
                 "projects",
        "owner": "also change the organisation"}
    private = ("/v1/audit", "/v1/security-events", "/v1/keys", "/v1/users",
               "/v1/provider-endpoints", "/v1/nodes")
    for method, path, roles in documented():
        asks = path.endswith(("/evaluate", "/validate", "/preview"))
        first = "owner" if path == "/v1/orgs/{id}" and method != "GET" else \
            "admin" if method != "GET" and not asks else \
            "auditor" if path.startswith(private) else "member"
        wanted = set(ROLES[ROLES.index(first):])
        assert roles is None and path in ("/openapi.json", "/llms.txt") or roles == wanted, \
            (method, path, roles)


def test_a_key_without_the_scope_makes_no_calls(lab):
    for role in ROLES:
        status, _, answer = lab.chat(key=lab.by_role[role, "manages"])
        assert status == 403, answer
        assert lab.chat(key=lab.by_role[role, "calls"])[0] == 200
        status, _, answer = lab.call("GET", "/v1/models", key=lab.by_role[role, "manages"])
        assert status == 403, answer


def test_a_key_is_never_above_its_user(lab):
    """Rights, from the least: member, auditor, admin, owner. A key has the lesser of its own role
    and its user's, whichever way round they are given and when one of them changes later."""
    for user_role in ROLES:
        user = lab.must("POST", "/v1/users", {"email": user_role + "@bounds.example",
                                              "role": user_role})["id"]
        keys = {role: lab.must("POST", "/v1/keys", {
            "name": role, "role": role, "user_id": user, "scopes": ["manage"]})["key"]
            for role in ROLES}
        keys[None] = lab.must("POST", "/v1/keys", {
            "name": "none", "user_id": user, "scopes": ["manage"]})["key"]
        wait_until(lambda: lab.call("GET", "/v1/teams", key=keys[None])[0] == 200, "it is known")
        for role, key in keys.items():
            least = min(ROLES.index(role or user_role), ROLES.index(user_role))
            may = [code_of(lab, method, path, key)[0] != 403 for method, path in (
                ("GET", "/v1/policies"), ("GET", "/v1/audit"), ("POST", "/v1/policies"),
                ("PATCH", "/v1/orgs/{id}"))]
            assert may == [i <= least for i in range(4)], (user_role, role, may)
    status, headers, _ = lab.call("PATCH", "/v1/users/" + user, {"role": "admin"},
                                  headers={"prefer": "wait=10"})
    assert (status, headers.get("preference-applied")) == (200, "wait")
    assert code_of(lab, "PATCH", "/v1/orgs/{id}", keys["owner"]) == (403, "role_missing")
    assert code_of(lab, "POST", "/v1/policies", keys["owner"])[0] == 400
