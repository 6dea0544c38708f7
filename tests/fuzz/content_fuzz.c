/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: fixed content rules over a whole text, tool arguments or a chat body, told
 * apart by the first byte. Whatever comes in, the check ends, however it is stepped it
 * says the same, and what comes out is still JSON: the body a body, arguments arguments.
 */
#include "portcullis/content.h"

#define BODY_BYTES_MAX (64U << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIST(...)                                                                                  \
    {                                                                                              \
        (const struct str[]){__VA_ARGS__},                                                         \
            sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str), true                   \
    }

struct bench {
    struct scan_engine *engine;
    struct scan_scratch *scratch;
    struct content *content;
};
struct outcome {
    struct str body;
    uint64_t edits;
    size_t hits;
    enum content_effect effect;
};

static const struct content_entity own[] = {{.name = STR_INIT("STAFF"),
                                             .pattern = STR_INIT("E[0-9]{3}"),
                                             .context = LIST(STR_INIT("badge"))}};
static const struct content_rule rules[] = {
    {.kind = CONTENT_PII,
     .effect = CONTENT_MODIFY,
     .stages = CONTENT_REQUEST,
     .method = SCAN_MASK,
     .types = LIST(STR_INIT("default")),
     .except = LIST(STR_INIT("a@b.example"), STR_INIT("/1+/"))},
    {.kind = CONTENT_PII,
     .effect = CONTENT_MODIFY,
     .stages = CONTENT_REQUEST,
     .method = SCAN_PSEUDONYM,
     .types = LIST(STR_INIT("email"), STR_INIT("STAFF")),
     .entities = own,
     .entities_count = 1},
    {.kind = CONTENT_TERMS,
     .effect = CONTENT_MODIFY,
     .stages = CONTENT_REQUEST,
     .method = SCAN_REDACT,
     .format = STR_INIT("<{TYPE} {N} {LAST4}>"),
     .patterns = LIST(STR_INIT("secret"), STR_INIT("/x[0-9]+y?/"), STR_INIT("\xc3\xa9t\xc3\xa9"))},
    {.kind = CONTENT_REQUIRED_TERMS,
     .effect = CONTENT_WARN,
     .stages = CONTENT_REQUEST,
     .patterns = LIST(STR_INIT("please"))},
    {.kind = CONTENT_TOPICS,
     .effect = CONTENT_WARN,
     .stages = CONTENT_REQUEST,
     .topics = LIST(STR_INIT("weapons"))},
    {.kind = CONTENT_INJECTION, .effect = CONTENT_WARN, .stages = CONTENT_REQUEST},
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

/* Compiled anew for each input would be most of the time. */
static const struct bench *bench(void)
{
    static struct bench b; /* lint: kept for the life of the fuzzer */
    if (b.content == NULL) {
        const struct content_rule *list[RULES];
        struct issue issue;
        for (size_t i = 0; i < RULES; i++) {
            list[i] = &rules[i];
        }
        ASSERT(scan_engine_new(&b.engine) == ERR_OK);
        ASSERT(scan_scratch_new(&b.scratch) == ERR_OK);
        const struct content_build build = {.engine = b.engine};
        ASSERT(content_new(list, RULES, &build, &b.content, &issue) == ERR_OK);
        ASSERT(scan_scratch_fit(b.scratch, content_set(b.content)) == ERR_OK);
    }
    return &b;
}

/* The body as it may go on; NULL: the check gave up. */
static bool check(struct arena *a, const struct llm_request *r, size_t step, struct outcome *ret)
{
    const struct bench *b = bench();
    const struct content_env env = {.scratch = b->scratch, .hash_key = STR("key")};
    const uint64_t applies = (UINT64_C(1) << RULES) - 1;
    struct content_check *k;
    const struct llm_edit *edits;
    const struct content_hit *hits;
    struct buf out;
    size_t count, dropped;

    ASSERT(content_check_new(a, b->content, &applies, &env, &k) == ERR_OK && k != NULL);
    for (size_t i = 0; i < r->texts_count; i++) {
        ASSERT(content_request_add(k, &r->texts[i]) == ERR_OK);
    }
    enum err e;
    while ((e = content_run(k, step)) == ERR_AGAIN) {
    }
    if (e != ERR_OK) {
        ASSERT(e == ERR_LIMIT || e == ERR_MEMORY);
        content_check_fini(k);
        return false;
    }
    ASSERT(content_edits(k, &edits, &count) == ERR_OK);
    buf_init(&out, 64 * BODY_BYTES_MAX);
    ASSERT(llm_edits_apply(&out, r->body, edits, count) == ERR_OK);
    ret->body = arena_str(a, buf_str(&out));
    buf_fini(&out);
    ret->edits = content_edits_count(k, CONTENT_REQUEST);
    ret->effect = content_effect(k, CONTENT_REQUEST);
    ret->hits = content_hits(k, CONTENT_REQUEST, &hits, &dropped);
    for (size_t i = 0; i < ret->hits; i++) {
        ASSERT(hits[i].message.len > 0 && hits[i].start <= hits[i].end);
    }
    ASSERT(ret->body.ptr != NULL && (count > 0 || str_eq(ret->body, r->body)));
    content_check_fini(k);
    return true;
}

static struct str body_of(struct arena *a, uint8_t mode, struct str text)
{
    struct buf body;
    buf_init(&body, 16 * BODY_BYTES_MAX);
    if (mode % 3 == 0) {
        buf_add(&body, text);
    } else if (mode % 3 == 1) {
        /* Split at a byte of the input, so that seams are crossed. */
        size_t cut = text.len * (mode / 3) / 86;
        buf_add(&body, STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"));
        json_write_str(&body, str_sub(text, 0, cut));
        buf_add(&body, STR("},{\"role\":\"user\",\"content\":"));
        json_write_str(&body, str_sub(text, cut, text.len));
        buf_add(&body, STR("}]}"));
    } else {
        buf_add(&body, STR("{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":"
                           "[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
                           "\"arguments\":"));
        json_write_str(&body, text);
        buf_add(&body, STR("}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"k\"}]}"));
    }
    struct str kept = body.err == ERR_OK ? arena_str(a, buf_str(&body)) : STR_NONE;
    buf_fini(&body);
    return kept;
}

/* Were the arguments JSON before, they are JSON now. */
static void check_arguments(struct arena *a, const struct llm_request *before,
                            const struct llm_request *after)
{
    struct json_doc doc;
    struct issue issue;
    for (size_t i = 0; i < before->texts_count && i < after->texts_count; i++) {
        const struct llm_text *t = &before->texts[i];
        if (t->is_json && json_parse(a, t->value, &json_limits_default, &doc, &issue) == ERR_OK) {
            enum err e =
                json_parse(a, after->texts[i].value, &json_limits_default, &doc, &issue);
            ASSERT(e == ERR_OK || e == ERR_MEMORY);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llm_request before, after;
    struct outcome whole, stepped;
    struct arena a;
    struct issue issue;
    if (size < 1 || size > BODY_BYTES_MAX) {
        return 0;
    }
    arena_init(&a, 512U << 20);
    struct str body = body_of(&a, data[0], (struct str){(const char *)data + 1, size - 1});
    if (body.ptr != NULL &&
        llm_request_parse(&a, LLM_CHAT, body, true, &before, &issue) == ERR_OK &&
        check(&a, &before, 1U << 20, &whole)) {
        ASSERT(check(&a, &before, 1, &stepped));
        ASSERT(str_eq(whole.body, stepped.body) && whole.edits == stepped.edits);
        ASSERT(whole.hits == stepped.hits && whole.effect == stepped.effect);
        enum err e = llm_request_parse(&a, LLM_CHAT, whole.body, true, &after, &issue);
        ASSERT(e == ERR_OK || e == ERR_MEMORY || e == ERR_LIMIT);
        if (e == ERR_OK) {
            ASSERT(after.texts_count >= before.texts_count);
            check_arguments(&a, &before, &after);
        }
    }
    arena_fini(&a);
    return 0;
}
