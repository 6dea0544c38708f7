/* SPDX-License-Identifier: Apache-2.0
 *
 * If-Match and If-None-Match (RFC 9110 13.1): which headers are read, which are refused, and
 * whether what was read holds of a stored version. A condition is looked at or refused,
 * never passed over: somebody believes the change to be guarded by it.
 */
#include "portcullis/manage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)4 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static const struct manage_caller owner = {.org = STR_INIT("org_a"),
                                           .key_id = STR_INIT("KEYKEYKEYKEY"),
                                           .role = MANAGE_OWNER,
                                           .may_manage = true};

/* A DELETE takes no body, so nothing but the headers can be wrong with it. */
static enum err parse(const char *if_match, const char *if_none_match, struct manage_command *c,
                      struct manage_refusal *refusal)
{
    struct manage_request r = {.method = WIRE_DELETE,
                               .path = STR("/v1/policies/x1"),
                               .caller = &owner,
                               .if_match = str_from(if_match),
                               .if_none_match = str_from(if_none_match)};
    return manage_parse(&arena, &r, NULL, c, refusal);
}

/* `holds`: bit n = of version n, as a header of If-Match and of If-None-Match; version 0 is
 * what is not stored. */
static const struct {
    const char *header;
    unsigned if_match, if_none_match;
} good[] = {
#define V(n) (1u << (n))
#define ALL (V(0) | V(1) | V(2) | V(3) | V(12))
    {"*", ALL & ~V(0), V(0)},
    {" * ", ALL & ~V(0), V(0)},
    {"\"3\"", V(3), ALL & ~V(3)},
    {"3", V(3), ALL & ~V(3)},
    {"\"0\"", V(0), ALL & ~V(0)},
    {"\"1\", \"3\"", V(1) | V(3), ALL & ~(V(1) | V(3))},
    {"\"1\",\"3\"", V(1) | V(3), ALL & ~(V(1) | V(3))},
    {" ,\"1\",, ,\t\"12\" , ", V(1) | V(12), ALL & ~(V(1) | V(12))},
    /* Opaque: never another spelling of a number, and commas may stand inside. */
    {"\"03\"", 0, ALL},
    {"\"+3\"", 0, ALL},
    {"\"abc\"", 0, ALL},
    {"\"\"", 0, ALL},
    {"\"1,3\"", 0, ALL},
    {"\"1,3\", \"2\"", V(2), ALL & ~V(2)},
    {"\"4294967299\"", 0, ALL}, /* 2^32 + 3 */
    {"\"\\\"", 0, ALL},
    {"\"\xc3\xbc\"", 0, ALL},
    /* Weak: never for If-Match (strong comparison), like any other for If-None-Match. */
    {"W/\"3\"", 0, ALL & ~V(3)},
    {"W/\"1\", \"3\"", V(3), ALL & ~(V(1) | V(3))},
    {"W/\"1\", W/\"3\"", 0, ALL & ~(V(1) | V(3))},
};

static void conditions_hold_of_versions(void **state)
{
    (void)state;
    static const uint32_t versions[] = {0, 1, 2, 3, 12};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        for (int is_none = 0; is_none < 2; is_none++) {
            struct manage_command c;
            struct manage_refusal refusal;
            if (parse(is_none ? NULL : good[i].header, is_none ? good[i].header : NULL, &c,
                      &refusal) != ERR_OK) {
                fail_msg("%s: %u %s", good[i].header, refusal.status, refusal.message);
            }
            unsigned wanted = is_none ? good[i].if_none_match : good[i].if_match;
            for (size_t k = 0; k < sizeof(versions) / sizeof(versions[0]); k++) {
                const char *failed = manage_condition_failed(&c, versions[k]);
                const char *name = is_none ? "If-None-Match" : "If-Match";
                if ((failed == NULL) != ((wanted >> versions[k] & 1) != 0) ||
                    (failed != NULL && strcmp(failed, name) != 0)) {
                    fail_msg("%s: %s of version %u: %s", name, good[i].header,
                             (unsigned)versions[k], failed != NULL ? "fails" : "holds");
                }
            }
        }
    }
}

static void both_must_hold(void **state)
{
    (void)state;
    struct manage_command c;
    struct manage_refusal refusal;
    assert_int_equal(parse("\"1\", \"2\"", "\"2\"", &c, &refusal), ERR_OK);
    assert_null(manage_condition_failed(&c, 1));
    assert_string_equal(manage_condition_failed(&c, 2), "If-None-Match");
    assert_string_equal(manage_condition_failed(&c, 3), "If-Match");
    assert_int_equal(parse(NULL, NULL, &c, &refusal), ERR_OK);
    assert_null(manage_condition_failed(&c, 0));
    assert_null(manage_condition_failed(&c, 7));
}

static void malformed_conditions_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        " ",          ",",            "\"3",        "3\"",        "\"\"3\"\"",
        "abc",     "\"1\" \"2\"", "\"1\";\"2\"", "*, \"1\"",   "\"1\", *",   "**",
        "w/\"3\"", "W\"3\"",     "W/3",          "W/ \"3\"",   "W/",         "W/*",
        "\"a b\"", "\"a\tb\"",   "\"a\x7f\"",    "\"1\", 2x", "-1",         "3.0",
        "0x3",     "'3'",        "\"1\", \"2",   "\"1\"\"2\"", "3 4",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (int is_none = 0; is_none < 2; is_none++) {
            struct manage_command c;
            struct manage_refusal refusal;
            enum err e =
                parse(is_none ? NULL : bad[i], is_none ? bad[i] : NULL, &c, &refusal);
            if (e == ERR_OK || refusal.status != 400) {
                fail_msg("'%s' was taken", bad[i]);
            }
            assert_string_equal(refusal.param, is_none ? "If-None-Match" : "If-Match");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_hold_of_versions),
        cmocka_unit_test(both_must_hold),
        cmocka_unit_test(malformed_conditions_are_refused),
    };
    return cmocka_run_group_tests_name("condition", tests, set_up, tear_down);
}
