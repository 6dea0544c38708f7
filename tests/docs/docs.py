# SPDX-License-Identifier: Apache-2.0
#
# The documentation against the program: the API reference is what `portcullis api reference`
# prints, the coverage what `portcullis coverage` prints, the table of types what `portcullis scan
# --list` prints, the configuration table names every setting with its default, every metric of the
# program is in the guide and every one that a guide, an alert or a dashboard names is in the program
# (tests/system/test_metrics.py asks a running one), alerts and panels ask for what their metrics have,
# every alert and every event of the log is explained, the manual pages have every command as --help has
# it and every setting, and every relative link leads to a file, and to a heading in it.
# usage: docs.py PORTCULLIS ROOT [--write]
import json
import os
import re
import subprocess
import sys

METRIC = re.compile(r"\b(portcullis_[a-z_]+|process_[a-z_]+)\b")
# Names that begin like a metric: roles and folders.
OTHER = {"portcullis_gateway", "portcullis_loader", "portcullis_audit"}
SUFFIXES = ("_bucket", "_sum", "_count")


def main(program, root, is_write):
    failures = []
    page(program, ["api", "reference"], root, "src/docs/api.md", is_write, failures)
    page(program, ["coverage"], root, "src/docs/coverage.md", is_write, failures)
    detection(program, root, is_write, failures)
    settings(program, root, is_write, failures)
    metrics(root, failures)
    queries(root, failures)
    explained(root, failures)
    codes(root, failures)
    manual(program, root, failures)
    links(root, failures)
    hardening(program, failures)
    json.load(open(os.path.join(root, "docker/grafana/portcullis.json")))
    for text in failures:
        print("FAILED", text)
    print(f"{len(failures)} found")
    return 1 if failures else 0


def run(program, *arguments):
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run([program, *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def page(program, arguments, root, name, is_write, failures):
    path = os.path.join(root, name)
    text = run(program, *arguments)
    if is_write:
        open(path, "w").write(text)
    if open(path).read() != text:
        failures.append(f"{name} is not what `portcullis {' '.join(arguments)}` prints")


def detection(program, root, is_write, failures):
    path = os.path.join(root, "src/docs/detection.md")
    table = run(program, "scan", "--list", "markdown")
    text = open(path).read()
    if is_write:
        text = re.sub(r"\| type \| class.*?\n(?=\n|\Z)", lambda _: table, text, flags=re.S)
        open(path, "w").write(text)
    if table not in text:
        failures.append("the table in src/docs/detection.md is not `portcullis scan --list markdown`")


def settings(program, root, is_write, failures):
    path = os.path.join(root, "src/docs/guide-operations.md")
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for s in json.loads(run(program, "config", "show", "--json")):
        value = f"`{s['value']}`" if s["value"] else ""
        rows.append(f"| `{s['name']}` | {value} | {s['help']} |")
    table = "\n".join(rows) + "\n"
    text = open(path).read()
    if is_write:
        text = re.sub(r"\| setting \| default.*?\n(?=\n)", lambda _: table, text, flags=re.S)
        open(path, "w").write(text)
    if table not in text:
        failures.append("the table of settings in guide-operations.md is not `config show`")


def metrics(root, failures):
    known = set()
    for folder, _, names in os.walk(os.path.join(root, "src")):
        for name in names:
            if name.endswith(".c"):
                known |= set(METRIC.findall(open(os.path.join(folder, name)).read()))
    for path in ("src/docs/guide-operations.md", "docker/prometheus/alerts.yaml",
                 "docker/grafana/portcullis.json"):
        for name in sorted(set(METRIC.findall(open(os.path.join(root, path)).read()))):
            base = next((name[: -len(s)] for s in SUFFIXES if name.endswith(s)), name)
            if name not in known and base not in known and name not in OTHER:
                failures.append(f"{path}: {name} is not a metric of the program")
    guide = open(os.path.join(root, "src/docs/guide-operations.md")).read()
    for name in sorted(known - OTHER):
        base = next((name[: -len(s)] for s in SUFFIXES if name.endswith(s)), name)
        if f"`{name}`" not in guide and f"`{base}`" not in guide:
            failures.append(f"guide-operations.md does not have the metric {name}")


def queries(root, failures):
    """What alerts and panels ask of a metric is what its type and labels can answer: a histogram has
    buckets and no value of its own, a counter means something as a rate only, a gauge has none."""
    guide = open(os.path.join(root, "src/docs/guide-operations.md")).read()
    known = {name: (kind, set(re.findall(r"`(\w+)`", labels)) | {"instance", "job"})
             for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*)\|", guide, re.M)
             if kind in ("counter", "gauge", "histogram")}
    alerts = open(os.path.join(root, "docker/prometheus/alerts.yaml")).read()
    panels = json.load(open(os.path.join(root, "docker/grafana/portcullis.json")))["panels"]
    asked = re.findall(r"expr: (.*)", alerts)
    asked += [target["expr"] for panel in panels for target in panel.get("targets", [])]
    for query in asked:
        labels = set(re.findall(r"(\w+)!?=~?\"", query))
        for group in re.findall(r"by \(([^)]*)\)", query):
            labels |= {word.strip() for word in group.split(",")}
        there = {"le"} if "histogram_quantile" in query else set()
        for name in METRIC.findall(query):
            base = next((name[: -len(s)] for s in SUFFIXES if name.endswith(s)), name)
            kind, own = known.get(name) or known.get(base) or ("unknown", set())
            there |= own
            is_rate = re.search(rf"(rate|increase)\({name}\b", query) is not None
            if (kind == "histogram") != (base != name) or (kind == "gauge") == is_rate:
                failures.append(f"{query}: {name} is a {kind}")
        if METRIC.search(query) and not labels <= there:
            failures.append(f"{query}: no label {' '.join(sorted(labels - there))}")


def explained(root, failures):
    """Alerts and events of the log against the tables of the operators' guide."""
    guide = open(os.path.join(root, "src/docs/guide-operations.md")).read()
    alerts = set(re.findall(r"alert: (\w+)", open(
        os.path.join(root, "docker/prometheus/alerts.yaml")).read()))
    rows = set(re.findall(r"^\| `(Portcullis\w+)` \|", guide, re.M))
    for name in sorted(alerts ^ rows):
        failures.append(f"alert {name} stands in one of alerts.yaml and guide-operations.md alone")
    cli = os.path.join(root, "src/cli")
    source = "".join(open(os.path.join(cli, n)).read() for n in os.listdir(cli) if n.endswith(".c"))
    events = set()
    for call in re.findall(r"serve_log(?:_why)?\(s, (.*?);", source, re.S):
        words = re.findall(r'(?<!\\)"([a-z]+(?:_[a-z]+)*)"', call)
        events |= {w for w in words if w not in ("error", "warn", "info", "debug", "true", "false")}
    table = re.search(r"\| event \| level \| meaning \|\n\|[-|]+\n((?:\|.*\n)+)", guide)[1]
    named = {e for row in table.splitlines() for e in re.findall(r"`(\w+)`", row.split("|")[1])}
    for name in sorted(events ^ named):
        failures.append(f"event {name} stands in one of src/cli and guide-operations.md alone")
    for name in re.findall(r"event `(\w+)`", guide):
        if name not in events:
            failures.append(f"guide-operations.md: no event {name}")


def codes(root, failures):
    """The codes of refusals that the developers' guide promises."""
    sources = ""
    for folder, _, names in os.walk(os.path.join(root, "src")):
        sources += "".join(open(os.path.join(folder, n)).read() for n in names if n.endswith(".c"))
    rows = re.findall(r"^\| \d{3}[^|]*\|([^|]*)\|",
                      open(os.path.join(root, "src/docs/guide-developers.md")).read(), re.M)
    for code in re.findall(r"`(\w+)`", " ".join(rows)):
        if f'"{code}' not in sources:
            failures.append(f"guide-developers.md: no refusal has the code {code}")


def manual(program, root, failures):
    text = open(os.path.join(root, "src/docs/portcullis.1.scd")).read()
    plain = re.sub(r"(?<![A-Za-z])_|_(?![A-Za-z])|[*\\]", "", text)
    plain = re.sub(r"\s+", " ", plain)
    for command in re.findall(r"^  ([a-z]+) ", run(program, "--help"), re.M):
        lines = run(program, command, "--help").split("\n")
        usage = [lines[0]] + [l for l in lines[1:3] if l.startswith("     ")]
        for words in " ".join(" ".join(usage).split()[2:]).split(" portcullis "):
            if words not in plain:
                failures.append(f"portcullis.1.scd does not say: {words}")
    options(program, root, text, failures)
    settings = {s["name"] for s in json.loads(run(program, "config", "show", "--json"))}
    text = open(os.path.join(root, "src/docs/portcullis.json.5.scd")).read()
    text = text.split("# SETTINGS")[1].split("# EXAMPLE")[0]
    titles = {name for line in re.findall(r"^\*[a-z].*\*$", text, re.M)
              for name in re.findall(r"\*([a-z_.]+)\*", line)} - {"recognisers"}
    for name in sorted(titles ^ settings):
        failures.append(f"setting {name} stands in one of config.c and portcullis.json.5.scd alone")
    source = open(os.path.join(root, "src/cli/recognisers.c")).read()
    members = set(re.findall(r'^        \{"(\w+)", (?:&ret|NULL)', source, re.M))
    entry = text.split("*recognisers*\n")[1].split("\n\n")[0]
    shown = {name for name in re.findall(r"_(\w+)_ \(", entry)} | \
        set(re.findall(r"_(credential_header)_", entry))
    for name in sorted(members ^ shown):
        failures.append(f"member {name} of a recogniser stands in one of recognisers.c and the page")


def options(program, root, page, failures):
    """Options, environment variables, names of filters and members of a key: what the program takes,
    what --help says and what the manual page says are the same."""
    folder = os.path.join(root, "src/cli")
    source = "".join(open(os.path.join(folder, n)).read() for n in os.listdir(folder))
    taken = set(re.findall(r'"(--[a-z-]+)', source))
    commands = re.findall(r"^  ([a-z]+) ", run(program, "--help"), re.M)
    texts = {c: run(program, c, "--help") for c in commands}
    helped = set(re.findall(r"--[a-z][a-z-]*", " ".join(texts.values())))
    shown = set(re.findall(r"--[a-z][a-z-]*", page))
    for name in sorted((taken ^ helped) | (taken ^ shown)):
        failures.append(f"option {name}: taken {name in taken}, --help {name in helped}, "
                        f"portcullis.1.scd {name in shown}")
    asked = set(re.findall(r'getenv\("([A-Z_]+)"', source))
    part = page.split("# ENVIRONMENT")[1].split("# EXAMPLES")[0]
    shown = set(re.findall(r"^\*([A-Z_]+)\*$", part, re.M))
    for name in sorted(shown ^ (asked | {"PORTCULLIS_MASTER_KEY_FILE"})):
        failures.append(f"variable {name} stands in one of src/cli and portcullis.1.scd alone")
    listed = set(re.search(r"Names: ([a-z_\s]+)\.", texts["audit"])[1].split())
    shown = set(re.search(r"Names: ([a-z_,\s]+)\.", page)[1].replace(",", "").split())
    guide = open(os.path.join(root, "src/docs/guide-platform.md")).read()
    told = set(re.findall(r"`(\w+)`", re.search(r"^Filters: ([^.]*)\.", guide, re.M)[1]))
    for name in sorted((listed ^ shown) | (listed ^ told)):
        failures.append(f"filter {name} of the audit log is not in --help, manual page and guide")
    listed = re.search(r"Members: ([a-z_\s]+);", texts["key"])[1].split()
    table = open(os.path.join(root, "src/docs/api.md")).read().split("## POST /v1/keys\n")[1]
    members = set(re.findall(r"^\| `(\w+)` \|", table.split("\n## ")[0], re.M)) - {"name"}
    for name in sorted(set(listed) ^ members):
        failures.append(f"member {name} of a key stands in one of key --help and api.md alone")


def hardening(program, failures):
    """What SECURITY.md says of the build."""
    text = subprocess.run(["readelf", "-Whld", program], capture_output=True, text=True,
                          check=True).stdout
    for mark, what in ((r"Type:\s+DYN", "PIE"), (r"GNU_RELRO", "RELRO"), (r"BIND_NOW|NOW", "now"),
                       (r"GNU_STACK.* RW ", "a stack that cannot be executed")):
        if not re.search(mark, text):
            failures.append(f"the program was built without {what}")


def anchors(path):
    """The names that a heading of the page can be linked by."""
    titles = re.findall(r"^#+ (.+)$", open(path).read(), re.M)
    return {re.sub(r"[^a-z0-9 _-]", "", t.lower()).replace(" ", "-") for t in titles}


def links(root, failures):
    pages = ["README.md", "ARCHITECTURE.md", "STYLE.md", "CHANGELOG.md", "SECURITY.md"]
    pages += ["src/docs/" + n for n in sorted(os.listdir(os.path.join(root, "src/docs")))
              if n.endswith(".md")]
    for page in pages:
        text = open(os.path.join(root, page)).read()
        for link, heading in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
            path = os.path.join(root, os.path.dirname(page), link) if link else os.path.join(root, page)
            if not os.path.exists(path):
                failures.append(f"{page}: no file {link}")
            elif heading and heading not in anchors(path):
                failures.append(f"{page}: no heading #{heading} in {link or page}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], "--write" in sys.argv[3:]))
