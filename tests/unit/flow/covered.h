/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the coverage share: one plain question for every operation, and who is
 * asked. Test code only; each test has its own copy.
 */
#ifndef PORTCULLIS_TEST_COVERED_H
#define PORTCULLIS_TEST_COVERED_H

#include <stdio.h>
#include <string.h>

#include "path.h"
#include "talk.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define LIST(items)                                                                                \
    {                                                                                              \
        items, COUNT(items), true                                                                  \
    }

static struct path p;
static const char *const governance[] = {TALK_OPEN, NULL};

static const struct {
    const char *target, *model, *members;
} asks[LLM_ENDPOINTS_COUNT] = {
    [LLM_CHAT] = {"/v1/chat/completions", "gpt-4o",
                  "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"},
    [LLM_COMPLETIONS] = {"/v1/completions", "gpt-3.5-turbo-instruct", "\"prompt\":\"hi\""},
    [LLM_RESPONSES] = {"/v1/responses", "gpt-4o", "\"input\":\"hi\""},
    [LLM_MESSAGES] = {"/v1/messages", TALK_CLAUDE,
                      "\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"},
    [LLM_EMBEDDINGS] = {"/v1/embeddings", "text-embedding-3-small", "\"input\":\"hi\""},
    [LLM_MODERATIONS] = {"/v1/moderations", "omni-moderation-latest", "\"input\":\"hi\""},
    [LLM_COUNT_TOKENS] = {"/v1/messages/count_tokens", TALK_CLAUDE,
                          "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"},
    [LLM_INPUT_TOKENS] = {"/v1/responses/input_tokens", "gpt-4o", "\"input\":\"hi\""},
};

static inline void ask(enum llm_endpoint e, const char *model, bool is_stream)
{
    char body[512];
    snprintf(body, sizeof(body), "{\"model\":\"%s\",%s%s}", model,
             is_stream ? "\"stream\":true," : "", asks[e].members);
    path_post(&p, asks[e].target, body);
}

#endif
