/* SPDX-License-Identifier: Apache-2.0
 *
 * Two recognisers for tests of the path, an organisation with the rules of a test, and what
 * the recognisers answer: a body as it stands, or the places of a word in what they were
 * asked. Each test has its own copy.
 */
#ifndef PORTCULLIS_TEST_RECOGNISERS_H
#define PORTCULLIS_TEST_RECOGNISERS_H

#include <stdio.h>

#include "path.h"
#include "talk.h"

static const struct str name_types[] = {STR_INIT("person"), STR_INIT("location")};
static const struct str firm_types[] = {STR_INIT("organisation")};
static const struct recognise_service services_list[] = {
    {.name = STR_INIT("names"),
     .types = name_types,
     .types_count = 2,
     .url = {.is_tls = true, .host = STR_INIT("ner.example"), .port = 443,
             .path = STR_INIT("/v1/find"), .authority = STR_INIT("ner.example")},
     .header = STR_INIT("authorization"),
     .credential = STR_INIT("Bearer recogniser-secret"),
     .connect_ms = 100,
     .total_ms = 700},
    {.name = STR_INIT("firms"),
     .types = firm_types,
     .types_count = 1,
     .url = {.host = STR_INIT("127.0.0.1"), .port = 8088, .path = STR_INIT(""),
             .authority = STR_INIT("127.0.0.1:8088"), .is_ip = true},
     .connect_ms = 200,
     .total_ms = 900},
};
static const struct recognise_services two_services = {services_list, 2};

#define RECOGNISED_MAX 4
/* One policy of pii rules; their effects, stages and types are the test's. */
static inline void recognised_set_up(struct path *p, const struct content_rule *which,
                                     size_t count)
{
    static struct policy_rule list[RECOGNISED_MAX];
    static struct policy policy;
    static const char *const open[] = {TALK_OPEN, NULL};
    static const char *const keys[RECOGNISED_MAX] = {"r0", "r1", "r2", "r3"};
    static const enum policy_effect effects[] = {
        [CONTENT_INFO] = POLICY_INFO,
        [CONTENT_WARN] = POLICY_WARN,
        [CONTENT_MODIFY] = POLICY_MODIFY,
        [CONTENT_BLOCK] = POLICY_BLOCK,
    };
    for (size_t i = 0; i < count; i++) {
        list[i] = (struct policy_rule){.key = str_from(keys[i]),
                                       .type = POLICY_PII,
                                       .effect = effects[which[i].effect],
                                       .severity = POLICY_VIOLATION,
                                       .stage = which[i].stages == CONTENT_REQUEST ? POLICY_REQUEST
                                                : which[i].stages == CONTENT_RESPONSE
                                                    ? POLICY_RESPONSE
                                                    : POLICY_BOTH,
                                       .is_enabled = true,
                                       .content = &which[i]};
    }
    policy = (struct policy){.id = STR_INIT("names"),
                             .name = STR_INIT("Names"),
                             .origin = POLICY_NATIVE,
                             .status = POLICY_ACTIVE,
                             .priority = 10,
                             .version = 2,
                             .rules = list,
                             .rules_count = count};
    path_services = &two_services;
    path_set_up_with(p, open, &policy, 1);
    path_services = NULL;
}

/* A recogniser's whole answer, with status and body. */
static inline void recogniser_says(struct path *p, unsigned status, const char *body, size_t step)
{
    static char text[8192];
    snprintf(text, sizeof(text),
             "HTTP/1.1 %u X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             status, strlen(body), body);
    path_answer(p, text, step);
}

/* Answers what was asked last: each place of an ASCII `word` in the texts is of that type. */
static inline void recogniser_finds(struct path *p, const char *type, const char *word)
{
    struct json_doc doc;
    struct issue issue;
    struct arena a;
    struct buf out;
    struct str asked = buf_str(&p->asked);
    size_t head = (size_t)str_find_str(asked, STR("\r\n\r\n")) + 4;
    arena_init(&a, 64u << 20);
    buf_init(&out, 1u << 20);
    ASSERT(json_parse(&a, str_sub(asked, head, asked.len), &json_limits_default, &doc, &issue) ==
           ERR_OK);
    yyjson_val *texts = json_get(doc.root, STR("texts"));
    buf_add(&out, STR("{\"findings\":["));
    for (size_t i = 0; i < yyjson_arr_size(texts); i++) {
        struct str text = json_str(json_get(yyjson_arr_get(texts, i), STR("text")));
        size_t from = 0;
        for (ptrdiff_t at; (at = str_find_str(str_sub(text, from, text.len), str_from(word))) >= 0;
             from += (size_t)at + strlen(word)) {
            size_t start = from + (size_t)at; /* ASCII: bytes are characters */
            buf_printf(&out, "%s{\"id\":%zu,\"type\":\"%s\",\"start\":%zu,\"end\":%zu,\"score\":1}",
                       buf_str(&out).ptr[out.len - 1] == '[' ? "" : ",", i, type, start,
                       start + strlen(word));
        }
    }
    buf_add(&out, STR("]}"));
    buf_add_byte(&out, '\0');
    recogniser_says(p, 200, out.ptr, 0);
    buf_fini(&out);
    arena_fini(&a);
}

#define FOUND(id, type, start, end)                                                                \
    "{\"id\":" #id ",\"type\":\"" type "\",\"start\":" #start ",\"end\":" #end ",\"score\":0.9}"
#define FINDINGS(list) "{\"findings\":[" list "]}"

#endif
