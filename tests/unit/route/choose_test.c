/* SPDX-License-Identifier: Apache-2.0
 *
 * Choosing among what policy left: same dialect before translated, then candidate
 * order, then priority; a candidate whose bit is not set does not exist.
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

static struct route_endpoint endpoint(const char *slug, enum llm_dialect dialect,
                                      unsigned priority, const char *id)
{
    return (struct route_endpoint){
        .id = str_from(id),
        .provider = support_provider(c, slug),
        .dialect = dialect,
        .priority = priority,
    };
}

static void chosen(const char *model, uint32_t allowed, enum llm_endpoint operation,
                   const struct route_endpoint *list, size_t count, const char *want)
{
    struct route_resolution r;
    struct route_choice choice;

    assert_int_equal(route_resolve(c, str_from(model), &r), ERR_OK);
    enum err err = route_choose(c, &r, allowed, operation,
                                &(struct route_reach){list, count}, &choice);
    if (want == NULL) {
        assert_int_equal(err, ERR_NOT_FOUND);
        return;
    }
    assert_int_equal(err, ERR_OK);
    assert_true(str_eq(choice.endpoint->id, str_from(want)));
    assert_int_equal(choice.provider->index, choice.endpoint->provider);
    assert_int_equal(choice.model->index, r.models[choice.candidate]);
    assert_true((allowed >> choice.candidate & 1) != 0);
}

static void candidate_order_then_priority(void **state)
{
    (void)state;
    const struct route_endpoint list[] = {
        endpoint("azure", LLM_OPENAI, 0, "az"),
        endpoint("openai", LLM_OPENAI, 9, "oa-slow"),
        endpoint("openai", LLM_OPENAI, 1, "oa"),
    };
    chosen("gpt-4o", 3, LLM_CHAT, list, 3, "oa");
    chosen("gpt-4o", 2, LLM_CHAT, list, 3, "az"); /* policy took openai away */
    chosen("gpt-4o", 0, LLM_CHAT, list, 3, NULL);
    chosen("gpt-4o", 1, LLM_CHAT, list, 1, NULL); /* allowed, but not reachable */
    chosen("gpt-4o", 3, LLM_CHAT, list, 1, "az");
    chosen("gpt-4o", UINT32_MAX, LLM_CHAT, list, 0, NULL);
}

static void same_dialect_before_translated(void **state)
{
    (void)state;
    const struct route_endpoint list[] = {
        endpoint("anthropic", LLM_ANTHROPIC, 0, "an"),
        endpoint("azure", LLM_OPENAI, 0, "az"),
        endpoint("anthropic", LLM_OPENAI, 5, "an-compatible"),
    };
    chosen("claude-opus-4-5", 3, LLM_MESSAGES, list, 2, "an");
    chosen("claude-opus-4-5", 3, LLM_CHAT, list, 2, "az");
    chosen("claude-opus-4-5", 3, LLM_CHAT, list, 3, "an-compatible");
    chosen("claude-opus-4-5", 1, LLM_CHAT, list, 2, "an"); /* translated is better than none */
}

/* What is decided is about providers that there are; without any, about all. */
static void only_what_can_be_reached_is_left(void **state)
{
    (void)state;
    struct route_resolution all, r;
    const struct route_endpoint list[] = {endpoint("azure", LLM_OPENAI, 0, "az"),
                                          endpoint("anthropic", LLM_ANTHROPIC, 0, "an")};
    assert_int_equal(route_resolve(c, STR("gpt-4o"), &all), ERR_OK);
    assert_true(all.count > 1);
    r = all;
    route_narrow(c, LLM_CHAT, &(struct route_reach){list, 2}, &r);
    assert_int_equal(r.count, 1);
    assert_int_equal(route_catalog_model(c, r.models[0])->provider, list[0].provider);
    assert_true(r.providers == UINT64_C(1) << list[0].provider);
    r = all;
    route_narrow(c, LLM_CHAT, &(struct route_reach){list + 1, 1}, &r);
    assert_int_equal(r.count, all.count);
    assert_true(r.providers == all.providers);
    assert_int_equal(route_resolve(c, STR("openai/gpt-4o"), &r), ERR_OK);
    route_narrow(c, LLM_CHAT, &(struct route_reach){list, 2}, &r);
    assert_int_equal(r.count, 1); /* a pinned one stays what it is */
}

static void only_chat_and_messages_translate(void **state)
{
    (void)state;
    const struct route_endpoint anthropic = endpoint("anthropic", LLM_ANTHROPIC, 0, "an");
    const struct route_endpoint openai = endpoint("openai", LLM_OPENAI, 0, "oa");

    chosen("claude-opus-4-5", 1, LLM_RESPONSES, &anthropic, 1, NULL);
    chosen("claude-opus-4-5", 1, LLM_EMBEDDINGS, &anthropic, 1, NULL);
    chosen("claude-opus-4-5", 1, LLM_COUNT_TOKENS, &anthropic, 1, "an");
    chosen("gpt-4o", 1, LLM_MESSAGES, &openai, 1, "oa");
    chosen("gpt-4o", 1, LLM_COUNT_TOKENS, &openai, 1, NULL);
    chosen("gpt-4o", 1, LLM_RESPONSES, &openai, 1, "oa");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidate_order_then_priority),
        cmocka_unit_test(same_dialect_before_translated),
        cmocka_unit_test(only_what_can_be_reached_is_left),
        cmocka_unit_test(only_chat_and_messages_translate),
    };
    return cmocka_run_group_tests(tests, load, drop);
}
