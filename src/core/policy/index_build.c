/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules -> bitmap index, the part that says to whom a rule applies: order of
 * the bits, the dimensions with their postings, and which lower policies replace
 * which rules (S4-31). What a rule forbids is in index_rows.c.
 *
 * Runs once per published change on the control thread; a few milliseconds for
 * 10,000 rules. The result is in the organisation's arena.
 */
#include <stdlib.h>

#include "index_build.h"
#include "rules.h"

#define SCRATCH_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define DENSE_WORDS_MAX 16 /* rows this short beat any list */

static enum err build(struct index_builder *b);
static int compare_policies(const void *a, const void *b);
static int compare_scopes(const void *a, const void *b);
static enum err lay_out(struct index_builder *b);
static enum err add_everything(struct index_builder *b);
static enum err add_rules(struct index_builder *b, const struct policy *p, bool is_content,
                          uint32_t *bit);
static enum err note_everything(struct index_builder *b);
static enum err add_one(struct index_builder *b, uint32_t bit, const struct policy *p,
                        const struct policy_match *when);
static enum err ask_word(struct index_builder *b, enum index_dim d, uint32_t bit, struct str word);
static enum err ask_roles(struct index_builder *b, uint32_t bit, const struct policy *p,
                          const struct policy_list *when);
static enum err ask_lists(struct index_builder *b, enum index_dim d, uint32_t bit,
                          const struct policy_list *one, const struct policy_list *other);
static enum err ask_pairs(struct index_builder *b, enum index_dim d, uint32_t bit,
                          const struct policy_pair *pairs, size_t count);
static bool list_admits(const struct policy_list *list, struct str word);
static enum err finish_dim(struct index_builder *b, enum index_dim d);
static enum err finish_posting(struct index_builder *b, const struct gather *g,
                               const struct gathered *v, struct index_posting *ret);
static enum err link_overrides(struct index_builder *b);
static enum err note_overridable(struct index_builder *b);
static enum err link_policy(struct index_builder *b, const struct map *by_name, uint32_t marker);
static void link_name(struct index_builder *b, const struct map *by_name, struct str name,
                      uint32_t marker, struct gather *found);
static enum err gather_add(struct index_builder *b, struct gather *g, struct str key,
                             uint32_t bit);

enum err index_build(struct arena *a, const struct index_input *in, struct policy_index *ret)
{
    struct index_builder b = {.arena = a, .in = in, .x = ret};
    size_t before = a->used_bytes;

    *ret = (struct policy_index){0};
    arena_init(&b.scratch, SCRATCH_BYTES_MAX);
    enum err err = build(&b);
    arena_fini(&b.scratch);
    ret->bytes = a->used_bytes - before;
    return err;
}

uint64_t *index_row_new(struct arena *a, size_t words)
{
    char *p = arena_alloc(a, words * sizeof(uint64_t) + 64);
    if (p == NULL) {
        return NULL;
    }
    return (uint64_t *)(void *)(p + (64 - (uintptr_t)p % 64) % 64);
}

struct str index_pair_key(const struct policy_pair *pair, char buf[INDEX_PAIR_BYTES_MAX])
{
    size_t len = 2 + pair->name.len + pair->value.len;
    if (pair->name.len > UINT16_MAX || pair->value.len > UINT16_MAX ||
        len > INDEX_PAIR_BYTES_MAX) {
        return STR_NONE;
    }
    /* The length in front keeps ("a", "bc") apart from ("ab", "c"). */
    buf[0] = (char)(pair->name.len >> 8);
    buf[1] = (char)(pair->name.len & 0xff);
    if (pair->name.len > 0) {
        memcpy(buf + 2, pair->name.ptr, pair->name.len);
    }
    if (pair->value.len > 0) {
        memcpy(buf + 2 + pair->name.len, pair->value.ptr, pair->value.len);
    }
    return (struct str){buf, len};
}

/* Adds `bit` to the value `key` of a gather, making the value when it is new. */
static enum err gather_add(struct index_builder *b, struct gather *g, struct str key, uint32_t bit)
{
    bool is_last = g->last != NULL && g->last_key == key.ptr && g->last->key.len == key.len;
    struct gathered *v = is_last ? g->last : map_get(&g->values, key);

    if (v == NULL) {
        v = ARENA_NEW(&b->scratch, struct gathered);
        if (v == NULL) {
            return ERR_MEMORY;
        }
        v->key = key;
        v->next = g->first;
        g->first = v;
        TRY(map_put(&g->values, &b->scratch, key, v));
    }
    g->last = v;
    g->last_key = key.ptr;
    uint32_t *bits =
        arena_grow(&b->scratch, v->bits, &v->capacity, (size_t)v->count + 1, sizeof(*bits));
    if (bits == NULL) {
        return ERR_MEMORY;
    }
    v->bits = bits;
    v->bits[v->count++] = bit;
    return ERR_OK;
}

static enum err build(struct index_builder *b)
{
    if (b->in->policies_count > 0) {
        qsort(b->in->policies, b->in->policies_count, sizeof(*b->in->policies), compare_policies);
    }
    TRY(lay_out(b));
    TRY(add_everything(b));
    TRY(note_everything(b));
    for (unsigned d = 0; d < DIM_COUNT; d++) {
        TRY(finish_dim(b, (enum index_dim)d));
    }
    for (unsigned e = 0; e < LLM_ENDPOINTS_COUNT; e++) {
        b->x->endpoints[e] = map_get(&b->x->dims[DIM_ENDPOINT].values,
                                     str_from(llm_endpoint_name((enum llm_endpoint)e)));
    }
    TRY(link_overrides(b));
    return index_rows_build(b);
}

/* Reporting order: priority (C-21), then org before key, then id. */
static int compare_policies(const void *a, const void *b)
{
    const struct policy *p = a, *q = b;
    if (p->priority != q->priority) {
        return p->priority < q->priority ? -1 : 1;
    }
    if (p->level != q->level) {
        return p->level < q->level ? -1 : 1;
    }
    return str_cmp(p->id, q->id);
}

/* The most particular word first. */
static int compare_scopes(const void *a, const void *b)
{
    const struct policy *p = *(const struct policy *const *)a;
    const struct policy *q = *(const struct policy *const *)b;
    const struct str words[][2] = {
        {p->is_slot_selected ? p->id : STR_NONE, q->is_slot_selected ? q->id : STR_NONE},
        {p->key, q->key},
        {p->user, q->user},
        {p->project, q->project},
        {p->team, q->team},
        {p->environment, q->environment},
        {p->role, q->role},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        int order = str_cmp(words[i][0], words[i][1]);
        if (order != 0) {
            return order;
        }
    }
    return p < q ? -1 : p > q;
}

static enum err lay_out(struct index_builder *b)
{
    struct policy_index *x = b->x;
    size_t markers = 0;

    for (size_t i = 0; i < b->in->policies_count; i++) {
        const struct policy *p = &b->in->policies[i];
        for (size_t r = 0; r < p->rules_count; r++) {
            bool is_content = policy_rule_type_is_content(p->rules[r].type);
            x->rules_count += p->rules[r].is_enabled ? 1 : 0;
            x->content_count += p->rules[r].is_enabled && is_content ? 1 : 0;
        }
        markers += p->overrides.count > 0 ? 1 : 0;
    }
    if (x->rules_count > INDEX_BITS_MAX || markers > INDEX_BITS_MAX) {
        return ERR_LIMIT;
    }
    const size_t lane_bits = (size_t)INDEX_LANES * 64;
    x->rule_words = (x->rules_count + lane_bits - 1) / lane_bits * INDEX_LANES;
    x->words = x->rule_words + (markers + lane_bits - 1) / lane_bits * INDEX_LANES;
    x->has_overrides = markers > 0;
    if (x->words > INDEX_WORDS_MAX) {
        return ERR_LIMIT;
    }
    x->rules = ARENA_ARRAY(b->arena, x->words * 64, struct index_rule);
    b->all = index_row_new(b->arena, x->words);
    if (x->rules == NULL || b->all == NULL) {
        return ERR_MEMORY;
    }
    for (unsigned d = 0; d < DIM_COUNT; d++) {
        TRY(map_init(&b->dims[d].values, &b->scratch, 64));
        b->dims[d].none = index_row_new(&b->scratch, x->words);
        if (b->dims[d].none == NULL) {
            return ERR_MEMORY;
        }
    }
    return ERR_OK;
}

/* Bits are dealt by scope, not in reporting order, so that the rules of one team
 * or user share blocks and the blocks of all others are dead to it. Rules about texts
 * come first, without a gap: so their bits are copied, not counted. */
static enum err add_everything(struct index_builder *b)
{
    uint32_t bit = 0;
    uint32_t marker = (uint32_t)(b->x->rule_words * 64);
    const struct policy **order =
        ARENA_ARRAY(&b->scratch, b->in->policies_count, const struct policy *);

    if (order == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < b->in->policies_count; i++) {
        order[i] = &b->in->policies[i];
    }
    if (b->in->policies_count > 0) {
        qsort(order, b->in->policies_count, sizeof(*order), compare_scopes);
    }
    for (size_t i = 0; i < b->in->policies_count; i++) {
        TRY(add_rules(b, order[i], true, &bit));
    }
    for (size_t i = 0; i < b->in->policies_count; i++) {
        TRY(add_rules(b, order[i], false, &bit));
        if (order[i]->overrides.count > 0) {
            b->x->rules[marker].policy = order[i];
            TRY(add_one(b, marker++, order[i], NULL));
        }
    }
    return ERR_OK;
}

static enum err add_rules(struct index_builder *b, const struct policy *p, bool is_content,
                          uint32_t *bit)
{
    for (size_t r = 0; r < p->rules_count; r++) {
        const struct policy_rule *rule = &p->rules[r];
        if (!rule->is_enabled || policy_rule_type_is_content(rule->type) != is_content) {
            continue;
        }
        struct index_rule *x = &b->x->rules[*bit];
        *x = (struct index_rule){.policy = p, .rule = rule};
        if (rule->type == POLICY_PROVIDER_LIST) {
            x->allow = rule_provider_mask(b->in->catalog, &rule->allow);
            x->block = rule_provider_mask(b->in->catalog, &rule->block);
        }
        TRY(add_one(b, (*bit)++, p, &rule->when));
    }
    return ERR_OK;
}

static enum err note_everything(struct index_builder *b)
{
    struct index_base *all = &b->x->everything;
    size_t blocks = b->x->words / INDEX_LANES;
    const uint64_t **list = ARENA_ARRAY(b->arena, blocks, const uint64_t *);

    if (list == NULL) {
        return ERR_MEMORY;
    }
    all->live = index_live_of(b->all, b->x->words);
    all->blocks = list;
    for (size_t i = 0; i < blocks; i++) {
        if (index_live_has(&all->live, i)) {
            *list++ = b->all + i * INDEX_LANES;
        }
    }
    for (unsigned d = 0; d < DIM_COUNT; d++) {
        all->open |= b->dims[d].is_used ? 1U << d : 0;
    }
    return ERR_OK;
}

/* Everything that policy scope, policy match and rule condition ask of a
 * request; conditions on providers and models are rows of their own. */
static enum err add_one(struct index_builder *b, uint32_t bit, const struct policy *p,
                        const struct policy_match *when)
{
    static const struct policy_match nothing;
    const struct policy_match *m = &p->match;
    const struct policy_match *w = when != NULL ? when : &nothing;

    index_bit_set(b->all, bit);
    TRY(ask_word(b, DIM_TEAM, bit, p->team));
    TRY(ask_word(b, DIM_ENVIRONMENT, bit, p->environment));
    TRY(ask_word(b, DIM_PROJECT, bit, p->project));
    TRY(ask_word(b, DIM_USER, bit, p->user));
    TRY(ask_word(b, DIM_KEY, bit, p->key));
    TRY(ask_roles(b, bit, p, &w->roles));
    TRY(ask_lists(b, DIM_ENDPOINT, bit, &m->endpoints, &w->endpoints));
    TRY(ask_word(b, DIM_SELECTION, bit, p->is_slot_selected ? p->id : STR_NONE));
    TRY(ask_pairs(b, DIM_TAG_POLICY, bit, m->tags, m->tags_count));
    TRY(ask_pairs(b, DIM_TAG_RULE, bit, w->tags, w->tags_count));
    TRY(ask_pairs(b, DIM_META_POLICY, bit, m->metadata, m->metadata_count));
    return ask_pairs(b, DIM_META_RULE, bit, w->metadata, w->metadata_count);
}

static enum err ask_word(struct index_builder *b, enum index_dim d, uint32_t bit, struct str word)
{
    if (word.len == 0) {
        index_bit_set(b->dims[d].none, bit);
        return ERR_OK;
    }
    b->dims[d].is_used = true;
    return gather_add(b, &b->dims[d], word, bit);
}

/* scope.role, match.roles and when.roles must all admit the one role. */
static enum err ask_roles(struct index_builder *b, uint32_t bit, const struct policy *p,
                          const struct policy_list *when)
{
    if (p->role.len == 0) {
        return ask_lists(b, DIM_ROLE, bit, &p->match.roles, when);
    }
    b->dims[DIM_ROLE].is_used = true;
    if (!list_admits(&p->match.roles, p->role) || !list_admits(when, p->role)) {
        return ERR_OK; /* asks for two roles at once: applies to nobody */
    }
    return gather_add(b, &b->dims[DIM_ROLE], p->role, bit);
}

static enum err ask_lists(struct index_builder *b, enum index_dim d, uint32_t bit,
                          const struct policy_list *one, const struct policy_list *other)
{
    if (one->count == 0 && other->count == 0) {
        index_bit_set(b->dims[d].none, bit);
        return ERR_OK;
    }
    const struct policy_list *list = one->count > 0 ? one : other;
    b->dims[d].is_used = true;
    for (size_t i = 0; i < list->count; i++) {
        if (list_admits(one, list->items[i]) && list_admits(other, list->items[i])) {
            TRY(gather_add(b, &b->dims[d], list->items[i], bit));
        }
    }
    return ERR_OK;
}

static enum err ask_pairs(struct index_builder *b, enum index_dim d, uint32_t bit,
                          const struct policy_pair *pairs, size_t count)
{
    char buf[INDEX_PAIR_BYTES_MAX];

    if (count == 0) {
        index_bit_set(b->dims[d].none, bit);
        return ERR_OK;
    }
    b->dims[d].is_used = true;
    for (size_t i = 0; i < count; i++) {
        struct str key = index_pair_key(&pairs[i], buf);
        if (key.ptr == NULL) {
            continue; /* refused by policy_org_check before */
        }
        const struct gathered *known = map_get(&b->dims[d].values, key);
        struct str kept = known != NULL ? known->key : arena_str(&b->scratch, key);
        if (kept.ptr == NULL) {
            return ERR_MEMORY;
        }
        TRY(gather_add(b, &b->dims[d], kept, bit));
    }
    return ERR_OK;
}

static bool list_admits(const struct policy_list *list, struct str word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(list->items[i], word)) {
            return true;
        }
    }
    return list->count == 0;
}

static enum err finish_dim(struct index_builder *b, enum index_dim d)
{
    struct gather *g = &b->dims[d];
    struct index_dim_rows *rows = &b->x->dims[d];
    size_t values = 0;

    for (const struct gathered *v = g->first; v != NULL; v = v->next) {
        values++;
    }
    TRY(map_init(&rows->values, b->arena, values));
    if (!g->is_used) {
        return ERR_OK;
    }
    uint64_t *none = index_row_new(b->arena, b->x->words);
    if (none == NULL) {
        return ERR_MEMORY;
    }
    memcpy(none, g->none, b->x->words * sizeof(*none));
    rows->none = none;
    rows->live = index_live_of(none, b->x->words);
    for (const struct gathered *v = g->first; v != NULL; v = v->next) {
        struct index_posting *p = ARENA_NEW(b->arena, struct index_posting);
        struct str key = arena_str(b->arena, v->key);
        if (p == NULL || key.ptr == NULL) {
            return ERR_MEMORY;
        }
        TRY(finish_posting(b, g, v, p));
        TRY(map_put(&rows->values, b->arena, key, p));
    }
    return ERR_OK;
}

static enum err finish_posting(struct index_builder *b, const struct gather *g,
                               const struct gathered *v, struct index_posting *ret)
{
    ret->count = v->count;
    if (v->count <= INDEX_SPARSE_MAX && b->x->words > DENSE_WORDS_MAX) {
        uint32_t *bits = ARENA_ARRAY(b->arena, v->count, uint32_t);
        if (bits == NULL) {
            return ERR_MEMORY;
        }
        for (uint32_t i = 0; i < v->count; i++) {
            size_t block = v->bits[i] / 64 / INDEX_LANES;
            bits[i] = v->bits[i];
            ret->live.blocks[block / 64] |= UINT64_C(1) << (block % 64);
        }
        ret->bits = bits;
        return ERR_OK;
    }
    uint64_t *row = index_row_new(b->arena, b->x->words);
    if (row == NULL) {
        return ERR_MEMORY;
    }
    memcpy(row, g->none, b->x->words * sizeof(*row));
    for (uint32_t i = 0; i < v->count; i++) {
        index_bit_set(row, v->bits[i]);
    }
    ret->row = row;
    ret->live = index_live_of(row, b->x->words);
    return ERR_OK;
}

/* Names an override may use: a policy id (all its rules), a rule key, or both
 * joined by ':'. */
static enum err link_overrides(struct index_builder *b)
{
    struct gather names = {0};

    if (!b->x->has_overrides) {
        return ERR_OK;
    }
    TRY(map_init(&names.values, &b->scratch, b->x->rules_count * 3));
    for (uint32_t bit = 0; bit < b->x->rules_count; bit++) {
        const struct policy *p = b->x->rules[bit].policy;
        struct str key = b->x->rules[bit].rule->key;
        struct str both =
            arena_printf(&b->scratch, "%.*s:%.*s", STR_ARG(p->id), STR_ARG(key));
        if (both.ptr == NULL) {
            return ERR_MEMORY;
        }
        TRY(gather_add(b, &names, p->id, bit));
        TRY(gather_add(b, &names, key, bit));
        TRY(gather_add(b, &names, both, bit));
    }
    for (uint32_t m = (uint32_t)(b->x->rule_words * 64);
         m < b->x->words * 64 && b->x->rules[m].policy != NULL; m++) {
        TRY(link_policy(b, &names.values, m));
    }
    return note_overridable(b);
}

static enum err note_overridable(struct index_builder *b)
{
    uint64_t *row = index_row_new(b->arena, b->x->rule_words);
    if (row == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t bit = 0; bit < b->x->rules_count; bit++) {
        if (b->x->rules[bit].overriders_count > 0) {
            index_bit_set(row, bit);
        }
    }
    b->x->overridable = row;
    return ERR_OK;
}

static enum err link_policy(struct index_builder *b, const struct map *by_name, uint32_t marker)
{
    const struct policy *q = b->x->rules[marker].policy;
    struct gather found = {0};

    found.none = index_row_new(&b->scratch, b->x->words);
    if (found.none == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < q->overrides.count; i++) {
        struct str name = q->overrides.items[i];
        link_name(b, by_name, name, marker, &found);
        if (str_starts(name, STR("gpol_"))) {
            link_name(b, by_name, str_sub(name, 5, name.len), marker, &found);
        } else if (str_starts(name, STR("policy_"))) {
            link_name(b, by_name, str_sub(name, 7, name.len), marker, &found);
        } else if (str_starts(name, STR("pol_"))) {
            link_name(b, by_name, str_sub(name, 4, name.len), marker, &found);
        }
    }
    for (uint32_t bit = 0; bit < b->x->rules_count; bit++) {
        if (!index_bit(found.none, bit)) {
            continue;
        }
        struct index_rule *r = &b->x->rules[bit];
        uint32_t *list = ARENA_ARRAY(b->arena, r->overriders_count + 1, uint32_t);
        if (list == NULL) {
            return ERR_MEMORY;
        }
        for (size_t i = 0; i < r->overriders_count; i++) {
            list[i] = r->overriders[i];
        }
        list[r->overriders_count++] = marker;
        r->overriders = list;
    }
    return ERR_OK;
}

/* Only a strictly lower policy may replace, and never a locked rule. */
static void link_name(struct index_builder *b, const struct map *by_name, struct str name,
                      uint32_t marker, struct gather *found)
{
    const struct gathered *v = map_get(by_name, name);
    const struct policy *q = b->x->rules[marker].policy;

    for (uint32_t i = 0; v != NULL && i < v->count; i++) {
        const struct policy *p = b->x->rules[v->bits[i]].policy;
        if (!p->is_locked && q->level > p->level) {
            index_bit_set(found->none, v->bits[i]);
        }
    }
}
