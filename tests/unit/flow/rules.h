/* SPDX-License-Identifier: Apache-2.0
 *
 * Content rules for tests of the path, in policies as a codec would have read them, and
 * every operation with a hole for a text. A rule that replaces, one that blocks, one that
 * warns, and a word filter in the words of S4.
 */
#ifndef PORTCULLIS_TEST_RULES_H
#define PORTCULLIS_TEST_RULES_H

#include "path.h"
#include "talk.h"

/* ---- rules ---------------------------------------------------------------------- */

static const struct str email[] = {STR_INIT("email")};
static const struct str ssn[] = {STR_INIT("ssn")};
static const struct str api_key[] = {STR_INIT("api_key")};
static const struct str projects[] = {STR_INIT("bluebird"), STR_INIT("redwood")};
static const struct str claude[] = {STR_INIT(TALK_CLAUDE)};
#define LIST(items) {items, sizeof(items) / sizeof(items[0]), true}

static const struct content_rule redacts_email = {.kind = CONTENT_PII,
                                                  .effect = CONTENT_MODIFY,
                                                  .stages = CONTENT_REQUEST,
                                                  .method = SCAN_REDACT,
                                                  .types = LIST(email)};
static const struct content_rule blocks_ssn = {.kind = CONTENT_PII,
                                               .effect = CONTENT_BLOCK,
                                               .stages = CONTENT_REQUEST,
                                               .types = LIST(ssn)};
static const struct content_rule blocks_words = {.kind = CONTENT_TERMS,
                                                 .effect = CONTENT_BLOCK,
                                                 .stages = CONTENT_REQUEST | CONTENT_RESPONSE,
                                                 .patterns = LIST(api_key)};
static const struct content_rule warns_of_projects = {.kind = CONTENT_TERMS,
                                                      .effect = CONTENT_WARN,
                                                      .stages = CONTENT_REQUEST,
                                                      .patterns = LIST(projects)};

static const struct policy_rule pii_rules[] = {
    {.key = STR_INIT("mail"),
     .type = POLICY_PII,
     .effect = POLICY_MODIFY,
     .severity = POLICY_VIOLATION,
     .stage = POLICY_REQUEST,
     .is_enabled = true,
     .content = &redacts_email},
    {.key = STR_INIT("ssn"),
     .type = POLICY_PII,
     .effect = POLICY_BLOCK,
     .severity = POLICY_SECURITY_EVENT,
     .stage = POLICY_REQUEST,
     .is_enabled = true,
     .content = &blocks_ssn},
};
static const struct policy_rule filter_rules[] = {
    {.key = STR_INIT("filter"),
     .type = POLICY_TERMS,
     .effect = POLICY_BLOCK,
     .severity = POLICY_VIOLATION,
     .stage = POLICY_BOTH,
     .is_enabled = true,
     .content = &blocks_words},
};
static const struct policy_rule warn_rules[] = {
    {.key = STR_INIT("projects"),
     .type = POLICY_TERMS,
     .effect = POLICY_WARN,
     .severity = POLICY_VIOLATION,
     .stage = POLICY_REQUEST,
     .is_enabled = true,
     .content = &warns_of_projects},
};
static const struct policy pii = {.id = STR_INIT("pii"),
                                  .name = STR_INIT("PII Protection"),
                                  .origin = POLICY_NATIVE,
                                  .status = POLICY_ACTIVE,
                                  .priority = 10,
                                  .version = 4,
                                  .rules = pii_rules,
                                  .rules_count = 2};
static const struct policy filter = {.id = STR_INIT("filter"),
                                     .name = STR_INIT("dev_team_restrictions"),
                                     .origin = POLICY_ENFORCEMENT,
                                     .status = POLICY_ACTIVE,
                                     .priority = 20,
                                     .version = 2,
                                     .rules = filter_rules,
                                     .rules_count = 1};
static const struct policy warn = {.id = STR_INIT("warn"),
                                   .name = STR_INIT("Projects"),
                                   .origin = POLICY_NATIVE,
                                   .status = POLICY_ACTIVE,
                                   .priority = 5,
                                   .version = 1,
                                   .rules = warn_rules,
                                   .rules_count = 1};

#define PERSON "jane.doe@acme.com"

/* Every operation: its text with an address, the same with a number that blocks. */
static const struct operation {
    const char *target, *before, *after;
} operations[] = {
    {"/v1/chat/completions",
     "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"", "\"}]}"},
    {"/v1/chat/completions",
     "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":[{"
     "\"type\":\"text\",\"text\":\"",
     "\"}]}]}"},
    {"/v1/chat/completions", /* translated */
     "{\"model\":\"" TALK_CLAUDE "\",\"messages\":[{\"role\":\"user\",\"content\":\"", "\"}]}"},
    {"/v1/completions", "{\"model\":\"gpt-3.5-turbo-instruct\",\"prompt\":\"", "\"}"},
    {"/v1/responses", "{\"model\":\"gpt-4o\",\"input\":\"", "\"}"},
    {"/v1/responses", "{\"model\":\"gpt-4o\",\"input\":\"hi\",\"instructions\":\"", "\"}"},
    {"/v1/messages",
     "{\"model\":\"" TALK_CLAUDE "\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
     "\"content\":\"",
     "\"}]}"},
    {"/v1/messages",
     "{\"model\":\"" TALK_CLAUDE "\",\"max_tokens\":9,\"system\":\"",
     "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"},
    {"/v1/embeddings", "{\"model\":\"text-embedding-3-small\",\"input\":[\"a\",\"", "\"]}"},
    {"/v1/moderations", "{\"model\":\"omni-moderation-latest\",\"input\":\"", "\"}"},
    {"/v1/messages/count_tokens",
     "{\"model\":\"" TALK_CLAUDE "\",\"messages\":[{\"role\":\"user\",\"content\":\"", "\"}]}"},
    {"/v1/responses/input_tokens", "{\"model\":\"gpt-4o\",\"input\":\"", "\"}"},
    /* places that are easily forgotten */
    {"/v1/chat/completions",
     "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"system\",\"content\":\"", "\"}]}"},
    {"/v1/chat/completions",
     "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
     "\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
     "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"to\\\":\\\"",
     "\\\"}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"ok\"}]}"},
    {"/v1/chat/completions",
     "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
     "\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"",
     "\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]}"},
    {"/v1/chat/completions",
     "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"metadata\":{"
     "\"about\":\"",
     "\"}}"},
    {"/v1/chat/completions",
     "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"user\":\"",
     "\"}"},
    {"/v1/messages",
     "{\"model\":\"" TALK_CLAUDE "\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
     "\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":"
     "\"t1\",\"name\":\"f\",\"input\":{\"to\":\"",
     "\"}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
     "\"content\":\"ok\"}]}]}"},
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static inline const char *body_with(const struct operation *o, const char *text)
{
    static char body[4096];
    snprintf(body, sizeof(body), "%s%s%s", o->before, text, o->after);
    return body;
}

/* What the host of a test does with a call that nobody answers. */
static inline void finish_call(struct path *p)
{
    if (!p->is_done) {
        path_answer_end(p, FLOW_END_REFUSED);
    }
}

#endif
