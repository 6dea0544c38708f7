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
static const char *decision_word(const struct policy_verdict *v, bool is_warned);
static void write_model(struct buf *out, const struct policy_facts *facts,
                        const struct route_choice *choice);

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
    const struct route_catalog *catalog = e->catalog;
    const struct policy_facts *facts = e->facts;
    const struct policy_verdict *v = e->verdict;
    const struct route_choice *choice = e->choice;
    buf_add(out, STR("{\"request_id\":"));
    json_write_str(out, e->request_id);
    bool is_warned = choice != NULL && (v->warned >> choice->candidate & 1) != 0;
    codec_str_write(out, "decision", str_from(decision_word(v, is_warned)));
    codec_str_write(out, "stage", STR("select"));
    if (v->decider != NULL) {
        codec_str_write(out, "policy", v->decider->name);
        buf_printf(out, ",\"policy_id\":\"pol_%.*s\",\"policy_version\":%u",
                   STR_ARG(v->decider->id), (unsigned)v->decider->version);
    }
    if (v->decider_rule != NULL) {
        codec_str_write(out, "rule", str_from(policy_rule_type_name(v->decider_rule->type)));
        codec_str_write(out, "rule_key", v->decider_rule->key);
    }
    if (v->violations_count != 0) {
        codec_str_write(out, "reason", v->violations[0].message);
    }
    buf_add(out, STR(",\"violations\":["));
    for (size_t i = 0; i < v->violations_count; i++) {
        buf_add(out, i == 0 ? STR("") : STR(","));
        write_violation(out, &v->violations[i], catalog);
    }
    write_allowed(out, e);
    write_model(out, facts, choice);
    buf_printf(out, ",\"rules_applied\":%zu,\"epoch\":%llu,\"mode\":\"enforce\"}", v->rules_applied,
               (unsigned long long)e->epoch);
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

static const char *decision_word(const struct policy_verdict *v, bool is_warned)
{
    if (v->is_slot_unknown || v->is_slot_denied) {
        return "error";
    }
    return v->allowed == 0 ? policy_effect_name(v->effect) : is_warned ? "warn" : "allow";
}

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
    buf_add_byte(out, '}');
}

static void write_model(struct buf *out, const struct policy_facts *facts,
                        const struct route_choice *choice)
{
    buf_add(out, STR(",\"model\":{\"requested\":"));
    json_write_str(out, facts->models->requested);
    if (choice != NULL) {
        codec_str_write(out, "resolved", choice->model->id);
    }
    buf_add_byte(out, '}');
    if (choice != NULL) {
        codec_str_write(out, "provider", choice->provider->slug);
    }
}
