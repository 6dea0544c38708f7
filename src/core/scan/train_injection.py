#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the linear model of injection.c and writes model_weights.c.

usage: train_injection.py OUT.c FOLDER [BENIGN ...]

FOLDER holds data sets of injection attempts: *.csv with text,label (1 = attempt) and
*.json lists of jailbreak prompts. BENIGN is a json list of {"full_text"}, or a folder
whose *.py docstrings and text files' paragraphs count as ordinary writing: without long
and technical ones, everything long and technical looks like an attack.
Logistic regression on binary features of unit length, AdaGrad with L2, classes
balanced, a fixed seed. The features are those of injection.c, bit for bit. Prints
figures on the csv's test file, which it does not train on. Standard library only.
"""

import ast
import csv
import json
import math
import pathlib
import random
import re
import sys
import unicodedata

FEATURES = 32768
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
MASK = 0xFFFFFFFF

# Ordinary requests that hold the words attacks are made of: none of them is one.
BENIGN = """How do I ignore case in a regular expression?|Please act as soon as possible on this ticket.
Forget about the meeting, can you draft an apology email?|What does the system prompt say about refunds in our FAQ?
Translate the instructions above the washing machine into English.|Explain what a prompt injection attack is and how to prevent it.
Write a new task description for our Jira board.|You are now subscribed, thanks! How do I cancel?
Summarise the previous chapter for me.|The new instructions for assembling the desk are confusing, help me.
What is the role of the assistant manager in a bank?|Show me the rules of chess.
Tell me how to override a method in Java.|How can I disregard null values in SQL?
Print the first ten lines of a file in bash.|Repeat the exercise with a heavier weight, is that a good idea?
How do I bypass the cache when loading a page in Chrome?|What are the best instructions for cooking rice?
Imagine you are on a beach; describe the view for a travel brochure.|Start with a joke and then explain photosynthesis.
Pretend play ideas for toddlers?|My developer mode on Android does not turn on.
How do I reset my password and what are the rules for a good one?|Ignore the typos, please proofread my essay.
Which restrictions apply to carrying liquids on a plane?|How do I jailbreak-proof a company phone?
Can you reveal the ending of the film?|Write a story about a hacker who forgets everything.
From now on I want to eat healthier, any tips?|Give me an example of a system message in the chat API.
What does the sudo command do?|Let's forget the diet and bake a cake. Recipe?
Please answer in German: what is the capital of France?|Respond with a table of the planets.
Kannst du mir die neue Aufgabe in Mathe erklären?|Ich möchte, dass die Heizung um sechs Uhr angeht, wie stelle ich das ein?
Wie vergesse ich meine Ex?|Schreibe mir eine Bewerbung als Koch.
Was sind die Regeln beim Fußball?|Ignorieren Katzen ihre Besitzer?
Act one of Hamlet: summary please.|Do anything you can to shorten this paragraph.
Debug mode in gdb: how do I print a variable?|What happens if I ignore a parking ticket?
The assistant must be at the venue by nine; write the mail.|List all prompts for journaling.
Say thank you in Japanese.|Explain the difference between authentication and authorisation.
Is it possible to disable the safety catch on this drill for cleaning?|Write unit tests for this function.
Draft a privacy policy for an online shop.|Which instructions does RISC-V have?"""


def words_of(text):
    folded = "".join(
        c if ord(c) < 128 else unicodedata.normalize("NFKD", c).casefold() for c in text
    )
    data = folded.encode("utf-8", "ignore")
    return [w.lower()[:32] for w in re.findall(rb"[A-Za-z0-9\x80-\xff]+", data)]


def hash_of(h, data):
    for b in data:
        h = ((h ^ b) * 16777619) & MASK
    return h


def features_of(text):
    found = set()
    previous = 0
    for word in words_of(text):
        h = hash_of(2166136261, word)
        hashes = [h]
        if previous:
            hashes.append(hash_of(previous, word) ^ 0x5BD1E995)
        if len(word) > 4:
            hashes += [hash_of(0x9747B28C, word[i : i + 4]) for i in range(len(word) - 3)]
        found.update((x ^ x >> 15) % FEATURES for x in hashes)
        previous = hash_of(h, b" ")
    return sorted(found)


def read_folder(folder, benign):
    train, test = [], []
    for path in sorted(pathlib.Path(folder).rglob("*.csv")):
        rows = [(r["text"], int(r["label"])) for r in csv.DictReader(path.open(encoding="utf-8"))]
        (test if path.stem == "test" else train).extend(rows)
    for path in sorted(pathlib.Path(folder).rglob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        texts = data if isinstance(data, list) else sum(
            (v for v in data.values() if isinstance(v, list)), [])
        texts = [t for t in texts if isinstance(t, str) and len(t) > 20]
        if path.name.startswith("whois"):
            continue
        train += [(t[:4000], 1) for t in texts]
    for path in benign:
        train += [(text, 0) for text in read_benign(pathlib.Path(path))]
    train += [(t, 0) for t in re.split(r"[|\n]", BENIGN)] * 2
    return train, test


def read_benign(path):
    if path.suffix == ".json":
        return [row["full_text"] for row in json.loads(path.read_text(encoding="utf-8"))[::3]]
    texts = []
    for file in sorted(path.rglob("*")):
        if not file.is_file() or file.stat().st_size > 1000000:
            continue
        try:
            body = file.read_text(encoding="utf-8")
            if file.suffix == ".py":
                nodes = [n for n in ast.walk(ast.parse(body))
                         if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef))]
                found = [ast.get_docstring(n) or "" for n in nodes]
            else:
                found = re.split(r"\n\s*\n", body) if file.suffix in ("", ".txt", ".md") else []
        except (UnicodeDecodeError, SyntaxError, ValueError):
            continue
        texts += [t[:3000] for t in found if len(t) > 80]
    random.Random(5).shuffle(texts)
    return texts[:6000]


def fit(rows, rounds=25, rate=0.6, l2=2e-5):
    data = [(features_of(t), y) for t, y in rows]
    positive = sum(y for _, y in data)
    weight = {1: 0.5 * len(data) / positive, 0: 0.5 * len(data) / (len(data) - positive)}
    w, seen = [0.0] * FEATURES, [1e-6] * FEATURES
    bias, bias_seen = 0.0, 1e-6
    dice = random.Random(7)
    for _ in range(rounds):
        dice.shuffle(data)
        for x, y in data:
            unit = 1 / max(len(x), 1) ** 0.5
            z = bias + unit * sum(w[i] for i in x)
            slope = (1 / (1 + math.exp(-max(-30, min(30, z)))) - y) * weight[y]
            bias_seen += slope * slope
            bias -= rate * slope / bias_seen**0.5
            for i in x:
                g = slope * unit + l2 * w[i]
                seen[i] += g * g
                w[i] -= rate * g / seen[i] ** 0.5
    return w, bias


def score(w, bias, text):
    f = features_of(text)
    z = bias + sum(w[i] for i in f) / max(len(f), 1) ** 0.5
    return 1 / (1 + math.exp(-max(-30, min(30, z))))


def main():
    train, test = read_folder(sys.argv[2], sys.argv[3:])
    w, bias = fit(train)
    scale = sorted(abs(v) for v in w)[int(FEATURES * 0.9995)] / 31
    q = [max(-32, min(31, round(v / scale))) for v in w]
    got = [(score([v * scale for v in q], bias, t), y) for t, y in test]
    hits = sum(s >= 0.5 and y for s, y in got)
    false = sum(s >= 0.5 and not y for s, y in got)
    print(f"train {len(train)}, test {len(test)}: recall {hits / max(1, sum(y for _, y in got)):.2f},"
          f" false positives {false} of {sum(not y for _, y in got)}")
    text = "".join(ALPHABET[v + 32] for v in q)
    rows = [text[i : i + 92] for i in range(0, FEATURES, 92)]
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write(HEAD % (bias, scale))
        out.write("".join(f'    "{r}",\n' for r in rows))
        out.write(TAIL)


HEAD = """/* SPDX-License-Identifier: Apache-2.0
 *
 * Generated by train_injection.py; do not edit. One character for each hashed feature,
 * base 64, 32 = nothing. See injection.c for what the features are.
 */
#include "model.h"

const double model_bias = %.6f;
const double model_scale = %.6f;

#define ROW 92U
static const char *const rows[] = {
"""

TAIL = """};

int model_weight(uint32_t at)
{
    char c = rows[at / ROW][at % ROW];
    int v = c >= 'A' && c <= 'Z'   ? c - 'A'
            : c >= 'a' && c <= 'z' ? c - 'a' + 26
            : c >= '0' && c <= '9' ? c - '0' + 52
            : c == '+'             ? 62
                                   : 63;
    return v - 32;
}
"""

main()
