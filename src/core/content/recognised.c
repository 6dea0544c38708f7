/* SPDX-License-Identifier: Apache-2.0
 *
 * What external recognisers find, among what was found here: when the queue has been read,
 * each service that a rule needs is asked once about all its texts; then the findings of
 * both become edits together, so that what overlaps is one place. Nobody to ask, no answer,
 * an answer that is not to be believed: what the rule says of that happens, and a check
 * that did not run is never one that passed. Names of members and numbers are not sent.
 */
#include <stdlib.h>

#include "run.h"

static enum err begin(struct content_check *k, struct recognition **ret);
static void list_wanted(struct recognition *r, const struct content *c);
static enum err list_texts(struct content_check *k, struct recognition *r);
static bool is_asked_about(const struct llm_text *text);
static void next_service(struct recognition *r, const struct content *c);
static bool has_question(const struct recognition *r, const struct content *c);
static enum err add_findings(struct content_check *k, const struct recognise_finding *list,
                             size_t count);
static enum err add_finding(struct content_check *k, const struct recognise_finding *f);
static int compare(const void *a, const void *b);
static enum err take_unit(struct content_check *k, size_t *left);
static enum err merge(struct content_check *k, const struct unit *u);

enum err recognised_run(struct content_check *k, size_t *left)
{
    const struct queue *q = k->queue;
    const struct content *c = k->content;
    if (q->count == 0 || !stage_of(k, q->items[0].stage)->is_recognised) {
        return ERR_OK;
    }
    struct recognition *r = k->recognition;
    if (r == NULL) {
        TRY(begin(k, &r));
    }
    while (has_question(r, c)) {
        enum recognise_result result = RECOGNISE_NOT_ASKED;
        if (r->stage->effect == CONTENT_BLOCK) {
            r->service = c->services->count; /* it will not be sent: nobody need see it */
        } else if (k->env.may_ask) {
            return ERR_AGAIN;
        } else {
            TRY(content_told(k, &result, STR_NONE));
        }
    }
    if (!r->is_asked) {
        r->is_asked = true;
        if (r->found_count > 1) {
            qsort(r->found, r->found_count, sizeof(r->found[0]), compare);
        }
    }
    while (r->reading < q->count) {
        if (*left == 0) {
            return ERR_AGAIN;
        }
        TRY(take_unit(k, left));
    }
    r->is_done = true;
    return ERR_OK;
}

/* ---- the questions ------------------------------------------------------------------- */

static enum err begin(struct content_check *k, struct recognition **ret)
{
    struct recognition *r = ARENA_NEW(k->arena, struct recognition);
    if (r == NULL) {
        return ERR_MEMORY;
    }
    r->stage = stage_of(k, k->queue->items[0].stage);
    list_wanted(r, k->content);
    TRY(list_texts(k, r));
    r->service = SIZE_MAX;
    next_service(r, k->content);
    k->recognition = r;
    *ret = r;
    return ERR_OK;
}

static void list_wanted(struct recognition *r, const struct content *c)
{
    for (size_t i = c->recognised_from; i < c->terms_count; i++) {
        const struct term *t = &c->terms[i];
        if (bit_has(r->stage->bits, t->rule)) {
            r->wanted[t->service] |= UINT32_C(1) << t->type;
        }
    }
}

static enum err list_texts(struct content_check *k, struct recognition *r)
{
    const struct queue *q = k->queue;
    size_t count = 0;
    for (size_t i = 0; i < q->count; i++) {
        for (size_t u = 0; u < q->items[i].units_count; u++) {
            count += is_asked_about(q->items[i].units[u].text) ? 1 : 0;
        }
    }
    r->texts = ARENA_ARRAY(k->arena, count, struct str);
    if (r->texts == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < q->count; i++) {
        for (size_t u = 0; u < q->items[i].units_count; u++) {
            const struct llm_text *text = q->items[i].units[u].text;
            if (is_asked_about(text)) {
                r->texts[r->texts_count++] = text->value;
            }
        }
    }
    return ERR_OK;
}

static bool is_asked_about(const struct llm_text *text)
{
    return !text->is_key && !text->is_number && text->value.len > 0;
}

static void next_service(struct recognition *r, const struct content *c)
{
    do {
        r->service++; /* from SIZE_MAX: to the first */
    } while (r->service < c->services->count && r->wanted[r->service] == 0);
    r->types_count = 0;
    for (uint32_t bits = r->service < c->services->count ? r->wanted[r->service] : 0; bits != 0;
         bits &= bits - 1) {
        uint8_t type = (uint8_t)__builtin_ctz(bits);
        r->type_numbers[r->types_count] = type;
        r->types[r->types_count++] = c->services->items[r->service].types[type];
    }
}

static bool has_question(const struct recognition *r, const struct content *c)
{
    return r->texts_count > 0 && r->service < c->services->count;
}

bool content_ask(const struct content_check *k, struct recognise_ask *ret,
                 const struct recognise_service **ret_service)
{
    const struct recognition *r = k != NULL ? k->recognition : NULL;
    if (r == NULL || !has_question(r, k->content)) {
        return false;
    }
    *ret = (struct recognise_ask){.types = r->types,
                                  .types_count = r->types_count,
                                  .texts = r->texts,
                                  .texts_count = r->texts_count};
    *ret_service = &k->content->services->items[r->service];
    return true;
}

enum err content_told(struct content_check *k, enum recognise_result *result, struct str body)
{
    struct recognition *r = k->recognition;
    const struct recognise_service *service;
    struct recognise_ask ask;
    ASSERT(content_ask(k, &ask, &service));
    if (*result == RECOGNISE_ANSWERED) {
        struct recognise_finding *list = NULL;
        struct issue issue;
        size_t count = 0;
        enum err e = recognise_answer_read(k->arena, body, &ask, &list, &count, &issue);
        if (e == ERR_MEMORY) {
            return e;
        }
        *result = e == ERR_OK      ? RECOGNISE_ANSWERED
                  : e == ERR_LIMIT ? RECOGNISE_TOO_LARGE
                                   : RECOGNISE_BAD_ANSWER;
        TRY(add_findings(k, list, e == ERR_OK ? count : 0));
    }
    if (*result != RECOGNISE_ANSWERED) {
        TRY(hit_add_failure(r->stage, r->service, *result));
    }
    next_service(r, k->content);
    return ERR_OK;
}

/* ---- the findings ---------------------------------------------------------------------- */

static enum err add_findings(struct content_check *k, const struct recognise_finding *list,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TRY(add_finding(k, &list[i]));
    }
    return ERR_OK;
}

/* Once for each rule that wants it. */
static enum err add_finding(struct content_check *k, const struct recognise_finding *f)
{
    struct recognition *r = k->recognition;
    const struct content *c = k->content;
    for (size_t i = c->recognised_from; i < c->terms_count; i++) {
        const struct term *t = &c->terms[i];
        if (t->service != r->service || t->type != r->type_numbers[f->type] ||
            !bit_has(r->stage->bits, t->rule) || f->score < c->rules[t->rule].threshold) {
            continue;
        }
        if (r->found_count == SCAN_FINDINGS_MAX) {
            return ERR_LIMIT;
        }
        struct recognised *grown = arena_grow(k->arena, r->found, &r->found_capacity,
                                              r->found_count + 1, sizeof(*grown));
        if (grown == NULL) {
            return ERR_MEMORY;
        }
        r->found = grown;
        r->found[r->found_count++] =
            (struct recognised){.text = f->text,
                                .finding = {.start = f->start,
                                            .end = f->end,
                                            .id = (uint32_t)i,
                                            .score = (uint16_t)f->score,
                                            .kind = SCAN_TERM,
                                            .tier = SCAN_TIER_A}};
    }
    return ERR_OK;
}

static int compare(const void *a, const void *b)
{
    const struct recognised *x = a, *y = b;
    if (x->text != y->text) {
        return x->text < y->text ? -1 : 1;
    }
    return scan_finding_compare(&x->finding, &y->finding);
}

/* All of one unit, or as much of it as a step may take. */
static enum err take_unit(struct content_check *k, size_t *left)
{
    struct recognition *r = k->recognition;
    struct reading *reading = &k->queue->items[r->reading];
    if (r->unit == reading->units_count) {
        r->reading++;
        r->unit = 0;
        return ERR_OK;
    }
    struct unit *u = &reading->units[r->unit];
    if (r->taken == 0) {
        TRY(merge(k, u));
    }
    spend(left, 1);
    if (r->all.count == 0) {
        r->unit++;
        return ERR_OK;
    }
    size_t to = clean_cut(&r->all, r->taken);
    struct scan_findings part = {.items = r->all.items + r->taken,
                                 .count = to - r->taken,
                                 .capacity = to - r->taken};
    const struct place where = {.pointer = u->text->pointer, .role = reading->text->role};
    TRY(note_recognised(r->stage, &where, &part));
    TRY(take_edits(k, reading, u, &part));
    spend(left, part.count * UNIT_COST);
    r->taken = to;
    if (to == r->all.count) {
        r->taken = 0;
        r->unit++;
    }
    return ERR_OK;
}

static enum err merge(struct content_check *k, const struct unit *u)
{
    struct recognition *r = k->recognition;
    size_t from = r->at;
    if (is_asked_about(u->text)) {
        while (r->at < r->found_count && r->found[r->at].text == r->text) {
            r->at++;
        }
        r->text++;
    }
    size_t count = u->kept_count + (r->at - from), kept = 0;
    r->all = (struct scan_findings){.count = count, .capacity = count};
    if (count == 0) {
        return ERR_OK;
    }
    r->all.items = ARENA_ARRAY(k->arena, count, struct scan_finding);
    if (r->all.items == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_kept = kept < u->kept_count &&
                       (from == r->at ||
                        scan_finding_compare(&u->kept[kept], &r->found[from].finding) <= 0);
        r->all.items[i] = is_kept ? u->kept[kept++] : r->found[from++].finding;
    }
    return ERR_OK;
}
