# SPDX-License-Identifier: Apache-2.0
"""Two organisations at one gateway: what the other one has answers as what nobody has, whether it
is named in a path, a filter, a cursor or a body; and nothing of the other one changes. The routes
come from /openapi.json, which is made from the route table, so a new one is tried by itself; that
the tries are not empty is shown at the end, by the same calls of the organisation that owns it.
"""
import json

import pytest

from lab import Lab, wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("tenants"), fake)
    fill(made)
    yield made
    made.stop()


def fill(lab):
    """org_acme gets one of everything, with names that org_other does not have; org_other its own
    people. lab.theirs: what to look for of acme; lab.others: keys of org_other."""
    lab.must("POST", "/v1/teams", {"name": "acme-team"})
    lab.must("POST", "/v1/environments", {"name": "acme-environment"})
    lab.must("POST", "/v1/projects", {"name": "acme-project"})
    user = lab.must("POST", "/v1/users", {"email": "only@acme.com"})
    key = lab.must("POST", "/v1/keys", {"name": "spare", "user_id": user["id"], "scopes": ["call"]})
    lab.must("POST", "/v1/attestations", {"provider": "groq", "attribute": "baa", "value": True})
    lab.must("PUT", "/v1/compliance/policy", {"enabled": False})
    policy = lab.must("POST", "/v1/policies", {
        "name": "acme-policy", "scope": {"level": "team", "team": "acme-team"}, "rules": []})
    wait_until(lambda: lab.chat(key=key["key"])[0] != 401, "the key is known")
    _, headers, _ = lab.chat(key=key["key"], headers={
        "x-request-id": "of-acme", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    lab.wait_shipped()
    lab.theirs = {"team": "acme-team", "environment": "acme-environment", "project": "acme-project",
                  "user_id": user["id"], "user": user["id"], "email": user["email"],
                  "key": key["id"], "policy": policy["id"], "name": policy["name"],
                  "request_id": headers["x-request-id"], "client_request_id": "of-acme",
                  "trace_id": TRACE}
    lab.spare = {"/v1/keys": key["id"], "/v1/users": user["id"], "/v1/policies": policy["id"]}
    lab.run("org", "create", "Other", "org_other")
    lab.others = {}
    for name, scopes in (("owner", ["call", "manage"]), ("admin", ["call", "manage"]),
                         ("auditor", ["manage"]), ("caller", ["call"])):
        role = name if name != "caller" else "owner"
        made = json.loads(lab.run("key", "create", name, "role=" + role,
                                  "scopes=" + json.dumps(scopes), "--org", "org_other"))
        lab.others[name] = made["key"]
    wait_until(lambda: lab.call("GET", "/v1/teams", key=lab.others["caller"])[0] == 403,
               "the last key is known")


def operations(lab):
    """[(method, path with {}, operation)] of the running gateway."""
    document = lab.must("GET", "/openapi.json")
    lab.schemas = document["components"]["schemas"]
    return [(method.upper(), path, operation) for path, methods in document["paths"].items()
            for method, operation in methods.items()]


def item_operations(lab):
    """Those with an id of something that an organisation owns: templates are everybody's."""
    return [o for o in operations(lab) if "{id}" in o[1] and "/templates/" not in o[1]]


def body_of(operation):
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return content and content.get("example", {})


def listed(lab, path, key=None):
    answer = lab.must("GET", path, key=key)
    return answer["policies"] if "policies" in answer else answer["data"]


def id_of(lab, path):
    """Something of acme under the list that the path begins with."""
    parent = path.split("/{id}")[0]
    items = listed(lab, parent)
    assert items, f"acme has nothing under {parent}: fill() must make one"
    spare = [i for i in items if i["id"].split("_")[-1] == lab.spare.get(parent, "").split("_")[-1]]
    return (spare or items)[0]["id"]


def unknown(value):
    """Of the same form, and nobody's."""
    return value[:-1] + ("0" if value[-1] != "0" else "1")


def answer_of(lab, method, path, body, key, words, headers=None):
    """What is told, without what differs in any two answers."""
    status, names, answer = lab.call(method, path, body, key, headers)
    text = json.dumps(answer)
    for word in words:
        text = text.replace(word, "ID")
    return status, sorted(n for n in names if n != "portcullis-epoch"), text


def everything_of(lab, org):
    """Every row of every table, as text: also the number of the organisation's last change."""
    tables = [name for name, in lab.rows(
        "SELECT DISTINCT table_name FROM information_schema.columns JOIN information_schema.tables "
        "USING (table_schema, table_name) WHERE table_schema = 'portcullis' AND "
        "table_type = 'BASE TABLE' AND column_name = 'org_id' ORDER BY 1")]
    assert {"api_keys", "orgs", "policies", "policy_versions", "users"} <= set(tables)
    return {t: lab.rows(f"SELECT t::text FROM portcullis.{t} t WHERE org_id = %s ORDER BY 1", org)
            for t in tables}


def test_an_item_of_another_organisation_is_nobodys(lab):
    tried = item_operations(lab)
    assert len(tried) > 40
    before = everything_of(lab, "org_acme")
    for method, path, operation in tried:
        theirs = id_of(lab, path)
        for who in ("owner", "admin", "auditor", "caller"):
            conditions = [None]
            if "member" not in operation["x-roles"] and ("polic" in path or "govern" in path):
                conditions += [{"if-match": "*"}, {"if-none-match": "*"}, {"if-match": '"1"'}]
            for headers in conditions:
                answers = [answer_of(lab, method,
                                     path.replace("{id}", one).replace("{version}", "1"),
                                     body_of(operation), lab.others[who], [one], headers)
                           for one in (theirs, unknown(theirs))]
                assert answers[0] == answers[1], (who, method, path, headers)
                is_allowed = who != "caller" and who in operation["x-roles"]
                assert answers[0][0] == (404 if is_allowed else 403), \
                    (who, method, path, answers[0], "is it the body?")
    assert everything_of(lab, "org_acme") == before


def test_lists_and_filters_show_nothing_of_another_organisation(lab):
    seen = 0
    for method, path, operation in operations(lab):
        names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
        if method != "GET" or "{" in path or not operation.get("x-roles"):
            continue
        whole = json.dumps(lab.must("GET", path, key=lab.others["owner"]))
        for word in lab.theirs.values():
            assert word.split("_", 1)[-1] not in whole, (path, word)
        for name in names:
            for word in {lab.theirs.get(name), *lab.theirs.values()} - {None}:
                answers = [answer_of(lab, "GET", f"{path}?{name}={w}", None, lab.others["owner"],
                                     [w]) for w in (word, unknown(word))]
                assert answers[0] == answers[1], (path, name, word)
                seen += 1
    assert seen > 100
    # They are the right words: their owner finds the record by each.
    for name in ("user", "request_id", "client_request_id", "trace_id"):
        assert listed(lab, f"/v1/audit?{name}={lab.theirs[name]}"), name


def reference_calls(lab):
    """(method, path, body with REFERENCE) for each member that names something else."""
    own = {}
    for method, path, operation in operations(lab):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            continue
        schema = lab.schemas[content["schema"]["$ref"].split("/")[-1]]
        for member in ("team", "environment", "project", "user_id"):
            if member not in schema.get("properties", {}):
                continue
            if method == "POST":
                yield member, method, path, {**NEW[path], member: "REFERENCE"}
                continue
            parent = path.split("/{id}")[0]
            if parent not in own:
                own[parent] = lab.must("POST", parent, NEW[parent], lab.others["owner"])["id"]
            yield member, method, path.replace("{id}", own[parent]), {member: "REFERENCE"}
    for member in ("team", "environment", "project", "user", "key"):
        yield member, "POST", "/v1/policies", {
            "name": "x", "scope": {"level": member, member: "REFERENCE"}, "rules": []}
    yield "policy", "POST", "/v1/policies", {
        "name": "x", "scope": {"level": "org"}, "overrides": ["REFERENCE"], "rules": []}


NEW = {"/v1/projects": {"name": "mine"}, "/v1/users": {"email": "me@other.com"},
       "/v1/keys": {"name": "mine"}}


def test_a_reference_to_another_organisation_is_to_nothing(lab):
    before = everything_of(lab, "org_acme")
    tried = set()
    for member, method, path, body in reference_calls(lab):
        answers = []
        for word in (lab.theirs[member], unknown(lab.theirs[member])):
            text = json.dumps(body).replace("REFERENCE", word)
            status, _, answer = lab.call(method, path, json.loads(text), lab.others["owner"])
            if path == "/v1/policies" and status == 201:
                lab.must("DELETE", f"{path}/{answer['id']}", key=lab.others["owner"])
                answer = {n: v for n, v in answer.items() if n not in (
                    "id", "created_at", "updated_at")}
            answers.append((status, json.dumps(answer).replace(word, "ID")))
        assert answers[0] == answers[1], (member, method, path)
        if path != "/v1/policies":
            assert answers[0][0] == 409 and '"reference"' in answers[0][1], (member, path, answers)
        tried.add((method, path.split("/")[2], member))
    assert {("POST", "keys", "user_id"), ("PATCH", "keys", "user_id"), ("POST", "users", "team"),
            ("PATCH", "projects", "team"), ("POST", "policies", "key")} <= tried
    assert everything_of(lab, "org_acme") == before


def test_its_owner_reaches_each_of_them(lab):
    """Last, because it changes acme: the very same calls find something there."""
    order = {"GET": 0, "POST": 1, "PATCH": 1, "DELETE": 2}
    for method, path, operation in sorted(item_operations(lab), key=lambda o: order[o[0]]):
        path = path.replace("{id}", id_of(lab, path)).replace("{version}", "1")
        status, _, answer = lab.call(method, path, body_of(operation))
        assert status in (200, 204, 409), (method, path, status, answer)
