/* SPDX-License-Identifier: Apache-2.0
 *
 * What one policy alone would do to a prompt, an answer and a model (S1-11, S1-12): its
 * content rules by the check of the path, its rules about models and providers by the
 * decision of the path. The policy need not be active. Pure; compiles, so it runs on
 * the control thread.
 */
#include "manage_private.h"

struct trial {
    struct arena *arena;
    const struct manage_command *c;
    const struct manage_result *r;
    const struct policy *policy;
    const struct policy_rule **rules; /* the content rules, as content_try numbers them */
    struct content_trial content;
    struct policy_verdict select;
    bool has_select;
};

static enum err try_content(struct trial *t, struct issue *issue);
static enum err try_select(struct trial *t, const struct route_catalog *catalog,
                           struct manage_refusal *refusal, struct issue *issue);
static enum policy_effect effect_of(const struct trial *t);
static void write_list(struct trial *t, struct buf *out, bool is_alert);
static void write_violation(struct trial *t, struct buf *out, const struct policy_violation *v);
static void write_hit(struct trial *t, struct buf *out, const struct content_hit *hit);
static void write_rule(struct trial *t, struct buf *out, const struct policy_rule *rule);
static void write_not_asked(const struct trial *t, struct buf *out);
static void write_masked(const struct trial *t, struct buf *out);

enum err manage_try_write(struct arena *a, struct buf *out, const struct manage_command *c,
                          const struct manage_result *r, const struct route_catalog *catalog,
                          struct manage_refusal *refusal)
{
    static const char *const verdicts[POLICY_BLOCK + 1] = {
        [POLICY_INFO] = "allowed",
        [POLICY_WARN] = "warned",
        [POLICY_MODIFY] = "masked",
        [POLICY_BLOCK] = "blocked",
    };
    struct trial t = {.arena = a, .c = c, .r = r, .policy = &r->policies[0]};
    struct issue issue = {.offset = UINT64_MAX};
    enum err e = try_content(&t, &issue);
    if (e == ERR_OK) {
        e = try_select(&t, catalog, refusal, &issue);
    }
    if (e != ERR_OK) {
        if (e == ERR_AGAIN) {
            manage_refuse(refusal, 503, "compiling", "",
                          "The policy's terms are being compiled; ask again in a moment");
        } else if (refusal->status == 0 && e != ERR_MEMORY) {
            manage_refuse(refusal, e == ERR_LIMIT ? 413 : 400,
                          e == ERR_LIMIT ? "limit_exceeded" : "policy_cannot_run", issue.pointer,
                          "%s", issue.message);
        }
        return e;
    }
    enum policy_effect effect = effect_of(&t);
    buf_printf(out, "{\"data\":{\"verdict\":\"%s\",\"violations\":[", verdicts[effect]);
    write_list(&t, out, false);
    buf_add(out, STR("],\"alerts\":["));
    write_list(&t, out, true);
    buf_add_byte(out, ']');
    write_not_asked(&t, out);
    if (effect == POLICY_MODIFY) {
        write_masked(&t, out);
    }
    buf_add(out, STR("}}"));
    return out->err;
}

static enum err try_content(struct trial *t, struct issue *issue)
{
    const struct policy *p = t->policy;
    const struct content_rule **contents =
        ARENA_ARRAY(t->arena, p->rules_count, const struct content_rule *);
    size_t count = 0;
    t->rules = ARENA_ARRAY(t->arena, p->rules_count, const struct policy_rule *);
    if (contents == NULL || t->rules == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < p->rules_count; i++) {
        if (p->rules[i].content != NULL && p->rules[i].is_enabled) {
            t->rules[count] = &p->rules[i];
            contents[count++] = p->rules[i].content;
        }
    }
    if (count == 0 || (t->c->texts.prompt.ptr == NULL && t->c->texts.response.ptr == NULL)) {
        return ERR_OK;
    }
    const struct content_question q = {.rules = contents,
                                       .rules_count = count,
                                       .build = t->r->build,
                                       .hash_key = t->r->hash_key,
                                       .prompt = t->c->texts.prompt,
                                       .response = t->c->texts.response};
    return content_try(t->arena, &q, &t->content, issue);
}

/* The policy as the only one of an organisation, for everybody and without its content
 * rules, which were tried by themselves. */
static enum err try_select(struct trial *t, const struct route_catalog *catalog,
                           struct manage_refusal *refusal, struct issue *issue)
{
    struct policy alone = *t->policy;
    struct policy_rule *rules = ARENA_ARRAY(t->arena, alone.rules_count, struct policy_rule);
    struct route_resolution *models = ARENA_NEW(t->arena, struct route_resolution);
    struct policy_org *org = NULL;
    if (t->c->texts.model.len == 0) {
        return ERR_OK;
    }
    if (rules == NULL || models == NULL) {
        return ERR_MEMORY;
    }
    if (route_resolve(catalog, t->c->texts.model, models) != ERR_OK) {
        manage_refuse(refusal, 404, "model_not_found", "/model", "The model is not known");
        return ERR_NOT_FOUND;
    }
    alone.rules_count = 0;
    for (size_t i = 0; i < t->policy->rules_count; i++) {
        if (t->policy->rules[i].content == NULL) {
            rules[alone.rules_count++] = t->policy->rules[i];
        }
    }
    alone.rules = rules;
    alone.status = POLICY_ACTIVE;
    alone.is_shadow = alone.is_slot_selected = alone.is_default = false;
    alone.slot = 0;
    alone.level = POLICY_ORG;
    alone.team = alone.environment = alone.project = alone.user = alone.key = alone.role =
        STR_NONE;
    const struct policy_org_rows rows = {
        .id = alone.org_id, .name = STR("try"), .policies = &alone, .policies_count = 1};
    TRY(policy_org_new(&rows, &(struct policy_build){.catalog = catalog, .now_s = t->r->now_s},
                       &org, issue));
    const struct policy_facts facts = {.org = org, .endpoint = LLM_CHAT, .models = models};
    enum err e = policy_decide(t->arena, &facts, &t->select);
    t->has_select = e == ERR_OK;
    /* Violations point into the organisation: names and words are the policy's own. */
    for (size_t i = 0; t->has_select && i < t->select.violations_count; i++) {
        struct policy_violation *v = &t->select.violations[i];
        for (size_t k = 0; v->rule != NULL && k < t->policy->rules_count; k++) {
            if (str_eq(v->rule->key, t->policy->rules[k].key)) {
                v->rule = &t->policy->rules[k];
                break;
            }
        }
        v->policy = t->policy;
    }
    policy_org_unref(org);
    return e;
}

static enum policy_effect effect_of(const struct trial *t)
{
    enum policy_effect effect = t->has_select && t->select.allowed == 0  ? POLICY_BLOCK
                                : t->has_select && t->select.warned != 0 ? POLICY_WARN
                                                                         : POLICY_INFO;
    for (size_t i = 0; i < t->content.hits_count; i++) {
        const enum content_effect hit = t->content.hits[i].effect;
        enum policy_effect own = hit == CONTENT_BLOCK    ? POLICY_BLOCK
                                 : hit == CONTENT_MODIFY ? POLICY_MODIFY
                                 : hit == CONTENT_WARN   ? POLICY_WARN
                                                         : POLICY_INFO;
        effect = own > effect ? own : effect;
    }
    return effect;
}

/* Alerts are the warnings; what only logs is neither. */
static void write_list(struct trial *t, struct buf *out, bool is_alert)
{
    size_t from = out->len;
    for (size_t i = 0; t->has_select && i < t->select.violations_count; i++) {
        const struct policy_violation *v = &t->select.violations[i];
        if (v->effect != POLICY_INFO && (v->effect == POLICY_WARN) == is_alert) {
            buf_add(out, out->len == from ? STR("{") : STR(",{"));
            write_violation(t, out, v);
        }
    }
    for (size_t i = 0; i < t->content.hits_count; i++) {
        const struct content_hit *hit = &t->content.hits[i];
        if (hit->effect != CONTENT_INFO && (hit->effect == CONTENT_WARN) == is_alert) {
            buf_add(out, out->len == from ? STR("{") : STR(",{"));
            write_hit(t, out, hit);
        }
    }
}

static void write_violation(struct trial *t, struct buf *out, const struct policy_violation *v)
{
    write_rule(t, out, v->rule);
    buf_add(out, STR(",\"stage\":\"select\",\"message\":"));
    json_write_str(out, v->message);
    buf_add_byte(out, '}');
}

/* Where it is, never what it is. */
static void write_hit(struct trial *t, struct buf *out, const struct content_hit *hit)
{
    write_rule(t, out, t->rules[hit->rule]);
    buf_printf(out, ",\"stage\":\"%s\",\"entity\":",
               hit->stage == CONTENT_REQUEST ? "prompt" : "response");
    json_write_str(out, hit->what);
    buf_printf(out, ",\"start\":%zu,\"end\":%zu,\"count\":%llu,\"message\":", hit->start, hit->end,
               (unsigned long long)hit->count);
    json_write_str(out, hit->message);
    buf_add_byte(out, '}');
}

static void write_rule(struct trial *t, struct buf *out, const struct policy_rule *rule)
{
    struct str action = rule->source_word.len != 0 ? rule->source_word
                                                   : str_from(policy_effect_name(rule->effect));
    buf_printf(out, "\"type\":\"%s\",\"ruleId\":", codec_rule_word(t->policy, rule));
    json_write_str(out, rule->key);
    buf_add(out, STR(",\"action\":"));
    json_write_str(out, action);
}

/* A trial asks no recogniser; their rules have said what follows, and this says why. */
static void write_not_asked(const struct trial *t, struct buf *out)
{
    struct str last = STR_NONE;
    for (size_t i = 0; i < t->content.hits_count; i++) {
        struct str rest = t->content.hits[i].what;
        struct str name = str_cut(&rest, ':');
        if (!t->content.hits[i].is_unscannable || !str_starts(name, STR("recogniser ")) ||
            str_eq(name, last)) {
            continue;
        }
        buf_add(out, last.ptr == NULL ? STR(",\"notAsked\":[") : STR(","));
        json_write_str(out, name);
        last = name;
    }
    buf_add(out, last.ptr != NULL ? STR("]") : STR(""));
}

/* The caller's own texts, as they would go on. */
static void write_masked(const struct trial *t, struct buf *out)
{
    const struct {
        const char *name;
        struct str text;
    } texts[] = {{"prompt", t->content.prompt}, {"response", t->content.response}};
    bool is_first = true;
    buf_add(out, STR(",\"masked\":{"));
    for (size_t i = 0; i < 2; i++) {
        if (texts[i].text.ptr != NULL) {
            buf_printf(out, "%s\"%s\":", is_first ? "" : ",", texts[i].name);
            json_write_str(out, texts[i].text);
            is_first = false;
        }
    }
    buf_add_byte(out, '}');
}
