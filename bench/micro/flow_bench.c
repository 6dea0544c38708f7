/* SPDX-License-Identifier: Apache-2.0
 *
 * What one exchange costs without a socket: request bytes through the parser and
 * the whole path, decision record, call, the provider's answer back, outcome
 * record. This is the user time that a proxied request costs besides libuv and the
 * kernel. 10,000 rules in force, none of which says no; then the same with content rules
 * on the request: fourteen types of personal data and 10,000 terms, none of which occurs.
 * And streams of 1,000 chunks, each arriving alone, without and with such rules on the
 * answer: the difference over 1,000 is what a chunk costs to be read and edited; and in
 * reads of 64 KB, hundreds of HTTP chunks each, through the parser.
 * Run by hand:
 *     PORTCULLIS_SOURCE_ROOT=. build/bench/micro/flow_bench
 */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <stdlib.h>

#include "portcullis/flow.h"

#define RULES 10000
#define TERMS 10000
#define CHUNKS 1000
#define READ_BYTES 65536

struct bench {
    struct arena arena;
    struct route_catalog *catalog;
    struct scan_engine *engine;
    struct policy_org *org;
    struct policy_snapshot *snapshot;
    struct flow_env env;
    struct flow_exchange *x;
    struct wire_parser request, answer;
    struct buf text, reply, burst, spool;
    char key[80];
};

static const struct flow_now now = {1736519400000, 5000000};

static struct str read_file(struct arena *a, const char *name)
{
    static char text[4u << 20];
    char path[1024];
    const char *root = getenv("PORTCULLIS_SOURCE_ROOT");
    (void)snprintf(path, sizeof(path), "%s/src/core/route/catalog/%s", root != NULL ? root : ".",
                   name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        (void)fprintf(stderr, "cannot open %s\n", path);
        exit(2);
    }
    size_t len = fread(text, 1, sizeof(text), f);
    (void)fclose(f);
    return arena_str(a, (struct str){text, len});
}

static struct policy *make_policy(struct arena *a)
{
    static const struct str models[] = {{"gpt-4", 5}, {"gpt-4.1", 7}, {"deepseek-chat", 13}};
    static const struct str slugs[] = {{"groq", 4}, {"xai", 3}, {"cerebras", 8}, {"nebius", 6}};
    static const struct str roles[] = {{"owner", 5}, {"admin", 5}, {"member", 6}};
    struct policy *p = ARENA_NEW(a, struct policy);
    struct policy_rule *rules = ARENA_ARRAY(a, RULES, struct policy_rule);
    ASSERT(p != NULL && rules != NULL);
    for (size_t i = 0; i < RULES; i++) {
        struct policy_rule *r = &rules[i];
        r->key = arena_printf(a, "rule-%zu", i);
        r->type = i % 2 == 0 ? POLICY_PROVIDER_LIST : POLICY_MODEL_LIST;
        r->effect = POLICY_BLOCK;
        r->stage = POLICY_SELECT;
        r->is_enabled = true;
        r->block = i % 2 == 0 ? (struct policy_list){&slugs[i / 2 % 4], 1, true}
                              : (struct policy_list){&models[i / 2 % 3], 1, true};
        if (i % 4 >= 2) {
            r->when.roles = (struct policy_list){&roles[i / 4 % 3], 1, true};
        }
    }
    *p = (struct policy){.id = STR("01arz3ndektsv4rrffq69g5fav"), .org_id = STR("org_acme"),
                         .name = STR("Benchmark rules"), .origin = POLICY_NATIVE,
                         .level = POLICY_ORG, .status = POLICY_ACTIVE, .priority = 100,
                         .rules = rules, .rules_count = RULES, .version = 1};
    return p;
}

static struct policy make_content_policy(struct arena *a, unsigned stage)
{
    bool is_answer = stage == CONTENT_RESPONSE;
    static const struct str types[] = {
        STR_INIT("ssn"),           STR_INIT("ssn_no_dash"),     STR_INIT("credit_card"),
        STR_INIT("email"),         STR_INIT("phone_us"),        STR_INIT("phone"),
        STR_INIT("ip_address"),    STR_INIT("date_of_birth"),   STR_INIT("passport"),
        STR_INIT("iban"),          STR_INIT("drivers_license"), STR_INIT("bank_account"),
        STR_INIT("tax_id"),        STR_INIT("api_key"),
    };
    struct policy_rule *rules = ARENA_ARRAY(a, 2, struct policy_rule);
    struct content_rule *content = ARENA_ARRAY(a, 2, struct content_rule);
    struct str *terms = ARENA_ARRAY(a, TERMS, struct str);
    ASSERT(rules != NULL && content != NULL && terms != NULL);
    for (unsigned i = 0; i < TERMS; i++) {
        terms[i] = arena_printf(a, "codename%05u", i * 7919 % 100000);
    }
    content[0] = (struct content_rule){.kind = CONTENT_PII,
                                       .effect = CONTENT_MODIFY,
                                       .stages = stage,
                                       .method = SCAN_REDACT,
                                       .types = {types, sizeof(types) / sizeof(types[0]), true}};
    content[1] = (struct content_rule){.kind = CONTENT_TERMS,
                                       .effect = CONTENT_BLOCK,
                                       .stages = stage,
                                       .patterns = {terms, TERMS, true}};
    for (size_t i = 0; i < 2; i++) {
        rules[i] = (struct policy_rule){.key = i == 0 ? STR("pii") : STR("terms"),
                                        .type = i == 0 ? POLICY_PII : POLICY_TERMS,
                                        .effect = i == 0 ? POLICY_MODIFY : POLICY_BLOCK,
                                        .stage = is_answer ? POLICY_RESPONSE : POLICY_REQUEST,
                                        .is_enabled = true,
                                        .content = &content[i]};
    }
    return (struct policy){.id = STR("01arz3ndektsv4rrffq69g5faw"), .org_id = STR("org_acme"),
                           .name = STR("Content rules"), .origin = POLICY_NATIVE,
                           .level = POLICY_ORG, .status = POLICY_ACTIVE, .priority = 50,
                           .rules = rules, .rules_count = 2, .version = 1};
}

/* stage: enum content_stage of the content rules; 0 = there are none. */
static void set_up(struct bench *b, unsigned stage)
{
    static const char pepper[] = "0123456789abcdef0123456789abcdef";
    struct issue issue = {0};
    struct buf text;
    struct policy_key_text parsed;
    uint8_t dice[64] = {7, 1, 9, 200, 13};
    arena_init(&b->arena, 256u << 20);
    ASSERT(route_catalog_new(read_file(&b->arena, "providers.json"),
                             read_file(&b->arena, "models.json"), &b->catalog, &issue) == ERR_OK);
    buf_init(&text, 256);
    policy_key_format(&text, STR("pc_live"), dice);
    (void)snprintf(b->key, sizeof(b->key), "%.*s", STR_ARG(buf_str(&text)));
    ASSERT(policy_key_parse(str_from(b->key), &parsed) == ERR_OK);
    struct policy_key_row key = {.id = parsed.id, .name = STR("app"), .user = STR("user_1"),
                                 .environment = STR("production"), .role = STR("member"),
                                 .user_email = STR("app@acme.com"), .may_call = true};
    struct sha256 mac = hmac_sha256((struct str){pepper, 32}, parsed.secret);
    memcpy(key.secret_hmac, mac.bytes, 32);
    struct route_endpoint endpoint = {.id = STR("e1"), .dialect = LLM_OPENAI,
                                      .base_url = STR("https://api.openai.com/v1"),
                                      .credential = STR("sk-proj-0123456789abcdef"),
                                      .credential_id = STR("c1")};
    endpoint.provider = route_catalog_find_provider(b->catalog, STR("openai"))->index;
    ASSERT(wire_url_parse(&b->arena, endpoint.base_url, false, &endpoint.url, &issue) == ERR_OK);
    struct policy policies[2] = {*make_policy(&b->arena),
                                 make_content_policy(&b->arena, stage)};
    struct policy_org_rows rows = {.id = STR("org_acme"), .name = STR("Acme"), .seq = 7,
                                   .policies = policies, .policies_count = stage != 0 ? 2 : 1,
                                   .keys = &key, .keys_count = 1, .endpoints = &endpoint,
                                   .endpoints_count = 1};
    struct policy_build build = {.catalog = b->catalog, .now_s = 1000};
    ASSERT(scan_engine_new(&b->engine) == ERR_OK);
    build.engine = b->engine;
    ASSERT(policy_org_new(&rows, &build, &b->org, &issue) == ERR_OK);
    ASSERT(policy_snapshot_new(&b->org, 1, b->catalog, 7, 1000, &b->snapshot) == ERR_OK);
    b->env = (struct flow_env){.pepper = {pepper, 32}, .node = STR("node-1"),
                               .stats = flow_stats_new()};
    ASSERT(scan_scratch_new(&b->env.scratch) == ERR_OK);
    if (stage != 0) {
        const struct scan_set *set = content_set(policy_org_content(b->org));
        ASSERT(scan_scratch_fit(b->env.scratch, set) == ERR_OK);
    }
    ASSERT(flow_exchange_new(&b->x) == ERR_OK);
    buf_init(&b->text, 1u << 20);
    buf_init(&b->reply, 1u << 20);
    buf_init(&b->spool, 1u << 20);
    wire_parser_init(&b->request, WIRE_REQUEST, &wire_limits_default);
    wire_parser_init(&b->answer, WIRE_RESPONSE, &wire_limits_default);
}

static void make_texts(struct bench *b, size_t bytes, const char *model)
{
    static const char answer[] =
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1736519400,\"model\":"
        "\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"The committee met on Tuesday and agreed on a budget for the coming year.\","
        "\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":420,\"completion_tokens\":16,\"total_tokens\":436,"
        "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0}}}";
    struct buf body;
    buf_init(&body, 1u << 20);
    buf_printf(&body, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"", model);
    while (body.len + 70 < bytes) {
        buf_add(&body, STR("The committee met on Tuesday to discuss the budget of next year. "));
    }
    buf_add(&body, STR("\"}]}"));
    buf_clear(&b->text);
    buf_printf(&b->text, "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
               "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\n\r\n", b->key, body.len);
    buf_add(&b->text, buf_str(&body));
    buf_fini(&body);
    buf_clear(&b->reply);
    buf_printf(&b->reply, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
               "x-request-id: req_fake_000001\r\nopenai-processing-ms: 12\r\n"
               "Content-Length: %zu\r\n\r\n%s", sizeof(answer) - 1, answer);
}

/* The deltas of an answer, as providers send them: a token each. */
static void make_stream(struct bench *b)
{
    static const char *const tokens[] = {" The", " committee", " met", " on", " Tues", "day", ",",
                                         " and", " agreed", " on", " the", " bud", "get", "."};
    make_texts(b, 2048, "gpt-4o-mini");
    struct str text = buf_str(&b->text);
    struct str body = str_sub(text, (size_t)str_find_str(text, STR("\r\n\r\n")) + 4, text.len);
    struct buf all;
    buf_init(&all, 1u << 20);
    buf_printf(
        &all,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer "
        "%s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n{\"stream\":true,",
        b->key, body.len + 14);
    buf_add(&all, str_sub(body, 1, body.len));
    buf_clear(&b->text);
    buf_add(&b->text, buf_str(&all));
    buf_fini(&all);
    buf_clear(&b->reply);
    for (size_t i = 0; i <= CHUNKS; i++) {
        buf_printf(
            &b->reply,
            "data: {\"id\":\"chatcmpl-ABCdefGHIjklMNOpqrSTUvwxYZ012\",\"object\":"
            "\"chat.completion.chunk\",\"created\":1736519400,\"model\":"
            "\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":"
            "\"fp_0123456789\",\"choices\":[{\"index\":0,\"delta\":{%s%s%s},\"logprobs\":null,"
            "\"finish_reason\":%s}],\"obfuscation\":\"aB3dE\"}\n\n",
            i < CHUNKS ? "\"content\":\"" : "",
            i < CHUNKS ? tokens[i % (sizeof(tokens) / sizeof(tokens[0]))] : "",
            i < CHUNKS ? "\"" : "", i < CHUNKS ? "null" : "\"stop\"");
    }
    buf_add(&b->reply, STR("data: [DONE]\n\n"));
}

static void make_burst(struct bench *b)
{
    buf_init(&b->burst, 1u << 20);
    buf_add(&b->burst, STR("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n"));
    for (struct str rest = buf_str(&b->reply); rest.len > 0;) {
        size_t len = (size_t)str_find_str(rest, STR("\n\n")) + 2;
        wire_write_chunk(&b->burst, str_sub(rest, 0, len));
        rest = str_sub(rest, len, rest.len);
    }
    wire_write_last_chunk(&b->burst);
}

/* What io does with the wants: records are copied, the call is taken. */
static void perform(struct bench *b)
{
    struct flow_exchange *x = b->x;
    while (x->want != 0) {
        unsigned want = x->want;
        x->want = 0;
        buf_clear(&x->out);
        if ((want & FLOW_WANT_DONE) != 0) {
            flow_end(x);
            return;
        }
        if ((want & FLOW_WANT_RECORD) != 0) {
            buf_clear(&b->spool);
            buf_add(&b->spool, buf_str(&x->record));
            flow_on_recorded(x, ERR_OK, now);
        }
        if ((want & FLOW_WANT_TURN) != 0) {
            flow_on_turn(x, now);
        }
    }
}

static void feed(struct bench *b, struct wire_parser *p, struct str in, bool is_request)
{
    struct wire_event ev;
    do {
        ASSERT(wire_parser_next(p, &in, &ev) == ERR_OK);
        if (ev.type == WIRE_HEAD && is_request) {
            flow_on_head(b->x, p->head, now);
        } else if (ev.type == WIRE_BODY && is_request) {
            flow_on_body(b->x, ev.body);
        } else if (ev.type == WIRE_END && is_request) {
            flow_on_request_end(b->x, now);
        } else if (ev.type == WIRE_HEAD) {
            flow_on_upstream_head(b->x, p->head, now);
        } else if (ev.type == WIRE_BODY) {
            flow_on_upstream_body(b->x, ev.body, now);
        } else if (ev.type == WIRE_END) {
            flow_on_upstream_end(b->x, FLOW_END_COMPLETE, "", now);
        }
        perform(b);
    } while (ev.type != WIRE_END);
}

static void op_exchange(void *context)
{
    struct bench *b = context;
    struct flow_start s = {.snapshot = b->snapshot, .fresh_ms = now.unix_ms,
                           .dice = {1, 2, 3}, .now = now};
    flow_begin(b->x, &b->env, &s);
    feed(b, &b->request, buf_str(&b->text), true);
    ASSERT(b->x->call.head.len > 0);
    feed(b, &b->answer, buf_str(&b->reply), false);
    bench_keep(b->x);
}

static void op_stream(void *context)
{
    struct bench *b = context;
    struct flow_start s = {.snapshot = b->snapshot, .fresh_ms = now.unix_ms,
                           .dice = {1, 2, 3}, .now = now};
    static const struct wire_head head = {
        .status = 200,
        .headers = {{STR_INIT("content-type"), STR_INIT("text/event-stream")}},
        .headers_count = 1,
        .names = UINT64_MAX,
        .repeats = UINT64_MAX};
    struct str rest = buf_str(&b->reply);
    flow_begin(b->x, &b->env, &s);
    feed(b, &b->request, buf_str(&b->text), true);
    ASSERT(b->x->call.head.len > 0);
    flow_on_upstream_head(b->x, &head, now);
    while (rest.len > 0) {
        size_t len = (size_t)str_find_str(rest, STR("\n\n")) + 2;
        flow_on_upstream_body(b->x, str_sub(rest, 0, len), now);
        perform(b);
        buf_clear(&b->x->out);
        rest = str_sub(rest, len, rest.len);
    }
    flow_on_upstream_end(b->x, FLOW_END_COMPLETE, "", now);
    perform(b);
    bench_keep(b->x);
}

/* The same as it comes when a provider is faster than we are: every event in a chunk of
 * its own, hundreds of them in a read. */
static void op_burst(void *context)
{
    struct bench *b = context;
    struct flow_start s = {.snapshot = b->snapshot, .fresh_ms = now.unix_ms,
                           .dice = {1, 2, 3}, .now = now};
    struct str rest = buf_str(&b->burst);
    struct wire_event ev = {.type = WIRE_NEED_MORE};
    flow_begin(b->x, &b->env, &s);
    feed(b, &b->request, buf_str(&b->text), true);
    ASSERT(b->x->call.head.len > 0);
    while (ev.type != WIRE_END) {
        struct str in = str_sub(rest, 0, READ_BYTES);
        rest = str_sub(rest, in.len, rest.len);
        do {
            ASSERT(wire_parser_next(&b->answer, &in, &ev) == ERR_OK);
            if (ev.type == WIRE_HEAD) {
                flow_on_upstream_head(b->x, b->answer.head, now);
            } else if (ev.type == WIRE_BODY) {
                flow_on_upstream_body(b->x, ev.body, now);
            } else if (ev.type == WIRE_END) {
                flow_on_upstream_end(b->x, FLOW_END_COMPLETE, "", now);
            }
        } while (ev.type != WIRE_NEED_MORE && ev.type != WIRE_END);
        perform(b);
        buf_clear(&b->x->out);
    }
    bench_keep(b->x);
}

int main(int argc, char **argv)
{
    static struct bench plain, content, answers;
    static const struct {
        const char *name, *model;
        size_t bytes;
        struct bench *b;
    } cases[] = {
        {"exchange 2 KB", "gpt-4o-mini", 2048, &plain},
        {"exchange 2 KB, model renamed", "openai/gpt-4o-mini", 2048, &plain},
        {"exchange 32 KB", "gpt-4o-mini", 32768, &plain},
        {"exchange 2 KB, content rules", "gpt-4o-mini", 2048, &content},
        {"exchange 32 KB, content rules", "gpt-4o-mini", 32768, &content},
    };
    bench_filter = argc > 1 ? argv[1] : NULL;
    set_up(&plain, 0);
    set_up(&content, CONTENT_REQUEST);
    set_up(&answers, CONTENT_RESPONSE);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make_texts(cases[i].b, cases[i].bytes, cases[i].model);
        bench_run(cases[i].name, op_exchange, cases[i].b, (double)cases[i].bytes);
    }
    make_stream(&plain);
    make_burst(&plain);
    bench_run("stream of 1,000 chunks", op_stream, &plain, (double)plain.reply.len);
    bench_run("burst of 1,000 chunks", op_burst, &plain, (double)plain.reply.len);
    make_stream(&answers);
    bench_run("answer read, 1,000 chunks, content rules", op_stream, &answers,
              (double)answers.reply.len);
    return 0;
}
