# SPDX-License-Identifier: Apache-2.0
"""Patterns and lists made to hurt (catalogue M 235-243 and the measured compile bombs): each is
refused where it is written, named and with a reason, or accepted within the limits; requests of
somebody else go on meanwhile. Counted, not timed; latencies are printed.
"""
import json
import os
import subprocess
import time

import pytest

from lab import Lab, Load, chat_bytes, milliseconds, wait_until

# (what, pattern, must it be refused?)
EXPRESSIONS = [
    ("classic redos", "/(a+)+$/", False),
    ("classic redos, alternatives", "/(a|aa)+b/", False),
    ("classic redos, two runs", "/(x+x+)+y/", False),
    ("nested letters", "/(([a-z])+.)+[A-Z]/", False),
    ("compile bomb", r"/\w{1,200}@\w{1,200}/", True),
    ("compile bomb, small", r"/\w{1,100}@\w{1,100}/", True),
    ("unicode classes", r"/\p{L}{1,200}\p{N}{1,200}x/", True),
    ("unicode class", r"/\p{L}{1,64}/", True),
    ("alternation repeated", "/([a-z]|bc*d|xy?z){1000,5000}/", True),
    ("two wide runs", "/[^x]{0,32000}[^y]{0,32000}z/", True),
    ("words repeated", "/(foo|bar){1000}/", True),
    ("two wide gaps", "/.{1,5000}x.{1,5000}y/", True),
    ("97 seconds elsewhere", r"/\b.{100,10000}\b/", True),
    ("wide gap", "/a.{32767}b/", True),
    ("too wide a gap", "/.{32768}/", True),
    ("empty match", "/a*/", True),
    ("empty match, optional", "/x?/", True),
    ("everything", "/.*/", True),
    ("everything, twice", "/(.*)*x/", False),
    ("look-ahead", "/(?=a)b/", True),
    ("look-behind", "/(?<=a)b/", True),
    ("back-reference", r"/(a)\1/", True),
    ("verb", "/(*ACCEPT)/", True),
    ("deep nesting", "/" + "(" * 200 + "a" + ")" * 200 + "/", True),
    ("20 000 words in one", "/" + "|".join(f"word{i}" for i in range(20000)) + "/", True),
    ("open bracket", "/[a-z/", True),
]


@pytest.fixture
def lab(build_dir, database_url, fake, tmp_path):
    made = Lab(build_dir, database_url, tmp_path, fake,
               {"policy": {"compile_cpu_s": 3, "compile_memory_mib": 256}})
    yield made
    made.stop()


def policy(name, patterns, **more):
    return {"name": name, "scope": {"level": "org"}, "rules": [{
        "key": "words", "type": "terms", "effect": "block", "stage": "request",
        "params": {"patterns": patterns, **more}}]}


def names_of(lab):
    """Asked again where a machine full of compiling let the database's deadline pass."""
    for _ in range(5):
        status, _, answer = lab.call("GET", "/v1/policies")
        if status != 503:
            break
    assert status == 200, answer
    return [p["name"] for p in answer["data"]]


def alike(count, length):
    """Different beginnings, one long end: cost to compile grows with the square."""
    def one(i):
        return "".join(chr(97 + (i >> 4 * k) % 16) for k in range(5)) + "a" * (length - 5)
    return [one(i) for i in range(count)]


def test_expressions_are_refused_by_name_or_bounded(lab):
    for i, (what, pattern, is_refused) in enumerate(EXPRESSIONS):
        status, _, body = lab.call("POST", "/v1/policies",
                                   policy(f"p{i}", ["harmless", pattern]))
        if is_refused:
            assert status == 400, (what, body)
        assert status in (201, 400), (what, body)
        if status == 400:
            error = body["error"]
            assert error["param"].startswith("/rules/0/params/patterns/1"), (what, error)
            assert error["message"], what
            assert f"p{i}" not in names_of(lab), what
        print(f"{what}: {'accepted' if status == 201 else error['message']}")
    status, _, body = lab.chat()
    assert status == 403, body  # "hello" is what one of those that were accepted blocks


def test_accepted_expressions_on_the_worst_texts(lab):
    """What is accepted costs a bounded amount of work, whatever the text; when that is not
    enough, the request is refused, not passed unread. Other clients are answered meanwhile."""
    accepted = [p for _, p, is_refused in EXPRESSIONS if not is_refused]
    for i, pattern in enumerate(accepted):
        lab.call("POST", "/v1/policies", policy(f"w{i}", [pattern]))
    texts = ["x" * 200000, "a" * 200000, "ab" * 100000, "a.b.c" * 40000]
    with Load(lab.port, [("chat", chat_bytes(lab.keys["production"]))], 2) as load:
        wait_until(lambda: len(load.answers) > 50, "requests are answered")
        for text in texts:
            before = len(load.answers)
            begun = time.monotonic()
            status, _, body = lab.chat(text)
            took = time.monotonic() - begun
            assert status in (200, 403, 413), (text[:5], status, body)
            print(f"{text[:5]}...: {status} in {took * 1000:.0f} ms, "
                  f"{len(load.answers) - before} others meanwhile")
    assert [a for a in load.answers if a.status not in (200, 403)] == []
    print("others " + milliseconds([a.ended - a.begun for a in load.answers]))


def test_a_hostile_list_is_refused_and_nobody_else_waits(lab):
    lists = [
        ("end alike", alike(8000, 200), "s of CPU|MiB of memory|same long run|not compiled within"),
        ("a, aa, aaa ...", ["q" * n for n in range(1, 200)], "contain one another"),
        ("letters", list("abcdefghijklmnopqrstuvwxyz"), "too common"),
    ]
    with Load(lab.port, [("chat", chat_bytes(lab.keys["production"]))], 4) as load:
        wait_until(lambda: len(load.answers) > 50, "requests are answered")
        for what, terms, reasons in lists:
            before = len(load.answers)
            status, _, body = lab.call("POST", "/v1/policies", policy(what, terms))
            assert status == 400, (what, body)
            message = body["error"]["message"]
            assert any(reason in message for reason in reasons.split("|")), (what, message)
            assert what not in names_of(lab)
            print(f"{what}: {message} ({len(load.answers) - before} requests meanwhile)")
            if what == "end alike":
                # It took seconds of a child; a loop that waited for it answers nothing.
                assert len(load.answers) - before > 20
        before = len(load.answers)
        wait_until(lambda: len(load.answers) > before + 50, "requests are answered still")
    bad = [a for a in load.answers if a.status != 200]
    assert bad == []
    print("requests " + milliseconds([a.ended - a.begun for a in load.answers]))
    assert lab.metric("portcullis_terms_refused_total") >= 1


def test_what_was_refused_is_refused_at_once(lab):
    terms = alike(8000, 200)
    for _ in range(3):
        status, _, body = lab.call("POST", "/v1/policies", policy("again", terms))
        assert status == 400, body
    assert lab.metric("portcullis_terms_refused_total") == 1


def test_a_long_list_is_compiled_once_and_kept(lab):
    terms = [f"project number {i} of the plan" for i in range(5000)]
    status, headers, body = lab.call("POST", "/v1/policies", policy("long", terms),
                                     headers={"prefer": "wait=30"})
    assert status == 201, body
    assert headers.get("preference-applied") == "wait", headers
    assert lab.metric("portcullis_terms_compiled_total") == 1
    folder = os.path.join(lab.directory, "state", "compiled")
    assert len([n for n in os.listdir(folder) if n.endswith(".termdb")]) == 1
    lab.restart()
    assert lab.metric("portcullis_terms_compiled_total") == 0
    assert lab.metric("portcullis_terms_cache_hits_total") == 1
    for name in os.listdir(folder):  # damaged: compiled again, never trusted
        path = os.path.join(folder, name)
        with open(path, "r+b") as f:
            f.seek(1000)
            f.write(b"\0\1\2\3")
    lab.restart()
    assert lab.metric("portcullis_terms_cache_refused_total") == 1
    assert lab.metric("portcullis_terms_compiled_total") == 1
    assert lab.chat()[0] == 200


def test_another_gateway_compiles_for_itself_and_is_waited_for(lab, tmp_path_factory):
    """The one that was asked has compiled before it stores; the other one learns of the policy by
    NOTIFY, goes on under the old ones while its child works, and only then reports the epoch."""
    other = lab.twin(tmp_path_factory.mktemp("twin"))
    try:
        wait_until(lambda: len([n for n in lab.must("GET", "/v1/nodes")["data"]
                                if n["is_live"]]) == 2, "both are known to be alive")
        terms = [f"clause {i} of the contract" for i in range(4000)]
        before = other.metric("portcullis_policy_snapshot_version")
        status, headers, body = lab.call("POST", "/v1/policies", policy("both", terms),
                                         headers={"prefer": "wait=60"})
        assert status == 201, body
        assert headers.get("preference-applied") == "wait", headers
        epoch = int(headers["portcullis-epoch"])
        assert epoch > before
        assert other.metric("portcullis_terms_compiled_total") == 1
        assert other.metric("portcullis_terms_compiling") == 0
        assert other.metric("portcullis_policy_snapshot_version") >= epoch
        assert any('"policy_compiling"' in line for line in other.lines), "it was never pending"
        assert not any('"policy_compiling"' in line for line in lab.lines), "compiled too late"
        for gateway in (lab, other):
            assert gateway.chat()[0] == 200
    finally:
        other.end()


def test_two_lists_that_are_too_much_together(lab):
    """Each may stand alone; a text of the letter would match them both at every byte."""
    one, other = ["q" * n for n in (1, 2, 3)], ["q" * n for n in (4, 5, 6)]
    status, _, body = lab.call("POST", "/v1/policies", policy("other alone", other))
    assert status == 201, body
    lab.must("DELETE", "/v1/policies/" + body["id"])
    status, _, body = lab.call("POST", "/v1/policies", policy("one", one))
    assert status == 201, body
    status, _, body = lab.call("POST", "/v1/policies", policy("other", other))
    assert status == 400, body
    assert "contain one another" in body["error"]["message"]
    assert "one" in names_of(lab) and "other" not in names_of(lab)
    draft = {**policy("draft", other), "status": "draft"}
    status, _, body = lab.call("POST", "/v1/policies", draft)  # drafts are not in force
    assert status == 201, body
    status, _, body = lab.call("PATCH", "/v1/policies/" + body["id"], {"status": "active"})
    assert status == 400, body


def test_lint_says_what_rules_cost_and_refuses_the_unbounded(lab, tmp_path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(policy("good", ["alpha", "beta gamma", "/a+b/"])))
    bad.write_text(json.dumps(policy("bad", ["q" * n for n in range(1, 200)])))
    done = lint(lab, good)
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    assert line["ok"] is True
    rule = line["rules"][0]
    assert (rule["patterns"], rule["expressions"], rule["words"]) == (3, 1, 2)
    assert rule["compiled_bytes"] > 0 and rule["hold_bytes"] >= 256
    done = lint(lab, good, bad)
    assert done.returncode == 1
    assert [json.loads(l)["ok"] for l in done.stdout.splitlines()] == [True, False]
    assert "/rules/0/params/patterns" in done.stderr and "contain one another" in done.stderr
    assert lint(lab).returncode == 2


def lint(lab, *files):
    return subprocess.run([lab.binary, "policy", "lint", "--json", *map(str, files)],
                          capture_output=True, text=True, check=False)
