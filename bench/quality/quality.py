#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Precision, recall and F1 per type on labelled data that lies outside the repository.

usage: quality.py CORPORA [--portcullis build/src/portcullis] [--show TYPE]

CORPORA holds pii/presidio-research/*.json (sentences with spans), secrets/*/cases.jsonl
(text, label) and injection/**/{test,val}.csv (text, label). A span is found when a
finding of its type overlaps it; a finding of that type that overlaps no such span is a
false positive. Secrets and injection are judged per text.
"""

import csv
import json
import pathlib
import subprocess
import sys

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
SECRET = {"api_key", "private_key", "jwt", "password", "credentials", "url_credentials"}


def scan(exe, texts, *flags):
    lines = "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts))
    done = subprocess.run([exe, "scan", *flags], input=lines.encode(), stdout=subprocess.PIPE,
                          check=True)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def line(name, hit, miss, false):
    precision = hit / (hit + false) if hit + false else 1.0
    recall = hit / (hit + miss) if hit + miss else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    print(f"{name:24} P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}  "
          f"({hit} found, {miss} missed, {false} false)")


def pii(exe, path, show):
    rows = json.loads(path.read_text(encoding="utf-8"))
    results = scan(exe, [r["full_text"] for r in rows], "--types", "default,url")
    print(f"{path}: {len(rows)} sentences")
    for label, types in MAP.items():
        hit = miss = false = 0
        for row, result in zip(rows, results):
            found = [f for f in result["findings"] if f["type"] in types]
            spans = [s for s in row["spans"] if s["entity_type"] == label]
            for s in spans:
                is_hit = any(f["start"] < s["end_position"] and f["end"] > s["start_position"]
                             for f in found)
                hit, miss = hit + is_hit, miss + (not is_hit)
                if show == label and not is_hit:
                    print("  missed", repr(s["entity_value"]), "in", repr(row["full_text"][:200]))
            for f in found:
                others = [s for s in row["spans"]
                          if f["start"] < s["end_position"] and f["end"] > s["start_position"]]
                is_false = not any(s["entity_type"] == label for s in others)
                false += is_false
                if show == label and is_false:
                    print("  false ", repr(row["full_text"][f["start"]:f["end"]]), f["detector"],
                          [s["entity_type"] for s in others])
        line(label, hit, miss, false)
    strange = {}
    for row, result in zip(rows, results):
        for f in result["findings"]:
            if not any(f["start"] < s["end_position"] and f["end"] > s["start_position"]
                       for s in row["spans"]):
                strange.setdefault(f["detector"], []).append(
                    row["full_text"][f["start"]:f["end"]])
    for name, values in sorted(strange.items()):
        print(f"  {name} where nothing is labelled: {len(values)}, such as {values[:3]}")


def judged(exe, path, rows, is_found, show, *flags):
    results = scan(exe, [t for t, _ in rows], *flags)
    hit = miss = false = 0
    for (text, label), result in zip(rows, results):
        found = is_found(result)
        hit, miss = hit + (label and found), miss + (label and not found)
        false += not label and found
        if show and label != found:
            print("  missed" if label else "  false ", repr(text[:220]),
                  [f["detector"] for f in result["findings"]], result.get("injection"))
    line(path.parent.name + "/" + path.name, hit, miss, false)


def main():
    args = sys.argv[1:]
    exe, show = "build/src/portcullis", ""
    while len(args) > 1:
        if args[1] == "--portcullis":
            exe = args[2]
        if args[1] == "--show":
            show = args[2]
        args = args[:1] + args[3:]
    root = pathlib.Path(args[0])
    for path in sorted(root.glob("pii/presidio-research/*.json")):
        pii(exe, path, show)
    for path in sorted(root.glob("secrets/*/cases.jsonl")):
        rows = [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()]
        judged(exe, path, [(r["text"], bool(r["label"])) for r in rows],
               lambda r: any(f["type"] in SECRET for f in r["findings"]), show == "secrets")
    for path in sorted(root.glob("injection/**/*.csv")):
        if path.stem in ("test", "val"):
            rows = [(r["text"], r["label"] == "1")
                    for r in csv.DictReader(path.open(encoding="utf-8"))]
            judged(exe, path, rows, lambda r: r["injection"]["score"] >= 0.5,
                   show == "injection", "--injection")


main()
