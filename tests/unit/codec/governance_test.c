/* SPDX-License-Identifier: Apache-2.0
 *
 * The governance dialect against the documented bodies: what the document shows
 * goes in and comes out in the documented shape; typos and wrong values are refused
 * with a pointer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "portcullis/codec.h"

struct fixture {
    struct arena arena;
    struct buf out;
    struct issue issue;
    struct policy policy;
};

static int set_up(void **state)
{
    static struct fixture f;
    arena_init(&f.arena, 8 << 20);
    buf_init(&f.out, 1 << 20);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_fini(&f->arena);
    buf_fini(&f->out);
    return 0;
}

static yyjson_val *json(struct fixture *f, const char *text)
{
    struct json_doc doc;
    assert_int_equal(json_parse(&f->arena, str_from(text), &json_limits_default, &doc, &f->issue),
                     ERR_OK);
    return doc.root;
}

static enum err parse(struct fixture *f, const char *text)
{
    return codec_governance_parse(&f->arena, json(f, text), NULL, &f->policy, &f->issue);
}

static const char created[] =
    "{\"name\":\"Production - HIPAA Compliant\","
    "\"description\":\"Only HIPAA-certified providers with BAA\",\"tagSlot\":1,"
    "\"isDefault\":true,\"rules\":{\"minimumTrustTier\":\"most_trusted\","
    "\"blockChinaProviders\":true,\"requireHipaa\":true,\"requireBaa\":true,"
    "\"enforcement\":\"hard_block\"}}";

static void test_S0_24_S0_25_create_example(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, created), ERR_OK);
    f->policy.id = STR("abc123");
    f->policy.org_id = STR("org_xxx");
    f->policy.created_at_ms = f->policy.updated_at_ms = 1736519400000;
    codec_governance_write(&f->out, &f->policy);
    buf_add_byte(&f->out, 0);
    assert_string_equal(
        f->out.ptr,
        "{\"id\":\"gpol_abc123\",\"orgId\":\"org_xxx\",\"name\":\"Production - HIPAA Compliant\","
        "\"description\":\"Only HIPAA-certified providers with BAA\",\"tagSlot\":1,"
        "\"isDefault\":true,\"isActive\":true,\"rules\":{\"minimumTrustTier\":\"most_trusted\","
        "\"blockChinaProviders\":true,\"requireZdr\":false,\"requireBaa\":true,"
        "\"requireHipaa\":true,\"requireSoc2\":false,\"enforcement\":\"hard_block\"},"
        "\"createdAt\":\"2025-01-10T14:30:00Z\",\"updatedAt\":\"2025-01-10T14:30:00Z\"}");
}

static void test_canonical_round_trip_keeps_the_dialect(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, created), ERR_OK);
    f->policy.id = STR("abc123");
    f->policy.org_id = STR("org_xxx");
    codec_canonical_write(&f->out, &f->policy);
    struct policy again;
    struct str text = arena_str(&f->arena, buf_str(&f->out));
    assert_int_equal(codec_canonical_parse(&f->arena, text, NULL, &again, &f->issue), ERR_OK);
    struct buf second;
    buf_init(&second, 1 << 20);
    codec_canonical_write(&second, &again);
    assert_true(str_eq(buf_str(&second), text));
    buf_clear(&f->out);
    buf_clear(&second);
    codec_governance_write(&f->out, &f->policy);
    codec_governance_write(&second, &again);
    assert_true(str_eq(buf_str(&second), buf_str(&f->out)));
    buf_fini(&second);
}

static void test_S0_18_china_is_blocked_when_omitted(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "{\"name\":\"x\",\"rules\":{}}"), ERR_OK);
    assert_int_equal(f->policy.rules[0].block_countries.count, 1);
    assert_true(str_eq(f->policy.rules[0].source_word, STR("hard_block"))); /* S0-21 */
    assert_int_equal(f->policy.rules_count, 1);
    assert_int_equal(f->policy.status, POLICY_ACTIVE); /* S0-8 */
}

static void test_S0_51_52_53_words_become_effects(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *word;
        enum policy_effect effect;
        enum policy_severity severity;
    } cases[] = {{"hard_block", POLICY_BLOCK, POLICY_SECURITY_EVENT},
                 {"soft_block", POLICY_BLOCK, POLICY_VIOLATION},
                 {"warn", POLICY_WARN, POLICY_VIOLATION}};
    for (size_t i = 0; i < 3; i++) {
        char text[128];
        snprintf(text, sizeof(text), "{\"name\":\"x\",\"rules\":{\"enforcement\":\"%s\"}}",
                 cases[i].word);
        assert_int_equal(parse(f, text), ERR_OK);
        assert_int_equal(f->policy.rules[0].effect, cases[i].effect);
        assert_int_equal(f->policy.rules[0].severity, cases[i].severity);
    }
}

static void test_bad_input_names_the_member(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *pointer;
    } cases[] = {
        {"{\"rules\":{}}", "/name"},
        {"{\"name\":\"x\"}", "/rules"},
        {"{\"name\":\"\",\"rules\":{}}", "/name"},
        {"{\"name\":\"x\",\"tagSlot\":0,\"rules\":{}}", "/tagSlot"}, /* S0-6 */
        {"{\"name\":\"x\",\"tagSlot\":13,\"rules\":{}}", "/tagSlot"},
        {"{\"name\":\"x\",\"tagSlot\":1.5,\"rules\":{}}", "/tagSlot"},
        {"{\"name\":\"x\",\"tagSlot\":\"1\",\"rules\":{}}", "/tagSlot"},
        {"{\"name\":\"x\",\"rules\":{\"requireSoc\":true}}", "/rules/requireSoc"},
        {"{\"name\":\"x\",\"rules\":{\"requireSoc2\":\"yes\"}}", "/rules/requireSoc2"},
        {"{\"name\":\"x\",\"rules\":{\"enforcement\":\"Warn\"}}", "/rules/enforcement"},
        {"{\"name\":\"x\",\"rules\":{\"enforcement\":\"\"}}", "/rules/enforcement"},
        {"{\"name\":\"x\",\"rules\":{\"minimumTrustTier\":\"high\"}}", "/rules/minimumTrustTier"},
        {"{\"name\":\"x\",\"rules\":{\"providerAllowlist\":[1]}}", "/rules/providerAllowlist/0"},
        {"{\"name\":\"x\",\"isDefault\":true,\"isActive\":false,\"rules\":{}}", "/isActive"},
        {"{\"name\":\"x\",\"id\":\"gpol_1\",\"rules\":{}}", "/id"}, /* S0-2 */
        {"[]", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(f, cases[i].text), ERR_INVALID);
        assert_string_equal(f->issue.pointer, cases[i].pointer);
        assert_true(f->issue.message[0] != 0);
    }
    assert_int_equal(parse(f, "{\"name\":\"x\",\"rules\":{\"requireSoc\":true}}"), ERR_INVALID);
    assert_non_null(strstr(f->issue.message, "requireSoc2"));
}

static void test_S0_47_patch_merges_deeply(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, created), ERR_OK);
    struct policy stored = f->policy, patched;
    stored.id = STR("abc123");
    assert_int_equal(codec_governance_patch(&f->arena, &stored,
                                            json(f, "{\"rules\":{\"requireSoc2\":true}}"), NULL,
                                            &patched, &f->issue),
                     ERR_OK);
    assert_true(str_eq(patched.name, STR("Production - HIPAA Compliant")));
    assert_int_equal(patched.rules[0].require,
                     1u << ROUTE_SOC2 | 1u << ROUTE_HIPAA | 1u << ROUTE_BAA);
    assert_int_equal(patched.rules[0].min_tier, ROUTE_TIER_MOST_TRUSTED);
    /* null removes an optional member */
    assert_int_equal(
        codec_governance_patch(
            &f->arena, &stored,
            json(f,
                 "{\"tagSlot\":null,\"description\":null,\"rules\":{\"minimumTrustTier\":null}}"),
            NULL, &patched, &f->issue),
        ERR_OK);
    assert_int_equal(patched.slot, 0);
    assert_false(patched.has_description);
    assert_int_equal(patched.rules[0].min_tier, ROUTE_TIER_UNRATED);
    assert_int_equal(codec_governance_patch(&f->arena, &stored, json(f, "{\"rulez\":{}}"), NULL,
                                            &patched, &f->issue),
                     ERR_INVALID);
    assert_string_equal(f->issue.pointer, "/rulez");
}

static void test_every_template_parses(void **state)
{
    struct fixture *f = *state;
    size_t count;
    const struct codec_template *list = codec_templates(&count);
    assert_int_equal(count, 7); /* S0-28..S0-37 and S0-40 */
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(parse(f, list[i].body), ERR_OK);
    }
}

static void test_rule_types_that_do_not_run_are_refused_by_name(void **state)
{
    struct fixture *f = *state;
    struct policy p;
    yyjson_val *body =
        json(f, "{\"name\":\"x\",\"scope\":{\"level\":\"org\"},\"rules\":[{\"key\":\"a\",\"type\":"
                "\"fact_check\",\"effect\":\"block\",\"stage\":\"response\",\"params\":{}}]}");
    struct codec_reader r = {&f->arena, NULL, &f->issue, NULL};
    assert_int_equal(codec_native_parse(&r, body, &p), ERR_UNSUPPORTED);
    assert_string_equal(f->issue.pointer, "/rules/0/type");
    assert_non_null(strstr(f->issue.message, "fact_check"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_S0_24_S0_25_create_example, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_canonical_round_trip_keeps_the_dialect, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_S0_18_china_is_blocked_when_omitted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_S0_51_52_53_words_become_effects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_input_names_the_member, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_S0_47_patch_merges_deeply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_template_parses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rule_types_that_do_not_run_are_refused_by_name, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
