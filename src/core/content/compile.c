/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules -> content: checked again (the codec is not the only caller), the words copied,
 * types and terms united into one set that is scanned once for all rules. A content that
 * looks for the same as the previous one shares its set, and one whose rules are all the
 * same is the previous one. Control thread; immutable afterwards.
 */
#include <stdio.h>
#include <stdlib.h>

#include "compile.h"

#define CONTENT_BYTES_MAX ((size_t)256 << 20)

static enum err build(struct content *c, const struct content_rule *const *rules,
                      const struct content_build *build, struct issue *issue);
static enum err add_rows(struct content *c, const struct content_rule *const *rules);
static int compare_actions(const void *a, const void *b);
static enum err add_actions(struct content *c, const struct content_rule *const *rules,
                            struct issue *issue);
static struct scan_action action_of(const struct content_rule *r);
static bool is_same_action(const struct scan_action *a, const struct scan_action *b);
static void set_rule(struct content *c, size_t n, const struct content_rule *from);
static struct content *content_ref(struct content *c);

enum err content_new(const struct content_rule *const *rules, size_t count,
                     const struct content_build *with, struct content **ret,
                     struct issue *ret_issue)
{
    struct sha256 source;

    *ret = NULL;
    if (count == 0) {
        return ERR_OK;
    }
    if (count > CONTENT_RULES_MAX) {
        issue_set(ret_issue, "", "more than %u content rules", CONTENT_RULES_MAX);
        return ERR_LIMIT;
    }
    TRY(compile_check(&(struct compile_rules){rules, count, with->services}, ret_issue));
    TRY(compile_source(rules, count, &source));
    if (with->previous != NULL && memcmp(&with->previous->source, &source, sizeof(source)) == 0) {
        *ret = content_ref(with->previous);
        return ERR_OK;
    }
    struct content *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return ERR_MEMORY;
    }
    arena_init(&c->arena, CONTENT_BYTES_MAX);
    c->refs_count = 1;
    c->source = source;
    c->engine = with->engine;
    c->services = with->services;
    c->rules_count = count;
    c->words = (count + 63) / 64;
    enum err err = build(c, rules, with, ret_issue);
    if (err != ERR_OK) {
        content_unref(c);
        return err;
    }
    *ret = c;
    return ERR_OK;
}

static enum err build(struct content *c, const struct content_rule *const *rules,
                      const struct content_build *with, struct issue *issue)
{
    c->rules = ARENA_ARRAY(&c->arena, c->rules_count, struct rule);
    if (c->rules == NULL) {
        return ERR_MEMORY;
    }
    TRY(add_actions(c, rules, issue));
    for (size_t n = 0; n < c->rules_count; n++) {
        set_rule(c, n, rules[n]);
    }
    TRY(add_rows(c, rules));
    return compile_set(c, rules, with, issue);
}

static void set_rule(struct content *c, size_t n, const struct content_rule *from)
{
    struct rule *to = &c->rules[n];
    struct issue none;
    bool is_strict = from->effect == CONTENT_BLOCK || from->effect == CONTENT_MODIFY;
    static const enum content_effect unscannable[] = {
        [CONTENT_UNSCANNABLE_ALLOW] = CONTENT_INFO,
        [CONTENT_UNSCANNABLE_WARN] = CONTENT_WARN,
        [CONTENT_UNSCANNABLE_BLOCK] = CONTENT_BLOCK,
    };
    const struct scan_action action = action_of(from);

    to->kind = from->kind;
    to->effect = from->effect;
    to->has_except = from->except.count > 0;
    to->threshold = from->threshold;
    if (to->threshold == 0) {
        to->threshold = from->kind == CONTENT_PII ? THRESHOLD_PII : THRESHOLD_OTHER;
    }
    to->failure = CONTENT_BLOCK;
    if (from->on_recogniser_failure != CONTENT_UNSCANNABLE_DEFAULT) {
        to->failure = unscannable[from->on_recogniser_failure];
    }
    to->unscannable = is_strict ? CONTENT_BLOCK : CONTENT_WARN;
    if (from->on_unscannable != CONTENT_UNSCANNABLE_DEFAULT) {
        to->unscannable = unscannable[from->on_unscannable];
    }
    while (!is_same_action(&c->actions[to->action], &action)) {
        to->action++;
    }
    for (size_t i = 0; i < from->types.count; i++) {
        if (!compile_is_entity(from, from->types.items[i])) {
            /* Known: compile_check has looked. */
            (void)(scan_types_add(&to->types, from->types.items[i], &none) == ERR_OK);
        }
    }
    for (size_t i = 0; i < from->topics.count; i++) {
        to->topics |= UINT32_C(1) << compile_topic(from->topics.items[i]);
    }
}

static struct scan_action action_of(const struct content_rule *r)
{
    switch (r->effect) {
    case CONTENT_BLOCK:
        return (struct scan_action){.kind = SCAN_BLOCK};
    case CONTENT_MODIFY:
        return (struct scan_action){
            .kind = r->method, .format = r->method == SCAN_REDACT ? r->format : STR_NONE};
    case CONTENT_INFO:
    case CONTENT_WARN:
        break;
    }
    return (struct scan_action){.kind = SCAN_KEEP};
}

static bool is_same_action(const struct scan_action *a, const struct scan_action *b)
{
    return a->kind == b->kind && str_eq(a->format, b->format);
}

/* Strictest first, so that of two the lower index wins; then by format, for the order must
 * not depend on the order of rules. */
static int compare_actions(const void *a, const void *b)
{
    static const int ranks[] = {
        [SCAN_BLOCK] = 0,     [SCAN_REDACT] = 1, [SCAN_HASH] = 2,
        [SCAN_PSEUDONYM] = 3, [SCAN_MASK] = 4,   [SCAN_KEEP] = 5,
    };
    const struct scan_action *x = a, *y = b;
    return x->kind != y->kind ? ranks[x->kind] - ranks[y->kind] : str_cmp(x->format, y->format);
}

static enum err add_actions(struct content *c, const struct content_rule *const *rules,
                            struct issue *issue)
{
    c->actions = ARENA_ARRAY(&c->arena, ACTIONS_MAX, struct scan_action);
    if (c->actions == NULL) {
        return ERR_MEMORY;
    }
    for (size_t n = 0; n < c->rules_count; n++) {
        struct scan_action action = action_of(rules[n]);
        size_t i = 0;
        while (i < c->actions_count && !is_same_action(&c->actions[i], &action)) {
            i++;
        }
        if (i < c->actions_count) {
            continue;
        }
        if (i == ACTIONS_MAX) {
            char pointer[32];
            (void)snprintf(pointer, sizeof(pointer), "/%zu/format", n);
            issue_set(issue, pointer, "more than %u different formats in one organisation",
                      ACTIONS_MAX);
            return ERR_LIMIT;
        }
        if (action.format.len > 0) {
            action.format = arena_str(&c->arena, action.format);
            if (action.format.ptr == NULL) {
                return ERR_MEMORY;
            }
        }
        c->actions[c->actions_count++] = action;
    }
    qsort(c->actions, c->actions_count, sizeof(c->actions[0]), compare_actions);
    return ERR_OK;
}

static enum err add_rows(struct content *c, const struct content_rule *const *rules)
{
    uint64_t *rows[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        rows[i] = ARENA_ARRAY(&c->arena, c->words, uint64_t);
        c->rows[i] = rows[i];
        if (rows[i] == NULL) {
            return ERR_MEMORY;
        }
    }
    for (size_t n = 0; n < c->rules_count; n++) {
        const struct content_rule *r = rules[n];
        bit_set(rows[ROW_KINDS + r->kind], n);
        c->has_kind[r->kind] = true;
        if ((r->stages & CONTENT_REQUEST) != 0) {
            bit_set(rows[ROW_REQUEST], n);
        }
        if ((r->stages & CONTENT_RESPONSE) != 0) {
            bit_set(rows[ROW_RESPONSE], n);
        }
        bool is_recognised = false;
        for (size_t i = 0; i < r->types.count; i++) {
            struct term t;
            is_recognised = is_recognised || compile_is_recognised(r, i, c->services, &t);
        }
        if (is_recognised) {
            bit_set(rows[ROW_RECOGNISED], n);
        }
        if (r->is_buffered || content_kind_is_buffered(r->kind) || is_recognised) {
            bit_set(rows[ROW_BUFFERED], n);
        }
        if (r->effect >= CONTENT_MODIFY) {
            bit_set(rows[ROW_ALTERING], n);
        }
    }
    return ERR_OK;
}

static struct content *content_ref(struct content *c)
{
    if (c != NULL) {
        c->refs_count++;
    }
    return c;
}

void content_unref(struct content *c)
{
    if (c == NULL || --c->refs_count > 0) {
        return;
    }
    if (c->found != NULL && --c->found->refs_count == 0) {
        scan_set_free(c->found->set);
        free(c->found);
    }
    arena_fini(&c->arena);
    free(c);
}

const struct scan_set *content_set(const struct content *c)
{
    return c != NULL && c->found != NULL ? c->found->set : NULL;
}

size_t content_rules_count(const struct content *c)
{
    return c != NULL ? c->rules_count : 0;
}

size_t content_bytes(const struct content *c)
{
    if (c == NULL) {
        return 0;
    }
    return sizeof(*c) + c->arena.taken_bytes + (c->found != NULL ? c->found->bytes : 0);
}

size_t content_hold_bytes_max(const struct content *c)
{
    const struct scan_set *set = content_set(c);
    return set != NULL ? scan_set_hold_bytes_max(set) : 0;
}

size_t content_held_bytes_max(const struct content *c)
{
    return content_hold_bytes_max(c) + HIDDEN_BYTES_MAX;
}
