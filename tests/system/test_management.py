# SPDX-License-Identifier: Apache-2.0
"""Who may do what in the management API, where it answers, and which addresses a provider may have.
Roles are those of the demo organisation; what is refused is refused with its code and changes
nothing.
"""
import http.client
import socket
import urllib.error
import urllib.request

import pytest

from lab import Lab


def port_free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("management"), fake)
    yield made
    made.stop()


def code_of(lab, key, method, path, body=None):
    status, _, answer = lab.call(method, path, body, lab.keys[key])
    return status, (answer or {}).get("error", {}).get("code")


def test_roles(lab):
    policy = {"name": "mine", "scope": {"level": "org"}, "rules": []}
    owner = next(u["id"] for u in lab.must("GET", "/v1/users")["data"] if u["role"] == "owner")
    key = {"name": "more", "scopes": ["call", "manage"]}
    before = {path: lab.must("GET", path) for path in ("/v1/users", "/v1/keys", "/v1/policies")}
    for who, method, path, body, code in [
            ("developer", "GET", "/v1/policies", None, "scope_missing"),
            ("developer", "GET", "/v1/audit", None, "scope_missing"),
            ("developer", "POST", "/v1/keys", key, "scope_missing"),
            ("auditor", "POST", "/v1/policies", policy, "role_missing"),
            ("auditor", "POST", "/v1/keys", key, "role_missing"),
            ("auditor", "DELETE", "/v1/users/" + owner, None, "role_missing"),
            ("admin", "POST", "/v1/users", {"email": "x@acme.com", "role": "owner"}, "role_too_high"),
            ("admin", "POST", "/v1/keys", {**key, "role": "owner"}, "role_too_high"),
            ("admin", "PATCH", "/v1/users/" + owner, {"role": "member"}, "role_too_high"),
            ("admin", "DELETE", "/v1/users/" + owner, None, "role_too_high")]:
        assert code_of(lab, who, method, path, body) == (403, code), (who, method, path)
    assert before == {path: lab.must("GET", path) for path in before}
    assert code_of(lab, "auditor", "GET", "/v1/audit")[0] == 200
    assert code_of(lab, "admin", "GET", "/v1/policies")[0] == 200


@pytest.mark.parametrize("url", [
    "http://169.254.169.254/latest", "https://169.254.169.254", "https://127.0.0.1:1",
    "https://10.0.0.1/v1", "https://[::1]/v1", "https://[fd00::1]/v1", "https://[::ffff:10.0.0.1]",
    "https://0.0.0.0", "http://api.openai.com/v1"])
def test_a_provider_at_an_inner_address_is_refused(lab, url):
    before = lab.must("GET", "/v1/provider-endpoints")
    body = {"provider": "groq", "base_url": url, "credential": "sk-x"}
    assert code_of(lab, "owner", "POST", "/v1/provider-endpoints", body) == \
        (400, "url_not_permitted")
    assert lab.must("GET", "/v1/provider-endpoints") == before


def test_a_cursor_of_nowhere_is_not_the_end_of_a_list(lab):
    first = lab.must("GET", "/v1/policies?limit=1")
    assert lab.must("GET", "/v1/policies?limit=1&cursor=" + first["next_cursor"])["data"]
    last = lab.must("GET", "/v1/policies")["data"][-1]["id"]
    assert lab.must("GET", "/v1/policies?cursor=" + last.removeprefix("pol_"))["data"] == []
    status, _, answer = lab.call("GET", "/v1/policies?cursor=nowhere")
    assert (status, answer["error"]["param"]) == (400, "cursor"), answer


def test_a_condition_on_what_is_not_stored_yet_fails(lab):
    body = {"enabled": False}
    status, _, answer = lab.call("PUT", "/v1/compliance/policy", body, headers={"if-match": '"7"'})
    assert (status, answer["error"]["code"]) == (412, "version_mismatch")
    status, _, answer = lab.call("PUT", "/v1/compliance/policy", body, headers={"if-match": "*"})
    assert (status, answer["error"]["code"]) == (412, "version_mismatch")
    status, headers, _ = lab.call("GET", "/v1/compliance/policy")
    assert status == 200
    status, _, _ = lab.call("PUT", "/v1/compliance/policy", body, headers={
        "if-match": headers.get("etag", '"0"'), "if-none-match": "*"})
    assert status == 200
    status, _, answer = lab.call("PUT", "/v1/compliance/policy", body,
                                 headers={"if-none-match": "*"})
    assert (status, answer["error"]["code"]) == (412, "version_mismatch")
    assert lab.call("PUT", "/v1/compliance/policy", body, headers={"if-match": "*"})[0] == 200
    assert lab.call("PUT", "/v1/compliance/policy", body, headers={"if-match": '"7"'})[0] == 412


def test_conditions_of_a_change(lab):
    """RFC 9110 13.1: `*` is true of what exists, a list of what is in it, a weak tag of nothing."""
    path = "/v1/policies/" + lab.must("POST", "/v1/policies", {
        "name": "conditions", "scope": {"level": "org"}, "rules": []})["id"]
    version = 1
    for name, value, is_done in [
            ("if-match", "*", True), ("if-match", '"9", "2"', True), ("if-match", 'W/"3"', False),
            ("if-match", '"x,3"', False), ("if-match", 'W/"9", "3"', True),
            ("if-none-match", "*", False), ("if-none-match", '"4"', False),
            ("if-none-match", 'W/"4"', False), ("if-none-match", '"3", W/"9"', True)]:
        status, headers, answer = lab.call("PATCH", path, {"name": "conditions"},
                                           headers={name: value})
        version += is_done
        assert (status, headers.get("etag")) == ((200, f'"{version}"') if is_done else (412, None)), \
            (name, value, answer)
        if not is_done:
            assert (answer["error"]["code"], answer["error"]["param"].lower()) == \
                ("version_mismatch", name)
    for value in ("", '"5', "*, \"5\"", "w/\"5\"", "five"):
        for name in ("if-match", "if-none-match"):
            status, _, answer = lab.call("DELETE", path, headers={name: value})
            assert (status, answer["error"]["param"].lower()) == (400, name), (name, value)
    for value in ("*", '"1"', 'W/"1"'):
        status, _, _ = lab.call("DELETE", "/v1/policies/pol_01ARZ3NDEKTSV4RRFFQ69G5FAV",
                                headers={"if-match": value})
        assert status == 404, value
    # Lines of one name are one list: the second of them counts.
    assert two_lines(lab, "PATCH", path, "if-none-match", '"9"', f'"{version}"') == 412
    assert two_lines(lab, "PATCH", path, "if-match", '"9"', f'"{version}"') == 200
    assert lab.call("DELETE", path, headers={"if-match": "*"})[0] == 204
    assert lab.call("DELETE", path, headers={"if-match": "*"})[0] == 404


def two_lines(lab, method, path, name, *values):
    connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=30)
    connection.putrequest(method, path)
    connection.putheader("authorization", "Bearer " + lab.keys["owner"])
    connection.putheader("content-type", "application/json")
    connection.putheader("content-length", "2")
    for value in values:
        connection.putheader(name, value)
    connection.endheaders(b"{}")
    status = connection.getresponse().status
    connection.close()
    return status


def test_operations_take_get(lab):
    for path in ("/healthz", "/readyz", "/metrics"):
        status, headers, answer = lab.call("POST", path, {})
        assert (status, headers["allow"]) == (405, "GET, HEAD")
        assert answer["error"]["code"] == "method_not_allowed"


def test_management_on_a_listener_of_its_own(build_dir, database_url, fake, tmp_path):
    port = port_free()
    lab = Lab(build_dir, database_url, tmp_path, fake, {"admin": {"port": port}})
    try:
        for path in ("/v1/policies", "/v1/keys", "/v1/audit", "/governance", "/openapi.json"):
            assert code_of(lab, "owner", "GET", path) == (404, "endpoint_not_supported"), path
        assert lab.call("GET", "/healthz")[0] == 200
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
        assert lab.call("POST", "/v1/chat/completions", body)[0] == 200
        inner = f"http://127.0.0.1:{port}"
        for path in ("/v1/policies", "/governance", "/openapi.json", "/healthz"):
            request = urllib.request.Request(inner + path, headers={
                "authorization": "Bearer " + lab.keys["owner"]})
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 200, path
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(inner + "/v1/policies", timeout=30)
        assert refused.value.code == 401
    finally:
        lab.stop()
