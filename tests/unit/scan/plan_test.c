/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan that judges each finding itself: strictest action of a region, covers that speak
 * against findings inside them, names of terms, words that must stand before a term, and
 * case. What the whole text gives, every one and two cuts of a stream give.
 */
#include "scan_test.h"
#include <stdlib.h>

enum { COVER_EXACT = 10, COVER_SENTENCE, BADGE, FALCON, UNION };

static const struct str badge_words[] = {STR_INIT("Badge"), STR_INIT("staff no")};
static const struct scan_term terms[] = {
    {.text = STR_INIT("/support@[a-z]+\\.example/"), .id = COVER_EXACT},
    {.text = STR_INIT("write to bob@acme.example today"), .id = COVER_SENTENCE},
    {.text = STR_INIT("/E[0-9]{5}/"), .id = BADGE, .context = badge_words, .context_count = 2},
    {.text = STR_INIT("Falcon"), .id = FALCON, .is_case_sensitive = true},
    {.text = STR_INIT("union jane"), .id = UNION},
};

static uint8_t judge(const void *context, const struct scan_finding *items, size_t count, size_t at)
{
    const struct scan_finding *f = &items[at];
    (void)context;
    if (f->kind == SCAN_TERM) {
        return f->id <= COVER_SENTENCE ? SCAN_PLAN_COVER : f->id == UNION ? 2 : 1;
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i].kind == SCAN_TERM && items[i].id <= COVER_SENTENCE &&
            items[i].start <= f->start && items[i].end >= f->end) {
            return SCAN_PLAN_NONE;
        }
    }
    return 0;
}

static const char *name_of(const void *context, uint32_t id)
{
    (void)context;
    return id == BADGE ? "badge" : "word";
}

static const struct {
    const char *text, *wanted;
} cases[] = {
    {"mail jane@acme.example now", "mail j***@acme.example now"},
    {"mail support@acme.example now", "mail support@acme.example now"},
    /* a longer address is not what the exception says */
    {"mail support@acme.example.org now", "mail s***@acme.example.org now"},
    /* the cover begins long before, and ends behind what it covers */
    {"write to bob@acme.example today", "write to bob@acme.example today"},
    {"write to bob@acme.example tomorrow", "write to b***@acme.example tomorrow"},
    {"write to bob@acme.example today or write to bob@acme.example",
     "write to bob@acme.example today or write to b***@acme.example"},
    {"badge E12345, also E54321", "badge <BADGE>, also <BADGE>"},
    {"E12345 badge", "E12345 badge"},
    {"Staff No: E12345", "Staff No: <BADGE>"},
    {"badger E12345", "badger E12345"},
    {"Falcon and falcon and FALCON", "<WORD> and falcon and FALCON"},
    /* one region: the strictest action writes it, wherever it stands in it */
    {"the union jane@acme.example met", "the # met"},
};

static void init(struct scan_world *w, struct scan_action actions[3])
{
    scan_world_init(w, "email", terms, sizeof(terms) / sizeof(terms[0]));
    actions[0] = (struct scan_action){.kind = SCAN_MASK};
    actions[1] = (struct scan_action){.kind = SCAN_REDACT, .format = STR("<{TYPE}>")};
    actions[2] = (struct scan_action){.kind = SCAN_REDACT, .format = STR("#")};
    scan_plan_init(&w->plan, actions, 3);
    w->plan.of_finding = judge;
    w->plan.name_of_term = name_of;
}

static void test_whole_texts(void **state)
{
    (void)state;
    struct scan_world *w = malloc(sizeof(*w));
    struct scan_action actions[3];
    struct buf out;
    init(w, actions);
    buf_init(&out, 1U << 16);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&out);
        scan_world_redact(w, str_from(cases[i].text), SCAN_VIEW_FOLD, &out);
        buf_add_byte(&out, '\0');
        assert_string_equal(out.ptr, cases[i].wanted);
    }
    buf_fini(&out);
    scan_world_free(w);
    free(w);
}

static void test_every_two_cuts(void **state)
{
    (void)state;
    struct scan_world *w = malloc(sizeof(*w));
    struct scan_action actions[3];
    struct buf out;
    init(w, actions);
    buf_init(&out, 1U << 16);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str text = str_from(cases[i].text);
        for (size_t a = 0; a <= text.len; a++) {
            for (size_t b = a; b <= text.len; b++) {
                struct scan_sieve sieve;
                buf_clear(&out);
                scan_sieve_init(&sieve, w->set, &w->plan, &w->keys, SCAN_VIEW_FOLD, 1U << 20);
                struct str cuts[] = {str_sub(text, 0, a), str_sub(text, a, b),
                                     str_sub(text, b, text.len)};
                for (size_t k = 0; k < 3; k++) {
                    assert_int_equal(scan_sieve_feed(&sieve, cuts[k], &out, NULL),
                                     ERR_OK);
                }
                assert_int_equal(scan_sieve_close(&sieve, &out, NULL), ERR_OK);
                buf_add_byte(&out, '\0');
                assert_string_equal(out.ptr, cases[i].wanted);
                scan_sieve_fini(&sieve);
            }
        }
    }
    buf_fini(&out);
    scan_world_free(w);
    free(w);
}

/* A cover is told before what it covers, once, and once only. */
static void test_covers_are_told(void **state)
{
    (void)state;
    struct scan_world *w = malloc(sizeof(*w));
    struct scan_action actions[3];
    struct buf out;
    struct str text = STR("write to bob@acme.example today");
    init(w, actions);
    buf_init(&out, 1U << 16);
    struct scan_sieve sieve;
    w->found.count = 0;
    scan_sieve_init(&sieve, w->set, &w->plan, &w->keys, SCAN_VIEW_FOLD, 1U << 20);
    for (size_t i = 0; i < text.len; i++) {
        assert_int_equal(
            scan_sieve_feed(&sieve, str_sub(text, i, i + 1), &out, &w->found), ERR_OK);
    }
    assert_int_equal(scan_sieve_close(&sieve, &out, &w->found), ERR_OK);
    assert_int_equal(w->found.count, 1);
    assert_int_equal(w->found.items[0].id, COVER_SENTENCE);
    assert_int_equal(sieve.counts[SCAN_CONTACT], 0);
    scan_sieve_fini(&sieve);
    buf_fini(&out);
    scan_world_free(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_texts),
        cmocka_unit_test(test_every_two_cuts),
        cmocka_unit_test(test_covers_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
