# SPDX-License-Identifier: Apache-2.0
"""/metrics against the table in the guide for operators, both ways: every name with its type, its
labels and its help text. And by the conventions of Prometheus: base units, _total, no label whose
values a client can make up, no secret.

After a change of metrics: PORTCULLIS_WRITE_DOCS=1 python -m pytest tests/system/test_metrics.py
"""
import os
import re
import subprocess

import pytest

from fake import mark
from lab import Lab, wait_until
from recogniser import Recogniser

GUIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                     "../../src/docs/guide-operations.md")
HEAD = "| metric | type | labels | meaning |\n|---|---|---|---|\n"
SAMPLE = re.compile(r'([a-z_:]+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
MADE_UP = "made-up-by-a-client"
SECRET = "Bearer secret-of-the-recogniser"


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    """One that has seen something of everything that has labels."""
    directory = tmp_path_factory.mktemp("metrics")
    recogniser = Recogniser(os.path.join(fake.directory, "server.crt"),
                            os.path.join(fake.directory, "server.key"), {"Ada": "person"})
    (directory / "credential").write_text(SECRET)
    key, crt = (str(directory / name) for name in ("key", "crt"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=x",
                    "-keyout", key, "-out", crt], check=True, capture_output=True)
    made = Lab(build_dir, database_url, directory, fake, {
        "tls": {"port": 0, "certificate": crt, "key": key},
        "upstream": {"exceptions": f"localhost:{fake.tls_port},localhost:{recogniser.port}"},
        "recognisers": [{"name": "names", "url": f"https://localhost:{recogniser.port}/",
                         "types": ["person"], "credential_file": str(directory / "credential")}]})
    made.open_up()
    status, _, answer = made.call("POST", "/v1/policies", {
        "name": "texts", "scope": {"level": "org"}, "rules": [
            {"key": "mail", "type": "pii", "effect": "modify", "stage": "both",
             "params": {"types": ["email", "person"], "method": "redact"}},
            {"key": "models", "type": "model_list", "effect": "block", "stage": "select",
             "params": {"block": ["gpt-4o-mini"]}}]}, headers={"prefer": "wait=5"})
    assert status == 201, answer
    assert made.chat("Ada, ada@made-up.example")[0] == 200
    assert made.chat(model="gpt-4o-mini")[0] == 403
    assert made.chat(model=MADE_UP)[0] == 404
    assert made.chat(mark("status=503"))[0] == 503
    assert made.chat(key="pc_live_" + MADE_UP)[0] == 401
    assert made.chat(headers={"x-request-id": MADE_UP, "user-agent": MADE_UP})[0] == 200
    yield made
    made.stop()
    recogniser.stop()


class Family:
    def __init__(self, name, text):
        self.name, self.help, self.type = name, text, None
        self.labels, self.values, self.samples = [], {}, 0


def families(text):
    """In the order of the page. Anything that is not well-formed fails."""
    assert text.endswith("\n")
    found, family = {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, what = line.split(" ", 3)
            assert name not in found, name
            family = found[name] = Family(name, what)
        elif line.startswith("# TYPE "):
            assert line.split()[2] == family.name and family.type is None, line
            family.type = line.split()[3]
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            float(value)
            allowed = {family.name + e for e in ("_bucket", "_sum", "_count")} \
                if family.type == "histogram" else {family.name}
            assert name in allowed, line
            pairs = LABEL.findall(labels or "")
            assert ",".join(f'{n}="{v}"' for n, v in pairs) == (labels or ""), line
            family.samples += 1
            for label, v in pairs:
                family.values.setdefault(label, set()).add(v)
                if label not in family.labels and label != "le":
                    family.labels.append(label)
    return found


@pytest.fixture(scope="module")
def page(lab):
    def has_all():
        found = families(lab.get("/metrics")[1])
        return found["portcullis_pii_detections_total"].samples >= 2
    wait_until(has_all, "what was done is counted")
    return lab.get("/metrics")[1]


def test_the_guide_has_every_metric_as_it_is(page):
    rows = "".join(
        f"| `{f.name}` | {f.type} | {' '.join(f'`{name}`' for name in f.labels)} | {f.help} |\n"
        for f in families(page).values()).replace("|  |", "| |")
    with open(GUIDE, encoding="utf-8") as f:
        text = f.read()
    table = re.search(re.escape(HEAD) + r"((?:\|.*\n)*)", text)
    if os.environ.get("PORTCULLIS_WRITE_DOCS"):
        with open(GUIDE, "w", encoding="utf-8") as f:
            f.write(text[:table.start(1)] + rows + text[table.end(1):])
        return
    assert table[1].splitlines() == rows.splitlines()


def test_names_follow_the_conventions(page):
    for f in families(page).values():
        assert re.fullmatch(r"(portcullis|process)(_[a-z]+)+", f.name), f.name
        assert (f.type == "counter") == f.name.endswith("_total"), f.name
        assert f.type in ("counter", "gauge", "histogram"), f.name
        assert f.help.endswith(".") and "\\" not in f.help, f.name
        words = f.name.removesuffix("_total").split("_")
        for unit in ("seconds", "bytes"):
            assert unit not in words or words[-1] == unit, f"{f.name}: the unit comes last"
        assert not {"ms", "us", "milliseconds", "mib", "kb", "percent"} & set(words), f.name
        if f.type == "histogram":
            assert "seconds" == words[-1], f.name


def test_histograms_add_up(page):
    """Buckets never fall, and the last one is the count."""
    buckets, counts = {}, {}
    for line in page.splitlines():
        name, labels, value = SAMPLE.fullmatch(line).groups() if line[0] != "#" else ("", "", "0")
        if name.endswith("_bucket"):
            series, _, le = labels.rpartition('le="')
            buckets.setdefault((name[:-7], series.rstrip(",")), []).append((le[:-1], int(value)))
        elif name.endswith("_count"):
            counts[(name[:-6], labels or "")] = int(value)
    assert buckets.keys() == counts.keys()
    for series, row in buckets.items():
        bounds = [float(le) for le, _ in row]
        assert bounds == sorted(bounds) and row[-1][0] == "+Inf", series
        assert [n for _, n in row] == sorted(n for _, n in row) and row[-1][1] == counts[series]


def test_no_label_is_free_text_and_nothing_is_secret(lab, page):
    for word in (MADE_UP, "made-up", "ada@", SECRET.split()[1], "org_", "acme", "dev@",
                 *lab.keys.values()):
        assert word not in page, word
    found = families(page)
    assert {name for f in found.values() for name in f.values} == {
        "endpoint", "provider", "model", "code", "decision", "rule_type", "effect", "mode", "stage",
        "entity", "recogniser", "result", "direction", "worker", "version", "le"}
    requests = found["portcullis_requests_total"].values
    assert requests["model"] <= {"openai/gpt-4o", "openai/gpt-4o-mini", "other"}
    assert requests["provider"] <= {"openai", "none"}
    assert all(re.fullmatch(r"[1-5]\d\d", code) for code in requests["code"])
    assert found["portcullis_pii_detections_total"].values["entity"] == {"email", "custom"}


def test_a_refusal_of_the_gateway_is_told_from_a_providers(lab, page):
    """An alert on 503 must not wake anybody for a provider's."""
    def rows(code):
        return [dict(LABEL.findall(line)) for line in page.splitlines()
                if line.startswith("portcullis_requests_total{") and f'code="{code}"' in line]
    assert [row["decision"] for row in rows("503")] == ["allow"]
    assert {row["decision"] for row in rows("401") + rows("404")} == {"error"}
    assert {row["decision"] for row in rows("403")} == {"block"}
