/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays topics.tsv: what each pack must see, and what only looks like it. A line is
 * `topic TAB kind TAB text`; + the topic is present, - it is not. A topic with fewer than
 * four texts of the one kind or three of the other is a failure. Then what makes a score:
 * exceptions, questions for advice, far-apart hints, capitals. S4-11.
 */
#include "scan_test.h"

#include <stdio.h>
#include <stdlib.h>

static struct scan_world w;

static unsigned score_of(struct str topic, struct str text)
{
    unsigned scores[SCAN_TOPICS_MAX];
    assert_int_equal(scan_topics(w.engine, w.scratch, text, scores), ERR_OK);
    for (size_t i = 0; scan_topic_name(i) != NULL; i++) {
        if (str_eq(topic, str_from(scan_topic_name(i)))) {
            return scores[i];
        }
    }
    print_error("no topic \"%.*s\"\n", STR_ARG(topic));
    fail();
    return 0;
}

static void test_texts(void **state)
{
    (void)state;
    static char line[4096];
    unsigned present[SCAN_TOPICS_MAX] = {0};
    unsigned absent[SCAN_TOPICS_MAX] = {0};
    unsigned failed = 0;
    const char *root = getenv("PORTCULLIS_SOURCE_ROOT");
    snprintf(line, sizeof(line), "%s/tests/unit/scan/topics.tsv", root != NULL ? root : ".");
    FILE *in = fopen(line, "r");
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL) {
        struct str text = {line, strcspn(line, "\n")};
        if (text.len == 0 || text.ptr[0] == '#') {
            continue;
        }
        struct str topic = str_cut(&text, '\t');
        struct str kind = str_cut(&text, '\t');
        bool wants = str_eq(kind, STR("+"));
        assert_true(wants || str_eq(kind, STR("-")));
        unsigned score = score_of(topic, text);
        for (size_t i = 0; scan_topic_name(i) != NULL; i++) {
            bool is_it = str_eq(topic, str_from(scan_topic_name(i)));
            present[i] += is_it && wants;
            absent[i] += is_it && !wants;
        }
        if ((score >= 500) != wants) {
            print_error("%.*s %c %u: %.*s\n", STR_ARG(topic), wants ? '+' : '-', score,
                        STR_ARG(text));
            failed++;
        }
    }
    fclose(in);
    for (size_t i = 0; scan_topic_name(i) != NULL; i++) {
        bool is_alias = str_eq(str_from(scan_topic_name(i)), STR("sexual_content"));
        if (!is_alias && (present[i] < 4 || absent[i] < 3)) {
            print_error("%s: %u and %u texts\n", scan_topic_name(i), present[i], absent[i]);
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

/* Fourteen old names still stand; the list is what other rooms offer. */
static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "medical_advice", "legal_advice", "financial_advice", "weapons",    "self_harm",
        "violence",       "adult",        "sexual_content",   "hate",       "illegal_drugs",
        "cybercrime",     "politics",     "religion",         "gambling",   "competitors",
        "child_safe",     "professional_tone"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        score_of(str_from(names[i]), STR("nothing of the kind"));
    }
}

static void test_scores(void **state)
{
    (void)state;
    /* A hint is no topic, two are. */
    assert_int_equal(score_of(STR("weapons"), STR("a grenade")), 250);
    assert_int_equal(score_of(STR("weapons"), STR("a grenade and a detonator")), 500);
    /* The same one again is not more; a plural is the same. */
    assert_int_equal(score_of(STR("weapons"), STR("grenade, grenades, grenade")), 250);
    /* An exception hides the words it is made of, there and only there. */
    assert_int_equal(score_of(STR("violence"), STR("kill the process")), 0);
    assert_int_equal(score_of(STR("violence"), STR("kill the process, then kill")), 125);
    /* Facts are no advice; a question makes them one. */
    assert_int_equal(
        score_of(STR("medical_advice"), STR("Ibuprofen, aspirin and insulin are in the store")),
        375);
    assert_in_range(score_of(STR("medical_advice"), STR("Which medicine helps, ibuprofen?")), 500,
                    1000);
    /* Case, accents and apostrophes do not matter, nor does half a word. */
    assert_int_equal(score_of(STR("self_harm"), STR("I DON\'T WANT TO LIVE")), 500);
    assert_int_equal(score_of(STR("professional_tone"), STR("Scunthorpe class assassin")), 0);
    /* Others' packs, half as much again. */
    assert_int_equal(score_of(STR("child_safe"), STR("pipe bomb")), 750 + 0);
}

/* Hints that stand far from each other do not add up. */
static void test_long_text(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1U << 16);
    buf_add(&text, STR("A grenade. "));
    for (unsigned i = 0; i < 400; i++) {
        buf_add(&text, STR("word "));
    }
    buf_add(&text, STR("A detonator."));
    assert_int_equal(text.err, ERR_OK);
    assert_int_equal(score_of(STR("weapons"), buf_str(&text)), 250);
    /* But a strong phrase is found wherever it stands, over the edge of a stretch too. */
    for (unsigned n = 80; n < 110; n++) {
        buf_clear(&text);
        for (unsigned i = 0; i < n; i++) {
            buf_add(&text, STR("word "));
        }
        buf_add(&text, STR("how to make a big bomb at home"));
        assert_int_equal(score_of(STR("weapons"), buf_str(&text)), 500);
    }
    buf_fini(&text);
}

static void test_shouting(void **state)
{
    (void)state;
    struct str tone = STR("professional_tone");
    assert_int_equal(score_of(tone, STR("WHERE IS THE REPORT YOU PROMISED LAST WEEK!")), 500);
    assert_int_equal(score_of(tone, STR("WHERE IS THE REPORT YOU PROMISED LAST WEEK")), 250);
    assert_int_equal(score_of(tone, STR("The NASA and the ESA meet the FBI and the CIA!")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),     cmocka_unit_test(test_names),
        cmocka_unit_test(test_scores),    cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_shouting),
    };
    scan_world_init(&w, "", NULL, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scan_world_free(&w);
    return failed;
}
