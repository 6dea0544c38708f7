/* SPDX-License-Identifier: Apache-2.0
 *
 * The set: a tenant's terms folded, sorted and compiled, its regular expressions, and
 * which detectors it wants. Immutable after scan_set_new; libhs memory apart, all lies
 * in its arena. Made off the loop: ten thousand terms take some tenths of a second.
 */
#include "cost.h"
#include "literals.h"
#include <stdlib.h>

#define SET_BYTES_MAX (256U << 20)
#define TERM_FOLDED_MAX 16000U /* what libhs takes */
#define REGEX_TOTAL_BYTES_MAX (64U << 10)
#define STEPS_PER_KB_MAX (256U << 10) /* of all expressions together */

static enum err build(struct scan_set *set, const struct scan_spec *spec, struct issue *issue);
static void enable(struct scan_set *set, const struct scan_types *types);
static enum err add_terms(struct scan_set *set, const struct scan_spec *spec, struct issue *issue);
static bool is_regex(struct str text);
static enum err add_regex(struct scan_set *set, const struct scan_term *t, struct issue *issue);
static enum err compile_regex(struct arena *a, struct str text, struct regex *ret,
                              struct issue *issue);
static enum err fold_words(struct scan_set *set, const struct scan_term *t, struct regex *r);
static enum err add_literal(struct scan_set *set, const struct scan_term *t, struct issue *issue);
static int compare_terms(const void *a, const void *b);
static void find_hold(struct scan_set *set);

enum err scan_set_new(const struct scan_engine *engine, const struct scan_spec *spec,
                      struct scan_set **ret_set, struct issue *issue)
{
    *ret_set = NULL;
    struct scan_set *set = calloc(1, sizeof(*set));
    if (set == NULL) {
        return ERR_MEMORY;
    }
    set->engine = engine;
    arena_init(&set->arena, SET_BYTES_MAX);
    enum err err = build(set, spec, issue);
    if (err != ERR_OK) {
        scan_set_free(set);
        return err;
    }
    *ret_set = set;
    return ERR_OK;
}

void scan_set_free(struct scan_set *set)
{
    if (set != NULL) {
        hs_free_database(set->database);
        arena_fini(&set->arena);
        free(set);
    }
}

static enum err build(struct scan_set *set, const struct scan_spec *spec, struct issue *issue)
{
    enable(set, &spec->types);
    TRY(add_terms(set, spec, issue));
    terms_note_first(set);
    TRY(literals_compile(set, spec->database, issue));
    find_hold(set);
    return ERR_OK;
}

static void enable(struct scan_set *set, const struct scan_types *types)
{
    for (size_t i = 0; i < set->engine->rows_count; i++) {
        if (scan_types_has(types, i)) {
            set->enabled[i / 64] |= UINT64_C(1) << (i % 64);
            set->words = (unsigned)(i / 64) + 1;
        }
    }
    groups_prepare(set);
}

static bool is_regex(struct str text)
{
    bool is_plain = text.len > 2 && text.ptr[0] == '/' && text.ptr[text.len - 1] == '/';
    return is_plain || (text.len > 3 && text.ptr[0] == '/' && str_ends(text, STR("/c")));
}

static enum err add_terms(struct scan_set *set, const struct scan_spec *spec, struct issue *issue)
{
    if (spec->terms_count > SCAN_TERMS_MAX) {
        issue_set(issue, "", "%zu terms; at most %u", spec->terms_count, SCAN_TERMS_MAX);
        return ERR_LIMIT;
    }
    set->terms = ARENA_ARRAY(&set->arena, spec->terms_count, struct term);
    set->regexes = ARENA_ARRAY(
        &set->arena, spec->terms_count < SCAN_REGEXES_MAX ? spec->terms_count : SCAN_REGEXES_MAX,
        struct regex);
    if (set->terms == NULL || set->regexes == NULL) {
        return ERR_MEMORY;
    }
    size_t regex_bytes = 0;
    for (size_t i = 0; i < spec->terms_count; i++) {
        const struct scan_term *t = &spec->terms[i];
        issue->message[0] = '\0';
        enum err err;
        if (is_regex(t->text)) {
            regex_bytes += t->text.len;
            err = regex_bytes > REGEX_TOTAL_BYTES_MAX ? ERR_LIMIT : add_regex(set, t, issue);
        } else {
            err = add_literal(set, t, issue);
        }
        if (err != ERR_OK) {
            if (issue->message[0] == '\0') {
                issue_set(issue, "",
                          "the regular expressions are too many or too long; at most "
                          "%u, together 64 KiB",
                          SCAN_REGEXES_MAX);
            }
            snprintf(issue->pointer, sizeof(issue->pointer), "/%zu", i);
            return err;
        }
    }
    qsort(set->terms, set->terms_count, sizeof(set->terms[0]), compare_terms);
    TRY(regexes_prepare(set));
    return literals_prepare(set);
}

static enum err add_regex(struct scan_set *set, const struct scan_term *t, struct issue *issue)
{
    if (t->text.len > SCAN_REGEX_BYTES_MAX || set->regexes_count == SCAN_REGEXES_MAX) {
        return ERR_LIMIT;
    }
    struct scan_cost cost;
    struct regex *r = &set->regexes[set->regexes_count];
    TRY(compile_regex(&set->arena, t->text, r, issue));
    TRY(regex_cost(r, &cost, issue));
    set->steps_per_kb += cost.steps_per_kb;
    if (set->steps_per_kb > STEPS_PER_KB_MAX) {
        issue_set(issue, "",
                  "the regular expressions together are too costly: with this one about %u steps "
                  "for each byte of text; at most %u",
                  set->steps_per_kb / 1024, STEPS_PER_KB_MAX / 1024);
        return ERR_LIMIT;
    }
    r->id = t->id;
    set->regexes_count++;
    return fold_words(set, t, r);
}

/* "/re/" or "/re/c" */
static enum err compile_regex(struct arena *a, struct str text, struct regex *ret,
                              struct issue *issue)
{
    static const struct pattern_limits limits = {
        .repeat_max = 64, .width_max = SCAN_TERM_BYTES_MAX, .is_linear = true};
    bool minds_case = text.ptr[text.len - 1] == 'c';
    struct str source = str_sub(text, 1, text.len - (minds_case ? 2 : 1));
    TRY(pattern_compile(a, source, !minds_case, &limits, &ret->pattern, issue));
    regex_describe(ret);
    return ERR_OK;
}

enum err scan_term_cost(const struct scan_term *term, struct scan_cost *ret, struct issue *issue)
{
    memset(ret, 0, sizeof(*ret));
    if (!is_regex(term->text)) {
        ret->width_max = term->text.len;
        return ERR_OK;
    }
    if (term->text.len > SCAN_REGEX_BYTES_MAX) {
        issue_set(issue, "", "a regular expression is at most %u bytes long", SCAN_REGEX_BYTES_MAX);
        return ERR_LIMIT;
    }
    struct arena arena;
    struct regex r = {.id = 0};
    arena_init(&arena, SET_BYTES_MAX);
    enum err err = compile_regex(&arena, term->text, &r, issue);
    err = err == ERR_OK ? regex_cost(&r, ret, issue) : err;
    arena_fini(&arena);
    return err;
}

/* Context words are looked for in the view, so they are folded like it. */
static enum err fold_words(struct scan_set *set, const struct scan_term *t, struct regex *r)
{
    struct str *words = ARENA_ARRAY(&set->arena, t->context_count, struct str);
    if (words == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < t->context_count; i++) {
        words[i] = fold_word(&set->arena, t->context[i]);
        if (words[i].ptr == NULL) {
            return ERR_MEMORY;
        }
    }
    r->context = words;
    r->context_count = t->context_count;
    return ERR_OK;
}

static enum err add_literal(struct scan_set *set, const struct scan_term *t, struct issue *issue)
{
    struct str text = str_trim(t->text, " \t\r\n");
    bool is_bad = text.len < 1 || text.len > SCAN_TERM_BYTES_MAX || !str_is_utf8(text);
    struct str folded = is_bad ? STR("") : fold_word(&set->arena, text);
    if (folded.ptr == NULL) {
        return ERR_MEMORY;
    }
    if (folded.len < (t->is_substring ? 2U : 1U) || folded.len > TERM_FOLDED_MAX) {
        issue_set(issue, "",
                  "a term is 1 to %u bytes of UTF-8, and at least 2 when it may stand "
                  "inside a word",
                  SCAN_TERM_BYTES_MAX);
        return ERR_INVALID;
    }
    char *lower = arena_alloc_raw(&set->arena, folded.len);
    if (lower == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < folded.len; i++) {
        char c = folded.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    struct term *to = &set->terms[set->terms_count];
    *to = (struct term){.text = {lower, folded.len},
                        .exact = t->is_case_sensitive ? folded.ptr : NULL,
                        .id = t->id,
                        .is_substring = t->is_substring};
    set->terms_count++;
    set->has_substring = set->has_substring || t->is_substring;
    set->term_bytes_max = to->text.len > set->term_bytes_max ? to->text.len : set->term_bytes_max;
    return ERR_OK;
}

static int compare_terms(const void *a, const void *b)
{
    const struct term *x = a;
    const struct term *y = b;
    int order = str_cmp(x->text, y->text);
    if (order != 0) {
        return order;
    }
    return x->id < y->id ? -1 : x->id > y->id;
}

enum err scan_terms_source(const struct scan_spec *spec, struct buf *ret_source,
                           struct issue *issue)
{
    struct scan_set set = {.terms_count = 0};
    arena_init(&set.arena, SET_BYTES_MAX);
    enum err err = add_terms(&set, spec, issue);
    if (err == ERR_OK) {
        literals_source(&set, ret_source);
        err = ret_source->err;
    }
    arena_fini(&set.arena);
    return err;
}

static void find_hold(struct scan_set *set)
{
    size_t most = set->term_bytes_max + 4;
    for (size_t i = 0; i < set->engine->rows_count; i++) {
        if ((set->enabled[i / 64] >> (i % 64) & 1) != 0) {
            size_t width = set->engine->rows[i].width + 2;
            width += set->engine->detectors[i]->tail != TAIL_NONE ? TAIL_BYTES_MAX : 0;
            most = width > most ? width : most;
        }
    }
    size_t regex = set->regexes_count > 0 ? SCAN_TERM_BYTES_MAX : 0;
    set->hold_bytes_max = (regex > most ? regex : most) + SCAN_TOKEN_BYTES_MAX;
}

size_t scan_set_hold_bytes_max(const struct scan_set *set)
{
    return set->hold_bytes_max;
}

size_t scan_set_bytes(const struct scan_set *set)
{
    size_t database = 0;
    if (set->database != NULL && hs_database_size(set->database, &database) != HS_SUCCESS) {
        database = 0;
    }
    return sizeof(*set) + set->arena.taken_bytes + database;
}
