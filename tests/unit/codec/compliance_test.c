/* SPDX-License-Identifier: Apache-2.0
 *
 * Provider compliance (S3): the settings document goes in and comes out, each toggle
 * is one requirement, and the preview tells every provider's fate from the same rule
 * evaluation as the path.
 */
#include "support.h"

static enum err parse(struct fixture *f, const char *text)
{
    return codec_compliance_parse(&f->arena, support_json(f, text), f->catalog, &f->policy,
                                  &f->issue);
}

static void test_S3_7_to_S3_12_toggles_are_requirements(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        enum route_attribute attribute;
    } cases[] = {{"requireSoc2", ROUTE_SOC2},
                 {"requireIso27001", ROUTE_ISO27001},
                 {"requireSoc2OrIso27001", ROUTE_SOC2_OR_ISO27001},
                 {"requireGdpr", ROUTE_GDPR},
                 {"requireNoTraining", ROUTE_NO_TRAINING},
                 {"requireNoLogging", ROUTE_NO_LOGGING}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "{\"%s\":true}", cases[i].name);
        assert_int_equal(parse(f, text), ERR_OK);
        assert_int_equal(f->policy.rules[0].require, 1u << cases[i].attribute);
        codec_compliance_write(&f->out, &f->policy);
        yyjson_val *root = support_written(f);
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
            yyjson_val *v = json_get(root, str_from(cases[k].name));
            assert_true(yyjson_is_bool(v) && yyjson_get_bool(v) == (k == i));
        }
    }
}

/* S3-4, S3-5: fail-closed, always on for the whole organisation, never weakened below. */
static void test_S3_4_it_is_locked_and_blocks(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "{}"), ERR_OK);
    assert_true(f->policy.is_locked);
    assert_int_equal(f->policy.level, POLICY_ORG);
    assert_int_equal(f->policy.origin, POLICY_COMPLIANCE);
    assert_int_equal(f->policy.status, POLICY_ACTIVE);
    assert_false(f->policy.is_slot_selected);
    assert_int_equal(f->policy.rules[0].effect, POLICY_BLOCK);
    assert_int_equal(f->policy.rules[0].severity, POLICY_SECURITY_EVENT); /* S3-6 */
    assert_int_equal(parse(f, "{\"enabled\":false}"), ERR_OK);
    assert_int_equal(f->policy.status, POLICY_INACTIVE);
}

static void test_C_10_type_1_only_when_accepted(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "{\"requireSoc2\":true,\"acceptType1\":true}"), ERR_OK);
    assert_int_equal(f->policy.rules[0].require, 1u << ROUTE_SOC2_ANY);
    codec_compliance_write(&f->out, &f->policy);
    assert_string_equal(support_text(f),
                        "{\"enabled\":true,\"requireSoc2\":true,\"requireIso27001\":false,"
                        "\"requireSoc2OrIso27001\":false,\"requireGdpr\":false,"
                        "\"requireNoTraining\":false,\"requireNoLogging\":false,"
                        "\"acceptType1\":true,\"version\":1}");
    assert_int_equal(parse(f, "{\"requireSoc2\":true,\"acceptType1\":false}"), ERR_OK);
    assert_int_equal(f->policy.rules[0].require, 1u << ROUTE_SOC2);
}

static void test_bad_settings_are_named(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *pointer, *word;
    } cases[] = {{"[]", "", "object"},
                 {"{\"requireSoc\":true}", "/requireSoc", "'requireSoc2'"},
                 {"{\"requireGdpr\":\"yes\"}", "/requireGdpr", "true or false"},
                 {"{\"requireGdpr\":null}", "/requireGdpr", "true or false"},
                 {"{\"enabled\":1}", "/enabled", "true or false"},
                 {"{\"acceptType2\":true}", "/acceptType2", "'acceptType1'"},
                 {"{\"name\":\"x\"}", "/name", "unknown"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(f, cases[i].text), ERR_INVALID);
        assert_string_equal(f->issue.pointer, cases[i].pointer);
        assert_non_null(strstr(f->issue.message, cases[i].word));
    }
}

static void test_survives_the_stored_form(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "{\"requireSoc2OrIso27001\":true,\"requireGdpr\":true,"
                              "\"requireNoTraining\":true,\"requireNoLogging\":true}"),
                     ERR_OK);
    f->policy.id = STR("cmp");
    f->policy.org_id = STR("org_x");
    f->policy.updated_at_ms = 1736519400000;
    codec_canonical_write(&f->out, &f->policy);
    struct policy again;
    assert_int_equal(codec_canonical_parse(&f->arena, str_from(support_text(f)), f->catalog,
                                           &again, &f->issue),
                     ERR_OK);
    assert_true(again.is_locked);
    codec_compliance_write(&f->out, &f->policy);
    const char *text = support_text(f);
    codec_compliance_write(&f->out, &again);
    assert_string_equal(support_text(f), text);
    assert_non_null(strstr(text, "\"updatedAt\":\"2025-01-10T14:30:00Z\"}"));
}

static void test_S3_5_preview_tells_every_provider(void **state)
{
    struct fixture *f = *state;
    struct policy_provider_answer *answers;
    assert_int_equal(parse(f, "{\"requireSoc2\":true,\"requireNoTraining\":true}"), ERR_OK);
    assert_int_equal(policy_providers_of(&f->arena, f->catalog,
                                         &(struct route_evidence){NULL, 0, 1000}, &f->policy,
                                         &answers),
                     ERR_OK);
    codec_compliance_write_preview(&f->out, f->catalog, &f->policy, answers);
    yyjson_val *root = support_written(f);
    yyjson_val *allowed = json_get(root, STR("allowedProviders"));
    yyjson_val *blocked = json_get(root, STR("blockedProviders"));
    assert_true(json_bool(json_get(root, STR("enabled")), false));
    assert_int_equal(yyjson_arr_size(allowed) + yyjson_arr_size(blocked),
                     route_catalog_providers_count(f->catalog));
    bool is_deepseek_blocked = false;
    for (size_t i = 0; i < yyjson_arr_size(blocked); i++) {
        yyjson_val *entry = yyjson_arr_get(blocked, i);
        is_deepseek_blocked |= str_eq(json_str(json_get(entry, STR("slug"))), STR("deepseek"));
        assert_true(json_str(json_get(entry, STR("reason"))).len != 0);
        assert_true(yyjson_arr_size(json_get(entry, STR("reasons"))) != 0);
    }
    assert_true(is_deepseek_blocked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S3_7_to_S3_12_toggles_are_requirements),
        cmocka_unit_test(test_S3_4_it_is_locked_and_blocks),
        cmocka_unit_test(test_C_10_type_1_only_when_accepted),
        cmocka_unit_test(test_bad_settings_are_named),
        cmocka_unit_test(test_survives_the_stored_form),
        cmocka_unit_test(test_S3_5_preview_tells_every_provider),
    };
    return cmocka_run_group_tests(tests, support_set_up, support_tear_down);
}
