/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole texts, read in steps that are short whatever was sent: each unit is scanned
 * (BEGIN, SCAN), its findings are noted and become edits (TAKE), then it is asked what it
 * is about (TOPICS, INJECTION). When all are read, recognisers are asked and the seams
 * between texts are read; then required terms that nobody saw are told, and the texts are
 * written with their edits. What cannot be read to its end is an error that stays.
 */
#include "run.h"

#define FINDINGS_AT_ONCE 128U
#define HARD_TEXT 4U /* what is not ASCII is folded, and takes so much longer */
#define HARD_BYTES_MIN (8U << 10)
#define MEANING_COST 2U /* topics, and injection: each so much dearer than scanning */
#define LED_BYTES_MAX (64U << 20)
#define WORK_BYTES (32U << 10) /* a JSON that is longer is read elsewhere */

static enum err add(struct content_check *k, const struct llm_text *text,
                    enum content_stage stage);
static enum err queue_of(struct content_check *k, struct queue **ret);
static enum err run_all(struct content_check *k, size_t bytes_max);
static enum err make_edits(struct content_check *k, size_t *left);
static enum err run_step(struct content_check *k, size_t *left);
static enum err begin_reading(struct content_check *k, struct reading *r);
static enum err split_json(struct content_check *k, struct reading *r);
static enum err begin_unit(struct content_check *k, size_t *left);
static enum err scan_unit(struct content_check *k, size_t *left);
static bool is_hard(struct str s);
static void drop_lead(struct queue *q);
static enum err take_findings(struct content_check *k, size_t *left);
static enum err take_some(struct content_check *k, struct scan_findings *part);
static enum err keep_some(struct content_check *k, struct unit *u,
                          const struct scan_findings *part);
static enum err judge_meaning(struct content_check *k, size_t *left);
static bool is_asked(const struct stage *s, enum content_kind kind, const struct place *where,
                     const struct unit *u);
static void next_unit(struct queue *q);
static enum err note_required(struct content_check *k);

enum err content_request_add(struct content_check *k, const struct llm_text *text)
{
    return add(k, text, CONTENT_REQUEST);
}

enum err content_response_add(struct content_check *k, const struct llm_text *text)
{
    return add(k, text, CONTENT_RESPONSE);
}

enum err content_opaque_add(struct content_check *k, enum content_stage stage,
                            enum llm_unscannable_kind kind, struct str pointer)
{
    stage_of(k, stage)->was_added = true;
    return hit_add_opaque(stage_of(k, stage), kind, pointer);
}

static enum err add(struct content_check *k, const struct llm_text *text,
                    enum content_stage stage)
{
    struct queue *q;
    struct stage *s = stage_of(k, stage);
    s->was_added = true;
    TRY(queue_of(k, &q));
    struct reading *grown =
        arena_grow(k->arena, q->items, &q->capacity, q->count + 1, sizeof(*grown));
    if (grown == NULL) {
        q->err = ERR_MEMORY;
        return ERR_MEMORY;
    }
    q->items = grown;
    q->items[q->count++] = (struct reading){.text = text, .stage = stage};
    q->is_read = false;
    return ERR_OK;
}

static enum err queue_of(struct content_check *k, struct queue **ret)
{
    if (k->queue == NULL) {
        k->queue = ARENA_NEW(k->arena, struct queue);
        if (k->queue == NULL) {
            return ERR_MEMORY;
        }
        buf_init(&k->queue->led, LED_BYTES_MAX);
        scan_findings_init(&k->queue->found, SCAN_FINDINGS_MAX);
    }
    *ret = k->queue;
    return ERR_OK;
}

void queue_free(struct content_check *k)
{
    struct queue *q = k->queue;
    if (q == NULL) {
        return;
    }
    if (q->step == RUN_SCAN) {
        scan_job_fini(&q->job);
    }
    scan_findings_fini(&q->found);
    buf_wipe(&q->led);
    edits_free(q);
    k->queue = NULL;
}

enum err content_run(struct content_check *k, size_t bytes_max)
{
    struct queue *q;
    TRY(queue_of(k, &q));
    if (q->err == ERR_OK && q->has_work) {
        return ERR_AGAIN;
    }
    if (q->err == ERR_OK) {
        enum err err = run_all(k, bytes_max > UNIT_COST ? bytes_max : UNIT_COST);
        if (err == ERR_AGAIN) {
            return ERR_AGAIN;
        }
        q->err = err;
    }
    return q->err;
}

bool content_has_work(const struct content_check *k)
{
    return k != NULL && k->queue != NULL && k->queue->has_work;
}

void content_work(struct content_check *k)
{
    struct queue *q = k->queue;
    ASSERT(content_has_work(k));
    q->err = begin_reading(k, &q->items[q->at]);
    q->has_work = false;
}

static enum err run_all(struct content_check *k, size_t bytes_max)
{
    struct queue *q = k->queue;
    size_t left = bytes_max;
    while (q->at < q->count) {
        if (left == 0) {
            return ERR_AGAIN;
        }
        TRY(run_step(k, &left));
    }
    if (!q->is_read) {
        TRY(recognised_run(k, &left));
        TRY(seam_run(k, &left));
        TRY(note_required(k));
        q->is_read = true;
    }
    TRY(make_edits(k, &left));
    q->is_read = false;
    return ERR_OK;
}

/* Nobody sends what is blocked. */
static enum err make_edits(struct content_check *k, size_t *left)
{
    struct queue *q = k->queue;
    bool is_blocked =
        q->count == 0 || stage_of(k, q->items[0].stage)->effect == CONTENT_BLOCK;
    return is_blocked ? ERR_OK : edits_run(k, left);
}

static enum err run_step(struct content_check *k, size_t *left)
{
    switch (k->queue->step) {
    case RUN_BEGIN:
        return begin_unit(k, left);
    case RUN_SCAN:
        return scan_unit(k, left);
    case RUN_TAKE:
        return take_findings(k, left);
    case RUN_TOPICS:
    case RUN_INJECTION:
        return judge_meaning(k, left);
    }
    return ERR_INTERNAL;
}

/* ---- units ------------------------------------------------------------------------- */

static enum err begin_reading(struct content_check *k, struct reading *r)
{
    if (r->text->is_json) {
        TRY(split_json(k, r));
    }
    if (r->is_json) {
        return ERR_OK;
    }
    r->units = ARENA_NEW(k->arena, struct unit);
    if (r->units == NULL) {
        return ERR_MEMORY;
    }
    r->units[0] = (struct unit){.text = r->text};
    r->units_count = 1;
    return ERR_OK;
}

/* What is not JSON after all is a plain text. */
static enum err split_json(struct content_check *k, struct reading *r)
{
    struct llm_text *texts;
    struct issue issue;
    size_t count;
    enum err err = llm_json_texts(k->arena, r->text->value, &texts, &count, &issue);
    if (err == ERR_MEMORY) {
        return err;
    }
    if (err != ERR_OK) {
        return k->arena->is_exhausted ? ERR_LIMIT : ERR_OK;
    }
    r->units = ARENA_ARRAY(k->arena, count, struct unit);
    if (r->units == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        r->units[i].text = &texts[i];
    }
    r->units_count = count;
    r->is_json = true;
    return ERR_OK;
}

static enum err begin_unit(struct content_check *k, size_t *left)
{
    struct queue *q = k->queue;
    struct reading *r = &q->items[q->at];
    struct stage *s = stage_of(k, r->stage);
    char lead[LEAD_BYTES_MAX];

    if (r->units == NULL) {
        q->has_work = k->env.may_work && r->text->is_json && r->text->value.len > WORK_BYTES;
        if (q->has_work) {
            return ERR_AGAIN;
        }
        TRY(begin_reading(k, r));
        spend(left, r->is_json ? r->text->value.len : 0);
    }
    if (q->unit == r->units_count) { /* JSON without texts */
        q->at++;
        q->unit = 0;
        return ERR_OK;
    }
    const struct unit *u = &r->units[q->unit];
    spend(left, UNIT_COST);
    q->taken = 0;
    q->lead_len = 0;
    q->found.count = 0;
    q->found.is_truncated = q->found.is_exhausted = q->found.is_too_deep = false;
    if (!s->is_scanned) {
        q->step = RUN_TOPICS;
        return ERR_OK;
    }
    struct str value = u->text->value;
    q->lead_len = u->text->is_key ? 0 : lead_of(u->text->pointer, lead);
    if (q->lead_len > 0) {
        buf_clear(&q->led);
        buf_add(&q->led, (struct str){lead, q->lead_len});
        buf_add(&q->led, value);
        TRY(q->led.err);
        value = buf_str(&q->led);
    }
    scan_job_begin(&q->job, content_set(k->content), value, CONTENT_VIEWS, &q->found);
    q->step = RUN_SCAN;
    return ERR_OK;
}

static enum err scan_unit(struct content_check *k, size_t *left)
{
    struct queue *q = k->queue;
    size_t before = q->job.seen;
    bool is_slow = is_hard(str_sub(q->job.text, before, before + *left));
    enum err err = scan_job_step(&q->job, k->env.scratch, is_slow ? *left / HARD_TEXT : *left);
    if (err == ERR_AGAIN) {
        *left = 0;
        return ERR_OK;
    }
    spend(left, q->job.seen > before ? q->job.seen - before : 0);
    scan_job_fini(&q->job);
    q->step = RUN_TAKE;
    TRY(err);
    if (q->found.is_truncated || q->found.is_exhausted) {
        return ERR_LIMIT; /* something may have been missed */
    }
    if (q->found.is_too_deep) {
        const struct reading *r = &q->items[q->at];
        TRY(hit_add_opaque(stage_of(k, r->stage), LLM_OPAQUE_ENCODED, r->text->pointer));
    }
    if (q->lead_len > 0) {
        drop_lead(q);
    }
    return ERR_OK;
}

static bool is_hard(struct str s)
{
    uint64_t all = 0;
    if (s.len <= HARD_BYTES_MIN) {
        return false;
    }
    for (size_t i = 0; i + 8 <= s.len; i += 8) {
        uint64_t word;
        memcpy(&word, s.ptr + i, 8);
        all |= word;
    }
    return (all & UINT64_C(0x8080808080808080)) != 0;
}

static void drop_lead(struct queue *q)
{
    size_t kept = 0;
    for (size_t i = 0; i < q->found.count; i++) {
        struct scan_finding f = q->found.items[i];
        if (f.start >= q->lead_len) {
            f.start -= q->lead_len;
            f.end -= q->lead_len;
            q->found.items[kept++] = f;
        }
    }
    q->found.count = kept;
    bytes_wipe(q->led.ptr, q->led.len);
}

static enum err take_findings(struct content_check *k, size_t *left)
{
    struct queue *q = k->queue;
    if (q->taken == q->found.count) {
        q->taken = 0;
        q->step = RUN_TOPICS;
        return ERR_OK;
    }
    size_t to = clean_cut(&q->found, q->taken);
    struct scan_findings part = {.items = q->found.items + q->taken,
                                 .count = to - q->taken,
                                 .capacity = to - q->taken};
    q->taken = to;
    spend(left, part.count * UNIT_COST);
    return take_some(k, &part);
}

size_t clean_cut(const struct scan_findings *all, size_t from)
{
    size_t to = from, end = 0;
    for (; to < all->count; to++) {
        if (to - from >= FINDINGS_AT_ONCE && all->items[to].start >= end) {
            break;
        }
        end = all->items[to].end > end ? all->items[to].end : end;
    }
    return to;
}

static enum err take_some(struct content_check *k, struct scan_findings *part)
{
    struct queue *q = k->queue;
    struct reading *r = &q->items[q->at];
    struct unit *u = &r->units[q->unit];
    struct stage *s = stage_of(k, r->stage);
    const struct place where = {.pointer = u->text->pointer, .role = r->text->role};

    TRY(note_findings(s, &where, part, NULL));
    return s->is_recognised ? keep_some(k, u, part) : take_edits(k, r, u, part);
}

/* What overlaps is one place, whoever found it: edits are made when all is known. */
static enum err keep_some(struct content_check *k, struct unit *u,
                          const struct scan_findings *part)
{
    if (part->count == 0) {
        return ERR_OK; /* all of them were exceptions */
    }
    struct scan_finding *grown = arena_grow(k->arena, u->kept, &u->kept_capacity,
                                            u->kept_count + part->count, sizeof(*grown));
    if (grown == NULL) {
        return ERR_MEMORY;
    }
    memcpy(grown + u->kept_count, part->items, part->count * sizeof(*grown));
    u->kept = grown;
    u->kept_count += part->count;
    return ERR_OK;
}

enum err take_edits(struct content_check *k, struct reading *r, struct unit *u,
                    struct scan_findings *part)
{
    struct stage *s = stage_of(k, r->stage);
    struct scan_edits edits;
    /* What an answer's rule hides stays hidden: only the request's tokens are undone. */
    struct scan_tokens *tokens = k->keys.tokens;
    k->keys.tokens = r->stage == CONTENT_REQUEST ? tokens : NULL;
    enum err err =
        scan_edits_of(&s->plan, &k->keys, u->text->value, part, k->arena, &edits);
    k->keys.tokens = tokens;
    TRY(err);
    s->edits_count += edits.count;
    if (edits.count > 0) {
        bool is_name = r->text->is_key && !r->is_json;
        r->is_edited = true;
        r->has_edited_name = r->has_edited_name || (r->is_json && u->text->is_key);
        k->queue->has_edited_name = k->queue->has_edited_name || is_name;
    }
    for (size_t i = 0; i < edits.count; i++) {
        TRY(edit_add(k, &u->edits, &edits.items[i]));
    }
    return ERR_OK;
}

static enum err judge_meaning(struct content_check *k, size_t *left)
{
    struct queue *q = k->queue;
    struct reading *r = &q->items[q->at];
    const struct unit *u = &r->units[q->unit];
    const struct place where = {.pointer = u->text->pointer, .role = r->text->role};
    struct stage *s = stage_of(k, r->stage);
    struct str rest = str_sub(u->text->value, q->taken, u->text->value.len);

    if ((is_asked(s, CONTENT_TOPICS, &where, u) || is_asked(s, CONTENT_INJECTION, &where, u)) &&
        rest.len > 0) {
        struct str piece = str_sub(rest, 0, MEANING_BYTES);
        spend(left, MEANING_COST * piece.len * (is_hard(piece) ? HARD_TEXT : 1));
        if (q->step == RUN_TOPICS) {
            q->step = RUN_INJECTION;
            return note_topics(s, &where, piece);
        }
        q->step = RUN_TOPICS;
        TRY(note_injection(s, &where, piece));
        if (piece.len < rest.len) {
            q->taken += piece.len - MEANING_OVERLAP;
            return ERR_OK;
        }
    }
    next_unit(q);
    return ERR_OK;
}

static bool is_asked(const struct stage *s, enum content_kind kind, const struct place *where,
                     const struct unit *u)
{
    return s->of_kind_count[kind] > 0 &&
           content_kind_looks_at(kind, s->stage, where->role, u->text->is_key);
}

static void next_unit(struct queue *q)
{
    q->step = RUN_BEGIN;
    q->unit++;
    if (q->unit == q->items[q->at].units_count) {
        q->unit = 0;
        q->at++;
    }
}

/* Of the request when it was read for the first time, else of the answer so far. */
static enum err note_required(struct content_check *k)
{
    struct queue *q = k->queue;
    const struct content *c = k->content;
    bool is_answer = q->was_request || stage_of(k, CONTENT_RESPONSE)->was_added ||
                     !stage_of(k, CONTENT_REQUEST)->is_wanted;
    struct stage *s = stage_of(k, is_answer ? CONTENT_RESPONSE : CONTENT_REQUEST);
    static const struct place nowhere = {.role = LLM_ROLE_OTHER};

    q->was_request = true;
    for (size_t i = 0; i < s->of_kind_count[CONTENT_REQUIRED_TERMS]; i++) {
        uint32_t n = s->of_kind[CONTENT_REQUIRED_TERMS][i];
        const struct rule *r = &c->rules[n];
        for (uint32_t t = r->terms_from; t < r->terms_to; t++) {
            if (c->terms[t].use == TERM_REQUIRED && !bit_has(s->seen, t)) {
                TRY(hit_add(s, &nowhere, &(struct sighting){.rule = n, .what = c->terms[t].what}));
            }
        }
    }
    return ERR_OK;
}
