/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of API operations: their name in policies, whose JSON they speak, and
 * the path a provider serves them under. One row each, in the order of the enum,
 * so that adding an operation is one line here and a walker.
 * Constant data; any thread.
 */
#include "llm_private.h"

static const struct {
    const char *name;
    enum llm_dialect dialect;
    struct str path;
} endpoints[LLM_ENDPOINTS_COUNT] = {
    [LLM_CHAT] = {"chat", LLM_OPENAI, {"/chat/completions", 17}},
    [LLM_COMPLETIONS] = {"completions", LLM_OPENAI, {"/completions", 12}},
    [LLM_RESPONSES] = {"responses", LLM_OPENAI, {"/responses", 10}},
    [LLM_MESSAGES] = {"messages", LLM_ANTHROPIC, {"/v1/messages", 12}},
    [LLM_EMBEDDINGS] = {"embeddings", LLM_OPENAI, {"/embeddings", 11}},
    [LLM_MODERATIONS] = {"moderations", LLM_OPENAI, {"/moderations", 12}},
    [LLM_COUNT_TOKENS] = {"count_tokens", LLM_ANTHROPIC, {"/v1/messages/count_tokens", 25}},
    [LLM_INPUT_TOKENS] = {"input_tokens", LLM_OPENAI, {"/responses/input_tokens", 23}},
};

const char *llm_endpoint_name(enum llm_endpoint e)
{
    ASSERT((unsigned)e < LLM_ENDPOINTS_COUNT);
    return endpoints[e].name;
}

enum llm_dialect llm_endpoint_dialect(enum llm_endpoint e)
{
    ASSERT((unsigned)e < LLM_ENDPOINTS_COUNT);
    return endpoints[e].dialect;
}

struct str llm_endpoint_upstream_path(enum llm_endpoint e)
{
    ASSERT((unsigned)e < LLM_ENDPOINTS_COUNT);
    return endpoints[e].path;
}
