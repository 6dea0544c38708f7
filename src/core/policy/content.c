/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules about texts: compiled with the organisation, and per request which of them
 * hold. They are bits of the same index as all others and forbid no candidate; a rule's
 * bit is its number in the content. Costs a few words of ANDs, whatever their number;
 * only rules that somebody may override are looked at one by one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "decide.h"

static enum err compile(struct policy_org *o, const struct content_rule *const *rules,
                        const struct policy_org_rows *rows, const struct policy_build *with,
                        struct issue *ret_issue);
static void drop_rules(struct policy_org *o);
static void name_rule(const struct policy_org *o, const struct policy_org_rows *rows,
                      struct issue *issue);
static size_t row_of(const struct policy_org_rows *rows, struct str id);
static void copy_words(const struct index_applied *applied, size_t from, size_t to,
                       uint64_t *ret_words);
static bool is_overridden(const struct policy_index *x, const uint64_t *applied,
                          const struct index_candidate *c, size_t bit);

enum err org_content_build(struct policy_org *o, const struct policy_org_rows *rows,
                           const struct policy_build *with, struct issue *ret_issue)
{
    size_t count = o->index.content_count;
    enum err err = ERR_OK;

    if (count > 0 && with->engine == NULL) {
        issue_set(ret_issue, "/policies", "rules about texts cannot be compiled here");
        return ERR_UNSUPPORTED;
    }
    if (count > 0) {
        const struct content_rule **rules = calloc(count, sizeof(*rules));
        if (rules == NULL) {
            return ERR_MEMORY;
        }
        for (size_t i = 0; i < count; i++) {
            rules[i] = o->index.rules[i].rule->content;
        }
        err = compile(o, rules, rows, with, ret_issue);
        free(rules);
    }
    drop_rules(o);
    return err;
}

static enum err compile(struct policy_org *o, const struct content_rule *const *rules,
                        const struct policy_org_rows *rows, const struct policy_build *with,
                        struct issue *ret_issue)
{
    const struct content_build build = {
        .engine = with->engine,
        .compiler = with->compiler,
        .previous = with->previous != NULL ? with->previous->content : NULL,
        .services = with->services,
    };
    struct issue issue = {.offset = UINT64_MAX};
    enum err err = content_new(rules, o->index.content_count, &build, &o->content, &issue);
    if (err != ERR_OK) {
        *ret_issue = issue;
        name_rule(o, rows, ret_issue);
    }
    return err;
}

/* They are the row's, and the row is gone soon. */
static void drop_rules(struct policy_org *o)
{
    for (size_t i = 0; i < o->policies_count; i++) {
        for (size_t r = 0; r < o->policies[i].rules_count; r++) {
            /* The organisation's own copy; const only to its readers. */
            ((struct policy_rule *)(uintptr_t)&o->policies[i].rules[r])->content = NULL;
        }
    }
}

/* "/N/types/0" -> policy, rule and place. */
static void name_rule(const struct policy_org *o, const struct policy_org_rows *rows,
                      struct issue *issue)
{
    struct issue inner = *issue;
    struct str rest = str_from(inner.pointer);
    uint64_t number;

    (void)str_cut(&rest, '/');
    if (str_to_u64(str_cut(&rest, '/'), &number) != ERR_OK || number >= o->index.content_count) {
        issue_set(issue, "/policies", "%s", inner.message);
        return;
    }
    const struct index_rule *r = &o->index.rules[number];
    char pointer[sizeof(issue->pointer)];
    (void)snprintf(pointer, sizeof(pointer), "/policies/%zu/rules/%td/params%s%.*s",
                   row_of(rows, r->policy->id), r->rule - r->policy->rules, rest.len > 0 ? "/" : "",
                   (int)(rest.len > 100 ? 100 : rest.len), rest.ptr);
    org_issue_set(issue, pointer, r->policy, r->rule, inner.message);
}

static size_t row_of(const struct policy_org_rows *rows, struct str id)
{
    for (size_t i = 0; i < rows->policies_count; i++) {
        if (str_eq(rows->policies[i].id, id) && policy_is_running(&rows->policies[i])) {
            return i;
        }
    }
    return 0;
}

const struct content *policy_org_content(const struct policy_org *o)
{
    return o->content;
}

/* The bits of rules about texts that apply, and the markers for later: nobody reads what
 * lies between. */
enum err decide_content(struct decision *d)
{
    const struct policy_index *x = &d->org->index;
    size_t words = (x->content_count + 63) / 64;
    size_t last = x->content_count % 64;
    uint64_t any = 0;

    uint64_t *copy = arena_alloc_raw(d->arena, x->words * sizeof(*copy));
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    copy_words(d->applied, 0, words, copy);
    copy_words(d->applied, x->rule_words, x->words, copy);
    if (last != 0) {
        copy[words - 1] &= (UINT64_C(1) << last) - 1;
    }
    for (size_t w = 0; w < words; w++) {
        any |= copy[w];
    }
    if (any != 0) {
        d->verdict->content_rules = copy;
    }
    return ERR_OK;
}

static void copy_words(const struct index_applied *applied, size_t from, size_t to,
                       uint64_t *ret_words)
{
    for (size_t w = from; w < to; w++) {
        ret_words[w] = index_live_has(&applied->live, w / INDEX_LANES) ? applied->words[w] : 0;
    }
}

enum err policy_content_of(struct arena *a, const struct policy_facts *facts,
                           const struct policy_verdict *v, size_t candidate, const uint64_t **ret)
{
    const struct policy_index *x = &facts->org->index;
    size_t words = (x->content_count + 63) / 64;
    uint64_t any = 0;

    *ret = NULL;
    if (v->content_rules == NULL) {
        return ERR_OK;
    }
    ASSERT(facts->models != NULL && candidate < facts->models->count);
    const struct route_model *m =
        route_catalog_model(facts->org->catalog, facts->models->models[candidate]);
    const struct index_candidate c = index_candidate_of(x, m->provider, m->index);
    uint64_t *bits = arena_alloc_raw(a, words * sizeof(*bits));
    if (bits == NULL) {
        return ERR_MEMORY;
    }
    for (size_t w = 0; w < words; w++) {
        uint64_t word = v->content_rules[w];
        if (x->has_conditions) {
            word &= c.provider_when[w] & c.model_when[w];
        }
        uint64_t doubtful = x->has_overrides ? word & x->overridable[w] : 0;
        for (; doubtful != 0; doubtful &= doubtful - 1) {
            size_t bit = w * 64 + (size_t)__builtin_ctzll(doubtful);
            if (is_overridden(x, v->content_rules, &c, bit)) {
                word &= ~(doubtful & -doubtful);
            }
        }
        bits[w] = word;
        any |= word;
    }
    *ret = any != 0 ? bits : NULL;
    return ERR_OK;
}

/* As for any rule: a lower policy that applies to this very candidate and names it. */
static bool is_overridden(const struct policy_index *x, const uint64_t *applied,
                          const struct index_candidate *c, size_t bit)
{
    const struct index_rule *r = &x->rules[bit];

    for (size_t i = 0; i < r->overriders_count; i++) {
        uint32_t marker = r->overriders[i];
        bool holds = !x->has_conditions ||
                     (index_bit(c->provider_when, marker) && index_bit(c->model_when, marker));
        if (holds && index_bit(applied, marker)) {
            return true;
        }
    }
    return false;
}

struct policy_violation policy_violation_of_hit(const struct policy_org *o,
                                                const struct content_hit *hit)
{
    static const enum policy_effect effects[] = {
        [CONTENT_INFO] = POLICY_INFO,
        [CONTENT_WARN] = POLICY_WARN,
        [CONTENT_MODIFY] = POLICY_MODIFY,
        [CONTENT_BLOCK] = POLICY_BLOCK,
    };
    ASSERT(hit->rule < o->index.content_count);
    return (struct policy_violation){
        .policy = o->index.rules[hit->rule].policy,
        .rule = o->index.rules[hit->rule].rule,
        .effect = effects[hit->effect],
        .provider = -1,
        .reason = hit->message,
        .message = hit->message,
    };
}
