/* SPDX-License-Identifier: Apache-2.0
 *
 * Which rules want a finding, and what becomes of it. The plan of a stage asks judge_index
 * about each finding, for whole texts and streams alike; note_findings then tells every
 * rule that wanted it, by the same tests. Rules that do not apply cost a bit test, however
 * many there are. Pure.
 */
#include "content_private.h"

#define BACK_BYTES_MAX 4096U /* an exception, zero-width characters and encodings included */
#define INSIDE_LOOK_BACK 32U

static bool wants(const struct stage *s, uint32_t rule, const struct scan_finding *f);
static bool is_excepted(const struct stage *s, uint32_t rule, const struct scan_findings *all,
                        size_t at);
static bool is_except_of(const struct stage *s, uint32_t rule, const struct scan_finding *f);
static bool is_inside(const struct stage *s, uint32_t rule, const struct scan_findings *all,
                      size_t at);
static enum err note_term(struct stage *s, const struct place *where,
                          const struct scan_findings *all, size_t at);
static enum err note_entity(struct stage *s, const struct place *where,
                            const struct scan_findings *all, size_t at);
static size_t take_covers(struct scan_findings *found, const struct covers *covers);
static void keep_covers(const struct stage *s, const struct scan_findings *found,
                        struct covers *covers);

uint8_t judge_index(const void *context, const struct scan_finding *items, size_t count,
                    size_t at)
{
    const struct stage *s = context;
    const struct content *c = s->check->content;
    const struct scan_finding *f = &items[at];
    /* Only read, but a struct scan_findings says otherwise. */
    const struct scan_findings all = {.items = (struct scan_finding *)(uintptr_t)items,
                                      .count = count};

    if (f->kind == SCAN_TERM) {
        const struct term *t = &c->terms[f->id];
        if (t->use == TERM_REQUIRED || !bit_has(s->bits, t->rule)) {
            return SCAN_PLAN_NONE;
        }
        if (t->use == TERM_EXCEPT) {
            return SCAN_PLAN_COVER;
        }
        return is_excepted(s, t->rule, &all, at) ? SCAN_PLAN_NONE : c->rules[t->rule].action;
    }
    uint8_t strictest = SCAN_PLAN_NONE; /* actions lie in the order of strictness */
    for (size_t i = 0; i < s->of_kind_count[CONTENT_PII]; i++) {
        uint32_t n = s->of_kind[CONTENT_PII][i];
        if (c->rules[n].action < strictest && wants(s, n, f) && !is_excepted(s, n, &all, at)) {
            strictest = c->rules[n].action;
        }
    }
    return strictest;
}

const char *judge_name(const void *context, uint32_t term_id)
{
    const struct stage *s = context;
    const struct term *t = &s->check->content->terms[term_id];
    return t->use == TERM_ENTITY || t->use == TERM_RECOGNISED ? t->what.ptr : "term";
}

/* f is an entity of the table. */
static bool wants(const struct stage *s, uint32_t rule, const struct scan_finding *f)
{
    const struct rule *r = &s->check->content->rules[rule];
    return f->score >= r->threshold && scan_types_has(&r->types, f->id);
}

/* Does an exception of the rule cover the finding? Sorted by start, longest first. */
static bool is_excepted(const struct stage *s, uint32_t rule, const struct scan_findings *all,
                        size_t at)
{
    const struct scan_finding *f = &all->items[at];
    if (!s->check->content->rules[rule].has_except) {
        return false;
    }
    for (size_t i = at; i-- > 0 && all->items[i].start + BACK_BYTES_MAX >= f->start;) {
        if (all->items[i].end >= f->end && is_except_of(s, rule, &all->items[i])) {
            return true;
        }
    }
    for (size_t i = at + 1; i < all->count && all->items[i].start == f->start; i++) {
        if (all->items[i].end >= f->end && is_except_of(s, rule, &all->items[i])) {
            return true;
        }
    }
    return false;
}

static bool is_except_of(const struct stage *s, uint32_t rule, const struct scan_finding *f)
{
    const struct term *t = f->kind == SCAN_TERM ? &s->check->content->terms[f->id] : NULL;
    return t != NULL && t->use == TERM_EXCEPT && t->rule == rule;
}

enum err note_findings(struct stage *s, const struct place *where, struct scan_findings *found,
                       struct covers *covers)
{
    size_t told = covers != NULL ? take_covers(found, covers) : 0;
    for (size_t i = told; i < found->count; i++) {
        if (found->items[i].kind == SCAN_TERM) {
            TRY(note_term(s, where, found, i));
        } else {
            TRY(note_entity(s, where, found, i));
        }
    }
    if (covers != NULL) {
        keep_covers(s, found, covers);
    }
    return ERR_OK;
}

enum err note_recognised(struct stage *s, const struct place *where,
                         const struct scan_findings *found)
{
    const struct term *terms = s->check->content->terms;
    for (size_t i = 0; i < found->count; i++) {
        const struct scan_finding *f = &found->items[i];
        if (f->kind == SCAN_TERM && terms[f->id].use == TERM_RECOGNISED) {
            TRY(note_term(s, where, found, i));
        }
    }
    return ERR_OK;
}

static enum err note_term(struct stage *s, const struct place *where,
                          const struct scan_findings *all, size_t at)
{
    const struct scan_finding *f = &all->items[at];
    const struct term *t = &s->check->content->terms[f->id];
    if (t->use == TERM_EXCEPT || !bit_has(s->bits, t->rule)) {
        return ERR_OK;
    }
    if (t->use == TERM_REQUIRED) {
        if (s->seen != NULL) {
            bit_set(s->seen, f->id);
        }
        return ERR_OK;
    }
    if (is_excepted(s, t->rule, all, at)) {
        return ERR_OK;
    }
    if ((t->use == TERM_ENTITY || t->use == TERM_RECOGNISED) && !where->is_repeat) {
        entity_count(s, "custom");
    }
    return hit_add(s, where, &(struct sighting){t->rule, t->what, f->start, f->end, f->score});
}

static enum err note_entity(struct stage *s, const struct place *where,
                            const struct scan_findings *all, size_t at)
{
    const struct scan_finding *f = &all->items[at];
    const char *type = NULL;
    for (size_t i = 0; i < s->of_kind_count[CONTENT_PII]; i++) {
        uint32_t n = s->of_kind[CONTENT_PII][i];
        if (!wants(s, n, f) || is_excepted(s, n, all, at) || is_inside(s, n, all, at)) {
            continue;
        }
        type = scan_detector_info(f->id).type;
        TRY(hit_add(s, where,
                    &(struct sighting){n, str_from(type), f->start, f->end, f->score}));
    }
    if (type != NULL && !where->is_repeat) {
        entity_count(s, type);
    }
    return ERR_OK;
}

/* A card number is not told as the phone number that stands in it as well; unless another
 * rule asks for that. */
static bool is_inside(const struct stage *s, uint32_t rule, const struct scan_findings *all,
                      size_t at)
{
    const struct scan_finding *f = &all->items[at];
    for (size_t back = 1; back <= at && back <= INSIDE_LOOK_BACK; back++) {
        const struct scan_finding *other = &all->items[at - back];
        if (other->kind == SCAN_ENTITY && other->end >= f->end && wants(s, rule, other) &&
            !is_excepted(s, rule, all, at - back)) {
            return true;
        }
    }
    return false;
}

/* Puts what is remembered in front; returns how many that is. */
static size_t take_covers(struct scan_findings *found, const struct covers *covers)
{
    memmove(found->items + covers->count, found->items, found->count * sizeof(found->items[0]));
    memcpy(found->items, covers->items, covers->count * sizeof(covers->items[0]));
    found->count += covers->count;
    return covers->count;
}

/* Those that reach beyond the last place told, the farthest-reaching ones. */
static void keep_covers(const struct stage *s, const struct scan_findings *found,
                        struct covers *covers)
{
    size_t last = found->count > 0 ? found->items[found->count - 1].start : 0;
    covers->count = 0;
    for (size_t i = 0; i < found->count; i++) {
        const struct scan_finding *f = &found->items[i];
        bool is_cover = f->kind == SCAN_TERM &&
                        s->check->content->terms[f->id].use == TERM_EXCEPT && f->end > last;
        if (!is_cover) {
            continue;
        }
        size_t to = covers->count;
        if (to == COVERS_MAX) {
            to = 0;
            for (size_t k = 1; k < COVERS_MAX; k++) {
                to = covers->items[k].end < covers->items[to].end ? k : to;
            }
            if (covers->items[to].end >= f->end) {
                continue;
            }
        } else {
            covers->count++;
        }
        covers->items[to] = *f;
    }
}
