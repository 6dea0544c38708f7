/* SPDX-License-Identifier: Apache-2.0
 *
 * The sieve reads a stream in every view that a whole text is read in: look-alikes, markup
 * taken out, encodings undone. For every cut it gives the bytes of the whole, tells the same
 * findings with the same scores, and holds no more than is said.
 */
#include "scan_test.h"

#include <stdio.h>
#include <stdlib.h>

static const struct scan_term terms[] = {
    {.text = STR_INIT("secret project"), .id = 1},
    {.text = STR_INIT("falcon"), .id = 2},
    {.text = STR_INIT("secret"), .id = 3},
    {.text = STR_INIT("xyzzy"), .id = 4, .is_substring = true},
    {.text = STR_INIT("/ab[0-9]{2,4}c?/"), .id = 5},
    {.text = STR_INIT("/(?:no )+way/"), .id = 6},
};
#define TERMS (sizeof(terms) / sizeof(terms[0]))
#define FOUND_MAX 20000U

struct world {
    struct scan_world scan;
    struct buf wanted, out;
    struct scan_finding items[FOUND_MAX];
    struct scan_findings found;
    size_t held_max;
};

static void world_init(struct world *w, const char *types, enum scan_action_kind kind)
{
    scan_world_init(&w->scan, types, terms, TERMS);
    w->scan.action.kind = kind;
    w->scan.action.format = STR("<{TYPE} {N} {HASH8}>");
    buf_init(&w->wanted, 16U << 20);
    buf_init(&w->out, 16U << 20);
    w->found = (struct scan_findings){.items = w->items, .capacity = FOUND_MAX};
    w->held_max = 0;
}

static void world_fini(struct world *w)
{
    buf_fini(&w->wanted);
    buf_fini(&w->out);
    scan_world_free(&w->scan);
}

/* What the whole text gives; of its findings those that the plan wants. */
static void whole(struct world *w, struct str text)
{
    size_t kept = 0;
    buf_clear(&w->wanted);
    scan_world_redact(&w->scan, text, SCAN_VIEW_ALL, &w->wanted);
    struct scan_findings *f = &w->scan.found;
    for (size_t i = 0; i < f->count; i++) {
        if (f->items[i].kind == SCAN_TERM || f->items[i].score >= w->scan.plan.score_min) {
            f->items[kept++] = f->items[i];
        }
    }
    f->count = kept;
}

static void play(struct world *w, struct str text, const size_t *cuts, size_t cuts_count)
{
    struct scan_sieve sieve;
    size_t at = 0;
    buf_clear(&w->out);
    w->found.count = 0;
    w->scan.keys.names_count = 0;
    scan_sieve_init(&sieve, w->scan.set, &w->scan.plan, &w->scan.keys, SCAN_VIEW_ALL, 1U << 20);
    for (size_t i = 0; i <= cuts_count; i++) {
        size_t to = i < cuts_count ? cuts[i] : text.len;
        /* A copy of exactly the size, so that a read beyond it is seen. */
        char *copy = malloc(to - at + 1);
        assert_non_null(copy);
        memcpy(copy, text.ptr + at, to - at);
        assert_int_equal(
            scan_sieve_feed(&sieve, (struct str){copy, to - at}, &w->out, &w->found), ERR_OK);
        free(copy);
        at = to;
        size_t held = scan_sieve_held_bytes(&sieve);
        w->held_max = held > w->held_max ? held : w->held_max;
    }
    assert_int_equal(scan_sieve_close(&sieve, &w->out, &w->found), ERR_OK);
    assert_int_equal(scan_sieve_held_bytes(&sieve), 0);
    assert_false(w->found.is_truncated);
    scan_sieve_fini(&sieve);
}

static bool is_same(const struct world *w)
{
    const struct scan_findings *a = &w->scan.found;
    bool is_same = a->count == w->found.count;
    for (size_t i = 0; i < a->count && is_same; i++) {
        const struct scan_finding *x = &a->items[i];
        const struct scan_finding *y = &w->found.items[i];
        is_same = x->start == y->start && x->end == y->end && x->id == y->id &&
                  x->kind == y->kind && x->score == y->score;
    }
    return is_same;
}

static void print_findings(const char *name, const struct scan_findings *f)
{
    for (size_t i = 0; i < f->count && i < 20; i++) {
        const struct scan_finding *x = &f->items[i];
        print_error("%s %zu-%zu %s %u %u\n", name, x->start, x->end,
                    x->kind == SCAN_TERM ? "term" : scan_detector_info(x->id).name, x->id,
                    x->score);
    }
}

static void check(struct world *w, struct str text, const size_t *cuts, size_t cuts_count)
{
    play(w, text, cuts, cuts_count);
    if (str_eq(buf_str(&w->out), buf_str(&w->wanted)) && is_same(w)) {
        return;
    }
    print_error("text   %.*s\nwanted %.*s\ngot    %.*s\ncuts", STR_ARG(text),
                STR_ARG(buf_str(&w->wanted)), STR_ARG(buf_str(&w->out)));
    for (size_t i = 0; i < cuts_count && i < 20; i++) {
        print_error(" %zu", cuts[i]);
    }
    print_error("\n");
    print_findings("whole ", &w->scan.found);
    print_findings("stream", &w->found);
    fail();
}

/* ---- every cut of short texts ------------------------------------------------------------ */

static const char *const texts[] = {
    /* look-alikes: Cyrillic, Greek, mathematical; combining marks; curly quotes */
    "f\xd0\xb0lc\xd0\xben, \xd1\x95\xd0\xb5\xd1\x81ret pr\xd0\xbeject",
    "mail j\xd0\xb0ne.d\xd0\xbe\xd0\xb5@example.com \xe2\x80\x9cnow\xe2\x80\x9d",
    "s\xcc\x81"
    "e\xcc\x82\xcc\x83"
    "cret fa\xcc\xb2lc\xcc\xb2on",
    "l23-45-6789 no, \xd9\xa1\xd9\xa2\xd9\xa3-45-6789 yes, 12\xd0\xb1-45-6789",
    "it\xe2\x80\x99s 4l11 1111 1111 1111 or 4111 1111 1111 1111",
    /* markup */
    "SSN **123**-45-**6789**, and *4111* 1111 `1111` 1111.",
    "j<b>ane.d</b>oe@exam<i>ple.</i>com x < y <z",
    "fal<!-- not shown -->con <!- secret -> <!-- open secret",
    "snake_case __sec__ret ~~fal~~con ~a~ _x_ 1__2__3-45-6789",
    "a <b and 123-45-6789 and then > secret",
    "**birth**day: 03/15/1985, pass**port** 123456789",
    /* percent, entities, unicode escapes */
    "jane%2Edoe%40example%2ecom 100% of 5% %zz %4",
    "jane&#46;doe&commat;example&period;com R&D &amp; &#x66;alcon &x",
    "\\u0066alcon \\u00e9 \\ud83d\\ude00 \\u12 a\\b \\u006a\\u0061ne@a.co",
    "\\\\u0066alcon \\\\\\\\u006aane@a.co \\\\ud83d\\\\ude00 \\\\\\u0031\\u0032\\\\\\u0033-45-6789",
    "%2566alcon &amp;#102;alcon &#37;66alcon %26%23102;alcon",
    "12%33-45-6789 123&hyphen;45&#45;6789",
    "x%1&#48;&#46;0.0&#46;1 AAAAAAAAAAA%41AAAAAAAA",
    /* base64 */
    "see amFuZS5kb2VAZXhhbXBsZS5jb20= and c2VjcmV0IHByb2plY3Q=",
    "U1NOIDEyMy00NS02Nzg5, then more; internationalization_and_so_on",
    "WVcxbUxtNWxMbVJ2WlVCbGVHRnRjR3hsTG1OdmJRPT0= twice",
    "c2VjcmV0IHByb2plY3Q!c2VjcmV0IHByb2plY3Q==c2VjcmV0IHByb2plY3Q",
    "123-45-c2VjcmV0IHByb2plY3Q falcon",
    "AAAAAAAAAAAAAAAAAAAA bbbbbbbbbbbbbbbbbbbbbbb",
    /* an open value in which one difference lies more than a context behind another one */
    "password = hunter2!x%0a/0123456789012345678901234567890123456789012345678901234567890123456789"
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789/\\u0041b c",
    /* mixed */
    "%63%32%56%6a%63%6d%56%30%49%48%42%79%62%32%70%6c%59%33%51%3d",
    "no no no way <b>no</b> way **no** way no n\xd0\xbe way",
    "ab12<i>34</i>c ab**12** ab1&#50;3c",
    "<b>jane@x.example.com</b>123-45-6789*4111 1111 1111 1111*@a.com",
    "\xef\xbc\x91**\xef\xbc\x92**\xef\xbc\x93-45-6789 \xe2\x80\x8b*\xe2\x80\x8b",
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static void test_every_one_and_two_cuts(void **state)
{
    (void)state;
    struct world *w = malloc(sizeof(*w));
    assert_non_null(w);
    world_init(w, "default", SCAN_REDACT);
    for (size_t i = 0; i < TEXTS; i++) {
        struct str text = str_from(texts[i]);
        size_t every[256];
        whole(w, text);
        for (size_t a = 0; a <= text.len; a++) {
            every[a] = a;
            check(w, text, &a, 1);
            for (size_t b = a; b <= text.len; b++) {
                size_t cuts[] = {a, b};
                check(w, text, cuts, 2);
            }
        }
        check(w, text, every, text.len);
        assert_true(w->found.count > 0 || text.ptr[0] == 'x' || text.ptr[0] == 'A');
    }
    assert_true(w->held_max <= scan_set_hold_bytes_max(w->scan.set));
    world_fini(w);
    free(w);
}

/* ---- random texts, random cuts ------------------------------------------------------------ */

static uint64_t roll(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice;
}

/* One piece of a text, hidden one way or another, or two. */
static void hide(struct buf *to, struct str s, uint64_t *dice)
{
    static const char *const signs[] = {"*", "**", "`", "__", "<b>", "</i>", "<!-- x -->", "~~",
                                        "\xcc\x81", "\xe2\x80\x8b", "<", "_", "&", "%", "\\"};
    struct buf once;
    buf_init(&once, 1U << 20);
    unsigned how = roll(dice) % 8;
    for (size_t i = 0; i < s.len && how < 6; i++) {
        char c = s.ptr[i];
        bool is_here = roll(dice) % 3 == 0;
        if (how == 0 || !is_here) {
            buf_add_byte(&once, c);
        } else if (how == 1) {
            buf_printf(&once, "%%%02x", (unsigned)(unsigned char)c);
        } else if (how == 2) {
            buf_printf(&once, "&#%u;", (unsigned)(unsigned char)c);
        } else if (how == 3) {
            buf_printf(&once, "\\u%04x", (unsigned)(unsigned char)c);
        } else if (how == 4) {
            buf_add_byte(&once, c);
            buf_add(&once, str_from(signs[roll(dice) % (sizeof(signs) / sizeof(signs[0]))]));
        } else {
            buf_add(&once, c == 'a'   ? STR("\xd0\xb0")
                           : c == 'e' ? STR("\xd0\xb5")
                           : c == 'o' ? STR("\xce\xbf")
                           : c == '1' ? STR("\xef\xbc\x91")
                                      : (struct str){&c, 1});
        }
    }
    if (how >= 6) {
        add_base64(&once, s);
    }
    if (roll(dice) % 4 == 0) {
        add_base64(to, buf_str(&once));
    } else {
        buf_add(to, buf_str(&once));
    }
    buf_fini(&once);
}

static const char *const pieces[] = {
    "jane.doe@example.com", "123-45-6789", "4111 1111 1111 1111", "secret project falcon",
    "password = hunter2!x9", "+44 20 7946 0958", "passport 123456789",
    "DE89 3704 0044 0532 0130 00",
    "sk-ant-api03-abcdefghijklmnopqrstuv1234", "no no way ab123c", "plain words go on here, and ",
    "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----", "10.0.0.1", "\n", " ", "x",
    "https://u:pa55w@h.example/x", "a <b c> d", "one_two__three", "AAAA", "==", "\xff\xc3",
    "\xe2\x80\x9cquoted\xe2\x80\x9d \xe2\x80\x93 \xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 ",
};

static void make_text(struct buf *text, size_t least, uint64_t *dice)
{
    buf_clear(text);
    while (text->len < least) {
        struct str piece = str_from(pieces[roll(dice) % (sizeof(pieces) / sizeof(pieces[0]))]);
        hide(text, piece, dice);
        if (roll(dice) % 3 == 0) {
            buf_add_byte(text, " ,\n.-4a=*<>&;%"[roll(dice) % 14]);
        }
    }
}

static void check_random_cuts(struct world *w, struct str text, uint64_t *dice)
{
    size_t cuts[4096];
    for (unsigned k = 0; k < 4; k++) {
        size_t count = 0;
        size_t step = k == 0 ? 1 : k == 1 ? 8 : k == 2 ? 60 : 3000;
        for (size_t at = roll(dice) % step + 1; at < text.len && count < 4096;) {
            cuts[count++] = at;
            at += roll(dice) % step + 1;
        }
        check(w, text, cuts, count);
    }
}

static void test_random_cuts_of_random_texts(void **state)
{
    (void)state;
    struct world *w = malloc(sizeof(*w));
    struct buf text;
    assert_non_null(w);
    world_init(w, "all", SCAN_REDACT);
    buf_init(&text, 1U << 20);
    uint64_t dice = 0x9e3779b97f4a7c15U;
    for (unsigned round = 0; round < 600; round++) {
        make_text(&text, round % 10 == 0 ? 3000 : 250, &dice);
        whole(w, buf_str(&text));
        check_random_cuts(w, buf_str(&text), &dice);
    }
    buf_fini(&text);
    world_fini(w);
    free(w);
}

/* ---- what is hostile ---------------------------------------------------------------------- */

/* Fed in pieces of `step` bytes it gives what the whole gives, and holds at most `bound`. */
static void check_hostile(struct world *w, const struct buf *text, size_t step, size_t bound)
{
    static size_t cuts[400000];
    size_t count = 0;
    for (size_t at = step; at < text->len; at += step) {
        cuts[count++] = at;
    }
    w->held_max = 0;
    whole(w, buf_str(text));
    check(w, buf_str(text), cuts, count);
    assert_true(w->held_max <= bound);
}

static void repeat(struct buf *text, const char *piece, size_t bytes)
{
    for (size_t end = text->len + bytes; text->len < end;) {
        buf_add(text, str_from(piece));
    }
}

/* Runs that never end: nothing of a block of a run is given out before it was read, and no
 * more than some blocks wait. */
static void test_endless_runs(void **state)
{
    (void)state;
    static const char *const runs[] = {
        "QUJDREVGR0hJSktM", /* ABCDEFGHIJKL */
        "c2VjcmV0IHByb2plY3Qg", /* secret project, blank */
        "amFuZS5kb2VAZXhhbXBsZS5jb20s", /* an address and a comma */
        "V1ZjeGJVeHROV3hNYlVwMldsVkNiR1ZI", /* letters, twice over */
        "/////+++++ABCDE", "aaaaaaaa", "Zm9v",
        "%41", "%4", "&#65;", "&amp;#65;", "&&&&", "\\u0041", "\\\\", "%2541",
        "*", "`", "_", "__ ", "~", "<", "<<b", "<b>", "<b ", "<!--", "<!-- x -->", "-->",
        "a\xcc\x81\xcc\x82\xcc\x83", "\xd0\xb0\xd0\xb5", "\xe2\x80\x8b ", "1\xcc\x81",
    };
    struct world *w = malloc(sizeof(*w));
    struct buf text;
    assert_non_null(w);
    world_init(w, "default", SCAN_REDACT);
    buf_init(&text, 1U << 20);
    size_t bound = scan_set_hold_bytes_max(w->scan.set) + (64U << 10);
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        buf_clear(&text);
        buf_add(&text, STR("mail jane.doe@example.com, "));
        repeat(&text, runs[i], 30000);
        buf_add(&text, STR(" falcon 123-45-6789 "));
        check_hostile(w, &text, 7, bound);
        assert_true(w->found.count >= 2);
        check_hostile(w, &text, 1000, bound);
    }
    buf_fini(&text);
    world_fini(w);
    free(w);
}

/* A value over the edge of two blocks, and runs of just the length of one. */
static void test_edges_of_blocks(void **state)
{
    (void)state;
    struct world *w = malloc(sizeof(*w));
    struct buf plain;
    struct buf text;
    assert_non_null(w);
    world_init(w, "default", SCAN_HASH);
    buf_init(&plain, 1U << 20);
    buf_init(&text, 1U << 20);
    for (size_t before = 3030; before < 3090; before++) {
        buf_clear(&plain);
        buf_clear(&text);
        repeat(&plain, "ab cd ", before - 5);
        plain.len = before;
        buf_add(&plain, STR(" jane.doe@example.com "));
        add_base64(&text, buf_str(&plain));
        check_hostile(w, &text, 1 + before % 13, 32U << 10);
        assert_true(w->found.count > 0);
    }
    for (size_t letters = 4090; letters < 4102; letters++) {
        static const char *const fills[] = {"Zm9v", "a", "abcdefg+"};
        for (size_t i = 0; i < 3; i++) {
            buf_clear(&text);
            repeat(&text, fills[i], letters);
            text.len = letters;
            buf_add(&text, STR("=== %41 c2VjcmV0IHByb2plY3Q="));
            check_hostile(w, &text, 1 + letters % 3, 32U << 10);
        }
    }
    buf_fini(&plain);
    buf_fini(&text);
    world_fini(w);
    free(w);
}

/* What would have to be held beyond the bound is not given out at all. */
static void test_beyond_the_bound(void **state)
{
    (void)state;
    static const char *const between[] = {"*", "\xcc\x81", "<b>", "\xe2\x80\x8b", "__"};
    struct world *w = malloc(sizeof(*w));
    assert_non_null(w);
    world_init(w, "default", SCAN_MASK);
    for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
        struct scan_sieve sieve;
        enum err err;
        buf_clear(&w->out);
        scan_sieve_init(&sieve, w->scan.set, &w->scan.plan, &w->scan.keys, SCAN_VIEW_ALL, 20000);
        err = scan_sieve_feed(&sieve, STR("it is 123-45"), &w->out, NULL);
        for (size_t at = 0; at < 30000 && err == ERR_OK; at += strlen(between[i])) {
            err = scan_sieve_feed(&sieve, str_from(between[i]), &w->out, NULL);
            assert_true(scan_sieve_held_bytes(&sieve) <= 20000);
        }
        assert_int_equal(err, ERR_LIMIT);
        assert_true(sieve.is_blocked);
        assert_int_equal(scan_sieve_feed(&sieve, STR("-6789"), &w->out, NULL), ERR_OK);
        assert_int_equal(scan_sieve_close(&sieve, &w->out, NULL), ERR_OK);
        ASSERT_STR(buf_str(&w->out), "it is ");
        scan_sieve_fini(&sieve);
    }
    world_fini(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_one_and_two_cuts),
        cmocka_unit_test(test_random_cuts_of_random_texts),
        cmocka_unit_test(test_endless_runs),
        cmocka_unit_test(test_edges_of_blocks),
        cmocka_unit_test(test_beyond_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
