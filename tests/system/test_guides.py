# SPDX-License-Identifier: Apache-2.0
"""What README and the guides show is what happens: commands of the documents are run against a
gateway with the demo organisation, and what they print has everything that is printed there, in its
order. Documents leave members out, and figures that each run has its own of are left out here.
"""
import json
import os
import re
import socket
import subprocess
import time

import pytest

from lab import Lab, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OWN = [(r"(req|pol|att|user|key|pe)_[0-9A-Z]{26}", r"\1_"), (r"sha256\":\"[0-9a-f]+", "sha256\":\""),
       (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"), (r"gw-1(-[0-9a-f]{8})?", "NODE"),
       (r"port\d+", "port"), (r"schemaversion\d+", "schemaversion"), (r"key_id\":\"\w+", "key_id\":\""),
       (r'("?\b(?:[\w-]*epoch|\w*version|parent|rolled_back_from|\w+_ms|eval_us|bytes_\w+)"?:)\d+', r"\1N")]


def page(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        return f.read()


def shown(name, begins, output_only=True):
    """The indented block in which a line begins like that; without what is typed into a shell."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", page(name), re.M)
    block = next(b for b in blocks if re.search("^    " + re.escape(begins), b, re.M))
    text, is_typed, is_found = "", False, False
    for line in block.split("\n"):
        line = line[4:]
        is_found = is_found or line.startswith(begins)
        is_command = line.startswith("$ ")
        if is_command and is_found and text.strip():
            break
        is_typed = is_command or (is_typed and (line.startswith("    ") or line.startswith('     "')))
        if is_found and not (output_only and is_typed):
            text += line + "\n"
    return text


def plain(text):
    text = re.sub(r"\s+", "", text)
    for pattern, to in OWN:
        text = re.sub(pattern, to, text)
    return text


def must_show(expected, actual):
    """Every line of a head and every member of a JSON stands in `actual`, in this order."""
    rest = plain(actual)
    parts = [part for line in re.split(r"\n(?=[a-z-]+: |HTTP)|\n\n", expected)
             for part in re.split(r"\.\.\.|,(?=[\"{])", plain(line))]
    for part in parts:
        part = "" if part.strip("]},[") == "" else part.rstrip(",")
        at = rest.find(part)
        assert at >= 0, f"not printed: {part}\nprinted: {actual}"
        rest = rest[at + len(part):]


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("guides"), fake,
               {"node": "gw-1", "log": {"requests": "all"}})
    made.env["PATH"] = os.path.dirname(made.binary) + ":" + made.env["PATH"]
    yield made
    made.stop()


@pytest.fixture(scope="module")
def shell(lab):
    """Runs a command line as a document has it, in a folder of its own."""
    def run(command, **variables):
        done = subprocess.run(["bash", "-c", command], cwd=lab.directory, text=True, timeout=60,
                              capture_output=True, env={
                                  **lab.env, "GATEWAY": lab.url, "OWNER": lab.keys["owner"],
                                  "KEY": lab.keys["developer"], **variables})
        return done.stdout + done.stderr
    return run


@pytest.fixture(scope="module")
def policy(lab, shell):
    """The one that README and the platform guide begin with; its id."""
    text = shown("src/docs/guide-platform.md", '{"name": "dev models"', False)
    with open(os.path.join(lab.directory, "dev-models.json"), "w", encoding="utf-8") as f:
        f.write(text)
    for command in ("portcullis policy validate dev-models.json",
                    "portcullis policy apply dev-models.json"):
        expected = shown("src/docs/guide-platform.md", "$ " + command)
        assert shell(command) == expected.strip() + "\n", command
    listed = lab.must("GET", "/v1/policies")
    rows = next(v for v in listed.values() if isinstance(v, list))
    return next(row["id"] for row in rows if row["name"] == "dev models")


@pytest.fixture(scope="module")
def refused(shell, policy):
    """README's first and second thing: a policy changes, a request is refused. Its id."""
    typed = shown("README.md", "$ curl -si -X PATCH", output_only=False)
    output = shown("README.md", "$ curl -si -X PATCH")
    must_show(output, shell(typed[2:typed.index("HTTP/1.1")], POLICY=policy))
    typed = shown("README.md", "$ curl -si $GATEWAY/v1/chat/completions", output_only=False)
    output = shown("README.md", "$ curl -si $GATEWAY/v1/chat/completions")
    answer = shell(typed[2:typed.index("HTTP/1.1")])
    must_show(output, answer)
    return re.search(r"x-request-id: (\S+)", answer)[1]


def test_a_refusal_is_on_record(shell, lab, refused):
    lab.wait_shipped()
    must_show(shown("README.md", "$ portcullis audit list"),
              shell("portcullis audit list request_id=" + refused))
    assert lab.chat(key=lab.keys["developer"])[0] == 403  # now there is more than one
    lab.wait_shipped()
    must_show(shown("src/docs/guide-platform.md", '$ curl "$GATEWAY/v1/audit'), shell(
        'curl -s "$GATEWAY/v1/audit?decision=block&since=2026-11-01T00:00:00Z&user=dev@acme.com'
        '&limit=1" -H "Authorization: Bearer $OWNER"'))


def test_a_line_of_the_log(lab, refused):
    def lines():
        return [line for line in lab.lines if refused in line]
    wait_until(lines, "the line of the request is written")
    must_show(shown("src/docs/guide-operations.md", '{"ts":"2026', False), lines()[0])


def test_scan(shell):
    command = "echo '{\"id\":1,\"text\":\"card 4111 1111 1111 1111, mail jane@example.com\"}' | " \
              "portcullis scan"
    assert "$ " + command in page("README.md")
    must_show(shown("README.md", "$ echo '{\"id\":1"), shell(command))


def test_texts_are_replaced_and_refused(shell, lab, policy):
    typed = shown("README.md", "$ curl -s -X POST $GATEWAY/v1/policies", output_only=False)
    made = json.loads(shell(typed[2:]))
    try:
        body = {"edited": True, "request": {"model": "gpt-4o-mini", "messages": [
            {"role": "user", "content": "Write to jane@example.com"}]}}
        status, _, answer = lab.call("POST", "/v1/evaluate", body)
        assert status == 200 and "Write to [EMAIL]" in json.dumps(answer)
        assert lab.chat("536-90-4399", "gpt-4o-mini")[0] == 403
    finally:
        lab.must("DELETE", "/v1/policies/" + made["id"])


def test_what_is_not_enforced_is_refused(shell, lab):
    with open(os.path.join(lab.directory, "p.json"), "w", encoding="ascii") as f:
        f.write('{"name":"x","rules":{"requireHippa":true}}')
    first = shell("portcullis policy validate p.json")
    with open(os.path.join(lab.directory, "p.json"), "w", encoding="ascii") as f:
        f.write('{"name":"x","scope":{"level":"org"},"rules":[{"key":"a","type":"rate_limit",'
                '"effect":"block","stage":"select","params":{}}]}')
    second = shell("portcullis policy validate p.json")
    expected = shown("src/docs/guide-platform.md", "portcullis: p.json: /rules/requireHippa")
    must_show(expected, first.split("\n", 1)[1] + second.split("\n", 1)[1])
    must_show(shown("README.md", "/rules/0/type: rules of type"), second)


def test_the_types_that_readme_says_are_refused_are(shell, lab):
    types = re.findall(r"`(\w+)`", page("README.md").split("rules of the types\n")[-1].split(
        "Not yet, and therefore refused")[-1].split("Storing\none")[0])
    assert len(types) == 8
    for name in types:
        with open(os.path.join(lab.directory, "t.json"), "w", encoding="ascii") as f:
            json.dump({"name": "x", "scope": {"level": "org"}, "rules": [
                {"key": "a", "type": name, "effect": "block", "stage": "select", "params": {}}]}, f)
        assert f"/rules/0/type: rules of type '{name}' are not enforced by this version, so they " \
               "cannot be stored" in shell("portcullis policy validate t.json"), name


def test_the_lines_of_the_end(lab):
    """A gateway of its own, as the guide shows it."""
    folder = os.path.join(lab.directory, "end")
    os.mkdir(folder)
    lab.settings["node"] = "gw-1-00000002"
    other = lab.twin(folder)
    lab.settings["node"] = "gw-1"
    assert other.end() == 0
    must_show(shown("src/docs/guide-operations.md", '{"ts":"2026-11-27T08:40:11.020Z"', False),
              "".join(other.lines[-2:]))


def test_an_exception_of_the_sdk(lab, policy, capsys):
    text = page("src/docs/guide-developers.md")
    code = shown("src/docs/guide-developers.md", "from openai import OpenAI, Perm", False)
    exec(code.replace("http://127.0.0.1:8080", lab.url), {"KEY": lab.keys["production"]})
    expected = text.split("\nprints\n\n")[1].split("\n\n")[0]
    assert plain(capsys.readouterr().out) == plain(expected)


def test_what_a_key_may_use(shell, lab):
    must_show(shown("src/docs/guide-developers.md", '{"object":"list"', False), shell(
        'curl -s $GATEWAY/v1/models -H "Authorization: Bearer ' + lab.keys["production"] + '"'))


def test_anthropics_shape(shell, lab):
    must_show(shown("src/docs/guide-developers.md", '{"type":"error","error"', False), shell(
        "curl -s $GATEWAY/v1/messages -H 'Content-Type: application/json' -H 'x-api-key: "
        + lab.keys["production"] + "' -d '{\"model\":\"deepseek/deepseek-chat\",\"max_tokens\":9,"
        "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'"))


def test_evaluate(shell, lab):
    begins = "curl $GATEWAY/v1/evaluate"
    typed = shown("src/docs/guide-developers.md", begins, output_only=False)
    command, _, output = typed.partition('{"request_id"')
    must_show('{"request_id"' + output, shell(command, KEY=lab.keys["production"]))


def curl_of(shell, path, body, method="POST"):
    return shell(f"curl -s -X {method} $GATEWAY{path} -H \"Authorization: Bearer $OWNER\" "
                 f"-H 'Content-Type: application/json' -d '{body}'")


def test_the_platform_guide(shell, lab, policy):
    guide = "src/docs/guide-platform.md"
    must_show(shown(guide, "$ curl $GATEWAY/governance/validate"),
              curl_of(shell, "/governance/validate", '{"rules":{"minimumTrustTier":"most_trusted",'
                      '"requireHipaa":true,"requireBaa":true}}'))
    must_show(shown(guide, "$ curl $GATEWAY/v1/attestations"),
              curl_of(shell, "/v1/attestations", '{"provider":"groq","attribute":"baa","value":true,'
                      '"valid_until":"2027-06-30T00:00:00Z",'
                      '"evidence_url":"https://intranet.example/contracts/groq-baa.pdf"}'))
    lab.must("PATCH", "/v1/policies/" + policy, {"description": "changed"})
    must_show(shown(guide, "$ curl $GATEWAY/v1/policies/$POLICY/versions"), shell(
        f'curl -s $GATEWAY/v1/policies/{policy}/versions -H "Authorization: Bearer $OWNER"'))
    must_show(shown(guide, "$ curl -X POST $GATEWAY/v1/policies/$POLICY/rollback"),
              curl_of(shell, f"/v1/policies/{policy}/rollback", '{"version":1}'))
    lab.must("PUT", "/v1/compliance/policy", {"enabled": True, "requireSoc2OrIso27001": True,
                                              "requireGdpr": True, "requireNoTraining": True})
    must_show(shown(guide, '{"enabled":true,"allowedProviders"', False), shell(
        'curl -s $GATEWAY/v1/compliance/preview -H "Authorization: Bearer $OWNER"'))
    lab.must("PUT", "/v1/compliance/policy", {"enabled": False})
    wait_until(lambda: lab.must("GET", "/v1/nodes")["data"][0]["is_current"], "the node reports")
    must_show(shown(guide, '{"data":[{"id":"gw-1', False),
              shell('curl -s $GATEWAY/v1/nodes -H "Authorization: Bearer $OWNER"'))
    templates = lab.must("GET", "/governance/templates")["templates"]
    assert len(templates) == 7 and "has seven to begin with" in page(guide)
    assert templates[0]["name"] == "HIPAA-Compliant Production"
    assert templates[-1]["name"] == "Financial Services"
    assert len(lab.must("GET", "/v1/policies/templates")["templates"]) == 11


def test_the_operators_guide(shell, lab):
    guide = "src/docs/guide-operations.md"
    must_show(shown(guide, "000001 init", False), shell("portcullis migrate status"))
    newest = shell("portcullis migrate status").split()[-1]
    assert shell("portcullis migrate up --to 99") == \
        f"portcullis: migrate: there is no version 99; the newest is {newest}\n"
    help_names = re.search(r"Names: ([a-z_\s]+)\.", shell("portcullis audit --help"))[1].split()
    for name in help_names:
        answer = shell(f"portcullis audit list {name}=1")
        assert "Unknown query parameter" not in answer, answer
    assert "Unknown query parameter" in shell("portcullis audit list name=1")
    # The installation, step by step, on the database that is there.
    for command in ("portcullis migrate up", "portcullis key create first role=owner "
                    "'scopes=[\"call\",\"manage\"]'"):
        assert "    " + command in page(guide)
        assert shell(command).startswith(("000001 init", '{"id":"')), command
    endpoint = shown(guide, '{"provider": "openai"', False)
    with open(os.path.join(lab.directory, "endpoint.json"), "w", encoding="utf-8") as f:
        f.write(endpoint)
    made = json.loads(shell("portcullis api POST /v1/provider-endpoints endpoint.json"))
    assert made["has_credential"] and "sk-" not in json.dumps(made)
    lab.must("DELETE", "/v1/provider-endpoints/" + made["id"])
    # Settings that do not start.
    with open(os.path.join(lab.directory, "portcullis.json"), encoding="utf-8") as f:
        good = json.load(f)
    person = {"url": "https://a.example/x", "types": ["person"]}
    for text, change in [
            ("portcullis: cannot start: portcullis.json: /recognisers/1/types",
             {"recognisers": [{"name": "a", **person}, {"name": "b", **person}]}),
            ("portcullis: configuration: portcullis.json: /listen/prt", {"listen": {"prt": 1}})]:
        folder = os.path.join(lab.directory, str(time.monotonic_ns()))
        os.mkdir(folder)
        with open(os.path.join(folder, "portcullis.json"), "w", encoding="utf-8") as f:
            json.dump({**good, **change}, f)
        verb = "serve" if "start" in text else "config check"
        must_show(shown(guide, text, False).split("\n")[0],
                  shell(f"cd {folder} && portcullis {verb} -c portcullis.json"))
    must_show(shown(guide, "portcullis: configuration: admin.port", False),
              shell("portcullis config check --set admin.port=8080"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        must_show(shown(guide, "portcullis: cannot start: listen: cannot", False), shell(
            f"portcullis serve --set listen.port={port} --set state_dir={lab.directory}/other"))
