#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How well the scan finds what it shall, and how often it finds what is not there.

usage: quality.py CORPORA [--portcullis build/src/portcullis] [--gate] [--show WHAT]

CORPORA lies outside the repository: pii/presidio-research, secrets/*/cases.jsonl,
injection/ (see src/core/scan/train_injection.py: only what that holds out is measured
here). Beside this file: phones.tsv, entities.tsv, topics.tsv, ordinary.txt. A span is found when a finding of its
type overlaps it; a finding that overlaps no such span is false. Secrets and injection are
judged per text. --gate: exit 1 when a target is missed. --show LABEL | entities | secrets |
injection | topics | overblocking prints what was missed and what was false.

Left out of the secrets, and counted aloud: positives that are no secret but a piece of the
other tool's source (a regular expression, a name without a value), its sample placeholders
in braces, addresses of hosts; and texts which the two sets judge differently.
"""

import collections
import importlib.util
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
MAP = {
    "CREDIT_CARD": {"credit_card"},
    "PHONE_NUMBER": {"phone", "phone_us"},
    "EMAIL_ADDRESS": {"email"},
    "US_SSN": {"ssn", "ssn_no_dash"},
    "IBAN_CODE": {"iban"},
    "IP_ADDRESS": {"ip_address", "ipv6_address"},
    "US_DRIVER_LICENSE": {"drivers_license"},
    "DOMAIN_NAME": {"url"},
}
F1_MIN = {"CREDIT_CARD", "EMAIL_ADDRESS", "US_SSN", "IBAN_CODE", "IP_ADDRESS"}
NO_SECRET = re.compile(r"\]\{\d|\\\.\[|^export \w+=$|^[\"']?\{secret\}|^\\\"pass|service_account\"$")


class Bench:
    def __init__(self, exe, show):
        self.exe, self.show, self.missed = exe, show, []

    def scan(self, texts, *flags):
        lines = "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts))
        done = subprocess.run([self.exe, "scan", *flags], input=lines.encode(),
                              stdout=subprocess.PIPE, check=True)
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def want(self, name, value, least):
        if value < least:
            self.missed.append(f"{name}: {value:.4f}, wanted {least}")

    def say(self, what, *words):
        if self.show == what:
            print("  ", *words)


def ratio(a, b):
    return a / b if b else 1.0


def line(name, hit, miss, false):
    precision, recall = ratio(hit, hit + false), ratio(hit, hit + miss)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    print(f"{name:24} P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}  "
          f"({hit} found, {miss} missed, {false} false)")
    return precision, recall, f1


def pii(b, root):
    for path in sorted(root.glob("pii/presidio-research/*.json")):
        rows = json.loads(path.read_text(encoding="utf-8"))
        results = b.scan([r["full_text"] for r in rows], "--types", "default,url")
        print(f"{path.name}: {len(rows)} sentences")
        for label, types in MAP.items():
            hit = miss = false = 0
            for row, result in zip(rows, results):
                found = [f for f in result["findings"] if f["type"] in types]
                spans = [s for s in row["spans"] if s["entity_type"] == label]
                for s in spans:
                    is_hit = any(f["start"] < s["end_position"] and f["end"] > s["start_position"]
                                 for f in found)
                    hit, miss = hit + is_hit, miss + (not is_hit)
                    if not is_hit:
                        b.say(label, "missed", repr(s["entity_value"]), repr(row["full_text"][:160]))
                for f in found:
                    is_false = not any(
                        f["start"] < s["end_position"] and f["end"] > s["start_position"]
                        for s in spans)
                    false += is_false
                    if is_false:
                        b.say(label, "false", repr(row["full_text"][f["start"]:f["end"]]),
                              f["detector"])
            precision, recall, f1 = line(label, hit, miss, false)
            if label in F1_MIN:
                b.want(f"{path.name} {label} F1", f1, 0.99)
            if label == "PHONE_NUMBER":
                b.want(f"{path.name} phones recall", recall, 0.85)
                b.want(f"{path.name} phones precision", precision, 0.9)


def phones(b):
    rows = [x.split("\t") for x in (HERE / "phones.tsv").read_text(encoding="utf-8").splitlines()
            if x and x[0] != "#"]
    results = b.scan([t.replace("<<", "").replace(">>", "") for _, t in rows], "--types", "phone")
    hit = miss = false = 0
    for (country, text), result in zip(rows, results):
        found = result["findings"]
        if country == "-":
            false += len(found)
        else:
            start, end = text.index("<<"), text.index(">>") - 2
            is_hit = any(f["start"] < end and f["end"] > start for f in found)
            hit, miss = hit + is_hit, miss + (not is_hit)
        if (country == "-") == bool(found):
            b.say("PHONE_NUMBER", country, text, [f["detector"] for f in found])
    countries = len({c for c, _ in rows}) - 2
    precision, recall, _ = line(f"phones, {countries} countries", hit, miss, false)
    b.want("phones of many countries recall", recall, 0.85)
    b.want("phones of many countries precision", precision, 0.9)


def entities(b):
    """Our own sentences: is what is marked found, whatever it is taken for; are others clean?"""
    rows = table("entities.tsv")
    texts = [t.replace("<<", "").replace(">>", "") for _, t in rows]
    hit = as_type = total = clean = others = 0
    for (types, text), plain, result in zip(rows, texts, b.scan(texts, "--types", "default")):
        found = result["findings"]
        if types == "-":
            others, clean = others + 1, clean + (not found)
            if found:
                b.say("entities", "false", text, [f["detector"] for f in found])
            continue
        start, end = text.index("<<"), text.index(">>") - 2
        over = [f for f in found if f["start"] < end and f["end"] > start]
        total, hit = total + 1, hit + bool(over)
        as_type += any(f["type"] in types.split("|") for f in over)
        if not over:
            b.say("entities", "missed", types, text)
    print(f"own sentences            found {ratio(hit, total):.3f} of {total}, as its type "
          f"{ratio(as_type, total):.3f}; clean {ratio(clean, others):.3f} of {others}")
    b.want("own sentences found", ratio(hit, total), 0.95)
    b.want("own sentences clean", ratio(clean, others), 0.99)


def topics(b):
    rows = table("topics.tsv")
    counts = collections.defaultdict(lambda: [0, 0, 0, 0])  # found, of; false, of
    for (topic, kind, text), r in zip(rows, b.scan([x[2] for x in rows], "--types", "email",
                                                   "--topics")):
        found = r["topics"].get(topic, 0) >= 0.5
        at = 0 if kind == "+" else 2
        counts[topic][at] += found
        counts[topic][at + 1] += 1
        if found != (kind == "+"):
            b.say("topics", topic, "missed" if kind == "+" else "false", repr(text))
    total = [sum(c[i] for c in counts.values()) for i in range(4)]
    worst = sorted((ratio(*c[:2]), t) for t, c in counts.items())[:4]
    print(f"topics, own lines        recall {ratio(*total[:2]):.3f} of {total[1]}, false "
          f"{ratio(*total[2:]):.3f} of {total[3]}; worst: "
          + ", ".join(f"{t} {v:.2f}" for v, t in worst))
    b.want("topics recall, own lines", ratio(*total[:2]), 0.9)
    b.want("topics not false, own lines", 1 - ratio(*total[2:]), 0.99)


def table(name):
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [x.split("\t") for x in lines if x and x[0] != "#"]


def secrets(b, root):
    sets, labels = {}, collections.defaultdict(set)
    for path in sorted(root.glob("secrets/*/cases.jsonl")):
        rows = [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()]
        sets[path.parent.name] = rows
        for r in rows:
            labels[r["text"]].add(bool(r["label"]))
    for name, rows in sets.items():
        kept = [r for r in rows if len(labels[r["text"]]) == 1 and r.get("plugin") != "ip_public"
                and not (r["label"] and NO_SECRET.search(r["text"]))]
        families = collections.defaultdict(lambda: [0, 0, 0, 0])  # found, of; clean, of
        for r, result in zip(kept, b.scan([r["text"] for r in kept], "--types", "secret")):
            found, label = bool(result["findings"]), bool(r["label"])
            family = families[r.get("rule") or r.get("plugin")]
            family[0 if label else 2] += found == label
            family[1 if label else 3] += 1
            if found != label:
                b.say("secrets", "missed" if label else "false", repr(r["text"][:150]),
                      [f["detector"] for f in result["findings"]])
        total = [sum(f[i] for f in families.values()) for i in range(4)]
        recall, clean = ratio(total[0], total[1]), ratio(total[2], total[3])
        print(f"{name:24} recall {recall:.3f} of {total[1]}, clean {clean:.3f} of {total[3]}, "
              f"{len(rows) - len(kept)} cases left out, {len(families)} families")
        worst = sorted((ratio(f[0] + f[2], f[1] + f[3]), n) for n, f in families.items())
        print("  worst:", ", ".join(f"{n} {v:.2f}" for v, n in worst[:6] if v < 1) or "none")
        b.want(f"{name} recall", recall, 0.9)
        b.want(f"{name} clean", clean, 0.97)


def injection(b, root):
    source = HERE.parent.parent / "src" / "core" / "scan" / "train_injection.py"
    spec = importlib.util.spec_from_file_location("train_injection", source)
    trainer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(trainer)
    groups = collections.defaultdict(list)
    for name, is_held_out, label, text in trainer.load(root):
        if is_held_out:
            groups[name].append((label, text))
    groups["ordinary"] = [(0, t) for t in ordinary()]
    total = [0, 0, 0, 0]  # found, of; false, of
    print("injection, held out from training")
    for name, rows in groups.items():
        counts = [0, 0, 0, 0]
        for (label, text), r in zip(rows, b.scan([t for _, t in rows], "--types", "email",
                                                 "--injection")):
            found = r["injection"]["score"] >= 0.5
            counts[0 if label else 2] += found
            counts[1 if label else 3] += 1
            if found != bool(label):
                b.say("injection", name, "missed" if label else "false", r["injection"]["score"],
                      repr(text[:150]))
        total = [a + c for a, c in zip(total, counts)]
        print(f"  {name:22} recall {ratio(*counts[:2]):.3f} of {counts[1]:4}, false "
              f"{counts[2] / max(counts[3], 1):.4f} of {counts[3]}")
        if name == "deepset":
            b.want("injection recall, deepset", ratio(*counts[:2]), 0.85)
            b.want("injection not false, deepset", 1 - counts[2] / counts[3], 0.99)
    print(f"  {'all':22} recall {ratio(*total[:2]):.3f} of {total[1]:4}, false "
          f"{total[2] / total[3]:.4f} of {total[3]}")
    b.want("injection recall, all", ratio(*total[:2]), 0.85)
    b.want("injection not false, all", 1 - total[2] / total[3], 0.99)


def ordinary():
    text = (HERE / "ordinary.txt").read_text(encoding="utf-8")
    return [x.replace("\\n", "\n") for x in text.splitlines() if x and x[0] != "#"]


def overblocking(b, root):
    """Sentences with personal data are ordinary for topics, but not for entities."""
    plain = ordinary()
    large = root / "pii" / "presidio-research" / "generated_large.json"
    rows = json.loads(large.read_text(encoding="utf-8"))
    sentences = [r["full_text"] for r in rows]
    counts = collections.Counter()
    for text, r in zip(plain + sentences, b.scan(plain + sentences, "--types", "email", "--topics")):
        for topic, score in r["topics"].items():
            if score >= 0.5:
                counts[topic] += 1
                b.say("overblocking", topic, score, repr(text[:150]))
    texts = len(plain) + len(sentences)
    print(f"overblocking: topics on {texts} ordinary texts: "
          + (", ".join(f"{t} {n}" for t, n in counts.most_common()) or "none"))
    for topic, n in counts.items():
        b.want(f"topic {topic} not false", 1 - n / texts, 0.999)
    empty = [r["full_text"] for r in rows if not r["spans"]]
    found = 0
    for text, r in zip(plain + empty, b.scan(plain + empty, "--types", "default")):
        found += bool(r["findings"])
        for f in r["findings"]:
            b.say("overblocking", f["detector"], repr(text[max(0, f["start"] - 30):f["end"]]))
    print(f"overblocking: entities on {len(plain + empty)} texts without any: {found}")
    b.want("entities not false", 1 - found / len(plain + empty), 0.999)


def main():
    args = sys.argv[1:]
    exe, show = "build/src/portcullis", ""
    for i, arg in enumerate(args):
        exe = args[i + 1] if arg == "--portcullis" else exe
        show = args[i + 1] if arg == "--show" else show
    root = pathlib.Path(args[0])
    b = Bench(exe, show)
    pii(b, root)
    phones(b)
    entities(b)
    secrets(b, root)
    injection(b, root)
    topics(b)
    overblocking(b, root)
    for text in b.missed:
        print("missed target:", text)
    return 1 if b.missed and "--gate" in args else 0


if __name__ == "__main__":
    sys.exit(main())
