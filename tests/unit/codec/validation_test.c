/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /governance/validate on the real catalogue: the documented answer, the order
 * and precedence of reasons, the warnings, and sets that nothing satisfies.
 */
#include "support.h"

static const char *validate(struct fixture *f, const char *rules, bool is_production)
{
    char text[1024];
    struct policy_provider_answer *answers;
    snprintf(text, sizeof(text), "{\"rules\":%s}", rules);
    assert_int_equal(codec_governance_parse_rules(&f->arena, support_json(f, text), f->catalog,
                                                  &f->policy, &f->issue),
                     ERR_OK);
    assert_int_equal(policy_providers_of(&f->arena, f->catalog,
                                         &(struct route_evidence){NULL, 0, 1000}, &f->policy,
                                         &answers),
                     ERR_OK);
    codec_governance_write_validation(&f->out, f->catalog, &f->policy, answers, is_production);
    return support_text(f);
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        print_error("missing: %s\nin: %s\n", part, text);
    }
    assert_non_null(strstr(text, part));
}

static void test_S0_61_documented_answer(void **state)
{
    struct fixture *f = *state;
    const char *text =
        validate(f, "{\"minimumTrustTier\":\"most_trusted\",\"requireBaa\":true}", false);
    has(text, "{\"valid\":true,\"allowedProviders\":[\"anthropic\",\"openai\",\"azure\","
              "\"google\",\"bedrock\",\"cohere\"],\"blockedProviders\":[{\"slug\":\"groq\","
              "\"reason\":\"BAA not available\",\"reasons\":[\"BAA not available\",");
    /* S0-18: China is blocked though the body does not say so */
    has(text, "{\"slug\":\"deepseek\",\"reason\":\"China-based provider\",");
    has(text, "],\"warnings\":[]}");
    (void)support_json(f, text);
}

/* S0-64: every provider is in exactly one of the lists, in catalogue order (S0-62), and
 * the first reason is the first of all reasons. */
static void test_S0_62_S0_64_lists_are_a_partition(void **state)
{
    struct fixture *f = *state;
    static const char *const sets[] = {
        "{}", "{\"requireHipaa\":true,\"requireZdr\":true,\"requireSoc2\":true}",
        "{\"providerAllowlist\":[\"anthropic\",\"openai\"]}",
        "{\"providerBlocklist\":[\"openai\"],\"blockChinaProviders\":false}",
        "{\"minimumTrustTier\":\"most_trusted\",\"requireZdr\":true}"};
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        yyjson_val *root = support_json(f, validate(f, sets[i], false));
        yyjson_val *allowed = json_get(root, STR("allowedProviders"));
        yyjson_val *blocked = json_get(root, STR("blockedProviders"));
        size_t a = 0, b = 0, count = route_catalog_providers_count(f->catalog);
        assert_int_equal(yyjson_arr_size(allowed) + yyjson_arr_size(blocked), count);
        for (unsigned k = 0; k < count; k++) {
            struct str slug = route_catalog_provider(f->catalog, k)->slug;
            yyjson_val *entry = yyjson_arr_get(blocked, b);
            if (str_eq(json_str(yyjson_arr_get(allowed, a)), slug)) {
                a++;
                continue;
            }
            assert_true(str_eq(json_str(json_get(entry, STR("slug"))), slug));
            yyjson_val *reasons = json_get(entry, STR("reasons"));
            assert_true(str_eq(json_str(yyjson_arr_get_first(reasons)),
                               json_str(json_get(entry, STR("reason")))));
            b++;
        }
        assert_int_equal(a + b, count);
    }
}

static void test_S0_36_warn_in_production(void **state)
{
    struct fixture *f = *state;
    static const char rules[] = "{\"enforcement\":\"warn\"}";
    has(validate(f, rules, true), "\"warnings\":[\"Use 'warn' enforcement only in development");
    has(validate(f, rules, false), "\"warnings\":[]}");
    has(validate(f, "{\"enforcement\":\"soft_block\"}", true), "\"warnings\":[]}");
}

static void test_S0_19_empty_list_restricts_nothing(void **state)
{
    struct fixture *f = *state;
    const char *with = validate(f, "{\"providerAllowlist\":[]}", false);
    has(with, "\"warnings\":[\"An empty provider list restricts nothing\"]}");
    has(with, "\"valid\":true");
    const char *without = validate(f, "{}", false);
    size_t same = (size_t)(strstr(with, "\"warnings\"") - with);
    assert_int_equal(strncmp(with, without, same), 0);
    has(validate(f, "{\"providerBlocklist\":[]}", false), "An empty provider list");
    has(validate(f, "{\"providerAllowlist\":null}", false), "\"warnings\":[]}");
}

static void test_S0_65_unsatisfiable_and_unknown(void **state)
{
    struct fixture *f = *state;
    const char *text = validate(
        f, "{\"providerAllowlist\":[\"openai\"],\"providerBlocklist\":[\"openai\"]}", true);
    has(text, "{\"valid\":false,\"allowedProviders\":[],");
    has(text, "\"warnings\":[\"No provider satisfies these rules: every request would be blocked");
    /* S0-64: the blocklist speaks first */
    has(text, "{\"slug\":\"openai\",\"reason\":\"");
    text = validate(f, "{\"providerAllowlist\":[\"opanai\\\"\"]}", false);
    has(text, "{\"valid\":false,");
    has(text, "The provider 'opanai\\\"' is not in the catalogue");
    text = validate(f, "{\"providerAllowlist\":[\"openai\",\"nobody\"]}", false);
    has(text, "{\"valid\":true,\"allowedProviders\":[\"openai\"],");
    has(text, "\"warnings\":[\"The provider 'nobody' is not in the catalogue\"]}");
}

static void test_S0_60_body_is_read_strictly(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *pointer;
    } cases[] = {{"{}", "/rules"},
                 {"[]", ""},
                 {"{\"rules\":[]}", "/rules"},
                 {"{\"rules\":{},\"name\":\"x\"}", "/name"},
                 {"{\"rules\":{\"minimumTier\":\"trusted\"}}", "/rules/minimumTier"},
                 {"{\"rules\":{\"requireZdr\":null}}", "/rules/requireZdr"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(codec_governance_parse_rules(&f->arena, support_json(f, cases[i].text),
                                                      f->catalog, &f->policy, &f->issue),
                         ERR_INVALID);
        assert_string_equal(f->issue.pointer, cases[i].pointer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S0_61_documented_answer),
        cmocka_unit_test(test_S0_62_S0_64_lists_are_a_partition),
        cmocka_unit_test(test_S0_36_warn_in_production),
        cmocka_unit_test(test_S0_19_empty_list_restricts_nothing),
        cmocka_unit_test(test_S0_65_unsatisfiable_and_unknown),
        cmocka_unit_test(test_S0_60_body_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, support_set_up, support_tear_down);
}
