#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that no compiler checks; STYLE.md says why they exist.

usage: lint.py [ROOT]        check the tree, print path:line: rule: what is wrong
       lint.py --self-test   check the checks: every rule must find its bad snippet

Standard library only. The order of the rooms is read from the tree drawn in
ARCHITECTURE.md, so the drawing and the code cannot drift apart. A function over
the limit is allowed when the comment above it contains "lint: table".
"""

import pathlib
import re
import sys
import tempfile

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
DOOR_LINES_MAX = 400
STRUCT_LINES_MAX = 80
PARAMETERS_MAX = 6
COLUMNS_MAX = 100
PURPOSE_LINES_MIN = 2  # and the blank one under the SPDX line

CODE_SUFFIXES = {".c", ".h", ".py", ".sh", ".js", ".mjs", ".css", ".sql", ".build"}
SKIPPED_FOLDERS = {"node_modules", "__pycache__", "corpus"}

# Headers through which core would touch the world. time.h and unistd.h have no pure use.
WORLD_HEADERS = re.compile(
    r"^(uv|libpq-fe|pthread|threads|time|unistd|fcntl|signal|poll|netdb|dirent|syslog|errno"
    r"|locale)\.h$|^(sys|netinet|arpa|net|linux)/|^mbedtls/(?!sha256\.h$)"
)
WORLD_CALLS = re.compile(
    r"\b(getenv|setenv|rand|srand|random|srandom|drand48|getrandom|clock|time|clock_gettime"
    r"|gettimeofday|printf|puts|putchar|fputs|fputc|fwrite|fprintf|vprintf|vfprintf|perror|fopen"
    r"|system|popen|setlocale|exit|_exit)\s*\("
)
# The one place where core may speak, because the process ends there.
LAST_WORDS = "src/core/base/err.c"
BANNED_CALLS = re.compile(
    r"\b(strcpy|strcat|stpcpy|strncpy|strncat|sprintf|vsprintf|strtok|strtok_r|gets|atoi|atol"
    r"|atoll|atof|alloca|tmpnam|mktemp)\s*\("
)
STATEMENT = re.compile(r"\b(if|for|while|switch)\s*\(")
MUTABLE_GLOBAL = re.compile(r"^(?:static|_Thread_local|extern)\s+(?!.*\bconst\b)[^()]*(?:=.*|;\s*)$")
TODO = re.compile(r"\b(TODO|FIXME|HACK)\b(?!\(#\d+\))")
# Written in two pieces so that this file may be checked like any other.
FORBIDDEN_WORDS = ["/wo" "rk/", "deb.deb" "ian.org", "registry.npm" "js", "pypi" ".org"]
C_PIECES = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)


class Tree:
    """The files of a source tree and what was found wrong with them."""

    def __init__(self, root):
        self.root = root
        self.found = []
        self.order = room_order(root)

    def say(self, path, line, rule, text):
        self.found.append((str(path.relative_to(self.root)), line, rule, text))

    def files(self):
        yield from self.walk(self.root)

    def walk(self, folder):
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.is_symlink():
                continue
            if path.is_dir():
                is_build = folder == self.root and path.name.startswith("build")
                if path.name not in SKIPPED_FOLDERS and not is_build:
                    yield from self.walk(path)
            else:
                yield path


def room_order(root):
    """Rooms in the order of ARCHITECTURE.md: names indented by four under core/ and io/."""
    order = {"core": [], "io": []}
    side = None
    text = (root / "ARCHITECTURE.md").read_text() if (root / "ARCHITECTURE.md").exists() else ""
    for line in text.splitlines():
        if match := re.match(r"^  (\w+)/", line):
            side = match[1]
        elif (match := re.match(r"^    (\w+)/", line)) and side in order:
            order[side].append(match[1])
        elif not line.startswith(" "):
            side = None
    return order["core"], order["io"]


def check(root):
    tree = Tree(root)
    core, io = tree.order
    if "base" not in core or "store" not in io:
        tree.found.append(("ARCHITECTURE.md", 1, "room-order", "the tree of rooms is not readable"))
    for path in tree.files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        check_words(tree, path, text)
        if path.suffix in CODE_SUFFIXES or path.name in ("check", "quickstart"):
            check_any_code(tree, path, text)
        if path.suffix in (".c", ".h"):
            check_c(tree, path, text)
    return sorted(tree.found)


# ---- every text -----------------------------------------------------------------------------


def check_words(tree, path, text):
    for mark in re.finditer(r"^(<{7}|>{7}) ", text, re.MULTILINE):
        number = text.count("\n", 0, mark.start()) + 1
        tree.say(path, number, "conflict", "a merge was not finished here")
    for word in FORBIDDEN_WORDS:
        for number, line in enumerate(text.splitlines(), 1):
            if word in line:
                tree.say(path, number, "foreign", f"the repository speaks of itself only: {word}")


def check_any_code(tree, path, text):
    lines = text.splitlines()
    if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
        tree.say(path, 1, "header", "SPDX-License-Identifier: Apache-2.0 is missing")
    is_door = path.parent.name == "portcullis" and path.suffix == ".h"
    lines_max = DOOR_LINES_MAX if is_door else FILE_LINES_MAX
    if len(lines) > lines_max:
        tree.say(path, lines_max, "file-length", f"{len(lines)} lines; at most {lines_max}")
    for number, line in enumerate(lines, 1):
        if TODO.search(line) and path.name != "lint.py":
            tree.say(path, number, "todo", "needs an issue number: TODO(#12)")
        if line != line.rstrip():
            tree.say(path, number, "blank", "blanks at the end of the line")


# ---- C --------------------------------------------------------------------------------------


def check_c(tree, path, text):
    code = without_comments(text)
    lines = text.splitlines()
    check_purpose(tree, path, text)
    check_lines(tree, path, lines, code.splitlines())
    check_comments(tree, path, text)
    check_includes(tree, path, lines)
    check_braces(tree, path, code)
    check_functions(tree, path, lines, code.splitlines())
    check_structs(tree, path, code.splitlines())
    check_registered(tree, path)
    relative = str(path.relative_to(tree.root))
    if is_core(tree, path):
        check_purity(tree, path, code.splitlines(), relative == LAST_WORDS)


def without_comments(text):
    """Comments and the insides of literals become blanks; line numbers stay."""

    def blank(match):
        piece = match[0]
        if piece[0] in "\"'":
            return piece[0] + " " * (len(piece) - 2) + piece[0]
        return re.sub(r"[^\n]", " ", piece)

    return C_PIECES.sub(blank, text)


def check_purpose(tree, path, text):
    match = re.match(r"/\* SPDX-License-Identifier: Apache-2\.0\n(.*?)\*/", text, re.DOTALL)
    purpose = match[1] if match else ""
    said = [line for line in purpose.splitlines() if line.strip(" *")]
    if len(said) < PURPOSE_LINES_MIN:
        tree.say(path, 1, "header", "after the SPDX line, say in 3-12 lines what the file is for")


def check_lines(tree, path, lines, code):
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            tree.say(path, number, "columns", f"{len(line)} columns; at most {COLUMNS_MAX}")
        if "\t" in line:
            tree.say(path, number, "blank", "a tab; indent by four blanks")
    for number, line in enumerate(code, 1):
        if match := BANNED_CALLS.search(line):
            tree.say(path, number, "banned", f"{match[1]}() is not used here")
        if re.match(r"\s*typedef\b", line):
            tree.say(path, number, "banned", "no typedef: say struct or enum")
        if re.match(r"#\s*include\s*<assert\.h>", line):
            tree.say(path, number, "banned", "assert.h: use ASSERT of base")


def check_comments(tree, path, text):
    for match in C_PIECES.finditer(text):
        if match[0].startswith("//"):
            tree.say(path, text.count("\n", 0, match.start()) + 1, "comment", "write /* */")


def check_braces(tree, path, code):
    """Whatever if, for, while and else govern stands in braces."""
    code = code.replace("\\\n", " \n")  # a macro continues
    for match in STATEMENT.finditer(code):
        end = matching_parenthesis(code, match.end() - 1)
        after = code[end:].lstrip()
        line_start = code.rfind("\n", 0, match.start()) + 1
        is_macro = code[line_start:].lstrip().startswith("#")
        is_do = match[1] == "while" and code[line_start : match.start()].strip() == "}"
        if not after.startswith("{") and not is_macro and not is_do:
            number = code.count("\n", 0, match.start()) + 1
            tree.say(path, number, "braces", f"{match[1]} without braces")
    for match in re.finditer(r"\belse\b(?!\s*(\{|if\b))", code):
        line_start = code.rfind("\n", 0, match.start()) + 1
        if not code[line_start:].lstrip().startswith("#"):
            tree.say(path, code.count("\n", 0, match.start()) + 1, "braces", "else without braces")


def matching_parenthesis(code, at):
    depth = 0
    while at < len(code):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        at += 1
        if depth == 0:
            break
    return at


def check_functions(tree, path, lines, code):
    """A definition is a "{" alone in the first column, up to the next "}" there."""
    opened = None
    for index, line in enumerate(code):
        if line.rstrip() == "{":
            opened = index
        elif line.rstrip() == "}" and opened is not None:
            start, signature = signature_above(code, opened)
            body = index - opened - 1
            if body > FUNCTION_LINES_MAX and not is_marked(lines, start, "table"):
                tree.say(path, start + 1, "function-length",
                         f"{body} lines; at most {FUNCTION_LINES_MAX}")
            count = parameter_count(signature)
            if count > PARAMETERS_MAX and not is_marked(lines, start, "signature"):
                tree.say(path, start + 1, "parameters", f"{count}; at most {PARAMETERS_MAX}")
            opened = None


def signature_above(code, opened):
    start = opened
    while start > 0 and code[start - 1].strip() and not code[start - 1].rstrip().endswith(("}", ";")):
        if code[start - 1].startswith("#"):
            break
        start -= 1
    return start, " ".join(code[start:opened])


def is_marked(lines, start, mark):
    """A comment right above the definition says "lint: mark"."""
    at = start - 1
    while at >= 0 and lines[at].strip():
        if f"lint: {mark}" in lines[at]:
            return True
        if lines[at].lstrip().startswith("/*"):
            return False
        at -= 1
    return False


def parameter_count(signature):
    # Attributes in front have parentheses of their own.
    signature = re.sub(r"__attribute__\s*\(\(.*?\)\)\)?", "", signature)
    at = signature.find("(")
    if at < 0:
        return 0
    inside = signature[at + 1 : matching_parenthesis(signature, at) - 1]
    depth = 0
    commas = 0
    for c in inside:
        depth += {"(": 1, ")": -1}.get(c, 0)
        commas += c == "," and depth == 0
    return commas + 1 if inside.strip() else 0


def check_structs(tree, path, code):
    opened = None
    for index, line in enumerate(code):
        if re.match(r"(static\s+|const\s+)*(struct|union)\b[^;=()]*\{\s*$", line):
            opened = index
        elif line.startswith("}") and opened is not None:
            if index - opened - 1 > STRUCT_LINES_MAX:
                tree.say(path, opened + 1, "struct-length",
                         f"{index - opened - 1} lines; at most {STRUCT_LINES_MAX}")
            opened = None


# ---- rooms ----------------------------------------------------------------------------------


def room_of(tree, path):
    """(side, room) of a source file or door; (None, None) elsewhere."""
    parts = path.relative_to(tree.root).parts
    core, io = tree.order
    if parts[:1] == ("src",) and len(parts) > 3 and parts[1] in ("core", "io"):
        return parts[1], parts[2]
    if parts[:1] == ("src",) and parts[1] in ("cli", "main.c"):
        return "cli", "cli"
    if parts[:2] == ("include", "portcullis"):
        return ("core", path.stem) if path.stem in core else ("io", path.stem)
    return None, None


def is_core(tree, path):
    return room_of(tree, path)[0] == "core"


def check_includes(tree, path, lines):
    side, room = room_of(tree, path)
    if side is None:
        return
    core, io = tree.order
    doors = core + io + ["cli"]
    if room not in doors:
        tree.say(path, 1, "room-order", f"{room} is not a room of ARCHITECTURE.md")
        return
    for number, line in enumerate(lines, 1):
        match = re.match(r'#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        bracket, name = match[1], match[2]
        if door := re.match(r"portcullis/(\w+)\.h$", name):
            if door[1] not in doors or doors.index(door[1]) > doors.index(room):
                tree.say(path, number, "room-order", f"{room} may not include {name}: it is below")
        elif bracket == '"' and not (path.parent / name).exists():
            tree.say(path, number, "room-order", f"{name} is not beside this file: use a door")
        elif bracket == '"' and ".." in name:
            tree.say(path, number, "room-order", f"{name} goes around a door")
        if bracket == "<" and side == "core" and WORLD_HEADERS.match(name):
            tree.say(path, number, "purity", f"core may not include <{name}>")


def check_purity(tree, path, code, has_last_words):
    for number, line in enumerate(code, 1):
        if has_last_words:
            break
        if match := WORLD_CALLS.search(line):
            tree.say(path, number, "purity", f"core may not call {match[1]}()")
        elif re.search(r"\b(stdout|stderr|stdin|errno|_GNU_SOURCE)\b", line):
            tree.say(path, number, "purity", "core has no streams, no errno, no GNU extensions")
        elif path.suffix == ".c" and MUTABLE_GLOBAL.match(line):
            tree.say(path, number, "purity", "core has no mutable globals")


# ---- registration ---------------------------------------------------------------------------


def check_registered(tree, path):
    """Every C file is named in the meson.build of its folder or of one above it."""
    if path.suffix != ".c" or path.relative_to(tree.root).parts[0] not in ("src", "tests", "bench"):
        return
    stem = re.sub(r"_(fuzz|bench)$", "", path.stem)
    folder = path.parent
    while folder != tree.root.parent:
        build = folder / "meson.build"
        if build.exists():
            listed = re.findall(r"'([^']*)'", build.read_text())
            if str(path.relative_to(folder)) in listed or (stem != path.stem and stem in listed):
                break
        folder = folder.parent
    else:
        tree.say(path, 1, "registered", "no meson.build lists this file, so nothing builds it")
    if path.name.endswith("_fuzz.c"):
        corpus = path.parent / "corpus" / stem
        if not corpus.is_dir() or not any(corpus.iterdir()):
            tree.say(path, 1, "registered", f"corpus/{stem} has no inputs")


# ---- the checks checked ---------------------------------------------------------------------

HEADER = "/* SPDX-License-Identifier: Apache-2.0\n *\n * One.\n * Two.\n * Three.\n */\n"
GOOD = HEADER + """#include "portcullis/base.h"

static const char *const names[] = {"a", "time(", "printf("};

/* A comment that says rand() and strcpy(). */
int base_one(int a, void (*f)(int, int, int))
{
    if (a) {
        do {
            a--;
        } while (a);
    } else if (f) {
        return names[0][0];
    }
    return 0;
}
"""
DRAWING = "```\nsrc/\n  core/   PURE\n    base/  a\n    wire/  b\n  ---\n  io/\n    store/ c\n```\n"
LONG = "    a = 1;\n"

# (rule, file, text or lines put behind the good text)
BAD = [
    ("conflict", "src/core/base/x.c", "<" * 7 + " HEAD\n"),
    ("conflict", "src/docs/x.md", "a\n" + ">" * 7 + " other\n"),
    ("room-order", "src/core/base/x.c", '#include "portcullis/wire.h"\n'),
    ("room-order", "src/core/base/x.c", '#include "portcullis/store.h"\n'),
    ("room-order", "src/core/wire/x.c", '#include "../base/private.h"\n'),
    ("room-order", "include/portcullis/wire.h", '#include "portcullis/store.h"\n'),
    ("room-order", "src/core/cellar/x.c", ""),
    ("purity", "src/core/base/x.c", "#include <uv.h>\n"),
    ("purity", "src/core/base/x.c", "#include <sys/socket.h>\n"),
    ("purity", "src/core/base/x.c", "#include <time.h>\n"),
    ("purity", "src/core/base/x.c", "#include <mbedtls/ssl.h>\n"),
    ("purity", "src/core/base/x.c", "int f(void)\n{\n    return rand();\n}\n"),
    ("purity", "src/core/base/x.c", "int f(void)\n{\n    return time (0);\n}\n"),
    ("purity", "src/core/base/x.c", 'int f(void)\n{\n    return printf("x");\n}\n'),
    ("purity", "src/core/base/x.c", 'int f(void)\n{\n    return !getenv("HOME");\n}\n'),
    ("purity", "src/core/base/x.c", "static int calls;\n"),
    ("purity", "src/core/base/x.c", "static int calls = 3;\n"),
    ("banned", "src/io/store/x.c", "int f(char *a)\n{\n    return atoi(a);\n}\n"),
    ("banned", "src/io/store/x.c", "void f(char *a)\n{\n    strcpy(a, a);\n}\n"),
    ("banned", "src/io/store/x.c", "#include <assert.h>\n"),
    ("banned", "src/io/store/x.c", "typedef int number;\n"),
    ("braces", "src/io/store/x.c", "int f(int a)\n{\n    if (a)\n        a = 1;\n    return a;\n}\n"),
    ("braces", "src/io/store/x.c", "int f(int a)\n{\n    if (a) {\n    } else\n        a = 1;\n}\n"),
    ("braces", "src/io/store/x.c", "int f(int a)\n{\n    while (a)\n        a--;\n    return a;\n}\n"),
    ("function-length", "src/io/store/x.c", "void f(int a)\n{\n" + LONG * 71 + "}\n"),
    ("struct-length", "src/io/store/x.c", "struct s {\n" + "    int a;\n" * 81 + "};\n"),
    ("parameters", "src/io/store/x.c", "void f(int a, int b, int c, int d,\n       int e, int f, int g)\n{\n}\n"),
    ("file-length", "src/io/store/x.c", "int a;\n" * 600),
    ("file-length", "include/portcullis/wire.h", "int a;\n" * 400),
    ("columns", "src/io/store/x.c", "int " + "a" * 100 + ";\n"),
    ("blank", "src/io/store/x.c", "int a; \n"),
    ("blank", "src/io/store/x.c", "\tint a;\n"),
    ("comment", "src/io/store/x.c", "int a; // why\n"),
    ("todo", "src/io/store/x.c", "/* TO" "DO: later */\n"),
    ("foreign", "README.md", "see " + FORBIDDEN_WORDS[0] + "notes\n"),
    ("foreign", "docs.txt", "get it from " + FORBIDDEN_WORDS[3] + "\n"),
    ("header", "src/io/store/x.c", None),
    ("header", "src/io/store/x.py", None),
    ("registered", "tests/unit/base/lost_test.c", ""),
    ("registered", "tests/fuzz/lost_fuzz.c", ""),
]
ALLOWED = [
    ("src/io/store/x.c", "/* lint: table */\nvoid f(int a)\n{\n" + LONG * 71 + "}\n"),
    ("src/io/store/x.c", "void f(int a)\n{\n" + LONG * 70 + "}\n"),
    ("src/io/store/x.c", "/* lint: signature */\nvoid f(int a, int b, int c, int d,\n       int e, int f, int g)\n{\n}\n"),
    ("src/io/store/x.c", "/* TO" "DO(#12): later */\n"),
    ("src/io/store/x.c", '#include "portcullis/wire.h"\n#include <uv.h>\nstatic int calls;\n'),
    ("src/core/wire/x.c", '#include "portcullis/base.h"\n#include <mbedtls/sha256.h>\n'),
]


def self_test():
    failures = 0
    for rule, name, text in BAD:
        rules = {found[2] for found in check_snippet(name, text)}
        if rule not in rules:
            failures += 1
            print(f"self-test: {rule} does not find {text!r} in {name} (found {sorted(rules)})")
    for name, text in [("src/core/base/x.c", "")] + ALLOWED:
        for found in check_snippet(name, text):
            failures += 1
            print(f"self-test: {found} in a good file {name}")
    print(f"{len(BAD)} bad and {len(ALLOWED) + 1} good snippets, {failures} judged wrongly")
    return failures


def check_snippet(name, text):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "ARCHITECTURE.md").write_text(DRAWING)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        is_listed = "lost" not in name
        listed = f"files('{path.name}')\n" if is_listed and path.suffix == ".c" else ""
        build = "# SPDX-License-Identifier: Apache-2.0\n" + listed
        (path.parent / "meson.build").write_text(build)
        path.write_text("int a;\n" if text is None else GOOD + text)
        return check(root)


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parents[2]
    found = check(root.resolve())
    for path, line, rule, text in found:
        print(f"{path}:{line}: {rule}: {text}")
    print(f"{len(found)} found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
