/* SPDX-License-Identifier: Apache-2.0
 *
 * The anchored matcher: backtracking with an explicit stack and a budget of steps, the
 * longest match wins. It notes whether any way through the program wanted a byte
 * behind the end of what is known: then a stream must wait. Where it would take too long,
 * match_linear.c goes on. Reentrant, no allocation.
 */
#include "pattern.h"

#define STACK_MAX 600U

/* A place to return to: at `pc` with any of the positions least..most, longest first. */
struct mark {
    uint16_t pc;
    uint32_t most, least;
    uint32_t kept;
};

struct run {
    const struct pattern *p;
    struct match_input *in;
    size_t from;
    size_t end; /* min(len, from + width) */
    unsigned steps, steps_max;
    unsigned top;
    bool wants_more, is_exhausted;
    size_t best, best_kept;
    bool has_best;
    struct mark stack[STACK_MAX];
};

static void follow(struct run *r, size_t pc, size_t at, size_t kept);
static bool wants_byte(struct run *r, size_t at);
static bool is_vain(const struct run *r, uint16_t set, size_t at);
static bool take_run(struct run *r, size_t pc, size_t *at, size_t kept);
static bool is_edge(struct run *r, size_t at);
static void push(struct run *r, size_t pc, size_t most, size_t least, size_t kept);

enum match_result pattern_match(const struct pattern *p, struct match_input *in, size_t from,
                                size_t width_max, size_t *ret_start, size_t *ret_end)
{
    struct run r;
    r.p = p;
    r.steps_max = p->plain != NULL ? PATTERN_STEPS_QUICK : PATTERN_STEPS_MAX;
    r.in = in;
    r.from = from;
    r.end = width_max < in->len - from ? from + width_max : in->len;
    r.steps = 0;
    r.top = 0;
    r.wants_more = r.is_exhausted = r.has_best = false;
    r.best = r.best_kept = from;
    follow(&r, 0, from, from);
    while (r.top > 0 && !r.is_exhausted) {
        struct mark *m = &r.stack[r.top - 1];
        size_t pc = m->pc;
        size_t at = from + m->most;
        size_t kept = from + m->kept;
        if (m->most > m->least) {
            m->most--;
        } else {
            r.top--;
        }
        follow(&r, pc, at, kept);
    }
    in->steps += r.steps;
    if (r.is_exhausted) {
        return p->plain == NULL
                   ? MATCH_EXHAUSTED
                   : pattern_match_linear(p->plain, in, from, width_max, ret_start, ret_end);
    }
    if (r.wants_more) {
        return MATCH_MORE;
    }
    *ret_start = r.best_kept;
    *ret_end = r.best;
    return r.has_best ? MATCH_YES : MATCH_NO;
}

static void follow(struct run *r, size_t pc, size_t at, size_t kept)
{
    for (;;) {
        const struct pattern_inst *inst = &r->p->insts[pc];
        if (++r->steps > r->steps_max) {
            r->is_exhausted = true;
            return;
        }
        switch ((enum pattern_op)inst->op) {
        case OP_SET:
            if (!wants_byte(r, at) ||
                !byte_set_has(&r->p->sets[inst->set], (unsigned char)r->in->text[at])) {
                return;
            }
            at++;
            pc++;
            break;
        case OP_RUN:
            if (!take_run(r, pc, &at, kept)) {
                return;
            }
            pc++;
            break;
        case OP_SPLIT:
            if (is_vain(r, inst->set, at)) {
                pc = inst->other;
                break;
            }
            if (!is_vain(r, inst->min, at)) {
                push(r, inst->other, at, at, kept);
            }
            pc = inst->to;
            break;
        case OP_JUMP:
            pc = inst->to;
            break;
        case OP_WORD_EDGE:
            if (!is_edge(r, at)) {
                return;
            }
            pc++;
            break;
        case OP_KEEP:
            kept = at;
            pc++;
            break;
        case OP_MATCH:
            if (!r->has_best || at > r->best) {
                r->has_best = true;
                r->best = at;
                r->best_kept = kept;
            }
            return;
        }
    }
}

/* Is there a byte at `at`? Notes when only the stream's end says no. */
static bool wants_byte(struct run *r, size_t at)
{
    if (at < r->end) {
        return true;
    }
    if (at == r->in->len && !r->in->is_final) {
        r->wants_more = true;
    } else if (at < r->in->len) {
        r->in->is_cut = true;
    }
    return false;
}

/* The next byte is known, and not one that this way begins with. */
static bool is_vain(const struct run *r, uint16_t set, size_t at)
{
    return set != PATTERN_ANY && at < r->end &&
           !byte_set_has(&r->p->sets[set], (unsigned char)r->in->text[at]);
}

static bool take_run(struct run *r, size_t pc, size_t *at, size_t kept)
{
    const struct pattern_inst *inst = &r->p->insts[pc];
    const struct byte_set *set = &r->p->sets[inst->set];
    size_t most = *at;
    size_t count = 0;
    while (count < inst->max && wants_byte(r, most) &&
           byte_set_has(set, (unsigned char)r->in->text[most])) {
        most++;
        count++;
        if (inst->max == UINT16_MAX && count == UINT16_MAX - 1) {
            break;
        }
    }
    r->steps += (unsigned)count / 16;
    if (count < inst->min) {
        return false;
    }
    if (!inst->is_possessive && count > inst->min) {
        push(r, pc + 1, most - 1, *at + inst->min, kept);
    }
    *at = most;
    return true;
}

static bool is_edge(struct run *r, size_t at)
{
    if (at == r->in->len && !r->in->is_final) {
        r->wants_more = true;
        return false;
    }
    bool before = at > 0 && is_word_byte((unsigned char)r->in->text[at - 1]);
    bool after = at < r->in->len && is_word_byte((unsigned char)r->in->text[at]);
    return before != after;
}

static void push(struct run *r, size_t pc, size_t most, size_t least, size_t kept)
{
    if (r->top == STACK_MAX) {
        r->is_exhausted = true;
        return;
    }
    r->stack[r->top++] = (struct mark){.pc = (uint16_t)pc,
                                       .most = (uint32_t)(most - r->from),
                                       .least = (uint32_t)(least - r->from),
                                       .kept = (uint32_t)(kept - r->from)};
}
