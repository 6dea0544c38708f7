# SPDX-License-Identifier: Apache-2.0
"""What the command line says when it is used wrongly: what is wrong, where, and what would be
right; 2 for wrong usage, 1 for what failed. No gateway and no database are needed for that.
"""
import http.server
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
])
def test_a_wrong_file_of_settings(run, tmp_path, text, words):
    (tmp_path / "c.json").write_text(text)
    for command in (["config", "check"], ["serve"]):
        status, _, err = run(*command, "-c", "c.json")
        assert status == 1 and words in err, err


def test_a_wrong_setting_from_elsewhere(run):
    status, _, err = run("config", "check", PORTCULLIS_LISTEN_PORT="abc")
    assert status == 1 and "PORTCULLIS_LISTEN_PORT: listen.port: must be a whole number" in err
    status, _, err = run("config", "check", "--set", "listen.port=abc")
    assert status == 1 and "--set: listen.port: must be a whole number" in err
    status, _, err = run("config", "check", "-c", "none.json")
    assert status == 1 and "none.json: the configuration file cannot be read" in err


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


def test_healthcheck_says_why_not(run):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"status":"not ready","reasons":["the gateway is draining"],"checks":{}}'
            self.send_response(503)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        status, _, err = run("healthcheck", f"127.0.0.1:{server.server_port}")
        server.shutdown()
    assert status == 1 and 'not ready: ' in err and "the gateway is draining" in err
