/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of API operations: their name in policies, whose JSON they speak, the path a
 * provider serves them under, and whether an answer may be a stream. One row each, in the
 * order of the enum, so that adding an operation is one line here and a walker.
 * Constant data; any thread.
 */
#include "llm_private.h"

static const struct {
    const char *name;
    enum llm_dialect dialect;
    struct str path;
    bool has_stream;
} endpoints[LLM_ENDPOINTS_COUNT] = {
    [LLM_CHAT] = {"chat", LLM_OPENAI, {"/chat/completions", 17}, true},
    [LLM_COMPLETIONS] = {"completions", LLM_OPENAI, {"/completions", 12}, true},
    [LLM_RESPONSES] = {"responses", LLM_OPENAI, {"/responses", 10}, true},
    [LLM_MESSAGES] = {"messages", LLM_ANTHROPIC, {"/v1/messages", 12}, true},
    [LLM_EMBEDDINGS] = {"embeddings", LLM_OPENAI, {"/embeddings", 11}, false},
    [LLM_MODERATIONS] = {"moderations", LLM_OPENAI, {"/moderations", 12}, false},
    [LLM_COUNT_TOKENS] = {"count_tokens", LLM_ANTHROPIC, {"/v1/messages/count_tokens", 25}, false},
    [LLM_INPUT_TOKENS] = {"input_tokens", LLM_OPENAI, {"/responses/input_tokens", 23}, false},
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

bool llm_endpoint_has_stream(enum llm_endpoint e)
{
    ASSERT((unsigned)e < LLM_ENDPOINTS_COUNT);
    return endpoints[e].has_stream;
}
