/* SPDX-License-Identifier: Apache-2.0
 *
 * What is worked out about a program once it is written: which runs never need to give
 * back, which way at a fork is in vain for the next byte, and what the first bytes of a
 * match can be. All of it only saves time; matching is the same without. Pure.
 */
#include "pattern.h"

static void mark_possessive(struct pattern *p);
static bool is_disjoint_after(const struct pattern *p, size_t pc, const struct byte_set *s,
                              unsigned depth);
static void prefix_walk(struct pattern *p, size_t pc, unsigned offset, unsigned depth);
static void mark_splits(struct pattern *p);
static bool first_set(const struct pattern *p, size_t pc, struct byte_set *ret, unsigned depth);

void pattern_analyse(struct pattern *p)
{
    mark_possessive(p);
    prefix_walk(p, 0, 0, 0);
    mark_splits(p);
}

uint16_t pattern_set_index(struct pattern *out, const struct byte_set *s)
{
    for (size_t i = 0; i < out->sets_count; i++) {
        if (memcmp(&out->sets[i], s, sizeof(*s)) == 0) {
            return (uint16_t)i;
        }
    }
    if (out->sets_count == 256) {
        return UINT16_MAX;
    }
    out->sets[out->sets_count] = *s;
    return (uint16_t)out->sets_count++;
}

/* A run need not give back when nothing that may follow begins with one of its bytes. */
static void mark_possessive(struct pattern *p)
{
    for (size_t i = 0; i < p->insts_count; i++) {
        struct pattern_inst *inst = &p->insts[i];
        if (inst->op == OP_RUN && inst->max > inst->min) {
            inst->is_possessive = is_disjoint_after(p, i + 1, &p->sets[inst->set], 0);
        }
    }
}

static bool is_disjoint_after(const struct pattern *p, size_t pc, const struct byte_set *s,
                              unsigned depth)
{
    if (depth > 40) {
        return false;
    }
    const struct pattern_inst *inst = &p->insts[pc];
    switch ((enum pattern_op)inst->op) {
    case OP_MATCH:
        return true; /* only the longest counts */
    case OP_JUMP:
        return is_disjoint_after(p, inst->to, s, depth + 1);
    case OP_SPLIT:
        return is_disjoint_after(p, inst->to, s, depth + 1) &&
               is_disjoint_after(p, inst->other, s, depth + 1);
    case OP_KEEP:
        return is_disjoint_after(p, pc + 1, s, depth + 1);
    case OP_WORD_EDGE:
        return false;
    case OP_SET:
    case OP_RUN:
        for (unsigned i = 0; i < 4; i++) {
            if ((p->sets[inst->set].bits[i] & s->bits[i]) != 0) {
                return false;
            }
        }
        return inst->op == OP_SET || inst->min > 0 || is_disjoint_after(p, pc + 1, s, depth + 1);
    }
    return false;
}

/* Depth-first over all ways through the first bytes; programs are small there. */
static void prefix_walk(struct pattern *p, size_t pc, unsigned offset, unsigned depth)
{
    if (offset >= PATTERN_PREFIX) {
        return;
    }
    const struct pattern_inst *inst = &p->insts[pc];
    if (inst->op == OP_MATCH || depth > 64) {
        for (; offset < PATTERN_PREFIX; offset++) {
            memset(&p->prefix[offset], 0xff, sizeof(p->prefix[offset]));
        }
        return;
    }
    if (inst->op == OP_JUMP || inst->op == OP_SPLIT) {
        prefix_walk(p, inst->to, offset, depth + 1);
        if (inst->op == OP_SPLIT) {
            prefix_walk(p, inst->other, offset, depth + 1);
        }
        return;
    }
    if (inst->op == OP_WORD_EDGE || inst->op == OP_KEEP) {
        prefix_walk(p, pc + 1, offset, depth + 1);
        return;
    }
    unsigned min = inst->op == OP_RUN ? inst->min : 1;
    unsigned max = inst->op == OP_RUN ? inst->max : 1;
    for (unsigned n = 0; n <= max && offset + n <= PATTERN_PREFIX; n++) {
        if (n >= min) {
            prefix_walk(p, pc + 1, offset + n, depth + 1);
        }
        if (n < max && offset + n < PATTERN_PREFIX) {
            for (unsigned i = 0; i < 4; i++) {
                p->prefix[offset + n].bits[i] |= p->sets[inst->set].bits[i];
            }
        }
    }
}

/* At a fork, the next byte often says at once which way is in vain. */
static void mark_splits(struct pattern *p)
{
    for (size_t i = 0; i < p->insts_count; i++) {
        struct pattern_inst *inst = &p->insts[i];
        if (inst->op == OP_SPLIT) {
            struct byte_set first = {{0}};
            struct byte_set second = {{0}};
            inst->set =
                first_set(p, inst->to, &first, 0) ? pattern_set_index(p, &first) : PATTERN_ANY;
            inst->min =
                first_set(p, inst->other, &second, 0) ? pattern_set_index(p, &second) : PATTERN_ANY;
        }
    }
}

/* Bytes that the way from `pc` can begin with; false when it may match without one. */
static bool first_set(const struct pattern *p, size_t pc, struct byte_set *ret, unsigned depth)
{
    const struct pattern_inst *inst = &p->insts[pc];
    if (depth > 40) {
        return false;
    }
    switch ((enum pattern_op)inst->op) {
    case OP_SET:
    case OP_RUN:
        for (unsigned i = 0; i < 4; i++) {
            ret->bits[i] |= p->sets[inst->set].bits[i];
        }
        return inst->op == OP_SET || inst->min > 0 || first_set(p, pc + 1, ret, depth + 1);
    case OP_SPLIT:
        return first_set(p, inst->to, ret, depth + 1) && first_set(p, inst->other, ret, depth + 1);
    case OP_JUMP:
        return first_set(p, inst->to, ret, depth + 1);
    case OP_KEEP:
        return first_set(p, pc + 1, ret, depth + 1);
    case OP_WORD_EDGE:
    case OP_MATCH:
        break;
    }
    return false;
}
