# SPDX-License-Identifier: Apache-2.0
"""What the command line says when it is used wrongly: what is wrong, where, and what would be
right; 2 for wrong usage, 1 for what failed. No gateway and no database are needed for that.
"""
import http.server
import json
import os
import subprocess
import threading

import pytest

COMMANDS = ["serve", "migrate", "org", "key", "policy", "api", "audit", "scan", "coverage", "demo",
            "config", "healthcheck", "version"]


@pytest.fixture
def run(build_dir, tmp_path):
    binary = os.environ.get("PORTCULLIS_BIN", os.path.join(build_dir, "src/portcullis"))
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    env = {k: v for k, v in os.environ.items()
           if k != "DATABASE_URL" and not k.startswith("PORTCULLIS_")}
    env["PORTCULLIS_CATALOG_DIR"] = os.path.join(root, "src/core/route/catalog")

    def call(*args, **variables):
        done = subprocess.run([binary, *args], env={**env, **variables}, cwd=tmp_path, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
        return done.returncode, done.stdout, done.stderr
    return call


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    status, out, err = run(command, "--help")
    assert (status, err) == (0, "") and out.startswith(f"usage: portcullis {command}")
    assert f"  {command} " in run("--help")[1]
    assert run(command, "anything", "-h") == (0, out, "")


@pytest.mark.parametrize("args,words", [
    (["polcy"], "no command 'polcy'; did you mean 'policy'?"),
    (["policy"], "policy: say what to do"),
    (["policy", "validte", "x"], "there is no 'validte'; did you mean 'validate'?"),
    (["policy", "validate"], "name the FILE"),
    (["migrate", "sideways"], "there is no 'sideways'"),
    (["key", "creat", "x"], "did you mean 'create'?"),
    (["org"], "usage: portcullis org create NAME"),
    (["audit", "lst"], "did you mean 'list'?"),
    (["api", "FETCH", "/v1/keys"], "usage: portcullis api METHOD PATH"),
    (["config", "chek"], "did you mean 'check'?"),
    (["config", "check", "--lsten"], "'--lsten' is not understood here"),
    (["version", "--jsn"], "usage: portcullis version [--json]"),
    (["scan", "--types", "emial"], 'did you mean "email"?'),
    (["scan", "--score", "high"], '--score must be a whole number from 0 to 1000, not "high"'),
    (["serve", "--port", "1"], "unknown flag '--port'; settings are given as --set name=value"),
    (["serve", "--set", "listen.port"], "--set needs name=value"),
    (["serve", "--set", "listen.port=1", "-c", "x"], "-c needs a FILE and comes first"),
    (["config", "show", "--set"], "--set needs name=value"),
    (["migrate", "up", "--to", "x"], "'x' is not understood here"),
    (["org", "create"], "usage: portcullis org create NAME"),
    (["org", "--org", "org_a", "lst"], "did you mean 'list'?"),
    (["org", "list", "--orgs"], "unknown option '--orgs'"),
    (["org", "list", "--org"], "--org needs a value"),
    (["key", "create"], "name the key"),
    (["key", "create", "ci", "scopes"], "'scopes' is not member=value"),
    (["key", "rotate", "key_1", "soon"], "SECONDS must be a whole number"),
    (["key", "revoke"], "say the ID; key list shows them"),
    (["policy", "list", "x"], "takes no FILE"),
    (["policy", "apply", "--dry-run", "x"], "policy apply: '--dry-run' is not understood here"),
    (["policy", "apply", "x", "--json"], "policy apply: '--json' is not understood here"),
    (["policy", "validate", "-v", "x"], "unknown option '-v'"),
    (["policy", "lint", "--dry-run", "x"], "policy lint: '--dry-run' is not understood here"),
    (["migrate", "down"], "migrate down: say the version to go down to with --to N; 0 removes all"),
    (["migrate", "down", "--dry-run"], "migrate down: say the version to go down to with --to N"),
    (["migrate", "up", "--to", "0"], "migrate: '0' is not understood here"),
    (["migrate", "status", "--to", "3"], "migrate status: takes neither --to nor --dry-run"),
    (["migrate", "status", "--dry-run"], "migrate status: takes neither --to nor --dry-run"),
    (["org", "create", ""], "org create: NAME must not be empty"),
    (["org", "create", "Acme", "acme"], "org create: ID must be org_ and 1 to 32 letters and digits"),
    (["org", "create", "Acme", "org_a b"], "org create: ID must be org_ and 1 to 32 letters and"),
    (["scan", "--mask", "--redact=[X]"], "--redact, --mask, --hash and --pseudonym exclude each"),
    (["scan", "--hash", "--pseudonym"], "--redact, --mask, --hash and --pseudonym exclude each"),
    (["audit", "list", "limit"], "'limit' is not name=value"),
    (["api", "GET"], "usage: portcullis api METHOD PATH"),
    (["demo", "load"], "usage: portcullis demo load --provider URL"),
    (["demo", "load", "--provider", "localhost"], "must be a URL such as https://localhost:8443"),
    (["healthcheck", "127.0.0.1:99999"], "usage: portcullis healthcheck [-c FILE | HOST:PORT]"),
    (["healthcheck", "gateway:8080"], "'gateway' is not an address"),
])
def test_wrong_usage(run, args, words):
    status, out, err = run(*args)
    assert status == 2 and out == "", (out, err)
    assert words in err and "DATABASE_URL" not in err


@pytest.mark.parametrize("text,words", [
    ('{"listen":{"prt":1}}', "c.json: /listen/prt: unknown setting; did you mean 'listen.port'?"),
    ('{"listen":{"port":"x"}}', "c.json: /listen/port: must be a whole number from 0 to 65535"),
    ('{"log":{"level":"loud"}}', "c.json: /log/level: must be one of: "),
    ('{"listen":{"port":1},}', "c.json: not JSON at byte 20: "),
    ('{"listen":5}', "c.json: /listen: must be an object of settings"),
    ('{"lisen":{}}', "c.json: /lisen: unknown setting; did you mean 'listen'?"),
    ('{"foo":{}}', "c.json: /foo: unknown setting"),
    ('{"listen":{"prt":{}}}', "c.json: /listen/prt: unknown setting; did you mean 'listen.port'?"),
    ('{"listen.port":1}', 'c.json: /listen.port: write it as {"listen": {"port": ...}}'),
    ('{"listen":{"port":1.5}}', "c.json: /listen/port: must be a whole number from 0 to 65535"),
    ('{"listen":{"port":null}}', "c.json: /listen/port: must be a whole number from 0 to 65535"),
    ('{"audit":{"hash_body":[]}}', "c.json: /audit/hash_body: must be true or false"),
    ('{"audit":{"durability":null}}', "c.json: /audit/durability: must be one of: process strict"),
    ('{"state_dir":["/x"]}', "c.json: /state_dir: must be a string"),
    ('{"state_dir":"/a\\u0000b"}', "c.json: /state_dir: must not hold a NUL byte"),
    ('[]', "c.json: the configuration must be an object"),
    ('', "c.json: the document is empty"),
    ('{"recognisers":{}}', "c.json: /recognisers: must be an array of at most 8 recognisers"),
    ('{"recognisers":[5]}', "c.json: /recognisers/0: must be an object"),
    ('{"recognisers":[{"name":"n","url":"x"}]}', "c.json: /recognisers/0/url: "),
    ('{"recognisers":[{"name":"n","ur":"x"}]}',
     "c.json: /recognisers/0/ur: is no member of a recogniser"),
    ('{"recognisers":[{"name":"a","url":"https://a.example/x","types":["person"]},'
     '{"name":"b","url":"https://a.example/x","types":["person"]}]}',
     "c.json: /recognisers/1/types: a type must be offered only once"),
    ('{"recognisers":[{"name":"a","url":"https://a.example/x","types":["person"],'
     '"ca_file":"/a\\u0000b"}]}', "c.json: /recognisers/0/ca_file: must not hold a NUL byte"),
])
def test_a_wrong_file_of_settings(run, tmp_path, text, words):
    (tmp_path / "c.json").write_text(text)
    for command in (["config", "check"], ["serve"]):
        status, _, err = run(*command, "-c", "c.json")
        assert status == 1 and words in err, err


@pytest.mark.parametrize("text,words", [
    ('{"tls":{"port":8443}}', "tls: tls.port needs tls.certificate and tls.key, two PEM files"),
    ('{"tls":{"port":8443,"certificate":"none.crt","key":"none.key"}}', "tls: "),
    ('{"upstream":{"exceptions":"10.0.0.0/99"}}', "upstream.exceptions: "),
    ('{"upstream":{"ca_file":"none.pem"}}', "upstream.ca_file: "),
    ('{"recognisers":[{"name":"n","url":"http://10.0.0.1/x","types":["person"]}]}',
     "recognisers: n: "),
    ('{"recognisers":[{"name":"n","url":"https://a.example/x","types":["person"],'
     '"ca_file":"none.pem"}]}', "recognisers: n: no CA certificate could be read from none.pem"),
    ('{"listen":{"host":"gateway"}}',
     'listen.host: "gateway" is not an address: write an IPv4 or IPv6 literal'),
    ('{"listen":{"host":""}}', 'listen.host: "" is not an address'),
    ('{"tls":{"host":"x"}}', 'tls.host: "x" is not an address'),
    ('{"admin":{"host":"127.0.0.256"}}', 'admin.host: "127.0.0.256" is not an address'),
    ('{"admin":{"port":8080}}', "admin.port: 8080 is the port of another listener (listen.port)"),
    ('{"listen":{"host":"0.0.0.0"},"tls":{"port":8080,"certificate":"x","key":"x"}}',
     "tls.port: 8080 is the port of another listener (listen.port)"),
    ('{"tls":{"port":9000,"certificate":"x","key":"x"},"admin":{"port":9000,"host":"::"}}',
     "admin.port: 9000 is the port of another listener (tls.port)"),
    ('{"workers":4,"audit":{"spool_mib":255}}',
     "audit.spool_mib: must be at least 256: a segment of audit.segment_mib for each of 4 workers"),
    ('{"node":"a\\nb"}', "node: must be letters, digits and . _ : - alone, at most 128 bytes"),
    ('{"node":"a\\"b"}', "node: must be letters, digits and . _ : - alone, at most 128 bytes"),
    ('{"database":{"url":"secret"}}',
     "database.url: the database address is not a libpq connection string or URL"),
    ('{"master_key_file":"none"}', "master_key_file: none cannot be read: No such file"),
    ('{"catalog_dir":"none"}', "catalog_dir: none/providers.json cannot be read: No such file"),
])
def test_what_only_a_start_would_show_is_checked_too(run, tmp_path, text, words):
    (tmp_path / "c.json").write_text(text)
    status, out, err = run("config", "check", "-c", "c.json", **(
        {"PORTCULLIS_CATALOG_DIR": "none"} if "catalog_dir" in text else {}))
    assert (status, out) == (1, "") and "configuration: " + words in err, (out, err)
    assert "secret" not in err


@pytest.mark.parametrize("text", [
    '{}', '{"listen":{"host":"::1","port":0},"admin":{"port":0}}',
    '{"listen":{"host":"127.0.0.1"},"admin":{"host":"127.0.0.2","port":8080}}',
    '{"listen":{"host":"[::]"}}', '{"workers":4,"audit":{"spool_mib":256}}',
    '{"listen":{},"recognisers":[]}',
])
def test_a_right_file_of_settings(run, tmp_path, text):
    (tmp_path / "c.json").write_text(text)
    assert run("config", "check", "-c", "c.json") == (0, "configuration is well-formed\n", "")


def test_what_is_in_force_is_shown_whole_and_without_secrets(run, tmp_path):
    url = "postgresql://u:hidden@127.0.0.1:1/x"
    hosts = ",".join(f"provider-{i}.example:8443" for i in range(80))
    (tmp_path / "credential").write_text("Bearer hidden")
    (tmp_path / "url").write_text(url)
    (tmp_path / "c.json").write_text(json.dumps({
        "upstream": {"exceptions": hosts}, "database": {"url": url}, "log": {"level": "warn"},
        "recognisers": [{"name": "n", "url": "https://ner.example/find",
                         "types": ["person"], "credential_file": "credential"}]}))
    for more in ({}, {"DATABASE_URL": url}, {"PORTCULLIS_DATABASE_URL_FILE": "url"}):
        for form in ([], ["--json"]):
            status, out, err = run("config", "show", "-c", "c.json", *form, "--set", "workers=2",
                                   PORTCULLIS_DRAIN_S="5", **more)
            assert (status, err) == (0, "") and hosts in out and "hidden" not in out, out
    rows = {row["name"]: (row["value"], row["origin"]) for row in json.loads(out)}
    assert rows["database.url"] == ("********", "environment")
    assert rows["log.level"] == ("warn", "file") and rows["workers"] == ("2", "flag")
    assert rows["drain_s"] == ("5", "environment") and rows["node"] == ("", "default")
    assert rows["recognisers.n"][1] == "file"


def test_a_wrong_setting_from_elsewhere(run):
    status, _, err = run("config", "check", PORTCULLIS_LISTEN_PORT="abc")
    assert status == 1 and "PORTCULLIS_LISTEN_PORT: listen.port: must be a whole number" in err
    status, _, err = run("config", "check", "--set", "listen.port=abc")
    assert status == 1 and "--set: listen.port: must be a whole number" in err
    status, _, err = run("config", "check", "-c", "none.json")
    assert status == 1
    assert "none.json: the configuration file cannot be read: No such file or directory" in err


@pytest.mark.parametrize("command", [["serve"], ["key", "list"]])
def test_a_wrong_master_key(run, tmp_path, command):
    (tmp_path / "key").write_text("0123")
    database = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    for value, words in [({}, "set PORTCULLIS_MASTER_KEY_FILE to a file with 64 hex digits"),
                         ({"PORTCULLIS_MASTER_KEY_FILE": "none"},
                          "none cannot be read: No such file or directory"),
                         ({"PORTCULLIS_MASTER_KEY_FILE": "key"},
                          "key must hold 64 hex digits and nothing else")]:
        status, out, err = run(*command, **database, **value)
        assert (status, out) == (1, "") and "master_key_file: " + words in err, err
        assert "0123" not in err


@pytest.mark.parametrize("command", [["org", "list"], ["key", "list"], ["migrate", "status"]])
def test_no_database(run, tmp_path, command):
    (tmp_path / "key").write_text("0" * 64)
    key = {"PORTCULLIS_MASTER_KEY_FILE": "key"}
    for variables, words in [
            ({}, "database.url: set DATABASE_URL or give --database URL"),
            ({"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "Connection refused"),
            ({"DATABASE_URL": "secret"}, "is not a libpq connection string or URL")]:
        status, out, err = run(*command, **key, **variables)
        assert (status, out) == (1, "") and words in err and "secret" not in err, err


@pytest.mark.parametrize("text,words", [
    ('{"name":"x","rules":{"requireHippa":true}}',
     "p.json: /rules/requireHippa: unknown member; did you mean 'requireHipaa'?"),
    ('{"name":"x","scope":{"level":"org"},"rules":[{"key":"a","type":"terms","effect":"block",'
     '"stage":"request","params":{"patterns":["/(/"]}}]}',
     "p.json: /rules/0/params/patterns/0: policy 'x', rule 'a': a '(' without its ')'"),
    ('{"name":"x","scope":{"level":"org"},"rules":[}', "p.json: not JSON at byte 45"),
])
def test_a_wrong_policy(run, tmp_path, text, words):
    (tmp_path / "p.json").write_text(text)
    status, out, err = run("policy", "validate", "p.json")
    assert status == 1 and words in err and out == "FAILED p.json\n"
    status, out, err = run("policy", "validate", "q.json")
    assert status == 1 and "q.json: cannot be read: No such file or directory" in err


def test_healthcheck_says_why_not(run, tmp_path):
    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        status = 503

        def do_GET(self):
            body = b'{"status":"not ready","reasons":["the gateway is draining"],"checks":{}}'
            self.send_response(Answer.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        (tmp_path / "c.json").write_text(f'{{"listen":{{"host":"0.0.0.0","port":{port}}}}}')
        asked = [((f"127.0.0.1:{port}",), {}), ((f"localhost:{port}",), {}),
                 (("-c", "c.json"), {}), ((), {"PORTCULLIS_LISTEN_PORT": str(port)})]
        for args, variables in asked:
            status, _, err = run("healthcheck", *args, **variables)
            assert status == 1 and 'not ready: ' in err and "the gateway is draining" in err
        Answer.status = 200
        for args, variables in asked:
            assert run("healthcheck", *args, **variables) == (0, "", "")
        server.shutdown()
    status, _, err = run("healthcheck", f"[::1]:{port}")
    assert status == 1 and "not ready: http://::1:" in err
    status, _, err = run("healthcheck", "-c", "none.json")
    assert status == 1 and "none.json: the configuration file cannot be read" in err
    status, _, err = run("healthcheck", PORTCULLIS_LISTEN_PORT="x")
    assert status == 1 and "PORTCULLIS_LISTEN_PORT: listen.port: must be a whole number" in err
