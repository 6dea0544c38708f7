/* SPDX-License-Identifier: Apache-2.0
 *
 * Step inspect: the content rules that hold for this request, over every text of it.
 * A block refuses; a modification edits the body's spans, and the edited body is read
 * again, so that what was checked is what is sent. Long prompts are read in slices:
 * between two of them the host lets its loop turn. Whatever could not be read or did
 * not run refuses: a check that failed is never a check that passed.
 *
 * The functions over struct flow_question know no exchange: /v1/evaluate asks them
 * too. The check lives on for the answer's stage. Memory: the exchange's arena.
 */
#include "flow_private.h"

/* Between two turns: this many bytes, or with a clock as many small steps as fit the time
 * (texts differ in cost by a hundred times). */
#define SLICE_BYTES (64u * 1024)
#define STEP_BYTES (8u * 1024)
#define SLICE_US 500
#define MANY_TEXTS 8192u          /* are given to the check by flow_work */
#define LARGE_BYTES (256u * 1024) /* a body for which each step is worth a turn of its own */

static void begin(struct flow_exchange *x);
static void add(struct flow_exchange *x);
static void added(struct flow_exchange *x);
static void read_slice(struct flow_exchange *x, uint64_t from_us);
static void conclude(struct flow_exchange *x);
static void work_on_check(struct flow_exchange *x);
static void apply_edits(struct flow_exchange *x);
static void edited(struct flow_exchange *x);
static bool is_same_request(const struct llm_request *a, const struct llm_request *b);
static void refuse_check(struct flow_exchange *x, enum err e);
static void sort_found(struct codec_found *list, size_t count);
static bool comes_before(const struct policy_violation *a, const struct policy_violation *b);

/* ---- over any request ------------------------------------------------------------ */

enum err flow_check_new(const struct flow_question *q, struct content_check **ret)
{
    const struct policy_org *org = q->facts->org;
    const uint64_t *applies;
    *ret = NULL;
    if (policy_org_content(org) == NULL) {
        return ERR_OK;
    }
    TRY(policy_content_of(q->arena, q->facts, q->verdict, q->candidate, &applies));
    if (applies == NULL) {
        return ERR_OK;
    }
    if (q->scratch == NULL) {
        return ERR_STALE; /* the worker could not make itself ready for these rules */
    }
    /* Keyed per tenant: a hash or a token says nothing to another one. */
    struct sha256 *key = ARENA_NEW(q->arena, struct sha256);
    struct str label = arena_printf(q->arena, "content%.*s", STR_ARG(policy_org_id(org)));
    if (key == NULL || label.ptr == NULL) {
        return ERR_MEMORY;
    }
    *key = hmac_sha256(q->pepper, label);
    struct content_env env = {.scratch = q->scratch,
                              .hash_key = {(const char *)key->bytes, sizeof(key->bytes)},
                              .may_ask = q->may_ask,
                              .may_work = q->may_work};
    return content_check_new(q->arena, policy_org_content(org), applies, &env, ret);
}

enum err flow_check_add(struct content_check *k, const struct llm_request *r)
{
    for (size_t i = 0; i < r->texts_count; i++) {
        TRY(content_request_add(k, &r->texts[i]));
    }
    /* References to stored prompts and conversations are among them. */
    for (size_t i = 0; i < r->opaques_count; i++) {
        TRY(content_opaque_add(k, CONTENT_REQUEST, r->opaques[i].kind, r->opaques[i].pointer));
    }
    return ERR_OK;
}

enum err flow_check_found(struct arena *a, const struct policy_org *org,
                          const struct content_check *k, enum content_stage stage,
                          struct flow_found *ret)
{
    const struct content_hit *hits = NULL;
    *ret = (struct flow_found){0};
    size_t count = content_hits(k, stage, &hits, &ret->dropped);
    struct codec_found *list = ARENA_ARRAY(a, count, struct codec_found);
    if (list == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = (struct codec_found){policy_violation_of_hit(org, &hits[i]), &hits[i]};
    }
    sort_found(list, count);
    ret->items = list;
    ret->count = count;
    return ERR_OK;
}

enum err flow_check_edit(struct arena *a, struct content_check *k, const struct llm_request *r,
                         struct buf *edited, struct llm_request *ret, struct issue *ret_issue)
{
    const struct llm_edit *edits;
    size_t count;
    issue_set(ret_issue, "", "the request could not be modified");
    TRY(content_edits(k, &edits, &count));
    if (count == 0) {
        *ret = *r;
        return ERR_OK;
    }
    TRY(llm_edits_apply(edited, r->body, edits, count));
    TRY(llm_request_parse(a, r->endpoint, buf_str(edited), false, ret, ret_issue));
    if (!is_same_request(r, ret)) {
        issue_set(ret_issue, "", "the change would make it another request");
        return ERR_INVALID;
    }
    return ERR_OK;
}

/* What the decision rested on must not have been edited away. */
static bool is_same_request(const struct llm_request *a, const struct llm_request *b)
{
    return str_eq(a->model, b->model) && a->is_stream == b->is_stream &&
           a->wants_stream_usage == b->wants_stream_usage &&
           a->output_tokens_max == b->output_tokens_max && a->choices == b->choices &&
           a->has_slot == b->has_slot && a->slot == b->slot && a->has_tools == b->has_tools &&
           a->is_stateful == b->is_stateful && a->has_content == b->has_content;
}

/* Few: an insertion sort, stable, in reporting order. */
static void sort_found(struct codec_found *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t k = i; k > 0 && comes_before(&list[k].violation, &list[k - 1].violation);
             k--) {
            struct codec_found swap = list[k];
            list[k] = list[k - 1];
            list[k - 1] = swap;
        }
    }
}

/* The key's own list first, then policies by priority, which is how they lie in memory;
 * within one in the order of its rules, those of the select stage before the others. */
static bool comes_before(const struct policy_violation *a, const struct policy_violation *b)
{
    if (a->policy != b->policy) {
        return a->policy == NULL || (b->policy != NULL && a->policy < b->policy);
    }
    bool is_content = a->rule != NULL && a->rule->content != NULL;
    bool is_content_too = b->rule != NULL && b->rule->content != NULL;
    return is_content != is_content_too ? is_content_too : is_content && a->rule < b->rule;
}

/* ---- the step ---------------------------------------------------------------------- */

void flow_step_inspect(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    if (policy_org_content(p->facts.org) == NULL) {
        p->inspection = FLOW_INSPECT_DONE; /* there is nothing to measure either */
        return;
    }
    uint64_t from_us = flow_clock_us(x);
    do {
        switch (p->inspection) {
        case FLOW_INSPECT_BEGIN:
            begin(x);
            break;
        case FLOW_INSPECT_ADDED:
            added(x);
            break;
        case FLOW_INSPECT_READ:
            read_slice(x, from_us);
            break;
        case FLOW_INSPECT_EDIT:
            conclude(x);
            break;
        case FLOW_INSPECT_EDITED:
            edited(x);
            break;
        case FLOW_INSPECT_CALL:
            p->inspection = FLOW_INSPECT_DONE;
            break;
        case FLOW_INSPECT_DONE:
            break;
        }
    } while (flow_is_inspecting(x) && !p->must_turn && p->body.len < LARGE_BYTES);
    p->must_turn = false;
    p->content_us[0] += (uint32_t)(flow_clock_us(x) - from_us);
}

bool flow_is_inspecting(const struct flow_exchange *x)
{
    return !x->p->is_refused && x->p->inspection != FLOW_INSPECT_DONE;
}

static void begin(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct flow_question q = {.arena = &p->arena,
                              .facts = &p->facts,
                              .verdict = &p->verdict,
                              .candidate = p->choice.candidate,
                              .scratch = p->start.is_scratch_small ? NULL : p->env->scratch,
                              .pepper = p->env->pepper,
                              .may_ask = true,
                              .may_work = true};
    enum err e = flow_check_new(&q, &p->check);
    if (e != ERR_OK) {
        refuse_check(x, e);
        return;
    }
    p->inspection = FLOW_INSPECT_DONE;
    if (p->check == NULL || !content_is_wanted(p->check, CONTENT_REQUEST)) {
        return;
    }
    if (p->texts_issue != NULL) {
        /* It can be sent, but not read whole, and a rule wants to read it. */
        flow_refuse_issue(x, p->texts_err, p->texts_issue);
        return;
    }
    p->inspection = FLOW_INSPECT_ADDED;
    size_t count = p->request.texts_count + p->request.opaques_count;
    p->must_turn = flow_put_off(x, count > MANY_TEXTS, add);
}

static void add(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    p->work_err = flow_check_add(p->check, &p->request);
    for (size_t i = 0; i < p->request.texts_count; i++) {
        p->content_bytes[0] += p->request.texts[i].value.len;
    }
}

static void added(struct flow_exchange *x)
{
    x->p->inspection = FLOW_INSPECT_READ;
    if (x->p->work_err != ERR_OK) {
        refuse_check(x, x->p->work_err);
    }
}

static void read_slice(struct flow_exchange *x, uint64_t from_us)
{
    struct flow_private *p = x->p;
    enum err e = flow_content_run(x, from_us);
    if (e == ERR_AGAIN) {
        p->must_turn = true;
        flow_inspect_told(x, flow_ask(x));
    } else if (e == ERR_OK) {
        p->inspection = FLOW_INSPECT_EDIT;
    } else {
        refuse_check(x, e);
    }
}

enum err flow_content_run(struct flow_exchange *x, uint64_t from_us)
{
    struct flow_private *p = x->p;
    bool has_clock = p->env->mono_us != NULL;
    enum err e;
    do {
        e = content_run(p->check, has_clock ? STEP_BYTES : SLICE_BYTES);
    } while (e == ERR_AGAIN && has_clock && !flow_has_question(x) &&
             !content_has_work(p->check) && flow_clock_us(x) - from_us < SLICE_US);
    if (e == ERR_AGAIN && content_has_work(p->check)) {
        p->work = work_on_check;
    }
    return e;
}

void flow_inspect_told(struct flow_exchange *x, enum err e)
{
    if (e != ERR_OK) {
        refuse_check(x, e);
    }
}

static void work_on_check(struct flow_exchange *x)
{
    content_work(x->p->check);
}

static void conclude(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    p->inspection = FLOW_INSPECT_CALL;
    enum err e = flow_check_found(&p->arena, p->facts.org, p->check, CONTENT_REQUEST, &p->found);
    if (e != ERR_OK) {
        refuse_check(x, e);
        return;
    }
    flow_report(x, &p->found);
    if (content_effect(p->check, CONTENT_REQUEST) == CONTENT_BLOCK) {
        flow_refuse_content(x);
        return;
    }
    p->inspection = FLOW_INSPECT_EDITED;
    bool is_long = p->body.len > FLOW_WORK_BYTES &&
                   content_edits_count(p->check, CONTENT_REQUEST) > 0;
    p->must_turn = flow_put_off(x, is_long, apply_edits);
}

void flow_report(struct flow_exchange *x, const struct flow_found *found)
{
    struct flow_private *p = x->p;
    const struct policy_violation *before[FLOW_REPORTED_MAX];
    size_t before_count = p->warnings_count, taken = 0, count = 0;
    memcpy(before, p->warnings, before_count * sizeof(before[0]));
    for (size_t i = 0; i < found->count && count + before_count - taken < FLOW_REPORTED_MAX; i++) {
        const struct policy_violation *v = &found->items[i].violation;
        if (v->effect == POLICY_INFO) {
            continue; /* for the record only */
        }
        while (taken < before_count && !comes_before(v, before[taken])) {
            p->warnings[count++] = before[taken++];
        }
        p->warnings[count++] = v;
    }
    while (taken < before_count) {
        p->warnings[count++] = before[taken++];
    }
    p->warnings_count = count;
}

static void apply_edits(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    struct llm_request after;
    p->edited.bytes_max = 2 * p->body.bytes_max; /* what stands for a value may be longer */
    p->work_err =
        flow_check_edit(&p->arena, p->check, &p->request, &p->edited, &after, &p->issue);
    if (p->work_err == ERR_OK) {
        p->request = after;
    }
}

static void edited(struct flow_exchange *x)
{
    struct flow_private *p = x->p;
    enum err e = p->work_err;
    p->inspection = FLOW_INSPECT_CALL;
    if (e == ERR_OK) {
        return;
    }
    if (e != ERR_INVALID && e != ERR_SYNTAX && e != ERR_UNSUPPORTED) {
        refuse_check(x, e);
        return;
    }
    flow_refuse(x, 400, "invalid_request_error", "content_not_modifiable",
                "A content rule must replace something that cannot be replaced where it "
                "stands: %s",
                p->issue.message);
    p->refusal.error.param = arena_str(&p->arena, str_from(p->issue.pointer));
}

uint64_t flow_edits_count(const struct flow_exchange *x, enum content_stage stage)
{
    const struct flow_private *p = x->p;
    bool is_sent =
        stage == CONTENT_RESPONSE || content_effect(p->check, stage) != CONTENT_BLOCK;
    return is_sent ? content_edits_count(p->check, stage) : 0;
}

static void refuse_check(struct flow_exchange *x, enum err e)
{
    struct flow_private *p = x->p;
    if (e == ERR_LIMIT || p->arena.is_exhausted) {
        flow_refuse(x, 413, "invalid_request_error", "content_check_limit",
                    "The request is too large or too dense to be checked by the content rules, "
                    "so it was not sent");
    } else if (e == ERR_MEMORY) {
        flow_refuse(x, 503, "server_error", "out_of_memory",
                    "There was no memory to check the request by the content rules, so it was "
                    "not sent");
    } else {
        flow_refuse(x, 503, "server_error", "content_check_unavailable",
                    "The content rules could not be evaluated, so the request was not sent");
    }
}
