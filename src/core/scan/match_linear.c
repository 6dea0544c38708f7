/* SPDX-License-Identifier: Apache-2.0
 *
 * The same answer as match.c's, by following all ways through a plain program at once:
 * for each byte the list of places in the program that are reached, best way first. It
 * costs at most the width times the instructions, whatever expression and text are; the
 * backtracking of match.c is quicker for ordinary ones. Reentrant, no allocation.
 */
#include "pattern.h"

struct thread {
    uint16_t pc;
    uint32_t kept;
};

struct threads {
    struct thread items[PATTERN_PLAIN_MAX];
    unsigned count;
};

struct crowd {
    const struct pattern *p;
    const struct match_input *in;
    uint32_t seen[PATTERN_PLAIN_MAX]; /* the round in which an instruction was last reached */
    uint32_t round;
    struct threads lists[2];
    struct thread stack[PATTERN_PLAIN_MAX + 1];
    size_t steps, best, best_kept;
    bool has_best, wants_more;
};

static void reach(struct crowd *c, struct threads *to, struct thread first, size_t at);
static bool is_edge(struct crowd *c, size_t at);

enum match_result pattern_match_linear(const struct pattern *plain, struct match_input *in,
                                       size_t from, size_t width_max, size_t *ret_start,
                                       size_t *ret_end)
{
    struct crowd c;
    c.p = plain;
    c.in = in;
    c.round = 1;
    c.steps = 0;
    c.best = c.best_kept = from;
    c.has_best = c.wants_more = false;
    memset(c.seen, 0, plain->insts_count * sizeof(c.seen[0]));
    size_t end = width_max < in->len - from ? from + width_max : in->len;
    struct threads *now = &c.lists[0];
    struct threads *next = &c.lists[1];
    now->count = 0;
    reach(&c, now, (struct thread){0, (uint32_t)from}, from);
    for (size_t at = from; at < end && now->count > 0; at++) {
        unsigned char b = (unsigned char)in->text[at];
        next->count = 0;
        c.round++;
        for (unsigned i = 0; i < now->count; i++) {
            const struct pattern_inst *inst = &plain->insts[now->items[i].pc];
            c.steps++;
            if (byte_set_has(&plain->sets[inst->set], b)) {
                struct thread on = {(uint16_t)(now->items[i].pc + 1), now->items[i].kept};
                reach(&c, next, on, at + 1);
            }
        }
        struct threads *swap = now;
        now = next;
        next = swap;
    }
    in->steps += c.steps;
    in->is_cut = in->is_cut || (now->count > 0 && end < in->len);
    if (c.wants_more || (now->count > 0 && end == in->len && !in->is_final)) {
        return MATCH_MORE;
    }
    *ret_start = c.best_kept;
    *ret_end = c.best;
    return c.has_best ? MATCH_YES : MATCH_NO;
}

/* Adds what waits for a byte and can be reached from `first` without one, best way first. */
static void reach(struct crowd *c, struct threads *to, struct thread first, size_t at)
{
    unsigned top = 0; /* at most one more for each split that is reached */
    c->stack[top++] = first;
    while (top > 0) {
        struct thread t = c->stack[--top];
        const struct pattern_inst *inst = &c->p->insts[t.pc];
        if (c->seen[t.pc] == c->round) {
            continue;
        }
        c->seen[t.pc] = c->round;
        c->steps++;
        switch ((enum pattern_op)inst->op) {
        case OP_SET:
        case OP_RUN:
            to->items[to->count++] = t;
            break;
        case OP_SPLIT:
            c->stack[top++] = (struct thread){inst->other, t.kept};
            c->stack[top++] = (struct thread){inst->to, t.kept};
            break;
        case OP_JUMP:
            c->stack[top++] = (struct thread){inst->to, t.kept};
            break;
        case OP_WORD_EDGE:
            if (is_edge(c, at)) {
                c->stack[top++] = (struct thread){(uint16_t)(t.pc + 1), t.kept};
            }
            break;
        case OP_KEEP:
            c->stack[top++] = (struct thread){(uint16_t)(t.pc + 1), (uint32_t)at};
            break;
        case OP_MATCH:
            if (!c->has_best || at > c->best) {
                c->has_best = true;
                c->best = at;
                c->best_kept = t.kept;
            }
            break;
        }
    }
}

static bool is_edge(struct crowd *c, size_t at)
{
    if (at == c->in->len && !c->in->is_final) {
        c->wants_more = true;
        return false;
    }
    bool before = at > 0 && is_word_byte((unsigned char)c->in->text[at - 1]);
    bool after = at < c->in->len && is_word_byte((unsigned char)c->in->text[at]);
    return before != after;
}
