/* SPDX-License-Identifier: Apache-2.0
 *
 * A text that is scanned in steps has the findings that it has when it is scanned at
 * once, for every view and every size of the steps; findings grow to their bound; and
 * the literals' database is taken from stored bytes only when they are right.
 */
#include "scan_test.h"
#include <stdlib.h>

static struct scan_world w;

static const struct scan_term terms[] = {
    {.text = STR_INIT("secret project"), .id = 1},
    {.text = STR_INIT("falcon"), .id = 2},
    {.text = STR_INIT("xyzzy"), .id = 3, .is_substring = true},
    {.text = STR_INIT("\xc3\x89t\xc3\xa9"), .id = 4},
    {.text = STR_INIT("/ab[0-9]{2,4}c?/"), .id = 5},
    {.text = STR_INIT("#tag"), .id = 6},
    {.text = STR_INIT("Acme"), .id = 7, .is_case_sensitive = true},
};
#define TERMS (sizeof(terms) / sizeof(terms[0]))

static const char *const pieces[] = {
    "mail jane.doe@example.com now ",
    "4111 1111 1111 1111 ",
    "call +44 20 7946 0958, ",
    "the secret pro",
    "ject falcon ",
    "sec<b>ret</b> project; ",
    "**fal**con `x` ",
    "xxyzzy #tag Acme acme ",
    "ab123c ",
    "caf\xc3\xa9 \xc3\x89T\xc3\x89 ",
    "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93-45-6789 ",
    "p\xd0\xb0ssport 123456789 ",
    "f\xd0\xb0lcon ",
    "a%40b.example.com ",
    "jane&#64;example&#x2e;com ",
    "jane\\u0040example.com\\n ",
    "\\ud83d\\ude00 \\u00",
    "\\u",
    "bXkgc3NuIGlzIDEyMy00NS02Nzg5IG9r ",
    "WW1WNGRDQXhNak10TkRVdE5qYzRPUT09 ",
    "<!-- falcon --",
    "> ",
    "<!--",
    "-->",
    "<",
    "&",
    "%4",
    "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
    "password = hunter2!x9 ",
    "\xff\xc3 ",
    "12\xe2\x80\x8b"
    "3-45-6789 ",
    "[EMAIL_7K2MQ4ZT9B1C] ",
    "_",
    "__",
    "~~",
    ".",
    "\n",
    "the quick brown fox jumps over the lazy dog and nobody minds at all ",
};
#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

static uint64_t roll(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice;
}

static void stepped(struct str text, unsigned views, size_t bytes_max, uint64_t *dice,
                    struct scan_findings *ret)
{
    struct scan_job job;
    scan_findings_init(ret, SCAN_FINDINGS_MAX);
    scan_job_begin(&job, w.set, text, views, ret);
    enum err err;
    do {
        err = scan_job_step(&job, w.scratch, roll(dice) % bytes_max + 1);
    } while (err == ERR_AGAIN);
    assert_int_equal(err, ERR_OK);
    scan_job_fini(&job);
}

static void expect_same(struct str text, const struct scan_findings *got)
{
    bool is_same = got->count == w.found.count;
    for (size_t i = 0; i < got->count && is_same; i++) {
        const struct scan_finding *a = &got->items[i];
        const struct scan_finding *b = &w.found.items[i];
        is_same = a->start == b->start && a->end == b->end && a->id == b->id &&
                  a->kind == b->kind && a->score == b->score && a->tier == b->tier;
    }
    if (!is_same) {
        print_error("%.*s\n", STR_ARG(text));
        for (size_t i = 0; i < got->count || i < w.found.count; i++) {
            const struct scan_finding none = {0};
            const struct scan_finding *a = i < got->count ? &got->items[i] : &none;
            const struct scan_finding *b = i < w.found.count ? &w.found.items[i] : &none;
            print_error("%zu-%zu %u/%u | %zu-%zu %u/%u\n", a->start, a->end, a->kind, a->id,
                        b->start, b->end, b->kind, b->id);
        }
        fail();
    }
}

static void test_steps_change_nothing(void **state)
{
    (void)state;
    scan_world_init(&w, "all,injection_phrases", terms, TERMS);
    struct buf text;
    buf_init(&text, 1U << 20);
    uint64_t dice = 0x9e3779b97f4a7c15U;
    for (unsigned round = 0; round < 120; round++) {
        buf_clear(&text);
        size_t len = round % 10 == 0 ? 20000 : 900;
        while (text.len < len) {
            struct str piece = str_from(pieces[roll(&dice) % PIECES]);
            bool is_whole = roll(&dice) % 4 != 0;
            buf_add(&text, str_sub(piece, 0, is_whole ? piece.len : roll(&dice) % piece.len + 1));
        }
        unsigned views = round % 3 == 0 ? SCAN_VIEW_ALL : (unsigned)roll(&dice) & SCAN_VIEW_ALL;
        scan_world_scan(&w, buf_str(&text), views);
        for (unsigned k = 0; k < 3; k++) {
            struct scan_findings got;
            stepped(buf_str(&text), views, k == 0 ? 1 : k == 1 ? 300 : 5000, &dice, &got);
            expect_same(buf_str(&text), &got);
            scan_findings_fini(&got);
        }
    }
    buf_fini(&text);
    scan_world_free(&w);
}

/* Long runs: of base64, readable or not, and of what a comment never ends. */
/* Whether a view is worth reading is found out 64 bytes at a time: wherever they are cut. */
static void test_what_is_hidden_is_seen_anywhere(void **state)
{
    (void)state;
    static const struct str hidden[] = {
        STR_INIT("jane\\u0040example.com"), STR_INIT("jane%40example.com"),
        STR_INIT("jane&#64;example.com"),   STR_INIT("ja__ne__@example.com"),
        STR_INIT("ja<b>ne</b>@example.com"), STR_INIT("amFuZUBleGFtcGxlLmNvbQ=="),
    };
    scan_world_init(&w, "email", NULL, 0);
    struct buf text;
    buf_init(&text, 1U << 12);
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        for (size_t at = 0; at < 200; at++) {
            buf_clear(&text);
            for (size_t k = 0; k < 260; k++) {
                buf_add(&text, k == at ? hidden[i] : STR(" "));
            }
            w.found.count = 0;
            assert_int_equal(
                scan_text(w.set, w.scratch, buf_str(&text), SCAN_VIEW_ALL, &w.found), ERR_OK);
            assert_true(w.found.count > 0);
            assert_int_equal(w.found.items[0].end, at + hidden[i].len);
        }
    }
    buf_fini(&text);
    scan_world_free(&w);
}

static void test_long_runs(void **state)
{
    (void)state;
    scan_world_init(&w, "ssn,email", terms, TERMS);
    struct buf text;
    buf_init(&text, 1U << 20);
    static const char three[] = "WHkgMTIzLTQ1LTY3ODkgYW5k"; /* "Xy 123-45-6789 and" */
    for (unsigned i = 0; i < 1000; i++) {
        buf_add(&text, str_from(three));
    }
    uint64_t dice = 1;
    scan_world_scan(&w, buf_str(&text), SCAN_VIEW_ALL);
    /* A finding covers its block, or two: all of the run, in pieces. */
    size_t covered = 0;
    for (size_t i = 0; i < w.found.count; i++) {
        assert_true(w.found.items[i].start <= covered);
        assert_int_equal(w.found.items[i].start % 4096, 0);
        covered = w.found.items[i].end > covered ? w.found.items[i].end : covered;
    }
    assert_int_equal(covered, text.len);
    struct scan_findings got;
    stepped(buf_str(&text), SCAN_VIEW_ALL, 700, &dice, &got);
    expect_same(buf_str(&text), &got);
    scan_findings_fini(&got);
    buf_clear(&text);
    for (unsigned i = 0; i < 20000; i++) {
        buf_add(&text, STR("<!--"));
    }
    buf_add(&text, STR("-->123-45-6789"));
    scan_world_scan(&w, buf_str(&text), SCAN_VIEW_ALL);
    assert_int_equal(w.found.count, 1);
    buf_fini(&text);
    scan_world_free(&w);
}

static void test_twenty_thousand(void **state)
{
    (void)state;
    scan_world_init(&w, "email", NULL, 0);
    struct buf text;
    struct buf out;
    buf_init(&text, 1U << 22);
    buf_init(&out, 1U << 22);
    for (unsigned i = 0; i < 20000; i++) {
        buf_printf(&text, "mail u%u@example.com and say what you think of it.\n", i);
    }
    assert_true(text.len > 1000000);
    struct scan_findings got;
    uint64_t dice = 7;
    stepped(buf_str(&text), SCAN_VIEW_FOLD, 65536, &dice, &got);
    assert_int_equal(got.count, 20000);
    assert_false(got.is_truncated);
    assert_int_equal(scan_rewrite(&w.plan, &w.keys, buf_str(&text), &got, &out), ERR_OK);
    assert_int_equal(str_find(buf_str(&out), '@'), -1);
    scan_findings_fini(&got);
    /* One more than the bound allows: said, not swallowed. */
    scan_findings_init(&got, 19999);
    assert_int_equal(scan_text(w.set, w.scratch, buf_str(&text), 0, &got), ERR_LIMIT);
    assert_true(got.is_truncated);
    scan_findings_fini(&got);
    buf_fini(&text);
    buf_fini(&out);
    scan_world_free(&w);
}

/* Findings of all views, out of order and many: they are put in order in steps too, each of
 * which moves a bounded number of them. */
static void test_many_are_sorted_in_steps(void **state)
{
    (void)state;
    static const size_t steps[] = {1000, 65536, (size_t)1 << 22};
    scan_world_init(&w, "email,ssn", terms, TERMS);
    struct buf text;
    buf_init(&text, 1U << 22);
    for (unsigned i = 0; i < 8000; i++) {
        buf_printf(&text, "falcon u%u@a.io <b>xy</b>zzy f\xd0\xb0lcon ", i);
    }
    struct scan_findings whole;
    scan_findings_init(&whole, SCAN_FINDINGS_MAX);
    assert_int_equal(scan_text(w.set, w.scratch, buf_str(&text), SCAN_VIEW_ALL, &whole), ERR_OK);
    assert_true(whole.count >= 32000);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct scan_findings got;
        struct scan_job job;
        size_t sorting = 0;
        enum err err;
        scan_findings_init(&got, SCAN_FINDINGS_MAX);
        scan_job_begin(&job, w.set, buf_str(&text), SCAN_VIEW_ALL, &got);
        do {
            err = scan_job_step(&job, w.scratch, steps[i]);
            sorting += job.sorting != NULL ? 1 : 0;
        } while (err == ERR_AGAIN);
        assert_int_equal(err, ERR_OK);
        scan_job_fini(&job);
        assert_true(sorting >= 2);
        assert_int_equal(got.count, whole.count);
        for (size_t k = 0; k < got.count; k++) {
            assert_int_equal(got.items[k].start, whole.items[k].start);
            assert_int_equal(got.items[k].end, whole.items[k].end);
            assert_int_equal(got.items[k].id, whole.items[k].id);
            assert_int_equal(got.items[k].kind, whole.items[k].kind);
            assert_int_equal(got.items[k].score, whole.items[k].score);
        }
        scan_findings_fini(&got);
    }
    /* Given up in the middle: nothing is lost (sanitizers look). */
    struct scan_findings left;
    struct scan_job job;
    scan_findings_init(&left, SCAN_FINDINGS_MAX);
    scan_job_begin(&job, w.set, buf_str(&text), SCAN_VIEW_ALL, &left);
    while (job.sorting == NULL) {
        assert_int_equal(scan_job_step(&job, w.scratch, 65536), ERR_AGAIN);
    }
    scan_job_fini(&job);
    scan_findings_fini(&left);
    scan_findings_fini(&whole);
    buf_fini(&text);
    scan_world_free(&w);
}

static size_t count_with(const struct scan_spec *spec, struct str text)
{
    struct scan_set *set;
    struct issue issue;
    assert_int_equal(scan_set_new(w.engine, spec, &set, &issue), ERR_OK);
    assert_int_equal(scan_scratch_fit(w.scratch, set), ERR_OK);
    assert_int_equal(scan_scratch_fit(w.scratch, NULL), ERR_OK); /* rules without patterns */
    w.found.count = 0;
    assert_int_equal(scan_text(set, w.scratch, text, 0, &w.found), ERR_OK);
    scan_set_free(set);
    return w.found.count;
}

static void test_database(void **state)
{
    (void)state;
    scan_world_init(&w, "", NULL, 0);
    struct scan_spec spec = {.terms = terms, .terms_count = TERMS};
    struct buf source;
    struct buf same;
    struct buf database;
    struct issue issue;
    buf_init(&source, 1U << 20);
    buf_init(&same, 1U << 20);
    buf_init(&database, 1U << 24);
    assert_int_equal(scan_terms_source(&spec, &source, &issue), ERR_OK);
    assert_true(source.len > 0);
    struct scan_term turned[TERMS];
    for (size_t i = 0; i < TERMS; i++) {
        turned[i] = terms[TERMS - 1 - i];
        turned[i].id += 100; /* who looks for it is no part of it */
    }
    struct scan_spec other = {.terms = turned, .terms_count = TERMS};
    assert_int_equal(scan_terms_source(&other, &same, &issue), ERR_OK);
    assert_true(str_eq(buf_str(&source), buf_str(&same)));
    assert_int_equal(scan_terms_compile(buf_str(&source), &database, &issue), ERR_OK);
    struct str text = STR("the secret project falcon xxyzzyx #tag acme Acme ab12");
    size_t wanted = count_with(&spec, text);
    assert_int_equal(wanted, 6);
    spec.database = buf_str(&database);
    assert_int_equal(count_with(&spec, text), wanted);
    /* Of other terms, cut off, or with one bit turned: compiled again, same findings. */
    other.terms_count = TERMS - 1;
    other.database = buf_str(&database);
    assert_true(count_with(&other, text) > 0);
    for (size_t i = 0; i < database.len; i += database.len / 97 + 1) {
        database.ptr[i] = (char)(database.ptr[i] ^ 4);
        spec.database = buf_str(&database);
        assert_int_equal(count_with(&spec, text), wanted);
        database.ptr[i] = (char)(database.ptr[i] ^ 4);
        spec.database = str_sub(buf_str(&database), 0, i);
        assert_int_equal(count_with(&spec, text), wanted);
    }
    assert_int_equal(scan_terms_compile(STR("rubbish"), &database, &issue), ERR_INVALID);
    assert_int_equal(scan_terms_compile(STR("terms 1\n\x00\x00"), &database, &issue), ERR_INVALID);
    assert_true(scan_terms_platform().len > 0);
    buf_fini(&source);
    buf_fini(&same);
    buf_fini(&database);
    scan_world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_change_nothing),
        cmocka_unit_test(test_what_is_hidden_is_seen_anywhere),
        cmocka_unit_test(test_long_runs),
        cmocka_unit_test(test_twenty_thousand),
        cmocka_unit_test(test_many_are_sorted_in_steps),
        cmocka_unit_test(test_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
