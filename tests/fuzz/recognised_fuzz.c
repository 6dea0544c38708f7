/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: what a recogniser says about a request in which the scanner finds something
 * as well. Believed or not, the request stays one that can be read, what the scanner found is
 * replaced and numbers stay; what was not believed blocks.
 */
#include "portcullis/content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct str types[] = {STR_INIT("person"), STR_INIT("email")};
static const struct str offered[] = {STR_INIT("person"), STR_INIT("place")};
static const struct recognise_service service = {
    .name = STR_INIT("names"), .types = offered, .types_count = 2};
static const struct recognise_services services = {&service, 1};
static const struct content_rule rule = {.kind = CONTENT_PII,
                                         .effect = CONTENT_MODIFY,
                                         .stages = CONTENT_REQUEST,
                                         .method = SCAN_REDACT,
                                         .format = STR_INIT("#"),
                                         .threshold = 1,
                                         .types = {types, 2, true}};
static const struct str body = STR_INIT(
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Jos\xc3\xa9 jo@acme.com "
    "\xf0\x9f\x98\x80 Ada\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
    "\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":"
    "\\\"Bob\\\",\\\"n\\\":12}\"}}]}]}");

static struct world {
    struct scan_engine *engine;
    struct scan_scratch *scratch;
    struct content *content;
} world;

static void begin(void)
{
    const struct content_rule *rules[] = {&rule};
    struct issue issue;
    if (world.content != NULL) {
        return;
    }
    ASSERT(scan_engine_new(&world.engine) == ERR_OK);
    ASSERT(scan_scratch_new(&world.scratch) == ERR_OK);
    const struct content_build build = {.engine = world.engine, .services = &services};
    ASSERT(content_new(rules, 1, &build, &world.content, &issue) == ERR_OK);
    ASSERT(scan_scratch_fit(world.scratch, content_set(world.content)) == ERR_OK);
}

static void check_edited(struct arena *a, struct content_check *k, enum recognise_result result)
{
    const struct llm_edit *edits;
    struct llm_request after;
    struct issue issue;
    struct buf out;
    size_t count;
    buf_init(&out, 1u << 20);
    ASSERT(content_edits(k, &edits, &count) == ERR_OK);
    ASSERT(llm_edits_apply(&out, body, edits, count) == ERR_OK);
    ASSERT(llm_request_parse(a, LLM_CHAT, buf_str(&out), true, &after, &issue) == ERR_OK);
    ASSERT(str_find_str(buf_str(&out), STR("acme")) < 0);
    ASSERT(str_find_str(buf_str(&out), STR("\\\"n\\\":12")) >= 0);
    enum content_effect effect = content_effect(k, CONTENT_REQUEST);
    ASSERT(effect == (result == RECOGNISE_ANSWERED ? CONTENT_MODIFY : CONTENT_BLOCK));
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct llm_request r;
    struct issue issue;
    struct content_check *k = NULL;
    struct recognise_ask ask;
    const struct recognise_service *asked;
    enum recognise_result result = RECOGNISE_ANSWERED;
    enum err e;
    begin();
    arena_init(&a, 32u << 20);
    ASSERT(llm_request_parse(&a, LLM_CHAT, body, true, &r, &issue) == ERR_OK);
    const struct content_env env = {
        .scratch = world.scratch, .hash_key = STR("key"), .may_ask = true};
    const uint64_t applies = 1;
    ASSERT(content_check_new(&a, world.content, &applies, &env, &k) == ERR_OK);
    for (size_t i = 0; i < r.texts_count; i++) {
        ASSERT(content_request_add(k, &r.texts[i]) == ERR_OK);
    }
    while ((e = content_run(k, 1u << 16)) == ERR_AGAIN) {
        if (content_ask(k, &ask, &asked)) {
            struct str said = {(const char *)data, size};
            ASSERT(asked == &service && ask.types_count == 1);
            e = content_told(k, &result, said);
            if (e != ERR_OK) {
                break;
            }
        }
    }
    if (e == ERR_OK) {
        check_edited(&a, k, result);
    } else {
        ASSERT(e == ERR_LIMIT || e == ERR_MEMORY);
    }
    content_check_fini(k);
    arena_fini(&a);
    return 0;
}
