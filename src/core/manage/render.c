/* SPDX-License-Identifier: Apache-2.0
 *
 * Result -> answer: status, headers and the body in the view that was asked. A
 * refusal has the one error shape; without memory the answer is a static 503. Pure.
 */
#include "manage_private.h"

#define BODY_BYTES_MAX (64u << 20)

struct render {
    struct arena *arena;
    const struct manage_command *c;
    const struct manage_result *r;
    const struct route_catalog *catalog;
    struct manage_answer *ret;
    struct buf out;
};

static void render_error(struct render *x, enum err err, const struct manage_refusal *refusal);
static void render_result(struct render *x);
static void render_policies(struct render *x);
static void render_policy(struct render *x);
static void render_try(struct render *x);
static bool is_rules_route(const struct render *x);
static void render_ask(struct render *x);
static void render_versions(struct render *x);
static void render_items(struct render *x);
static void render_providers(struct render *x);
static void render_audit(struct render *x);
static void render_templates(struct render *x);
static void write_template(struct buf *out, const struct codec_template *t);
static void write_cursor(struct render *x);
static void add_header(struct render *x, const char *name, struct str value);
static void add_write_headers(struct render *x);
static void finish(struct render *x, unsigned status, struct str content_type);

void manage_render(struct arena *a, const struct manage_command *c, enum err err,
                   const struct manage_result *result, const struct route_catalog *catalog,
                   struct manage_answer *ret)
{
    struct render x = {a, c, result, catalog, ret, {0}};
    memset(ret, 0, sizeof(*ret));
    buf_init(&x.out, BODY_BYTES_MAX);
    if (err != ERR_OK || result->refusal.status != 0) {
        render_error(&x, err, &result->refusal);
    } else {
        render_result(&x);
    }
    buf_fini(&x.out);
}

static void render_error(struct render *x, enum err err, const struct manage_refusal *refusal)
{
    struct manage_refusal r = *refusal;
    if (r.status == 0) {
        if (err == ERR_IO || err == ERR_TIMEOUT) {
            manage_refuse(&r, 503, "database_unavailable", "",
                          "The database cannot be reached; nothing was changed as far as is known");
        } else if (err == ERR_MEMORY || err == ERR_LIMIT) {
            manage_refuse(&r, 503, "limit_exceeded", "", "The request needs too much memory");
        } else {
            manage_refuse(&r, 500, "internal_error", "", "The request could not be done");
        }
    }
    if (is_rules_route(x)) {
        manage_rules_error_write(&x->out, &r);
    } else {
        manage_write_error(&x->out, &r);
    }
    if (r.status == 503) {
        add_header(x, "retry-after", STR("2"));
    }
    if (r.allow[0] != 0) {
        add_header(x, "allow", arena_str(x->arena, str_from(r.allow)));
    }
    finish(x, r.status, STR("application/json"));
}

void manage_write_error(struct buf *out, const struct manage_refusal *r)
{
    struct llm_error e = {.status = r->status,
                          .type = r->type,
                          .code = r->code,
                          .message = str_from(r->message),
                          .param = r->param[0] != 0 ? str_from(r->param) : STR_NONE};
    llm_error_write(out, LLM_OPENAI, &e);
}

static void render_result(struct render *x)
{
    switch (x->c->kind) {
    case MANAGE_DOCUMENT:
        if (str_eq(str_from(x->c->route->operation), STR("llms"))) {
            manage_llms_write(&x->out);
            finish(x, 200, STR("text/plain; charset=utf-8"));
            return;
        }
        manage_openapi_write(&x->out);
        break;
    case MANAGE_TEMPLATE_LIST:
    case MANAGE_TEMPLATE_GET:
        render_templates(x);
        return;
    case MANAGE_POLICY_LIST:
        render_policies(x);
        break;
    case MANAGE_POLICY_GET:
    case MANAGE_POLICY_CREATE:
    case MANAGE_POLICY_PATCH:
    case MANAGE_VERSION_ROLLBACK:
        render_policy(x);
        break;
    case MANAGE_POLICY_ASK:
        render_ask(x);
        break;
    case MANAGE_VERSION_LIST:
    case MANAGE_VERSION_GET:
        render_versions(x);
        break;
    case MANAGE_ITEM_LIST:
    case MANAGE_ITEM_GET:
    case MANAGE_ITEM_CREATE:
    case MANAGE_ITEM_PATCH:
    case MANAGE_KEY_CREATE:
    case MANAGE_KEY_ROTATE:
        render_items(x);
        break;
    case MANAGE_POLICY_ARCHIVE:
    case MANAGE_ITEM_DELETE:
    case MANAGE_KEY_REVOKE:
        add_write_headers(x);
        finish(x, 204, STR_NONE);
        return;
    case MANAGE_PROVIDER_LIST:
        render_providers(x);
        break;
    case MANAGE_AUDIT_LIST:
        render_audit(x);
        break;
    case MANAGE_POLICY_TRY:
        render_try(x);
        return;
    case MANAGE_EVALUATE:
        break; /* io/http answers it */
    }
    add_write_headers(x);
    finish(x, x->c->route != NULL ? x->c->route->status : 200, STR("application/json"));
}

static void render_policies(struct render *x)
{
    if (is_rules_route(x)) {
        manage_rules_list_write(&x->out, x->c, x->r);
        return;
    }
    bool is_governance = x->c->view == MANAGE_GOVERNANCE;
    buf_add(&x->out, is_governance ? STR("{\"policies\":[") : STR("{\"data\":["));
    for (size_t i = 0; i < x->r->policies_count; i++) {
        buf_add(&x->out, i == 0 ? STR("") : STR(","));
        manage_view_write(&x->out, x->c->view, &x->r->policies[i]);
    }
    buf_add_byte(&x->out, ']');
    write_cursor(x);
    buf_add_byte(&x->out, '}');
}

static void render_policy(struct render *x)
{
    bool is_wrapped = is_rules_route(x);
    /* Only the compliance policy can be absent: then it requires nothing. */
    static const struct policy none = {.status = POLICY_INACTIVE};
    const struct policy *p = x->r->policies_count != 0 ? &x->r->policies[0] : &none;
    buf_add(&x->out, is_wrapped ? STR("{\"data\":") : STR(""));
    manage_view_write(&x->out, x->c->view, p);
    buf_add(&x->out, is_wrapped ? STR("}") : STR(""));
    if (p == &none) {
        return;
    }
    add_header(x, "etag", arena_printf(x->arena, "\"%u\"", (unsigned)p->version));
    if (x->c->kind == MANAGE_POLICY_CREATE && x->c->view != MANAGE_COMPLIANCE) {
        add_header(x, "location", arena_printf(x->arena, "%s%.*s",
                                               manage_view_location(x->c->view), STR_ARG(p->id)));
    }
}

static void render_try(struct render *x)
{
    struct manage_refusal refusal = {0};
    enum err e =
        manage_try_write(x->arena, &x->out, x->c, x->r, x->catalog, &refusal);
    if (e != ERR_OK) {
        buf_clear(&x->out);
        render_error(x, e, &refusal);
        return;
    }
    finish(x, 200, STR("application/json"));
}

/* S1-13: its answers are inside `data`. */
static bool is_rules_route(const struct render *x)
{
    return x->c->route != NULL && x->c->route->view == MANAGE_RULES;
}

/* validate and preview: the path's own rule evaluation over every provider. */
static void render_ask(struct render *x)
{
    struct policy none = {.status = POLICY_INACTIVE};
    const struct policy *p = x->c->has_policy            ? &x->c->policy
                             : x->r->policies_count != 0 ? &x->r->policies[0]
                                                         : &none;
    struct policy_provider_answer *answers;
    const struct route_evidence evidence = {x->r->attestations, x->r->attestations_count,
                                            x->r->now_s};
    if (policy_providers_of(x->arena, x->catalog, &evidence, p, &answers) != ERR_OK) {
        x->out.err = ERR_MEMORY;
        return;
    }
    if (x->c->view == MANAGE_COMPLIANCE) {
        codec_compliance_write_preview(&x->out, x->catalog, p, answers);
    } else {
        codec_governance_write_validation(&x->out, x->catalog, p, answers, x->r->is_production);
    }
}

static void render_versions(struct render *x)
{
    bool is_list = x->c->kind == MANAGE_VERSION_LIST;
    if (is_rules_route(x)) {
        manage_rules_versions_write(x->arena, &x->out, x->r, is_list);
        return;
    }
    buf_add(&x->out, is_list ? STR("{\"data\":[") : STR(""));
    for (size_t i = 0; i < x->r->versions_count; i++) {
        const struct manage_version *v = &x->r->versions[i];
        buf_printf(&x->out, "%s{\"version\":%u,\"active\":%s", i == 0 ? "" : ",",
                   (unsigned)v->version, v->is_active ? "true" : "false");
        const struct {
            const char *name;
            struct str value;
        } texts[] = {{"sha256", v->sha256},         {"author", v->author},
                     {"note", v->note},             {"created_at", v->created_at},
                     {"activated_at", v->activated_at}, {"deactivated_at", v->deactivated_at}};
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
            if (texts[k].value.len != 0) {
                buf_printf(&x->out, ",\"%s\":", texts[k].name);
                json_write_str(&x->out, texts[k].value);
            }
        }
        if (v->parent != 0) {
            buf_printf(&x->out, ",\"parent\":%u", (unsigned)v->parent);
        }
        if (v->rolled_back_from != 0) {
            buf_printf(&x->out, ",\"rolled_back_from\":%u", (unsigned)v->rolled_back_from);
        }
        if (v->body.len != 0) {
            buf_add(&x->out, STR(",\"policy\":"));
            buf_add(&x->out, v->body); /* canonical JSON as stored */
        }
        buf_add_byte(&x->out, '}');
    }
    if (is_list) {
        buf_add_byte(&x->out, ']');
        write_cursor(x);
        buf_add_byte(&x->out, '}');
    }
}

static void render_items(struct render *x)
{
    bool is_list = x->c->kind == MANAGE_ITEM_LIST;
    buf_add(&x->out, is_list ? STR("{\"data\":[") : STR(""));
    for (size_t i = 0; i < x->r->rows_count; i++) {
        buf_add(&x->out, i == 0 ? STR("") : STR(","));
        manage_item_write(&x->out, x->c->collection, &x->r->rows[i], x->r->key_text);
    }
    if (is_list) {
        buf_add_byte(&x->out, ']');
        write_cursor(x);
        buf_add_byte(&x->out, '}');
    }
}

static void render_providers(struct render *x)
{
    static const char *const facts[] = {"null", "false", "true"};
    size_t count = route_catalog_providers_count(x->catalog);
    buf_add(&x->out, STR("{\"data\":["));
    for (unsigned i = 0; i < count; i++) {
        const struct route_provider *p = route_catalog_provider(x->catalog, i);
        struct route_posture posture;
        route_posture_of(p, x->r->attestations, x->r->attestations_count, x->r->now_s, &posture);
        buf_add(&x->out, i == 0 ? STR("{\"slug\":") : STR(",{\"slug\":"));
        json_write_str(&x->out, p->slug);
        buf_add(&x->out, STR(",\"name\":"));
        json_write_str(&x->out, p->name);
        buf_printf(&x->out, ",\"trust_tier\":\"%s\",\"country\":", route_tier_name(posture.tier));
        if (posture.country[0] != 0) {
            buf_printf(&x->out, "\"%s\"", posture.country);
        } else {
            buf_add(&x->out, STR("null"));
        }
        for (int k = 0; k < ROUTE_ATTRIBUTES_COUNT; k++) {
            buf_printf(&x->out, ",\"%s\":%s", route_attribute_name((enum route_attribute)k),
                       facts[posture.facts[k]]);
        }
        buf_printf(&x->out, ",\"callable\":%s,\"catalog\":",
                   p->is_dialect_supported ? "true" : "false");
        json_write_val(&x->out, p->source);
        buf_add_byte(&x->out, '}');
    }
    buf_add(&x->out, STR("]}"));
}

static void render_audit(struct render *x)
{
    buf_add(&x->out, STR("{\"data\":["));
    for (size_t i = 0; i < x->r->audit_count; i++) {
        const struct manage_audit *a = &x->r->audit[i];
        buf_add(&x->out, i == 0 ? STR("") : STR(","));
        audit_decision_write_json(&x->out, &a->decision, a->has_outcome ? &a->outcome : NULL);
    }
    buf_add_byte(&x->out, ']');
    write_cursor(x);
    buf_add_byte(&x->out, '}');
}

static void render_templates(struct render *x)
{
    bool is_config = x->c->view == MANAGE_TEMPLATE;
    bool is_list = x->c->kind == MANAGE_TEMPLATE_LIST;
    size_t governance_count, config_count, written = 0;
    const struct codec_template *governance = codec_templates(&governance_count);
    const struct codec_config_template *config = codec_config_templates(&config_count);
    buf_add(&x->out, is_list ? STR("{\"templates\":[") : STR(""));
    for (size_t i = 0; i < (is_config ? config_count : governance_count); i++) {
        struct str slug = str_from(is_config ? config[i].slug : governance[i].slug);
        if (!is_list && !str_eq(x->c->id, slug)) {
            continue;
        }
        buf_add(&x->out, written++ == 0 ? STR("") : STR(","));
        if (is_config) {
            codec_config_template_write(&x->out, &config[i]);
        } else {
            write_template(&x->out, &governance[i]);
        }
    }
    if (written != 0) {
        buf_add(&x->out, is_list ? STR("]}") : STR(""));
        finish(x, 200, STR("application/json"));
        return;
    }
    struct manage_refusal r;
    manage_refuse(&r, 404, "not_found", "", "There is no template of this name");
    render_error(x, ERR_OK, &r);
}

static void write_template(struct buf *out, const struct codec_template *t)
{
    buf_printf(out, "{\"slug\":\"%s\",\"name\":\"%s\",\"description\":\"%s\"", t->slug, t->name,
               t->description);
    if (t->note != NULL) {
        buf_add(out, STR(",\"note\":"));
        json_write_str(out, str_from(t->note));
    }
    buf_printf(out, ",\"policy\":%s}", t->body);
}

static void write_cursor(struct render *x)
{
    if (x->r->next_cursor.len != 0) {
        buf_add(&x->out, STR(",\"next_cursor\":"));
        json_write_str(&x->out, x->r->next_cursor);
    }
}

static void add_header(struct render *x, const char *name, struct str value)
{
    struct manage_answer *ret = x->ret;
    if (value.ptr != NULL && ret->headers_count < sizeof(ret->headers) / sizeof(ret->headers[0])) {
        ret->headers[ret->headers_count++] = (struct wire_header){str_from(name), value};
    }
}

/* The epoch that enforces the change, and whether it was waited for. */
static void add_write_headers(struct render *x)
{
    if (x->r->epoch != 0) {
        add_header(x, "portcullis-epoch",
                   arena_printf(x->arena, "%llu", (unsigned long long)x->r->epoch));
    }
    if (x->r->was_waited) {
        if (x->r->is_everywhere) {
            add_header(x, "preference-applied", STR("wait"));
        } else {
            add_header(x, "portcullis-not-enforced-by", arena_str(x->arena, x->r->laggard));
        }
    }
}

static void finish(struct render *x, unsigned status, struct str content_type)
{
    struct str body = x->out.err == ERR_OK ? arena_str(x->arena, buf_str(&x->out)) : STR_NONE;
    if (body.ptr == NULL) {
        *x->ret = (struct manage_answer){
            .status = 503,
            .content_type = STR("application/json"),
            .body = STR("{\"error\":{\"message\":\"The answer needs too much memory\",\"type\":"
                        "\"server_error\",\"param\":null,\"code\":\"limit_exceeded\"}}")};
        return;
    }
    x->ret->status = status;
    x->ret->content_type = content_type;
    x->ret->body = body;
}
