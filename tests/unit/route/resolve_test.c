/* SPDX-License-Identifier: Apache-2.0
 *
 * The resolver (product page 2.5, C-16) and its refusals (bad inputs E 92-97),
 * and that the two ways to ask what a policy entry means agree on the whole
 * catalogue.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "route/support.h"

static struct route_catalog *c;

static int load(void **state)
{
    (void)state;
    c = support_catalog();
    return 0;
}

static int drop(void **state)
{
    (void)state;
    route_catalog_free(c);
    return 0;
}

/* Candidates as "provider/model provider/model", comma for pinned. */
static void resolves(const char *model, bool is_pinned, const char *want)
{
    struct route_resolution r;
    char text[1024] = "";
    size_t at = 0;

    assert_int_equal(route_resolve(c, str_from(model), &r), ERR_OK);
    for (size_t i = 0; i < r.count; i++) {
        const struct route_model *m = route_catalog_model(c, r.models[i]);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%.*s", i > 0 ? " " : "",
                               STR_ARG(m->id));
        assert_true((r.providers >> m->provider & 1) != 0);
    }
    assert_string_equal(text, want);
    assert_int_equal(r.is_pinned, is_pinned);
    assert_true(str_eq(r.requested, str_from(model)));
}

static void unknown(const char *model)
{
    struct route_resolution r;
    assert_int_equal(route_resolve(c, str_from(model), &r), ERR_NOT_FOUND);
    assert_int_equal(r.count, 0);
}

static void seed_named_models(void **state)
{
    (void)state;
    resolves("gpt-4o", false, "openai/gpt-4o azure/gpt-4o");
    resolves("gpt-4o-mini", false, "openai/gpt-4o-mini azure/gpt-4o-mini");
    resolves("gpt-4-turbo", false, "openai/gpt-4-turbo azure/gpt-4-turbo");
    resolves("claude-sonnet-4-20250514", false, "anthropic/claude-sonnet-4-20250514");
    resolves("claude-3-haiku", false, "anthropic/claude-3-haiku-20240307"); /* S4-36 */
    resolves("deepseek/deepseek-v3.2", true, "deepseek/deepseek-v3.2");     /* S3-3 */
}

static void the_maker_comes_first(void **state)
{
    (void)state;
    resolves("deepseek-v3.2", false, "deepseek/deepseek-v3.2 azure/deepseek-v3.2");
    resolves("mistral-nemo", false, "mistral/mistral-nemo azure/mistral-nemo");
    resolves("gemini-2.5-pro", false, "google/gemini-2.5-pro google-ai-studio/gemini-2.5-pro");
    resolves("claude-opus-4-5", false, "anthropic/claude-opus-4-5 azure/claude-opus-4-5");
}

static void provider_before_the_slash(void **state)
{
    (void)state;
    resolves("azure/gpt-4o", true, "azure/gpt-4o");
    resolves("azure-openai/gpt-4o", true, "azure/gpt-4o"); /* alias of the provider */
    resolves("anthropic/claude-3-haiku", true, "anthropic/claude-3-haiku-20240307");
    /* the left part is no provider: the slash belongs to the name */
    resolves("meta-llama/Llama-3.3-70B-Instruct", false,
             "nebius/meta-llama/Llama-3.3-70B-Instruct");
    /* the left part is a provider without such a model, but somebody's exact name */
    resolves("openai/gpt-oss-120b", false,
             "groq/openai/gpt-oss-120b deepinfra/openai/gpt-oss-120b "
             "together/openai/gpt-oss-120b nebius/openai/gpt-oss-120b "
             "novita/openai/gpt-oss-120b siliconflow/openai/gpt-oss-120b");
    resolves("groq/openai/gpt-oss-120b", true, "groq/openai/gpt-oss-120b");
}

static void families_take_the_newest(void **state)
{
    (void)state;
    resolves("anthropic/claude-3-opus", true, "anthropic/claude-3-opus-20240229");
    resolves("claude-3-sonnet", false, "anthropic/claude-3-sonnet-20240229");
    resolves("claude-3-5-sonnet", false, "anthropic/claude-3-5-sonnet-20241022");
    resolves("mistral-medium", false, "mistral/mistral-medium-2604 azure/mistral-medium-2505");
}

/* E 92-97 */
static void exact_bytes_or_nothing(void **state)
{
    (void)state;
    unknown("");
    unknown(" gpt-4o ");
    unknown("GPT-4O");
    unknown("gpt-4o\n");
    unknown("gpt-4o\t");
    unknown("g\xd1\x80t-4o"); /* Cyrillic er */
    unknown("../gpt-4o");
    unknown("gpt-4o/../o1");
    unknown("gpt-4o?x=1");
    unknown("gpt-4o#");
    unknown("openai%2fgpt-4o");
    unknown("OpenAI/gpt-4o");
    unknown("openai/");
    unknown("/gpt-4o");
    unknown("openai//gpt-4o");
    unknown("openai/ gpt-4o");
    unknown("*");
    unknown("openai/*");
    unknown("gpt-4o*");
    unknown("gpt-4o-evil");
    unknown("ft:gpt-3.5-turbo:org::id");
    unknown("deepseek/gpt-4o");

    struct route_resolution r;
    assert_int_equal(route_resolve(c, STR("gpt-4o\0x"), &r), ERR_NOT_FOUND);
    char huge[4096];
    memset(huge, 'a', sizeof(huge));
    assert_int_equal(route_resolve(c, (struct str){huge, sizeof(huge)}, &r), ERR_NOT_FOUND);
    assert_int_equal(route_resolve(c, STR_NONE, &r), ERR_NOT_FOUND);
}

static bool matches(const char *id, const char *entry)
{
    struct route_resolution r;
    assert_int_equal(route_resolve(c, str_from(id), &r), ERR_OK);
    return route_model_matches(c, r.models[0], str_from(entry));
}

static void entries_of_a_policy(void **state)
{
    (void)state;
    assert_true(matches("openai/gpt-4o", "gpt-4o"));
    assert_true(matches("openai/gpt-4o", "openai/gpt-4o"));
    assert_true(matches("openai/gpt-4o", "openai/*"));
    assert_true(matches("openai/gpt-4o", "gpt-4o-latest")); /* alias */
    assert_true(matches("openai/gpt-4o-2024-08-06", "gpt-4o"));
    assert_true(matches("anthropic/claude-3-haiku-20240307", "claude-3-haiku"));
    assert_true(matches("google/gemini-2.5-pro", "vertex/*"));
    assert_true(matches("google/gemini-2.5-pro", "vertex/gemini-2.5-pro"));
    assert_true(matches("groq/openai/gpt-oss-120b", "openai/gpt-oss-120b"));

    assert_false(matches("openai/gpt-4o", "gpt-4"));
    assert_false(matches("openai/gpt-4o-mini", "gpt-4o"));
    assert_false(matches("openai/gpt-4o", "azure/gpt-4o"));
    assert_false(matches("openai/gpt-4o", "azure/*"));
    assert_false(matches("openai/gpt-4o", "*"));
    assert_false(matches("openai/gpt-4o", "gpt-4*"));
    assert_false(matches("openai/gpt-4o", ""));
    assert_false(matches("openai/gpt-4o", "GPT-4o"));
    /* an entry that names a provider means that provider */
    assert_false(matches("novita/deepseek/deepseek-v3.2", "deepseek/deepseek-v3.2"));

    assert_true(route_entry_is_known(c, STR("openai/*")));
    assert_true(route_entry_is_known(c, STR("claude-3-haiku")));
    assert_false(route_entry_is_known(c, STR("gtp-4o")));
    assert_false(route_entry_is_known(c, STR("*")));
}

static void check_entry(struct str entry, bool *named, unsigned *found)
{
    size_t models = route_catalog_models_count(c);
    size_t count = route_entry_models(c, entry, found, 4 * models);

    memset(named, 0, models);
    for (size_t i = 0; i < count; i++) {
        named[found[i]] = true;
    }
    for (unsigned m = 0; m < models; m++) {
        if (named[m] != route_model_matches(c, m, entry)) {
            fail_msg("entry '%.*s', model %u: index says %d", STR_ARG(entry), m, (int)named[m]);
        }
    }
}

static void both_ways_agree(void **state)
{
    (void)state;
    size_t models = route_catalog_models_count(c);
    bool *named = calloc(models, 1);
    unsigned *found = calloc(4 * models, sizeof(*found));
    static const char *const more[] = {"gpt-4o-latest", "claude-3-haiku", "claude-opus-4",
                                       "openai/claude-3-haiku", "anthropic/claude-opus-4",
                                       "gpt-4", "openai/*", "bedrock/*", "x/*", "", "/", "*",
                                       "kimi/*", "qwen/qwen3-32b", "command-r"};

    for (unsigned m = 0; m < models; m++) {
        check_entry(route_catalog_model(c, m)->id, named, found);
        check_entry(route_catalog_model(c, m)->name, named, found);
    }
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        check_entry(str_from(more[i]), named, found);
    }
    free(named);
    free(found);
}

/* Every id resolves to itself, pinned, alone. */
static void every_id_resolves_to_itself(void **state)
{
    (void)state;
    struct route_resolution r;

    for (unsigned m = 0; m < route_catalog_models_count(c); m++) {
        assert_int_equal(route_resolve(c, route_catalog_model(c, m)->id, &r), ERR_OK);
        assert_true(r.is_pinned);
        assert_int_equal(r.count, 1);
        assert_int_equal(r.models[0], m);
        assert_int_equal(r.pinned_provider, route_catalog_model(c, m)->provider);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seed_named_models),
        cmocka_unit_test(the_maker_comes_first),
        cmocka_unit_test(provider_before_the_slash),
        cmocka_unit_test(families_take_the_newest),
        cmocka_unit_test(exact_bytes_or_nothing),
        cmocka_unit_test(entries_of_a_policy),
        cmocka_unit_test(both_ways_agree),
        cmocka_unit_test(every_id_resolves_to_itself),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
