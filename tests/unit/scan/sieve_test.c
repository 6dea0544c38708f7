/* SPDX-License-Identifier: Apache-2.0
 *
 * The sieve gives what redaction of the whole text gives, for every cut: each one and
 * each two cuts of short texts, single bytes, random cuts of adversarial texts. And it
 * holds back no more than it says, and in prose no more than the word under way.
 */
#include "scan_test.h"
#include <stdlib.h>

static const struct scan_term terms[] = {
    {.text = STR_INIT("secret project"), .id = 1},
    {.text = STR_INIT("falcon"), .id = 2},
    {.text = STR_INIT("secret"), .id = 3},
    {.text = STR_INIT("xyzzy"), .id = 4, .is_substring = true},
    {.text = STR_INIT("\xc3\x89t\xc3\xa9"), .id = 5},
    {.text = STR_INIT("/ab[0-9]{2,4}c?/"), .id = 6},
    {.text = STR_INIT("\xe6\xa9\x9f\xe5\xaf\x86"), .id = 7},
};
#define TERMS (sizeof(terms) / sizeof(terms[0]))

static const char *const texts[] = {
    "mail jane.doe@example.com now",
    "a@b.co, c@d.",
    "SSN 123-45-6789. Next: 123-45-67890",
    "card 4111 1111 1111 1111 exp",
    "4111-1111-1111-1112 no, 4111111111111111 yes",
    "call +44 20 7946 0958 or (415) 555-2671",
    "IBAN DE89 3704 0044 0532 0130 00, thanks",
    "ip 10.0.0.1 and fe80::1ff:fe23:4567:890a!",
    "the secret project falcon; secret projects",
    "xxyzzyxyzzyx ab12c ab123 ab1 ab12345",
    "password = hunter2!x9, and token: \"a8f5f167f44f4964e6c998dee827110c\"",
    "sk-ant-api03-abcdefghijklmnopqrstuv1234 end",
    "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\nrest",
    "-----BEGIN PRIVATE KEY-----\nAAA-----BEGIN PRIVATE KEY-----\nB\n-----END PRIVATE KEY-----!",
    "-----BEGIN RSA PRIVATE KEY-----\nnever ended, and prose goes on and on and on and on",
    "\xa3"
    "call +44 20 7946 0&58 46 095\xca\xd6 671",
    "born 03/15/1985 passport 123456789",
    "caf\xc3\xa9 \xc3\x89T\xc3\x89 "
    "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93-45-6789 \xe6\xa9\x9f\xe5\xaf\x86\xe6\x96\x87",
    "12\xe2\x80\x8b"
    "3-4\xe2\x80\x8b"
    "5-6789 \xff\xc3 \xe2\x82",
    "DB_PASSWORD=Sup3rS3cret! https://u:pa55w@h.example/x",
    "jane@x.example.com123-45-6789 4111 1111 1111 1111@a.com",
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

struct played {
    struct buf out;
    size_t held_max;
};

static void play(struct scan_world *w, struct str text, const size_t *cuts, size_t cuts_count,
                 struct played *p)
{
    struct scan_sieve sieve;
    size_t at = 0;
    buf_clear(&p->out);
    w->keys.names_count = 0;
    scan_sieve_init(&sieve, w->set, &w->plan, &w->keys, SCAN_VIEW_FOLD, 1U << 20);
    for (size_t i = 0; i <= cuts_count; i++) {
        size_t to = i < cuts_count ? cuts[i] : text.len;
        /* A copy of exactly the size, so that a read beyond it is seen. */
        char *copy = malloc(to - at + 1);
        assert_non_null(copy);
        memcpy(copy, text.ptr + at, to - at);
        assert_int_equal(
            scan_sieve_feed(&sieve, (struct str){copy, to - at}, &p->out, NULL),
            ERR_OK);
        free(copy);
        at = to;
        size_t held = scan_sieve_held_bytes(&sieve);
        p->held_max = held > p->held_max ? held : p->held_max;
    }
    assert_int_equal(scan_sieve_close(&sieve, &p->out, NULL), ERR_OK);
    assert_int_equal(scan_sieve_held_bytes(&sieve), 0);
    scan_sieve_fini(&sieve);
}

static void check(struct scan_world *w, struct str text, const size_t *cuts, size_t cuts_count,
                  struct played *p, struct str wanted)
{
    play(w, text, cuts, cuts_count, p);
    if (!str_eq(buf_str(&p->out), wanted)) {
        print_error("text   %.*s\nwanted %.*s\ngot    %.*s\ncuts", STR_ARG(text), STR_ARG(wanted),
                    STR_ARG(buf_str(&p->out)));
        for (size_t i = 0; i < cuts_count && i < 20; i++) {
            print_error(" %zu", cuts[i]);
        }
        print_error("\n");
        fail();
    }
}

static void test_every_one_and_two_cuts(void **state)
{
    (void)state;
    struct scan_world *w = malloc(sizeof(*w));
    scan_world_init(w, "default", terms, TERMS);
    struct played p = {.held_max = 0};
    struct buf wanted;
    buf_init(&p.out, 1U << 20);
    buf_init(&wanted, 1U << 20);
    for (size_t i = 0; i < TEXTS; i++) {
        struct str text = str_from(texts[i]);
        buf_clear(&wanted);
        scan_world_redact(w, text, SCAN_VIEW_FOLD, &wanted);
        for (size_t a = 0; a <= text.len; a++) {
            check(w, text, &a, 1, &p, buf_str(&wanted));
            for (size_t b = a; b <= text.len; b++) {
                size_t cuts[] = {a, b};
                check(w, text, cuts, 2, &p, buf_str(&wanted));
            }
        }
        size_t every[256];
        for (size_t k = 0; k < text.len; k++) {
            every[k] = k;
        }
        check(w, text, every, text.len, &p, buf_str(&wanted));
    }
    assert_true(p.held_max <= scan_set_hold_bytes_max(w->set));
    buf_fini(&p.out);
    buf_fini(&wanted);
    scan_world_free(w);
    free(w);
}

static uint64_t roll(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice;
}

/* Pieces of the texts above in any order, often without anything between them. */
static void test_random_cuts_of_random_texts(void **state)
{
    (void)state;
    struct scan_world *w = malloc(sizeof(*w));
    scan_world_init(w, "all", terms, TERMS);
    struct played p = {.held_max = 0};
    struct buf text;
    struct buf wanted;
    buf_init(&p.out, 1U << 20);
    buf_init(&text, 1U << 20);
    buf_init(&wanted, 1U << 20);
    uint64_t dice = 0x9e3779b97f4a7c15U;
    for (unsigned round = 0; round < 400; round++) {
        buf_clear(&text);
        buf_clear(&wanted);
        while (text.len < 300) {
            struct str piece = str_from(texts[roll(&dice) % TEXTS]);
            size_t from = roll(&dice) % piece.len;
            buf_add(&text, str_sub(piece, from, from + 1 + roll(&dice) % 40));
            if (roll(&dice) % 3 == 0) {
                buf_add_byte(&text, " ,\n.-4a"[roll(&dice) % 7]);
            }
        }
        scan_world_redact(w, buf_str(&text), SCAN_VIEW_FOLD, &wanted);
        for (unsigned k = 0; k < 4; k++) {
            size_t cuts[512];
            size_t count = 0;
            size_t step = k == 0 ? 1 : k == 1 ? 8 : 60;
            for (size_t at = roll(&dice) % step + 1; at < text.len && count < 512;) {
                cuts[count++] = at;
                at += roll(&dice) % step + 1;
            }
            check(w, buf_str(&text), cuts, count, &p, buf_str(&wanted));
        }
    }
    buf_fini(&p.out);
    buf_fini(&text);
    buf_fini(&wanted);
    scan_world_free(w);
    free(w);
}

/* E6: in prose the hold is the word under way. */
static void test_prose_waits_for_a_word(void **state)
{
    (void)state;
    struct scan_world *w = malloc(sizeof(*w));
    scan_world_init(w, "default", NULL, 0);
    struct str text = STR("The quick brown fox jumps over the lazy dog, and nobody minds at all. "
                          "Tomorrow it will rain; bring a coat, please, and some warm tea.\n");
    struct played p = {.held_max = 0};
    size_t every[256];
    for (size_t k = 0; k < text.len; k++) {
        every[k] = k + 1;
    }
    buf_init(&p.out, 4096);
    check(w, text, every, text.len - 1, &p, text);
    assert_in_range(p.held_max, 1, 12);
    buf_fini(&p.out);
    scan_world_free(w);
    free(w);
}

static void test_block_stops_the_stream(void **state)
{
    (void)state;
    struct scan_world *w = malloc(sizeof(*w));
    scan_world_init(w, "ssn", NULL, 0);
    w->action.kind = SCAN_BLOCK;
    struct scan_sieve sieve;
    struct buf out;
    buf_init(&out, 4096);
    scan_sieve_init(&sieve, w->set, &w->plan, &w->keys, SCAN_VIEW_FOLD, 4096);
    w->found.count = 0;
    struct str parts[] = {STR("it is 123-4"), STR("5-6789 and"), STR(" more")};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(scan_sieve_feed(&sieve, parts[i], &out, &w->found), ERR_OK);
    }
    assert_true(sieve.is_blocked);
    ASSERT_STR(buf_str(&out), "it is ");
    assert_int_equal(w->found.count, 1);
    assert_int_equal(w->found.items[0].start, 6);
    assert_int_equal(scan_sieve_close(&sieve, &out, NULL), ERR_OK);
    ASSERT_STR(buf_str(&out), "it is ");
    scan_sieve_fini(&sieve);
    buf_fini(&out);
    scan_world_free(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_one_and_two_cuts),
        cmocka_unit_test(test_random_cuts_of_random_texts),
        cmocka_unit_test(test_prose_waits_for_a_word),
        cmocka_unit_test(test_block_stops_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
