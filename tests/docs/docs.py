# SPDX-License-Identifier: Apache-2.0
#
# The documentation against the program: the API reference is what `portcullis api reference`
# prints, the coverage what `portcullis coverage` prints, the table of types what `portcullis scan
# --list` prints, the configuration table names every setting with its default, every metric of the
# program is in the guide and every one that a guide, an alert or a dashboard names is in the program,
# the manual pages have every command as --help has it and every setting, and every relative link
# leads to a file, and to a heading in it.
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
    codes(root, failures)
    manual(program, root, failures)
    links(root, failures)
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
    text = open(os.path.join(root, "src/docs/portcullis.json.5.scd")).read()
    for s in json.loads(run(program, "config", "show", "--json")):
        if f"*{s['name']}*" not in text:
            failures.append(f"portcullis.json.5.scd does not have {s['name']}")


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
