/* SPDX-License-Identifier: Apache-2.0
 *
 * A verdict in the documented words: the violations of a blocked body, the header
 * value of a warning, and the whole evaluation for /v1/evaluate. Pure.
 */
#include "codec_private.h"

#define HEADER_BYTES_MAX 1024

static bool is_soft(const struct policy_verdict *v);
static void write_violation(struct buf *out, const struct policy_violation *v,
                            const struct route_catalog *catalog);
static void write_allowed(struct buf *out, const struct codec_evaluation *e);
static const struct codec_found *content_decider(const struct codec_evaluation *e);
static const char *decision_word(const struct codec_evaluation *e,
                                 const struct codec_found *content);
static void write_decider(struct buf *out, const struct codec_evaluation *e,
                          const struct codec_found *content);
static void write_violations(struct buf *out, const struct codec_evaluation *e);
static void write_place(struct buf *out, const struct content_hit *hit);
static void write_content(struct buf *out, const struct codec_evaluation *e);
static void write_model(struct buf *out, const struct codec_evaluation *e);

/* S0-54; S0-52 marks a soft block in the body. */
void codec_write_violations(struct buf *out, const struct policy_verdict *v)
{
    if (is_soft(v)) {
        buf_add(out, STR(",\"enforcement\":\"soft_block\""));
    }
    buf_add(out, STR(",\"violations\":["));
    for (size_t i = 0; i < v->violations_count; i++) {
        buf_add(out, i == 0 ? STR("") : STR(","));
        json_write_str(out, v->violations[i].message);
    }
    buf_add_byte(out, ']');
}

static bool is_soft(const struct policy_verdict *v)
{
    return v->decider_rule != NULL && str_eq(v->decider_rule->source_word, STR("soft_block"));
}

void codec_write_violations_header(struct buf *out, const struct policy_violation *const *list,
                                   size_t count)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t from = out->len;
    for (size_t i = 0; i < count; i++) {
        struct str text = list[i]->message;
        if (i != 0) {
            buf_add(out, STR("; "));
        }
        for (size_t k = 0; k < text.len; k++) {
            if (out->len - from > HEADER_BYTES_MAX - 8) {
                buf_add(out, STR("..."));
                return;
            }
            unsigned char c = (unsigned char)text.ptr[k];
            if (c >= 0x20 && c < 0x7f && c != '%') {
                buf_add_byte(out, (char)c);
            } else {
                char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
                buf_add(out, (struct str){escaped, 3});
            }
        }
    }
}

/* What every dialect renders from, as far as this build decides. */
void codec_write_evaluation(struct buf *out, const struct codec_evaluation *e)
{
    const struct codec_found *content = content_decider(e);
    buf_add(out, STR("{\"request_id\":"));
    json_write_str(out, e->request_id);
    codec_str_write(out, "decision", str_from(decision_word(e, content)));
    write_decider(out, e, content);
    write_violations(out, e);
    write_allowed(out, e);
    write_model(out, e);
    if (e->has_content) {
        write_content(out, e);
    }
    buf_printf(out, ",\"rules_applied\":%zu,\"epoch\":%llu,\"mode\":\"enforce\"}",
               e->verdict->rules_applied, (unsigned long long)e->epoch);
}

/* The first of the strictest, when it says more than the select stage did. */
static const struct codec_found *content_decider(const struct codec_evaluation *e)
{
    const struct codec_found *first = NULL;
    for (size_t i = 0; i < e->found_count && e->verdict->allowed != 0; i++) {
        const struct policy_violation *v = &e->found[i].violation;
        if (v->effect > (first != NULL ? first->violation.effect : POLICY_INFO)) {
            first = &e->found[i];
        }
    }
    bool is_warned = e->choice != NULL && (e->verdict->warned >> e->choice->candidate & 1) != 0;
    return first != NULL && is_warned && first->violation.effect == POLICY_WARN ? NULL : first;
}

static const char *decision_word(const struct codec_evaluation *e,
                                 const struct codec_found *content)
{
    const struct policy_verdict *v = e->verdict;
    bool is_warned = e->choice != NULL && (v->warned >> e->choice->candidate & 1) != 0;
    if (v->is_slot_unknown || v->is_slot_denied) {
        return "error";
    }
    return v->allowed == 0   ? policy_effect_name(v->effect)
           : content != NULL ? policy_effect_name(content->violation.effect)
           : is_warned       ? "warn"
                             : "allow";
}

static void write_decider(struct buf *out, const struct codec_evaluation *e,
                          const struct codec_found *content)
{
    const struct policy_verdict *v = e->verdict;
    const struct policy *policy = content != NULL ? content->violation.policy : v->decider;
    const struct policy_rule *rule = content != NULL ? content->violation.rule : v->decider_rule;
    codec_str_write(out, "stage",
                    content == NULL                                ? STR("select")
                    : content->hit->stage == CONTENT_REQUEST ? STR("request")
                                                                   : STR("response"));
    if (policy != NULL) {
        codec_str_write(out, "policy", policy->name);
        buf_printf(out, ",\"policy_id\":\"pol_%.*s\",\"policy_version\":%u", STR_ARG(policy->id),
                   (unsigned)policy->version);
    }
    if (rule != NULL) {
        codec_str_write(out, "rule", str_from(policy_rule_type_name(rule->type)));
        codec_str_write(out, "rule_key", rule->key);
    }
    if (content != NULL) {
        codec_str_write(out, "reason", content->violation.message);
    } else if (v->violations_count != 0) {
        codec_str_write(out, "reason", v->violations[0].message);
    }
}

static void write_violations(struct buf *out, const struct codec_evaluation *e)
{
    size_t count = e->verdict->violations_count;
    buf_add(out, STR(",\"violations\":["));
    for (size_t i = 0; i < count; i++) {
        buf_add(out, i == 0 ? STR("") : STR(","));
        write_violation(out, &e->verdict->violations[i], e->catalog);
        buf_add_byte(out, '}');
    }
    for (size_t i = 0; i < e->found_count; i++) {
        buf_add(out, i == 0 && count == 0 ? STR("") : STR(","));
        write_violation(out, &e->found[i].violation, e->catalog);
        write_place(out, e->found[i].hit);
        buf_add_byte(out, '}');
    }
}

static void write_place(struct buf *out, const struct content_hit *hit)
{
    codec_str_write(out, "stage",
                    hit->stage == CONTENT_REQUEST ? STR("request") : STR("response"));
    codec_str_write(out, "what", hit->what);
    if (hit->pointer.ptr != NULL) {
        codec_str_write(out, "pointer", hit->pointer);
    }
    buf_printf(out, ",\"start\":%zu,\"end\":%zu,\"count\":%llu,\"score\":%u.%03u", hit->start,
               hit->end, (unsigned long long)hit->count, hit->score / 1000, hit->score % 1000);
    if (hit->is_unscannable) {
        buf_add(out, STR(",\"unscannable\":true"));
    }
}

static void write_content(struct buf *out, const struct codec_evaluation *e)
{
    buf_printf(out, ",\"modifications\":%llu", (unsigned long long)e->modifications);
    if (e->found_dropped != 0) {
        buf_printf(out, ",\"violations_dropped\":%zu", e->found_dropped);
    }
    bool has_text = e->edited_prompt.ptr != NULL || e->edited_response.ptr != NULL;
    if (e->edited_request.ptr == NULL && !has_text) {
        return;
    }
    buf_add(out, STR(",\"edited\":{"));
    size_t from = out->len;
    if (e->edited_request.ptr != NULL) {
        buf_add(out, STR(",\"request\":"));
        buf_add(out, e->edited_request);
    }
    if (e->edited_prompt.ptr != NULL) {
        codec_str_write(out, "prompt", e->edited_prompt);
    }
    if (e->edited_response.ptr != NULL) {
        codec_str_write(out, "response", e->edited_response);
    }
    if (out->err == ERR_OK) { /* the first member needs no comma */
        memmove(out->ptr + from, out->ptr + from + 1, out->len - from - 1);
        out->len--;
    }
    buf_add_byte(out, '}');
}

/* Candidates are one row per provider, so no slug comes twice. */
static void write_allowed(struct buf *out, const struct codec_evaluation *e)
{
    const struct route_resolution *models = e->facts->models;
    bool is_first = true;
    buf_add(out, STR("],\"allowed_providers\":["));
    for (size_t i = 0; i < models->count; i++) {
        if ((e->verdict->allowed >> i & 1) != 0) {
            unsigned provider = route_catalog_model(e->catalog, models->models[i])->provider;
            buf_add(out, is_first ? STR("") : STR(","));
            json_write_str(out, route_catalog_provider(e->catalog, provider)->slug);
            is_first = false;
        }
    }
    buf_add_byte(out, ']');
}

/* Its brace is left open: a content rule adds the place. */
static void write_violation(struct buf *out, const struct policy_violation *v,
                            const struct route_catalog *catalog)
{
    buf_add(out, STR("{\"message\":"));
    json_write_str(out, v->message);
    if (v->policy != NULL) {
        buf_printf(out, ",\"policy_id\":\"pol_%.*s\"", STR_ARG(v->policy->id));
        codec_str_write(out, "policy_name", v->policy->name);
        buf_printf(out, ",\"policy_version\":%u", (unsigned)v->policy->version);
    }
    if (v->rule != NULL) {
        codec_str_write(out, "rule", str_from(policy_rule_type_name(v->rule->type)));
        codec_str_write(out, "rule_key", v->rule->key);
        codec_str_write(out, "severity", str_from(policy_severity_name(v->rule->severity)));
    }
    codec_str_write(out, "effect", str_from(policy_effect_name(v->effect)));
    if (v->provider >= 0) {
        codec_str_write(out, "provider",
                        route_catalog_provider(catalog, (unsigned)v->provider)->slug);
    }
}

static void write_model(struct buf *out, const struct codec_evaluation *e)
{
    struct str from = e->verdict->substituted_from;
    buf_add(out, STR(",\"model\":{\"requested\":"));
    json_write_str(out, from.len != 0 ? from : e->facts->models->requested);
    if (e->choice != NULL) {
        codec_str_write(out, "resolved", e->choice->model->id);
    }
    if (from.len != 0) {
        codec_str_write(out, "substituted_from", from);
    }
    buf_add_byte(out, '}');
    if (e->choice != NULL) {
        codec_str_write(out, "provider", e->choice->provider->slug);
    }
}
