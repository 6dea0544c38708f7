#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what a test run did, for ./check's table.

    tally.py meson TESTLOG.json BUILDNAME    one line per suite of a Meson run
    tally.py junit REPORT.xml BUILDNAME SUITE   one line for a pytest run
    tally.py summary RESULTS                 the table, and "N passed, N failed, N skipped" last

A line is: build, suite, passed, failed, skipped, seconds, tab-separated. A test program counts as
many tests as it reports itself (cmocka's or TAP's lines), at least one; a program that dies counts
one failure more than it reports, because what it did not reach did not pass. What failed goes to
standard error with the end of its output.
"""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

SHOWN_LINES = 20


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "meson":
        return tally_meson(arguments[1], arguments[2])
    if len(arguments) == 4 and arguments[0] == "junit":
        return tally_junit(*arguments[1:])
    if len(arguments) == 2 and arguments[0] == "summary":
        return print_summary(arguments[1])
    print(__doc__, file=sys.stderr)
    return 2


def tally_meson(path, build):
    suites = {}
    registered = registered_suites(path)
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            test = json.loads(line)
            suite = suite_of(test["name"], registered)
            passed, failed, skipped = count_program(test)
            row = suites.setdefault(suite, [0, 0, 0, 0.0])
            row[0] += passed
            row[1] += failed
            row[2] += skipped
            row[3] += test.get("duration") or 0.0
            if failed:
                show_failure(build, test["name"], (test.get("stdout") or "") + (test.get("stderr") or ""))
    for suite, row in sorted(suites.items()):
        print_row(build, suite, *row)
    return 0


def registered_suites(path):
    """Which suite a test belongs to, from what Meson wrote when it configured."""
    introspection = pathlib.Path(path).parent.parent / "meson-info" / "intro-tests.json"
    tests = json.loads(introspection.read_text(encoding="utf-8"))
    return {test["name"]: test["suite"][0].split(":")[-1] for test in tests if test["suite"]}


def suite_of(name, registered):
    """Meson's log says "project:suite / test" where there are several suites, else only "test"."""
    match = re.match(r"(?:[^:/]+:)?([^ +/]+)[^/]* / ", name)
    return match.group(1) if match else registered.get(name, "other")


def count_program(test):
    if test["result"] in ("SKIP", "EXPECTEDFAIL"):
        return 0, 0, 1
    output = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    passed, failed, skipped = count_cmocka(output)
    if passed + failed + skipped == 0:
        passed, failed, skipped = count_tap(output)
    is_ok = test["result"] == "OK"
    if is_ok and failed == 0:
        return max(passed, 0 if skipped else 1), 0, skipped
    return passed, max(failed, 1), skipped


def count_cmocka(output):
    def total(word):
        return sum(int(n) for n in re.findall(r"^\[ *%s *\] (\d+) test\(s\)" % word, output, re.M))
    return total("PASSED"), total("FAILED"), total("SKIPPED")


def count_tap(output):
    passed = failed = skipped = 0
    for line in re.findall(r"^(?:not )?ok\b.*$", output, re.M):
        if re.search(r"# skip", line, re.I):
            skipped += 1
        elif line.startswith("not"):
            failed += 1
        else:
            passed += 1
    return passed, failed, skipped


def tally_junit(path, build, suite):
    passed = failed = skipped = 0
    seconds = 0.0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        seconds += float(case.get("time") or 0)
        problem = case.find("failure")
        if problem is None:
            problem = case.find("error")
        if problem is not None:
            failed += 1
            show_failure(build, "%s.%s" % (case.get("classname"), case.get("name")), problem.text or "")
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    print_row(build, suite, passed, failed, skipped, seconds)
    return 0


def show_failure(build, name, output):
    print("\nFAILED (%s): %s" % (build, name), file=sys.stderr)
    for line in output.strip().splitlines()[-SHOWN_LINES:]:
        print("    " + line, file=sys.stderr)


def print_row(build, suite, passed, failed, skipped, seconds):
    print("%s\t%s\t%d\t%d\t%d\t%.0f" % (build, suite, passed, failed, skipped, seconds))


def print_summary(path):
    totals = [0, 0, 0]
    layout = "%-10s %-20s %8s %8s %8s %8s"
    print("\n" + layout % ("build", "suite", "passed", "failed", "skipped", "seconds"))
    with open(path, encoding="utf-8") as rows:
        for line in rows:
            fields = line.rstrip("\n").split("\t")
            print(layout % tuple(fields))
            totals = [total + int(field) for total, field in zip(totals, fields[2:5])]
    print("")
    print("%d passed, %d failed, %d skipped" % tuple(totals))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
