/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules -> bitmap index, the part that says what a rule forbids: per provider
 * the rules it violates, per model likewise, and where rules have conditions on
 * the other side ("this provider list holds for gpt-4o only") the rows for those.
 *
 * Most models are named by no rule and share one row. Control thread; temporary
 * memory in the builder's scratch.
 */
#include "index_build.h"
#include "rules.h"

/* A set of models, and room for the indexes of one entry. */
struct model_sets {
    size_t words;
    uint64_t *allow, *block, *when;
    unsigned *found;
    size_t models_count;
};
/* Rows of models as differences from the row shared by all. */
struct model_rows {
    uint64_t *shared;
    uint64_t **flips;      /* per model, NULL = none */
    const uint64_t **list; /* the finished rows */
};

static enum err sets_init(struct index_builder *b, struct model_sets *s);
static void set_fill(const struct index_builder *b, const struct model_sets *s,
                     const struct policy_list *list, uint64_t *set);
static bool sets_when(const struct index_builder *b, const struct model_sets *s,
                      const struct index_rule *r);
static bool has_model_condition(const struct index_rule *r);
static bool has_conditions(const struct policy_index *x);
static enum err build_providers(struct index_builder *b);
static enum err build_models(struct index_builder *b, struct model_sets *s);
static enum err build_model_when(struct index_builder *b, struct model_sets *s);
static enum err rows_init(struct index_builder *b, struct model_rows *rows, size_t models);
static enum err flip(struct index_builder *b, struct model_rows *rows, size_t model, uint32_t bit);
static enum err rows_finish(struct index_builder *b, struct model_rows *rows, size_t models);
static enum err note_models(struct index_builder *b, const struct model_rows *rows, size_t models);

enum err index_rows_build(struct index_builder *b)
{
    struct model_sets sets;

    b->x->has_conditions = has_conditions(b->x);
    TRY(build_providers(b));
    TRY(sets_init(b, &sets));
    TRY(build_models(b, &sets));
    if (b->x->has_conditions) {
        TRY(build_model_when(b, &sets));
    }
    return ERR_OK;
}

static enum err sets_init(struct index_builder *b, struct model_sets *s)
{
    s->models_count = route_catalog_models_count(b->in->catalog);
    s->words = s->models_count / 64 + 1;
    s->allow = ARENA_ARRAY(&b->scratch, s->words, uint64_t);
    s->block = ARENA_ARRAY(&b->scratch, s->words, uint64_t);
    s->when = ARENA_ARRAY(&b->scratch, s->words, uint64_t);
    s->found = ARENA_ARRAY(&b->scratch, s->models_count + 1, unsigned);
    return s->allow != NULL && s->block != NULL && s->when != NULL && s->found != NULL
               ? ERR_OK
               : ERR_MEMORY;
}

static void set_fill(const struct index_builder *b, const struct model_sets *s,
                     const struct policy_list *list, uint64_t *set)
{
    memset(set, 0, s->words * sizeof(*set));
    for (size_t i = 0; i < list->count; i++) {
        size_t count =
            route_entry_models(b->in->catalog, list->items[i], s->found, s->models_count + 1);
        for (size_t k = 0; k < count; k++) {
            index_bit_set(set, s->found[k]);
        }
    }
}

/* s->when = models for which policy.match and rule.when hold. False: all. Uses
 * s->block for the second list, so it comes before that is filled. */
static bool sets_when(const struct index_builder *b, const struct model_sets *s,
                      const struct index_rule *r)
{
    const struct policy_list *one = &r->policy->match.models;
    const struct policy_list *two = r->rule != NULL ? &r->rule->when.models : NULL;

    if (!has_model_condition(r)) {
        return false;
    }
    if (one->count == 0) {
        set_fill(b, s, two, s->when);
        return true;
    }
    set_fill(b, s, one, s->when);
    if (two != NULL && two->count > 0) {
        set_fill(b, s, two, s->block);
        for (size_t w = 0; w < s->words; w++) {
            s->when[w] &= s->block[w];
        }
    }
    return true;
}

static bool has_model_condition(const struct index_rule *r)
{
    return r->policy->match.models.count > 0 || (r->rule != NULL && r->rule->when.models.count > 0);
}

/* Are rows needed for conditions on the side a rule is not about? */
static bool has_conditions(const struct policy_index *x)
{
    for (size_t bit = 0; bit < x->words * 64; bit++) {
        const struct index_rule *r = &x->rules[bit];
        if (r->policy == NULL) {
            continue;
        }
        bool has_provider = r->policy->match.providers.count > 0 ||
                            (r->rule != NULL && r->rule->when.providers.count > 0);
        bool is_provider_rule = r->rule != NULL && rule_is_about_providers(r->rule);
        bool is_model_rule = r->rule != NULL && r->rule->type == POLICY_MODEL_LIST;
        if ((has_provider && !is_provider_rule) || (has_model_condition(r) && !is_model_rule)) {
            return true;
        }
    }
    return false;
}

static enum err build_providers(struct index_builder *b)
{
    struct policy_index *x = b->x;
    uint64_t *violated[ROUTE_PROVIDERS_MAX] = {NULL};
    uint64_t *when[ROUTE_PROVIDERS_MAX] = {NULL};
    size_t count = route_catalog_providers_count(b->in->catalog);

    for (size_t p = 0; p < count; p++) {
        violated[p] = index_row_new(b->arena, x->words);
        when[p] = x->has_conditions ? index_row_new(b->arena, x->words) : NULL;
        if (violated[p] == NULL || (x->has_conditions && when[p] == NULL)) {
            return ERR_MEMORY;
        }
        x->provider[p].words = violated[p];
        x->provider_when[p] = when[p];
    }
    for (size_t bit = 0; bit < x->words * 64; bit++) {
        const struct index_rule *r = &x->rules[bit];
        if (r->policy == NULL) {
            continue;
        }
        uint64_t mask = rule_providers_when(b->in->catalog, &r->policy->match,
                                            r->rule != NULL ? &r->rule->when : NULL);
        bool is_about = r->rule != NULL && rule_is_about_providers(r->rule);
        for (unsigned p = 0; p < count; p++) {
            if ((mask >> p & 1) == 0) {
                continue;
            }
            if (when[p] != NULL) {
                index_bit_set(when[p], bit);
            }
            if (is_about && rule_provider_reasons(r->rule, r->allow, r->block, p,
                                                  &b->in->postures[p]) != 0) {
                index_bit_set(violated[p], bit);
            }
        }
    }
    for (size_t p = 0; p < count; p++) {
        x->provider[p].live = index_live_of(violated[p], x->words);
    }
    return ERR_OK;
}

static enum err build_models(struct index_builder *b, struct model_sets *s)
{
    struct model_rows rows;

    TRY(rows_init(b, &rows, s->models_count));
    for (uint32_t bit = 0; bit < b->x->rules_count; bit++) {
        const struct index_rule *r = &b->x->rules[bit];
        if (r->rule->type != POLICY_MODEL_LIST) {
            continue;
        }
        bool has_allow = r->rule->allow.count > 0;
        bool has_when = sets_when(b, s, r);
        bool is_shared = has_allow && !has_when;
        set_fill(b, s, &r->rule->allow, s->allow);
        set_fill(b, s, &r->rule->block, s->block);
        if (is_shared) {
            index_bit_set(rows.shared, bit);
        }
        for (size_t w = 0; w < s->words; w++) {
            uint64_t violated = s->block[w] | (has_allow ? ~s->allow[w] : 0);
            uint64_t named = s->allow[w] | s->block[w];
            if (has_when) {
                violated &= s->when[w];
                named |= s->when[w];
            }
            uint64_t differs = named & (is_shared ? ~violated : violated);
            for (; differs != 0; differs &= differs - 1) {
                TRY(flip(b, &rows, w * 64 + (size_t)__builtin_ctzll(differs), bit));
            }
        }
    }
    TRY(rows_finish(b, &rows, s->models_count));
    return note_models(b, &rows, s->models_count);
}

static enum err build_model_when(struct index_builder *b, struct model_sets *s)
{
    struct model_rows rows;

    TRY(rows_init(b, &rows, s->models_count));
    for (uint32_t bit = 0; bit < b->x->words * 64; bit++) {
        const struct index_rule *r = &b->x->rules[bit];
        if (r->policy == NULL) {
            continue;
        }
        if (!sets_when(b, s, r)) {
            index_bit_set(rows.shared, bit);
            continue;
        }
        for (size_t w = 0; w < s->words; w++) {
            for (uint64_t m = s->when[w]; m != 0; m &= m - 1) {
                TRY(flip(b, &rows, w * 64 + (size_t)__builtin_ctzll(m), bit));
            }
        }
    }
    TRY(rows_finish(b, &rows, s->models_count));
    b->x->model_when = rows.list;
    return ERR_OK;
}

static enum err rows_init(struct index_builder *b, struct model_rows *rows, size_t models)
{
    rows->shared = index_row_new(b->arena, b->x->words);
    rows->flips = ARENA_ARRAY(&b->scratch, models, uint64_t *);
    return rows->shared != NULL && rows->flips != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err flip(struct index_builder *b, struct model_rows *rows, size_t model, uint32_t bit)
{
    if (rows->flips[model] == NULL) {
        rows->flips[model] = index_row_new(b->arena, b->x->words);
        if (rows->flips[model] == NULL) {
            return ERR_MEMORY;
        }
    }
    index_bit_set(rows->flips[model], bit);
    return ERR_OK;
}

static enum err rows_finish(struct index_builder *b, struct model_rows *rows, size_t models)
{
    const uint64_t **list = ARENA_ARRAY(b->arena, models, const uint64_t *);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (size_t m = 0; m < models; m++) {
        list[m] = rows->shared;
        if (rows->flips[m] == NULL) {
            continue;
        }
        for (size_t w = 0; w < b->x->words; w++) {
            rows->flips[m][w] ^= rows->shared[w];
        }
        list[m] = rows->flips[m];
    }
    rows->list = list;
    return ERR_OK;
}

static enum err note_models(struct index_builder *b, const struct model_rows *rows, size_t models)
{
    const struct index_live shared = index_live_of(rows->shared, b->x->words);
    struct index_row *list = ARENA_ARRAY(b->arena, models, struct index_row);

    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (size_t m = 0; m < models; m++) {
        const uint64_t *row = rows->list[m];
        list[m].words = row;
        list[m].live = row == rows->shared ? shared : index_live_of(row, b->x->words);
    }
    b->x->model = list;
    return ERR_OK;
}
