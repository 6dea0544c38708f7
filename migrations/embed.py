#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns migrations/NNNNNN_name.{up,down}.sql into a C array (arguments: out, files...)."""
import os
import re
import sys


def array(name, text):
    data = text.encode("utf-8") + b"\0"
    rows = [", ".join(str(b) for b in data[i : i + 24]) for i in range(0, len(data), 24)]
    return "static const char %s[] = {\n    %s};\n" % (name, ",\n    ".join(rows))


def main():
    out, files = sys.argv[1], sys.argv[2:]
    steps = {}
    for path in files:
        m = re.fullmatch(r"(\d{6})_(\w+)\.(up|down)\.sql", os.path.basename(path))
        if m is None:
            sys.exit("not a migration's name: " + path)
        with open(path, encoding="utf-8") as f:
            steps.setdefault((int(m[1]), m[2]), {})[m[3]] = f.read()
    numbers = [n for n, _ in sorted(steps)]
    if numbers != list(range(1, len(numbers) + 1)):
        sys.exit("migrations must be numbered 1, 2, 3 ... without gaps: %s" % numbers)
    with open(out, "w", encoding="utf-8") as f:
        f.write('/* Made by migrations/embed.py. */\n#include "portcullis/store.h"\n\n')
        for (number, name), texts in sorted(steps.items()):
            for way in ("up", "down"):
                if way not in texts:
                    sys.exit("migration %06d_%s has no .%s.sql" % (number, name, way))
                f.write(array("%s_%d" % (way, number), texts[way]))
        f.write("static const struct store_migration list[] = {\n")
        for number, name in sorted(steps):
            f.write('    {%d, "%s", up_%d, down_%d},\n' % (number, name, number, number))
        f.write("};\n\nconst struct store_migration *store_migrations(size_t *ret_count)\n{\n"
                "    *ret_count = sizeof(list) / sizeof(list[0]);\n    return list;\n}\n")


main()
