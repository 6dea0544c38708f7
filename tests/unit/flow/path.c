/* SPDX-License-Identifier: Apache-2.0
 *
 * The host of the tests: does what io/net does, with memory instead of sockets:
 * feeds bytes and the time, performs wants in the order the door prescribes, and
 * keeps every record. Deterministic; no clock, no port, no thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "path.h"

/* Faults are for the room under test, not for its host. */
#define INSIDE(p, call)                                                                            \
    do {                                                                                           \
        inside((p), true);                                                                         \
        call;                                                                                      \
        inside((p), false);                                                                        \
    } while (0)

static void inside(const struct path *p, bool is_inside)
{
    if (p->on_inside != NULL) {
        p->on_inside(is_inside);
    }
}

const struct recognise_services *path_services;

static const char pepper[] = "0123456789abcdef0123456789abcdef";

static void load(struct buf *b, const char *name)
{
    char path[1024];
    const char *root = getenv("PORTCULLIS_SOURCE_ROOT");
    snprintf(path, sizeof(path), "%s/src/core/route/catalog/%s", root != NULL ? root : ".", name);
    buf_init(b, 64u << 20);
    FILE *f = fopen(path, "rb");
    ASSERT(f != NULL);
    char part[65536];
    for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;) {
        buf_add(b, (struct str){part, n});
    }
    fclose(f);
}

/* What the key of a test is bound to. */
struct role {
    const char *environment;
    bool may_narrow;
    enum policy_error_format org_format, format;
};

static struct policy_key_row make_key(struct path *p, const char *environment, bool may_narrow)
{
    uint8_t dice[64];
    for (size_t i = 0; i < sizeof(dice); i++) {
        dice[i] = (uint8_t)(i * 7 + 1);
    }
    struct buf text;
    buf_init(&text, 256);
    policy_key_format(&text, STR("pc_live"), dice);
    snprintf(p->key, sizeof(p->key), "%.*s", STR_ARG(buf_str(&text)));
    struct policy_key_text parsed;
    struct str copy = arena_str(&p->arena, buf_str(&text));
    ASSERT(policy_key_parse(copy, &parsed) == ERR_OK);
    buf_fini(&text);
    struct policy_key_row row = {.id = parsed.id,
                                 .name = STR("test"),
                                 .team = STR("platform"),
                                 .project = STR("assistant"),
                                 .environment = str_from(environment),
                                 .may_narrow = may_narrow,
                                 .user = STR("user_1"),
                                 .user_email = STR("dev@acme.com"),
                                 .role = STR("member"),
                                 .may_call = true};
    struct sha256 mac = hmac_sha256((struct str){pepper, 32}, parsed.secret);
    memcpy(row.secret_hmac, mac.bytes, 32);
    return row;
}

static struct route_endpoint make_endpoint(struct path *p, const char *slug, const char *url,
                                           enum llm_dialect dialect)
{
    struct issue issue;
    struct route_endpoint e = {.id = str_from(slug),
                               .dialect = dialect,
                               .base_url = str_from(url),
                               .credential = STR("provider-secret"),
                               .credential_id = str_from(slug)};
    e.provider = route_catalog_find_provider(p->catalog, str_from(slug))->index;
    ASSERT(wire_url_parse(&p->arena, str_from(url), false, &e.url, &issue) == ERR_OK);
    return e;
}

static void set_up(struct path *p, const char *const *governance, const struct policy *more,
                   size_t more_count, struct role role);
static void compile(struct path *p, struct policy_org_rows *rows);

void path_set_up(struct path *p, const char *const *governance)
{
    path_set_up_as(p, governance, "development", false);
}

void path_set_up_as(struct path *p, const char *const *governance, const char *environment,
                    bool may_narrow)
{
    set_up(p, governance, NULL, 0,
           (struct role){.environment = environment, .may_narrow = may_narrow});
}

void path_set_up_with(struct path *p, const char *const *governance, const struct policy *more,
                      size_t more_count)
{
    set_up(p, governance, more, more_count, (struct role){.environment = "development"});
}

void path_set_up_formats(struct path *p, const char *const *governance, const struct policy *one,
                         enum policy_error_format org, enum policy_error_format key)
{
    set_up(p, governance, one, one != NULL ? 1 : 0,
           (struct role){.environment = "development", .org_format = org, .format = key});
}

static void set_up(struct path *p, const char *const *governance, const struct policy *more,
                   size_t more_count, struct role role)
{
    memset(p, 0, sizeof(*p));
    arena_init(&p->arena, 64u << 20);
    arena_init(&p->records, 64u << 20);
    buf_init(&p->client, 16u << 20);
    buf_init(&p->provider, 16u << 20);
    buf_init(&p->asked, 64u << 20);
    wire_parser_init(&p->request, WIRE_REQUEST, &wire_limits_default);
    load(&p->providers, "providers.json");
    load(&p->models, "models.json");
    struct issue issue = {0};
    ASSERT(route_catalog_new(buf_str(&p->providers), buf_str(&p->models), &p->catalog, &issue) ==
           ERR_OK);
    static struct policy policies[13 + PATH_POLICIES_MAX];
    struct policy_org_rows rows = {.id = STR("org_acme"), .name = STR("Acme"), .seq = 7};
    for (size_t i = 0; governance != NULL && governance[i] != NULL; i++) {
        struct json_doc doc;
        ASSERT(json_parse(&p->arena, str_from(governance[i]), &json_limits_default, &doc, &issue) ==
               ERR_OK);
        ASSERT(codec_governance_parse(&p->arena, doc.root, p->catalog, &policies[i], &issue) ==
               ERR_OK);
        policies[i].id = arena_printf(&p->arena, "policy%zu", i);
        policies[i].org_id = rows.id;
        policies[i].is_default = i == 0;
        rows.policies_count = i + 1;
    }
    for (size_t i = 0; i < more_count; i++) {
        ASSERT(i < PATH_POLICIES_MAX);
        policies[rows.policies_count] = more[i];
        policies[rows.policies_count++].org_id = rows.id;
    }
    rows.policies = policies;
    struct policy_key_row key = make_key(p, role.environment, role.may_narrow);
    key.error_format = role.format;
    rows.error_format = role.org_format;
    rows.keys = &key;
    rows.keys_count = 1;
    ASSERT(scan_engine_new(&p->engine) == ERR_OK);
    compile(p, &rows);
    p->env = (struct flow_env){.pepper = {pepper, 32}, .node = STR("n1")};
    p->env.stats = flow_stats_new();
    arena_init(&p->brief, 64u << 20);
    p->env.brief = &p->brief;
    p->env.spares = calloc(1, sizeof(*p->env.spares));
    ASSERT(p->env.spares != NULL);
    p->env.request_forms = json_forms_new();
    p->env.answer_forms = json_forms_new();
    ASSERT(scan_scratch_new(&p->env.scratch) == ERR_OK);
    const struct content *content = policy_org_content(p->org);
    if (content != NULL && content_set(content) != NULL) {
        ASSERT(scan_scratch_fit(p->env.scratch, content_set(content)) == ERR_OK);
    }
    ASSERT(flow_exchange_new(&p->x) == ERR_OK);
    p->now = (struct flow_now){1736519400000, 5000000};
}

static void compile(struct path *p, struct policy_org_rows *rows)
{
    struct issue issue = {0};
    struct route_endpoint endpoints[] = {
        make_endpoint(p, "openai", "https://api.openai.com/v1", LLM_OPENAI),
        make_endpoint(p, "anthropic", "https://api.anthropic.com", LLM_ANTHROPIC),
        make_endpoint(p, "deepseek", "https://api.deepseek.com/v1", LLM_OPENAI),
        make_endpoint(p, "groq", "https://api.groq.com/openai/v1", LLM_OPENAI),
    };
    rows->endpoints = endpoints;
    rows->endpoints_count = 4;
    struct policy_build build = {
        .catalog = p->catalog, .now_s = 1000, .engine = p->engine, .services = path_services};
    enum err e = policy_org_new(rows, &build, &p->org, &issue);
    if (e != ERR_OK) {
        fprintf(stderr, "%s: %s\n", issue.pointer, issue.message);
    }
    ASSERT(e == ERR_OK);
    ASSERT(policy_snapshot_new(&p->org, 1, p->catalog, 7, 1000, &p->snapshot) == ERR_OK);
}

void path_publish(struct path *p, const struct policy_key_row *keys, size_t count)
{
    struct policy_org_rows rows = {.id = STR("org_acme"), .name = STR("Acme"), .seq = 7,
                                   .keys = keys, .keys_count = count};
    policy_snapshot_free(p->snapshot);
    policy_org_unref(p->org);
    compile(p, &rows);
    p->snapshot_number++;
}

void path_tear_down(struct path *p)
{
    flow_exchange_free(p->x);
    flow_stats_free(p->env.stats);
    arena_fini(&p->brief);
    buf_spares_fini(p->env.spares);
    free(p->env.spares);
    json_forms_free(p->env.request_forms);
    json_forms_free(p->env.answer_forms);
    wire_parser_fini(&p->request);
    wire_parser_fini(&p->answer);
    policy_snapshot_free(p->snapshot);
    policy_org_unref(p->org);
    scan_scratch_free(p->env.scratch);
    scan_engine_free(p->engine);
    route_catalog_free(p->catalog);
    buf_fini(&p->providers);
    buf_fini(&p->models);
    buf_fini(&p->client);
    buf_fini(&p->provider);
    buf_fini(&p->asked);
    arena_fini(&p->arena);
    arena_fini(&p->records);
}

static void take_out(struct path *p);

static enum err take_record(struct path *p)
{
    struct audit_record r;
    struct str copy = arena_str(&p->records, buf_str(&p->x->record));
    ASSERT(audit_record_read(&p->records, copy, &r) == ERR_OK);
    if (p->spool_is_full) {
        return ERR_LIMIT;
    }
    if (r.kind == AUDIT_DECISION) {
        p->decisions++;
        p->decision = r.decision;
    } else {
        p->outcomes++;
        p->outcome = r.outcome;
    }
    return ERR_OK;
}

/* What lay in it is needed no more. */
static void spoil(struct arena *a)
{
    arena_reset(a);
    void *all = a->blocks != NULL ? arena_alloc_raw(a, (size_t)(a->end - a->at)) : NULL;
    if (all != NULL) {
        memset(all, 0xa5, (size_t)(a->at - (char *)all));
    }
    arena_reset(a);
}

/* Performs wants until none is left, as the door prescribes. */
static void perform(struct path *p)
{
    spoil(&p->brief);
    struct flow_exchange *x = p->x;
    while (x->want != 0 && !p->is_done) {
        unsigned want = x->want;
        x->want = 0;
        enum err recorded = (want & FLOW_WANT_RECORD) != 0 ? take_record(p) : ERR_AGAIN;
        if ((want & FLOW_WANT_CALL) != 0) {
            bool is_ask = str_starts(x->call.endpoint->id, STR("recogniser "));
            struct buf *to = is_ask ? &p->asked : &p->provider;
            p->calls += is_ask ? 0 : 1;
            p->asks += is_ask ? 1 : 0;
            ASSERT(is_ask || p->decisions == 1); /* nothing upstream before its record */
            buf_clear(&p->asked);
            buf_add(to, x->call.head);
            buf_add(to, x->call.body);
            wire_parser_fini(&p->answer);
            wire_parser_init(&p->answer, WIRE_RESPONSE, &wire_limits_default);
        }
        if ((want & FLOW_WANT_DROP_CALL) != 0) {
            p->drops++;
        }
        p->wants_serve = p->wants_serve || (want & FLOW_WANT_SERVE) != 0;
        take_out(p);
        if ((want & FLOW_WANT_DONE) != 0) {
            p->is_done = true;
            p->is_closed = (want & FLOW_WANT_CLOSE) != 0;
            INSIDE(p, flow_end(x));
            return;
        }
        if (recorded != ERR_AGAIN) {
            INSIDE(p, flow_on_recorded(x, recorded, p->now));
        }
        if ((want & FLOW_WANT_TURN) != 0) {
            p->turns++;
            if (p->turns == p->turns_max) {
                break; /* the loop is busy: the test says what comes next */
            }
            if (flow_has_work(x)) {
                p->works++;
                if (!p->leaves_work) {
                    INSIDE(p, flow_work(x));
                }
            }
            INSIDE(p, flow_on_turn(x, p->now));
        }
    }
    take_out(p);
}

/* What a real host can still send of a buffer that failed is a part, then the close. */
static void take_out(struct path *p)
{
    if (p->x->out.err == ERR_OK) {
        buf_move(&p->client, &p->x->out);
        buf_add(&p->client, p->x->out_rest);
        p->x->out_rest = STR_NONE;
        return;
    }
    p->is_out_lost = true;
}

static void begin(struct path *p)
{
    struct flow_start s = {.snapshot = p->snapshot,
                           .snapshot_number = p->snapshot_number,
                           .fresh_ms = p->now.unix_ms - p->stale_ms,
                           .is_draining = p->is_draining,
                           .is_degraded = p->is_degraded,
                           .is_scratch_small = p->is_scratch_small,
                           .dice = {1, 2, 3, 4},
                           .now = p->now};
    buf_clear(&p->client);
    buf_clear(&p->provider);
    p->decisions = p->outcomes = p->calls = p->asks = p->drops = p->turns = 0;
    p->works = 0;
    p->is_done = p->is_closed = p->is_out_lost = p->wants_serve = false;
    arena_reset(&p->records);
    INSIDE(p, flow_begin(p->x, &p->env, &s));
    if (!p->is_one_connection || p->request.err != ERR_OK) {
        wire_parser_fini(&p->request);
        wire_parser_init(&p->request, WIRE_REQUEST, &wire_limits_default);
    }
}

void path_request(struct path *p, const char *format, size_t step)
{
    struct buf text;
    const char *hole = strstr(format, "%s");
    size_t before = hole != NULL ? (size_t)(hole - format) : strlen(format);
    buf_init(&text, 1u << 20);
    buf_add(&text, (struct str){format, before});
    if (hole != NULL) {
        buf_add(&text, str_from(p->key));
        buf_add(&text, str_from(hole + 2));
    }
    path_request_bytes(p, buf_str(&text), step);
    buf_fini(&text);
}

void path_request_bytes(struct path *p, struct str all, size_t step)
{
    begin(p);
    for (size_t at = 0; at < all.len && !p->is_done;) {
        size_t len = step == 0 || step > all.len - at ? all.len - at : step;
        struct str in = str_sub(all, at, at + len);
        struct wire_event ev = {WIRE_NEED_MORE, STR_NONE};
        at += len;
        do {
            if (wire_parser_next(&p->request, &in, &ev) != ERR_OK) {
                INSIDE(p, flow_on_bad_request(p->x, p->request.refusal_status,
                                              p->request.refusal_reason, p->now));
                perform(p);
                return;
            }
            if (ev.type == WIRE_HEAD) {
                INSIDE(p, flow_on_head(p->x, p->request.head, p->now));
            } else if (ev.type == WIRE_BODY) {
                INSIDE(p, flow_on_body(p->x, ev.body));
            } else if (ev.type == WIRE_END) {
                INSIDE(p, flow_on_request_end(p->x, p->now));
            }
            perform(p);
        } while (ev.type != WIRE_NEED_MORE && ev.type != WIRE_END && !p->is_done);
        if (ev.type == WIRE_HEAD && (wire_parser_next(&p->request, &in, &ev) != ERR_OK ||
                                     ev.type != WIRE_END)) {
            wire_parser_fini(&p->request); /* refused at its head, and there is a body */
            wire_parser_init(&p->request, WIRE_REQUEST, &wire_limits_default);
        }
    }
}

void path_post(struct path *p, const char *target, const char *body)
{
    char text[32768];
    snprintf(text, sizeof(text),
             "POST %s HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer %s\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             target, p->key, strlen(body), body);
    path_request(p, text, 0);
}

void path_answer(struct path *p, const char *bytes, size_t step)
{
    path_answer_bytes(p, str_from(bytes), step);
}

void path_answer_events(struct path *p, const char *events, size_t step)
{
    struct buf framed;
    buf_init(&framed, 1U << 20);
    buf_printf(&framed,
               "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
               "chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n",
               strlen(events), events);
    path_answer_bytes(p, buf_str(&framed), step);
    buf_fini(&framed);
}

void path_answer_bytes(struct path *p, struct str all, size_t step)
{
    for (size_t at = 0; at < all.len && !p->is_done;) {
        size_t len = step == 0 || step > all.len - at ? all.len - at : step;
        struct str in = str_sub(all, at, at + len);
        struct wire_event ev = {WIRE_NEED_MORE, STR_NONE};
        at += len;
        do {
            if (wire_parser_next(&p->answer, &in, &ev) != ERR_OK) {
                path_answer_end(p, FLOW_END_PROTOCOL);
                return;
            }
            if (ev.type == WIRE_HEAD) {
                INSIDE(p, flow_on_upstream_head(p->x, p->answer.head, p->now));
            } else if (ev.type == WIRE_BODY) {
                INSIDE(p, flow_on_upstream_body(p->x, ev.body, p->now));
            } else if (ev.type == WIRE_END) {
                INSIDE(p, flow_on_upstream_end(p->x, FLOW_END_COMPLETE, "", p->now));
            }
            perform(p);
        } while (ev.type != WIRE_NEED_MORE && ev.type != WIRE_END && !p->is_done);
    }
}

void path_answer_end(struct path *p, enum flow_end_how how)
{
    INSIDE(p, flow_on_upstream_end(p->x, how, "", p->now));
    perform(p);
}

void path_turn(struct path *p)
{
    INSIDE(p, flow_on_turn(p->x, p->now));
    perform(p);
}

void path_client_gone(struct path *p)
{
    INSIDE(p, flow_on_client_gone(p->x, p->now));
    perform(p);
}

static bool has(const struct buf *b, const char *text)
{
    return str_find_str(buf_str(b), str_from(text)) >= 0;
}

bool path_client_has(const struct path *p, const char *text)
{
    return has(&p->client, text);
}

bool path_provider_has(const struct path *p, const char *text)
{
    return has(&p->provider, text);
}
