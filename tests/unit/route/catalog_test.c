/* SPDX-License-Identifier: Apache-2.0
 *
 * The catalogue: the shipped files parse, the facts the seeds name are in them,
 * and a file with a mistake in it is refused with the place of the mistake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "route/support.h"

#define PROVIDER_A                                                                                 \
    "{\"slug\":\"a\",\"name\":\"A\",\"aliases\":[\"aa\"],\"sort_order\":1,\"headquarters\":"       \
    "\"US\",\"trust_tier\":\"trusted\",\"soc2\":true,\"soc2_type\":2,\"iso27001\":null,"           \
    "\"trains_on_prompts\":false,\"logs_prompts\":true,\"api_style\":\"openai\"}"
#define PROVIDERS(list) "{\"format\":\"portcullis-providers/1\",\"providers\":[" list "]}"
#define MODELS(list) "{\"format\":\"portcullis-models/1\",\"models\":[" list "]}"
#define MODEL_A                                                                                    \
    "{\"provider\":\"a\",\"model\":\"m\",\"id\":\"a/m\",\"aliases\":[],\"kind\":\"chat\","         \
    "\"input_usd_per_mtok\":0.0125,\"output_usd_per_mtok\":10,\"context_window\":128000}"

static enum err parse(const char *providers, const char *models, struct route_catalog **ret,
                      struct issue *issue)
{
    *issue = (struct issue){.offset = 0};
    return route_catalog_new(str_from(providers), str_from(models), ret, issue);
}

static void refused(const char *providers, const char *models, enum err want, const char *pointer)
{
    struct route_catalog *c = NULL;
    struct issue issue;
    enum err err = parse(providers, models, &c, &issue);

    assert_int_equal(err, want);
    assert_null(c);
    assert_string_not_equal(issue.message, "");
    if (pointer != NULL) {
        assert_string_equal(issue.pointer, pointer);
    }
}

static void shipped_catalogue_parses(void **state)
{
    (void)state;
    struct route_catalog *c = support_catalog();

    assert_int_equal(route_catalog_providers_count(c), 41);
    assert_int_equal(route_catalog_models_count(c), 865);
    for (unsigned i = 0; i < route_catalog_providers_count(c); i++) {
        const struct route_provider *p = route_catalog_provider(c, i);
        assert_int_equal(p->index, i);
        assert_ptr_equal(route_catalog_find_provider(c, p->slug), p);
        for (size_t k = 0; k < p->aliases_count; k++) {
            assert_ptr_equal(route_catalog_find_provider(c, p->aliases[k]), p);
        }
    }
    route_catalog_free(c);
    route_catalog_free(NULL);
}

/* S0-62, S0-66: catalogue order and the tiers. */
static void s0_66_tiers_and_order(void **state)
{
    (void)state;
    static const char *const order[] = {"anthropic", "openai",    "azure",    "google",
                                        "bedrock",   "cohere",    "groq",     "deepinfra",
                                        "fireworks", "together",  "mistral",  "deepseek"};
    struct route_catalog *c = support_catalog();

    for (unsigned i = 0; i < 12; i++) {
        const struct route_provider *p = route_catalog_provider(c, i);
        assert_true(str_eq(p->slug, str_from(order[i])));
        assert_int_equal(p->posture.tier, i < 6    ? ROUTE_TIER_MOST_TRUSTED
                                          : i < 11 ? ROUTE_TIER_TRUSTED
                                                   : ROUTE_TIER_SKETCHY);
    }
    for (unsigned i = 12; i < route_catalog_providers_count(c); i++) {
        assert_int_equal(route_catalog_provider(c, i)->posture.tier, ROUTE_TIER_UNRATED);
    }
    assert_string_equal(route_catalog_provider(c, 11)->posture.country, "CN");
    assert_string_equal(
        route_catalog_provider(c, support_provider(c, "custom"))->posture.country, "");
    route_catalog_free(c);
}

static void dialects_and_derived_facts(void **state)
{
    (void)state;
    struct route_catalog *c = support_catalog();
    const struct route_provider *p = route_catalog_provider(c, support_provider(c, "anthropic"));

    assert_int_equal(p->dialect, LLM_ANTHROPIC);
    assert_true(p->is_dialect_supported);
    assert_true(p->also_speaks_openai);
    p = route_catalog_provider(c, support_provider(c, "bedrock"));
    assert_false(p->is_dialect_supported);
    p = route_catalog_provider(c, support_provider(c, "canopywave")); /* SOC 2 Type I only */
    assert_int_equal(p->posture.facts[ROUTE_SOC2], ROUTE_NO);
    assert_int_equal(p->posture.facts[ROUTE_SOC2_ANY], ROUTE_YES);
    assert_int_equal(p->posture.facts[ROUTE_SOC2_OR_ISO27001], ROUTE_NO);
    p = route_catalog_provider(c, support_provider(c, "groq")); /* ISO unknown, SOC 2 yes */
    assert_int_equal(p->posture.facts[ROUTE_ISO27001], ROUTE_UNKNOWN);
    assert_int_equal(p->posture.facts[ROUTE_SOC2_OR_ISO27001], ROUTE_YES);
    p = route_catalog_provider(c, support_provider(c, "google")); /* C-9 */
    assert_ptr_equal(route_catalog_find_provider(c, STR("gemini")), p);
    assert_null(route_catalog_find_provider(c, STR("Google")));
    assert_null(route_catalog_find_provider(c, STR("google ")));
    route_catalog_free(c);
}

/* Product page 2.6: integers of pico-USD per token. */
static void prices_are_integers(void **state)
{
    (void)state;
    struct route_catalog *c;
    struct issue issue;

    assert_int_equal(parse(PROVIDERS(PROVIDER_A), MODELS(MODEL_A), &c, &issue), ERR_OK);
    const struct route_model *m = route_catalog_model(c, 0);
    assert_int_equal(m->input_price, 12500);
    assert_int_equal(m->output_price, 10000000);
    assert_int_equal(m->cache_read_price, -1);
    assert_int_equal(m->context_tokens, 128000);
    assert_int_equal(m->output_tokens_max, 0);
    assert_true(str_eq(m->upstream_name, STR("m")));
    route_catalog_free(c);
}

static void mistakes_are_refused(void **state)
{
    (void)state;
    const char *good = PROVIDERS(PROVIDER_A);

    refused("{", MODELS(""), ERR_SYNTAX, NULL);
    refused("[]", MODELS(""), ERR_INVALID, "/format");
    refused("{\"format\":\"portcullis-providers/2\",\"providers\":[]}", MODELS(""), ERR_INVALID,
            "/format");
    refused("{\"format\":\"portcullis-providers/1\"}", MODELS(""), ERR_INVALID, "");
    refused(PROVIDERS("1"), MODELS(""), ERR_INVALID, "/providers/0");
    refused(PROVIDERS("{\"slug\":\"a\",\"sort_order\":1}"), MODELS(""), ERR_INVALID,
            "/providers/0/name");
    refused(PROVIDERS("{\"slug\":\"a\",\"sorc2\":true}"), MODELS(""), ERR_INVALID, "/providers/0");
    refused(PROVIDERS(PROVIDER_A "," PROVIDER_A), MODELS(""), ERR_INVALID,
            "/providers/1/sort_order");
    refused(PROVIDERS("{\"slug\":\"a/b\",\"name\":\"A\",\"sort_order\":1,"
                      "\"api_style\":\"openai\"}"),
            MODELS(""), ERR_INVALID, "/providers/0/slug");
    refused(PROVIDERS("{\"slug\":\"a\",\"name\":\"A\",\"sort_order\":1,\"api_style\":\"openai\","
                      "\"baa\":\"yes\"}"),
            MODELS(""), ERR_INVALID, "/providers/0/baa");
    refused(PROVIDERS("{\"slug\":\"a\",\"name\":\"A\",\"sort_order\":1,\"api_style\":\"openai\","
                      "\"trust_tier\":\"unrated\"}"),
            MODELS(""), ERR_INVALID, "/providers/0/trust_tier");
    refused(PROVIDERS("{\"slug\":\"a\",\"name\":\"A\",\"sort_order\":1,\"api_style\":\"openai\","
                      "\"headquarters\":\"cn\"}"),
            MODELS(""), ERR_INVALID, "/providers/0/headquarters");
    refused(good, MODELS(MODEL_A "," MODEL_A), ERR_INVALID, "/models");
    refused(good,
            MODELS("{\"provider\":\"aa\",\"model\":\"m\",\"id\":\"aa/m\",\"kind\":\"chat\"}"),
            ERR_INVALID, "/models/0/provider");
    refused(good, MODELS("{\"provider\":\"a\",\"model\":\"m\",\"id\":\"a/n\",\"kind\":\"chat\"}"),
            ERR_INVALID, "/models/0/id");
    refused(good,
            MODELS("{\"provider\":\"a\",\"model\":\"m\",\"id\":\"a/m\",\"kind\":\"chat\","
                   "\"input_usd_per_mtok\":-1}"),
            ERR_INVALID, "/models/0/input_usd_per_mtok");
    refused(good,
            MODELS("{\"provider\":\"a\",\"model\":\"m\",\"id\":\"a/m\",\"kind\":\"chat\","
                   "\"context_window\":1.5}"),
            ERR_INVALID, "/models/0/context_window");
    refused(good, MODELS("{\"provider\":\"a\",\"model\":\"m\",\"id\":\"a/m\",\"kind\":\"tele\"}"),
            ERR_INVALID, "/models/0/kind");
}

static void too_many_providers_is_a_limit(void **state)
{
    (void)state;
    struct buf b;
    struct route_catalog *c = NULL;
    struct issue issue;

    buf_init(&b, 1024 * 1024);
    buf_add(&b, STR("{\"format\":\"portcullis-providers/1\",\"providers\":["));
    for (unsigned i = 0; i <= ROUTE_PROVIDERS_MAX; i++) {
        buf_printf(&b, "%s{\"slug\":\"p%u\",\"name\":\"P\",\"sort_order\":%u,"
                       "\"api_style\":\"openai\"}",
                   i > 0 ? "," : "", i, i + 1);
    }
    buf_add(&b, STR("]}"));
    assert_int_equal(route_catalog_new(buf_str(&b), STR(MODELS("")), &c, &issue), ERR_LIMIT);
    assert_null(c);
    buf_fini(&b);
}

static void names_round_trip(void **state)
{
    (void)state;
    enum route_attribute a;
    enum route_tier t;

    for (unsigned i = 0; i < ROUTE_ATTRIBUTES_COUNT; i++) {
        assert_int_equal(
            route_attribute_parse(str_from(route_attribute_name((enum route_attribute)i)), &a),
            ERR_OK);
        assert_int_equal(a, i);
    }
    for (unsigned i = ROUTE_TIER_SKETCHY; i <= ROUTE_TIER_MOST_TRUSTED; i++) {
        assert_int_equal(route_tier_parse(str_from(route_tier_name((enum route_tier)i)), &t),
                         ERR_OK);
        assert_int_equal(t, i);
    }
    assert_int_equal(route_attribute_parse(STR("SOC2"), &a), ERR_INVALID);
    assert_int_equal(route_attribute_parse(STR(""), &a), ERR_INVALID);
    assert_int_equal(route_tier_parse(STR("unrated"), &t), ERR_INVALID);
    assert_int_equal(route_tier_parse(STR("trusted "), &t), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_catalogue_parses),
        cmocka_unit_test(s0_66_tiers_and_order),
        cmocka_unit_test(dialects_and_derived_facts),
        cmocka_unit_test(prices_are_integers),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(too_many_providers_is_a_limit),
        cmocka_unit_test(names_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
