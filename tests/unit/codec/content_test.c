/* SPDX-License-Identifier: Apache-2.0
 *
 * Params of rules about texts: what the documented policies hold comes back byte for byte,
 * every other way to write something becomes one way, and each mistake is named with its
 * pointer.
 */
#include "support.h"

#define RULE(type, effect, stage, params)                                                          \
    "{\"key\":\"k\",\"type\":\"" type "\",\"effect\":\"" effect                                    \
    "\",\"severity\":\"violation\",\"stage\":\"" stage "\",\"params\":" params "}"
#define POLICY_OF(rule)                                                                            \
    "{\"id\":\"pol_abc\",\"org_id\":\"o\",\"name\":\"n\",\"origin\":\"native\",\"scope\":{"        \
    "\"level\":\"org\"},\"status\":\"active\",\"mode\":\"enforce\",\"priority\":100,"              \
    "\"selection\":\"always\",\"rules\":[" rule "],\"version\":1}"

/* Byte-stable as they are. The first ones: S1, S2 pii, S4 of the policy examples. */
static const char *const stored[] = {
    RULE("pii", "modify", "both", "{\"types\":[\"email\",\"phone\",\"ssn\"],\"method\":\"mask\"}"),
    RULE("injection", "block", "request", "{}"),
    RULE("pii", "modify", "response",
         "{\"types\":[\"ssn\",\"credit_card\",\"email\",\"phone_us\"],\"method\":\"redact\","
         "\"format\":\"[REDACTED]\"}"),
    RULE("terms", "block", "both", "{\"patterns\":[\"password\",\"api_key\"]}"),
    RULE("pii", "block", "request",
         "{\"types\":[\"secret\",\"EMPLOYEE_ID\"],\"entities\":[{\"name\":\"EMPLOYEE_ID\","
         "\"pattern\":\"E[0-9]{6}\",\"context\":[\"employee\",\"staff no\"]},{\"name\":\"CASE_1\","
         "\"pattern\":\"/C-[0-9]+/c\"}],\"except\":[\"support@acme.example\",\"/x+@y/\"],"
         "\"threshold\":0.75,\"on_unscannable\":\"block\",\"buffer\":\"full\"}"),
    RULE("pii", "modify", "both", "{\"types\":[\"all\"],\"method\":\"hash\",\"threshold\":1.0}"),
    RULE("pii", "modify", "both",
         "{\"types\":[\"email\"],\"method\":\"pseudonym\",\"threshold\":0.001,"
         "\"on_unscannable\":\"allow\"}"),
    RULE("terms", "modify", "response",
         "{\"patterns\":[\"/[a-z]+-corp/\",\"Falcon\"],\"method\":\"redact\",\"format\":"
         "\"<{TYPE}>\",\"except\":[\"falcon heavy\"],\"word\":false,\"case_sensitive\":true,"
         "\"on_unscannable\":\"warn\",\"buffer\":\"full\"}"),
    RULE("required_terms", "warn", "response",
         "{\"patterns\":[\"not legal advice\"],\"on_unscannable\":\"allow\"}"),
    RULE("topics", "block", "request",
         "{\"topics\":[\"weapons\",\"self_harm\"],\"threshold\":0.8,\"on_unscannable\":\"warn\","
         "\"buffer\":\"full\"}"),
    RULE("injection", "warn", "both", "{\"threshold\":0.5,\"on_unscannable\":\"block\"}"),
    RULE("pii", "block", "request",
         "{\"types\":[\"email\"],\"on_unscannable\":\"warn\",\"on_recogniser_failure\":\"allow\"}"),
};

static enum err parse(struct fixture *f, const char *rule)
{
    char text[2000];
    snprintf(text, sizeof(text), POLICY_OF("%s"), rule);
    struct str copy = arena_str(&f->arena, str_from(text));
    return codec_canonical_parse(&f->arena, copy, f->catalog, &f->policy, &f->issue);
}

static void test_stored_form_is_byte_stable(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
        char want[2000];
        snprintf(want, sizeof(want), POLICY_OF("%s"), stored[i]);
        enum err e = parse(f, stored[i]);
        if (e != ERR_OK) {
            print_error("%zu: %s: %s\n", i, f->issue.pointer, f->issue.message);
        }
        assert_int_equal(e, ERR_OK);
        codec_canonical_write(&f->out, &f->policy);
        assert_string_equal(support_text(f), want);
    }
}

/* Given -> written. */
static const char *const ways[][2] = {
    {RULE("pii", "modify", "both", "{\"types\":[\"email\"]}"),
     RULE("pii", "modify", "both", "{\"types\":[\"email\"],\"method\":\"redact\"}")},
    {RULE("terms", "block", "both", "{\"word\":true,\"patterns\":[{\"regex\":\"a+b\"},\"/c/\"]}"),
     RULE("terms", "block", "both", "{\"patterns\":[\"/a+b/\",\"/c/\"]}")},
    {RULE("terms", "block", "both", "{\"case_sensitive\":false,\"patterns\":[\"x y\"]}"),
     RULE("terms", "block", "both", "{\"patterns\":[\"x y\"]}")},
    {RULE("topics", "warn", "both", "{\"topics\":[\"weapons\"],\"threshold\":1}"),
     RULE("topics", "warn", "both", "{\"topics\":[\"weapons\"],\"threshold\":1.0}")},
    {RULE("injection", "warn", "both", "{\"threshold\":0.70049}"),
     RULE("injection", "warn", "both", "{\"threshold\":0.7}")},
};

static void test_types_of_a_recogniser(void **state)
{
    struct fixture *f = *state;
    static const struct str offered[] = {STR_INIT("person")};
    static const struct recognise_service service = {.types = offered, .types_count = 1};
    static const struct recognise_services services = {&service, 1};
    static const char body[] =
        "{\"name\":\"n\",\"scope\":{\"level\":\"org\"},\"rules\":["
        "{\"key\":\"k\",\"type\":\"pii\",\"effect\":\"block\",\"stage\":\"request\",\"params\":"
        "{\"types\":[\"email\",\"Person\"],\"on_recogniser_failure\":\"warn\"}}]}";
    static const char *const shapes[] = {
        "{\"name\":\"n\",\"rules\":[{\"type\":\"pii_detection\",\"action\":\"mask\",\"entities\":["
        "\"email\",\"PERSON\"]}]}",
        "{\"policy_name\":\"n\",\"rules\":[{\"type\":\"pii_redaction\",\"types\":[\"PERSON\"]}]}",
    };
    static const struct codec_shape *const of[] = {&codec_rules_shape, &codec_enforcement_shape};
    struct codec_reader r = {&f->arena, f->catalog, &f->issue, &services};
    struct policy p;
    assert_int_equal(codec_native_parse(&r, support_json(f, body), &p), ERR_OK);
    const struct content_rule *c = p.rules[0].content;
    assert_true(str_eq(c->types.items[1], STR("Person")));
    assert_int_equal(c->on_recogniser_failure, CONTENT_UNSCANNABLE_WARN);
    for (size_t i = 0; i < 2; i++) {
        r.services = &services;
        assert_int_equal(codec_shape_parse(of[i], &r, support_json(f, shapes[i]), &p), ERR_OK);
        assert_true(codec_shape_fits(of[i], &p)); /* shown as written */
        r.services = NULL;
        assert_int_equal(codec_shape_parse(of[i], &r, support_json(f, shapes[i]), &p),
                         ERR_INVALID);
    }
    /* A client's body is refused where nobody offers it; what is stored is only looked at. */
    assert_int_equal(codec_native_parse(&r, support_json(f, body), &p), ERR_INVALID);
    assert_string_equal(f->issue.pointer, "/rules/0/params/types/1");
    r.catalog = NULL;
    assert_int_equal(codec_native_parse(&r, support_json(f, body), &p), ERR_OK);
}

static void test_one_way_to_write(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        char want[2000];
        snprintf(want, sizeof(want), POLICY_OF("%s"), ways[i][1]);
        assert_int_equal(parse(f, ways[i][0]), ERR_OK);
        codec_canonical_write(&f->out, &f->policy);
        assert_string_equal(support_text(f), want);
    }
}

static void test_what_the_scanner_gets(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, stored[4]), ERR_OK);
    const struct content_rule *c = f->policy.rules[0].content;
    assert_non_null(c);
    assert_int_equal(c->kind, CONTENT_PII);
    assert_int_equal(c->effect, CONTENT_BLOCK);
    assert_int_equal(c->stages, CONTENT_REQUEST);
    assert_int_equal(c->threshold, 750);
    assert_int_equal(c->on_unscannable, CONTENT_UNSCANNABLE_BLOCK);
    assert_int_equal(c->entities_count, 2);
    assert_true(str_eq(c->entities[0].context.items[1], STR("staff no")));
    assert_true(c->is_buffered);
    assert_int_equal(parse(f, stored[7]), ERR_OK);
    c = f->policy.rules[0].content;
    assert_int_equal(c->method, SCAN_REDACT);
    assert_true(c->is_substring && c->is_case_sensitive);
    assert_int_equal(parse(f, stored[10]), ERR_OK);
    assert_int_equal(f->policy.rules[0].content->stages, CONTENT_REQUEST | CONTENT_RESPONSE);
}

#define PARAMS "/rules/0/params"
static const struct {
    const char *rule, *pointer, *words;
} wrong[] = {
    {RULE("pii", "block", "both", "{}"), PARAMS "/types", "required"},
    {RULE("pii", "block", "both", "{\"types\":[]}"), PARAMS "/types", "empty"},
    {RULE("pii", "block", "both", "{\"types\":[\"ssn\",\"emial\"]}"), PARAMS "/types/1",
     "did you mean \"email\""},
    {RULE("pii", "block", "both", "{\"types\":[\"email\"],\"methd\":\"mask\"}"), PARAMS "/methd",
     "'method'"},
    {RULE("pii", "modify", "both", "{\"types\":[\"email\"],\"method\":\"encrypt\"}"),
     PARAMS "/method", "mask, redact, hash, pseudonym"},
    {RULE("pii", "block", "both", "{\"types\":[\"email\"],\"threshold\":1.2}"),
     PARAMS "/threshold", "0.001 to 1"},
    {RULE("pii", "block", "both", "{\"types\":[\"email\"],\"threshold\":\"high\"}"),
     PARAMS "/threshold", "number"},
    {RULE("pii", "block", "both", "{\"types\":[\"email\"],\"buffer\":\"half\"}"),
     PARAMS "/buffer", "full"},
    {RULE("pii", "block", "both", "{\"types\":[\"email\"],\"on_unscannable\":\"ignore\"}"),
     PARAMS "/on_unscannable", "allow, warn, block"},
    {RULE("pii", "block", "both", "{\"types\":[\"email\"],\"patterns\":[\"x\"]}"),
     PARAMS "/patterns", "unknown"},
    {RULE("pii", "block", "both", "{\"types\":[\"X\"],\"entities\":[{\"name\":\"X\"}]}"),
     PARAMS "/entities/0/pattern", "required"},
    {RULE("pii", "block", "both",
          "{\"types\":[\"X\"],\"entities\":[{\"name\":\"X\",\"pattern\":\"x\",\"contxt\":[]}]}"),
     PARAMS "/entities/0/contxt", "'context'"},
    {RULE("terms", "block", "both", "{\"patterns\":[]}"), PARAMS "/patterns", "1 to"},
    {RULE("terms", "block", "both", "{\"patterns\":[\"a\",5]}"), PARAMS "/patterns/1", "string"},
    {RULE("terms", "block", "both", "{\"patterns\":[{\"regexp\":\"a\"}]}"),
     PARAMS "/patterns/0/regexp", "'regex'"},
    {RULE("terms", "block", "both", "{\"patterns\":[\"a\"],\"word\":1}"), PARAMS "/word", "true"},
    {RULE("terms", "block", "both", "{\"patterns\":[\"a\"],\"threshold\":0.5}"),
     PARAMS "/threshold", "unknown"},
    {RULE("required_terms", "block", "both", "{\"patterns\":[\"a\"],\"method\":\"mask\"}"),
     PARAMS "/method", "unknown"},
    {RULE("topics", "block", "both", "{\"topics\":[\"weapon\"]}"), PARAMS "/topics/0",
     "'weapons'"},
    {RULE("topics", "block", "both", "{\"topics\":[]}"), PARAMS "/topics", "empty"},
    {RULE("injection", "block", "both", "{\"types\":[\"email\"]}"), PARAMS "/types", "unknown"},
};

static void test_each_mistake_is_named(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(parse(f, wrong[i].rule), ERR_INVALID);
        assert_string_equal(f->issue.pointer, wrong[i].pointer);
        if (strstr(f->issue.message, wrong[i].words) == NULL) {
            fail_msg("%zu: %s", i, f->issue.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_form_is_byte_stable),
        cmocka_unit_test(test_types_of_a_recogniser),
        cmocka_unit_test(test_one_way_to_write),
        cmocka_unit_test(test_what_the_scanner_gets),
        cmocka_unit_test(test_each_mistake_is_named),
    };
    return cmocka_run_group_tests(tests, support_set_up, support_tear_down);
}
