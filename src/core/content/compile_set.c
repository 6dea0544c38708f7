/* SPDX-License-Identifier: Apache-2.0
 *
 * The terms of all rules, numbered, and the one set that finds them and the types. A
 * term's id says which rule it belongs to and what for; equal words of two rules are two
 * terms. The set is shared with the previous content when it looks for the same things,
 * so that a change of effects or formats compiles nothing. Control thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "compile.h"

#define SOURCE_BYTES_MAX ((size_t)256 << 20)
#define DATABASE_BYTES_MAX ((size_t)256 << 20)

struct terms_builder {
    struct content *content;
    struct scan_term *list; /* by id */
    size_t count;
    struct scan_types types;
};

static size_t count_terms(const struct content_rule *r);
static enum err add_rule(struct terms_builder *b, uint32_t n, const struct content_rule *r);
static enum err add_list(struct terms_builder *b, uint32_t n, const struct content_rule *r,
                         enum term_use use);
static enum err add_entity(struct terms_builder *b, uint32_t n, const struct content_entity *e);
static enum err add_recognised(struct content *c, const struct content_rule *const *rules);
static bool is_listed(const struct term *list, size_t count, size_t rule,
                      const struct term *t);
static enum err source_of(const struct terms_builder *b, struct sha256 *ret);
static enum err make_set(struct content *c, const struct terms_builder *b,
                         const struct content_build *with, struct issue *issue);
static enum err precompile(const struct scan_spec *spec, const struct content_compiler *compiler,
                           struct buf *ret_database, struct issue *issue);
static void point_at_rule(const struct content *c, struct issue *issue);
static void point_at_longest(const struct content *c, struct issue *issue);

enum err compile_set(struct content *c, const struct content_rule *const *rules,
                     const struct content_build *with, struct issue *issue)
{
    struct terms_builder b = {.content = c};
    size_t count = 0;

    for (size_t n = 0; n < c->rules_count; n++) {
        count += count_terms(rules[n]);
        scan_types_union(&b.types, &c->rules[n].types);
    }
    if (count > SCAN_TERMS_MAX) {
        issue_set(issue, "", "more than %u terms in one organisation", SCAN_TERMS_MAX);
        return ERR_LIMIT;
    }
    c->terms = ARENA_ARRAY(&c->arena, count, struct term);
    c->recognised_from = count;
    b.list = calloc(count + 1, sizeof(*b.list));
    enum err err = c->terms != NULL && b.list != NULL ? ERR_OK : ERR_MEMORY;
    for (size_t n = 0; err == ERR_OK && n < c->rules_count; n++) {
        c->rules[n].terms_from = (uint32_t)b.count;
        err = add_rule(&b, (uint32_t)n, rules[n]);
        c->rules[n].terms_to = (uint32_t)b.count;
    }
    static const struct scan_types none;
    bool is_empty = b.count == 0 && memcmp(&b.types, &none, sizeof(none)) == 0;
    if (err == ERR_OK && !is_empty) {
        err = make_set(c, &b, with, issue);
    }
    free(b.list);
    return err == ERR_OK ? add_recognised(c, rules) : err;
}

/* One for each rule and type: behind the others, for nothing scans for them. */
static enum err add_recognised(struct content *c, const struct content_rule *const *rules)
{
    size_t count = 0;
    struct term t;
    for (size_t n = 0; c->services != NULL && n < c->rules_count; n++) {
        for (size_t i = 0; i < rules[n]->types.count; i++) {
            count += compile_is_recognised(rules[n], i, c->services, &t) ? 1 : 0;
        }
    }
    if (count == 0) {
        return ERR_OK;
    }
    size_t at = c->recognised_from;
    struct term *all = ARENA_ARRAY(&c->arena, at + count, struct term);
    if (all == NULL) {
        return ERR_MEMORY;
    }
    if (at > 0) {
        memcpy(all, c->terms, at * sizeof(*all));
    }
    for (size_t n = 0; n < c->rules_count; n++) {
        for (size_t i = 0; i < rules[n]->types.count; i++) {
            bool is_one = compile_is_recognised(rules[n], i, c->services, &t);
            if (is_one && !is_listed(all + c->recognised_from, at - c->recognised_from, n, &t)) {
                all[at] = t;
                all[at].rule = (uint32_t)n;
                all[at].what = arena_str(&c->arena, t.what);
                if (all[at++].what.ptr == NULL) {
                    return ERR_MEMORY;
                }
            }
        }
    }
    c->terms = all;
    c->terms_count = at;
    return ERR_OK;
}

static size_t count_terms(const struct content_rule *r)
{
    bool has_patterns = r->kind == CONTENT_TERMS || r->kind == CONTENT_REQUIRED_TERMS;
    return (has_patterns ? r->patterns.count : 0) +
           (r->kind == CONTENT_PII ? r->entities_count : 0) + r->except.count;
}

static enum err add_rule(struct terms_builder *b, uint32_t n, const struct content_rule *r)
{
    if (r->kind == CONTENT_TERMS || r->kind == CONTENT_REQUIRED_TERMS) {
        TRY(add_list(b, n, r, r->kind == CONTENT_TERMS ? TERM_PATTERN : TERM_REQUIRED));
    }
    for (size_t i = 0; r->kind == CONTENT_PII && i < r->entities_count; i++) {
        TRY(add_entity(b, n, &r->entities[i]));
    }
    return add_list(b, n, r, TERM_EXCEPT);
}

static enum err add_list(struct terms_builder *b, uint32_t n, const struct content_rule *r,
                         enum term_use use)
{
    const struct content_list *list = use == TERM_EXCEPT ? &r->except : &r->patterns;
    struct arena *a = &b->content->arena;

    for (size_t i = 0; i < list->count; i++) {
        struct str what = arena_str(a, list->items[i]);
        struct str text = what;
        if (what.ptr == NULL) {
            return ERR_MEMORY;
        }
        bool is_regex = what.len > 2 && what.ptr[0] == '/' && what.ptr[what.len - 1] == '/';
        if (is_regex && r->is_case_sensitive) {
            text = arena_printf(a, "%.*sc", STR_ARG(what));
            if (text.ptr == NULL) {
                return ERR_MEMORY;
            }
        }
        b->content->terms[b->count] = (struct term){.rule = n, .use = (uint8_t)use, .what = what};
        b->list[b->count] = (struct scan_term){
            .text = text,
            .id = (uint32_t)b->count,
            .is_substring = r->is_substring && use != TERM_EXCEPT,
            .is_case_sensitive = r->is_case_sensitive,
        };
        b->count++;
    }
    b->content->terms_count = b->count;
    return ERR_OK;
}

static enum err add_entity(struct terms_builder *b, uint32_t n, const struct content_entity *e)
{
    struct arena *a = &b->content->arena;
    struct str name = arena_str(a, e->name);
    bool is_marked = e->pattern.len > 2 && e->pattern.ptr[0] == '/' &&
                     (str_ends(e->pattern, STR("/")) || str_ends(e->pattern, STR("/c")));
    struct str text = is_marked ? arena_str(a, e->pattern)
                                : arena_printf(a, "/%.*s/", STR_ARG(e->pattern));

    if (name.ptr == NULL || text.ptr == NULL) {
        return ERR_MEMORY;
    }
    b->content->terms[b->count] = (struct term){.rule = n, .use = TERM_ENTITY, .what = name};
    b->list[b->count] = (struct scan_term){
        .text = text,
        .id = (uint32_t)b->count,
        .context = e->context.items,
        .context_count = e->context.count,
    };
    b->content->terms_count = ++b->count;
    return ERR_OK;
}

/* "person" and "PERSON" in one rule are one. */
static bool is_listed(const struct term *list, size_t count, size_t rule, const struct term *t)
{
    for (size_t i = count; i-- > 0 && list[i].rule == rule;) {
        if (list[i].service == t->service && list[i].type == t->type) {
            return true;
        }
    }
    return false;
}

static enum err make_set(struct content *c, const struct terms_builder *b,
                         const struct content_build *with, struct issue *issue)
{
    struct sha256 source;
    TRY(source_of(b, &source));
    struct found_set *known = with->previous != NULL ? with->previous->found : NULL;
    if (known != NULL && with->previous->engine == with->engine &&
        memcmp(&known->source, &source, sizeof(source)) == 0) {
        known->refs_count++;
        c->found = known;
        return ERR_OK;
    }
    struct found_set *fresh = calloc(1, sizeof(*fresh));
    if (fresh == NULL) {
        return ERR_MEMORY;
    }
    struct buf database;
    struct scan_spec spec = {.types = b->types, .terms = b->list, .terms_count = b->count};
    buf_init(&database, DATABASE_BYTES_MAX);
    enum err err = ERR_OK;
    if (with->compiler != NULL) {
        err = precompile(&spec, with->compiler, &database, issue);
        spec.database = buf_str(&database);
    }
    if (err == ERR_OK) {
        err = scan_set_new(with->engine, &spec, &fresh->set, issue);
    }
    buf_fini(&database);
    if (err != ERR_OK) {
        point_at_rule(c, issue);
        free(fresh);
        return err;
    }
    fresh->source = source;
    fresh->bytes = sizeof(*fresh) + scan_set_bytes(fresh->set);
    fresh->refs_count = 1;
    c->found = fresh;
    return ERR_OK;
}

/* Everything the set depends on. */
static enum err source_of(const struct terms_builder *b, struct sha256 *ret)
{
    struct buf out;
    buf_init(&out, SOURCE_BYTES_MAX);
    buf_add(&out, (struct str){(const char *)&b->types, sizeof(b->types)});
    for (size_t i = 0; i < b->count; i++) {
        const struct scan_term *t = &b->list[i];
        buf_printf(&out, "%d%d %zu %zu:", t->is_substring, t->is_case_sensitive, t->context_count,
                   t->text.len);
        buf_add(&out, t->text);
        for (size_t k = 0; k < t->context_count; k++) {
            buf_printf(&out, "%zu:", t->context[k].len);
            buf_add(&out, t->context[k]);
        }
    }
    enum err err = out.err;
    if (err == ERR_OK) {
        *ret = sha256_of(buf_str(&out));
    }
    buf_fini(&out);
    return err;
}

static enum err precompile(const struct scan_spec *spec, const struct content_compiler *compiler,
                           struct buf *ret_database, struct issue *issue)
{
    struct buf source;
    buf_init(&source, SOURCE_BYTES_MAX);
    enum err err = scan_terms_source(spec, &source, issue);
    if (err == ERR_OK && source.len > 0) {
        err = compiler->compile(compiler->context, buf_str(&source), ret_database, issue);
    }
    buf_fini(&source);
    return err;
}

/* A term is named by its place in the list of all: says which rule that is. */
static void point_at_rule(const struct content *c, struct issue *issue)
{
    uint64_t id;
    static const char *const members[] = {
        [TERM_PATTERN] = "patterns",
        [TERM_ENTITY] = "entities",
        [TERM_EXCEPT] = "except",
        [TERM_REQUIRED] = "patterns",
    };
    struct str digits = str_sub(str_from(issue->pointer), 1, sizeof(issue->pointer));
    if (issue->pointer[0] == '\0') {
        point_at_longest(c, issue);
        return;
    }

    if (str_to_u64(digits, &id) != ERR_OK || id >= c->terms_count) {
        return;
    }
    const struct term *t = &c->terms[id];
    size_t index = 0;
    for (size_t i = id; i-- > 0 && c->terms[i].rule == t->rule && c->terms[i].use == t->use;) {
        index++;
    }
    (void)snprintf(issue->pointer, sizeof(issue->pointer), "/%u/%s/%zu%s", (unsigned)t->rule,
                   members[t->use], index, t->use == TERM_ENTITY ? "/pattern" : "");
}

/* The list as a whole is at fault: the rule with the most terms is named for it. */
static void point_at_longest(const struct content *c, struct issue *issue)
{
    size_t longest = 0, count = 0;
    for (size_t from = 0, to = 0; from < c->terms_count; from = to) {
        while (to < c->terms_count && c->terms[to].rule == c->terms[from].rule) {
            to++;
        }
        if (to - from > count) {
            count = to - from;
            longest = c->terms[from].rule;
        }
    }
    if (count > 0) {
        (void)snprintf(issue->pointer, sizeof(issue->pointer), "/%zu/patterns", longest);
    }
}
