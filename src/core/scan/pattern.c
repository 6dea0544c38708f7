/* SPDX-License-Identifier: Apache-2.0
 *
 * From tree to programs. The quick one has a repeat of a class as one instruction; the
 * plain one, made for what strangers write, has every repeat written out, so that it can
 * be run in a time that is linear in the text (match_linear.c). Neither has counters: a
 * limit on instructions is a limit on everything.
 */
#include "pattern_tree.h"

struct emitter {
    struct parser *parser;
    struct pattern *out;
    size_t capacity;
    bool is_plain;
};

#define SCRATCH_BYTES_MAX (8U << 20)

static enum err compile(struct arena *a, struct parser *p, struct pattern *ret);
static enum err keep(struct arena *a, struct pattern *p);
static enum err program_of(struct parser *p, const struct node *root, bool is_plain,
                           struct pattern *out);
static enum err emit(struct emitter *e, const struct node *n);
static enum err emit_inst(struct emitter *e, struct pattern_inst inst);
static enum err emit_set(struct emitter *e, const struct node *n);
static enum err emit_alt(struct emitter *e, const struct node *n);
static enum err emit_repeat(struct emitter *e, const struct node *n);
static enum err emit_run(struct emitter *e, const struct node *n);
static enum err emit_loop(struct emitter *e, const struct node *body);
static enum err emit_optional(struct emitter *e, const struct node *body, unsigned count);

enum err pattern_compile(struct arena *a, struct str source, bool is_nocase,
                         const struct pattern_limits *limits, struct pattern *ret,
                         struct issue *issue)
{
    struct arena scratch; /* the tree, and programs before their size is known */
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    memset(ret, 0, sizeof(*ret));
    struct parser p = {.a = &scratch, .s = source, .is_nocase = is_nocase, .issue = issue};
    p.limits = limits != NULL ? *limits : (struct pattern_limits){0};
    enum err err = compile(a, &p, ret);
    arena_fini(&scratch);
    return err;
}

static enum err compile(struct arena *a, struct parser *p, struct pattern *ret)
{
    struct node *root;
    TRY(parse_pattern(p, &root));
    node_width(root, &ret->width_min, &ret->width_max);
    if (ret->width_min == 0) {
        return parse_fail(p, ERR_INVALID, "the expression matches the empty text");
    }
    if (p->limits.width_max > 0 && ret->width_min > p->limits.width_max) {
        return parse_fail(p, ERR_LIMIT, "the expression matches nothing short enough");
    }
    TRY(program_of(p, root, false, ret));
    pattern_analyse(ret);
    TRY(keep(a, ret));
    if (p->limits.is_linear) {
        ret->plain = ARENA_NEW(a, struct pattern);
        if (ret->plain == NULL) {
            return ERR_MEMORY;
        }
        TRY(program_of(p, root, true, ret->plain));
        TRY(keep(a, ret->plain));
    }
    struct pattern_factors found;
    TRY(node_factors(p->a, root, &found));
    struct str *items = ARENA_ARRAY(a, found.count, struct str);
    for (size_t i = 0; i < found.count && items != NULL; i++) {
        items[i] = arena_str(a, found.items[i]);
        items = items[i].ptr != NULL ? items : NULL;
    }
    ret->factors = found;
    ret->factors.items = items;
    return items != NULL ? ERR_OK : ERR_MEMORY;
}

/* A copy of just the size in the arena that lasts. */
static enum err keep(struct arena *a, struct pattern *p)
{
    struct pattern_inst *insts = ARENA_ARRAY(a, p->insts_count, struct pattern_inst);
    struct byte_set *sets = ARENA_ARRAY(a, p->sets_count, struct byte_set);
    if (insts == NULL || sets == NULL) {
        return ERR_MEMORY;
    }
    memcpy(insts, p->insts, p->insts_count * sizeof(*insts));
    memcpy(sets, p->sets, p->sets_count * sizeof(*sets));
    p->insts = insts;
    p->sets = sets;
    return ERR_OK;
}

static enum err program_of(struct parser *p, const struct node *root, bool is_plain,
                           struct pattern *out)
{
    struct emitter e = {.parser = p, .out = out, .capacity = 64, .is_plain = is_plain};
    out->sets = ARENA_ARRAY(p->a, 256, struct byte_set);
    out->insts = ARENA_ARRAY(p->a, e.capacity, struct pattern_inst);
    if (out->sets == NULL || out->insts == NULL) {
        return ERR_MEMORY;
    }
    TRY(emit(&e, root));
    return emit_inst(&e, (struct pattern_inst){.op = OP_MATCH});
}

static enum err emit_inst(struct emitter *e, struct pattern_inst inst)
{
    struct pattern *out = e->out;
    size_t most = e->is_plain ? PATTERN_PLAIN_MAX : PATTERN_INSTS_MAX;
    if (out->insts_count == most) {
        return parse_fail(e->parser, ERR_LIMIT,
                          "the expression is too large when its repeats are written out");
    }
    if (out->insts_count == e->capacity) {
        size_t old = e->capacity * sizeof(inst);
        out->insts = arena_resize(e->parser->a, out->insts, old, 2 * old);
        if (out->insts == NULL) {
            return ERR_MEMORY;
        }
        e->capacity *= 2;
    }
    out->insts[out->insts_count++] = inst;
    return ERR_OK;
}

static enum err emit(struct emitter *e, const struct node *n)
{
    switch (n->kind) {
    case NODE_EMPTY:
        return ERR_OK;
    case NODE_SET:
        return emit_set(e, n);
    case NODE_EDGE:
        return emit_inst(e, (struct pattern_inst){.op = OP_WORD_EDGE});
    case NODE_KEEP:
        return emit_inst(e, (struct pattern_inst){.op = OP_KEEP});
    case NODE_CAT:
        TRY(emit(e, n->left));
        return emit(e, n->right);
    case NODE_ALT:
        return emit_alt(e, n);
    case NODE_REPEAT:
        return emit_repeat(e, n);
    }
    return ERR_INTERNAL;
}

static enum err emit_set(struct emitter *e, const struct node *n)
{
    struct pattern_inst inst = {.op = OP_SET, .set = pattern_set_index(e->out, &n->set)};
    if (inst.set == UINT16_MAX) {
        return parse_fail(e->parser, ERR_LIMIT, "the expression has too many classes");
    }
    return emit_inst(e, inst);
}

static enum err emit_alt(struct emitter *e, const struct node *n)
{
    size_t split = e->out->insts_count;
    TRY(emit_inst(e, (struct pattern_inst){.op = OP_SPLIT, .to = (uint16_t)(split + 1)}));
    TRY(emit(e, n->left));
    size_t jump = e->out->insts_count;
    TRY(emit_inst(e, (struct pattern_inst){.op = OP_JUMP}));
    e->out->insts[split].other = (uint16_t)e->out->insts_count;
    TRY(emit(e, n->right));
    e->out->insts[jump].to = (uint16_t)e->out->insts_count;
    return ERR_OK;
}

static enum err emit_repeat(struct emitter *e, const struct node *n)
{
    if (n->left->kind == NODE_SET && !e->is_plain) {
        return emit_run(e, n);
    }
    size_t min;
    size_t max;
    node_width(n->left, &min, &max);
    if (min == 0 && n->max > 1) {
        return parse_fail(e->parser, ERR_UNSUPPORTED,
                          "a repeated group must not match the empty text");
    }
    for (unsigned i = 0; i < n->min; i++) {
        TRY(emit(e, n->left));
    }
    if (n->max == OPEN) {
        return emit_loop(e, n->left);
    }
    return emit_optional(e, n->left, n->max - n->min);
}

static enum err emit_run(struct emitter *e, const struct node *n)
{
    struct pattern_inst run = {.op = OP_RUN, .set = pattern_set_index(e->out, &n->left->set)};
    run.min = (uint16_t)n->min;
    run.max = n->max == OPEN ? UINT16_MAX : (uint16_t)n->max;
    if (run.set == UINT16_MAX) {
        return parse_fail(e->parser, ERR_LIMIT, "the expression has too many classes");
    }
    return emit_inst(e, run);
}

static enum err emit_loop(struct emitter *e, const struct node *body)
{
    size_t split = e->out->insts_count;
    TRY(emit_inst(e, (struct pattern_inst){.op = OP_SPLIT, .to = (uint16_t)(split + 1)}));
    TRY(emit(e, body));
    TRY(emit_inst(e, (struct pattern_inst){.op = OP_JUMP, .to = (uint16_t)split}));
    e->out->insts[split].other = (uint16_t)e->out->insts_count;
    return ERR_OK;
}

/* (body(body(body)?)?)?: once one is left out, so are the rest. */
static enum err emit_optional(struct emitter *e, const struct node *body, unsigned count)
{
    size_t first = e->out->insts_count;
    for (unsigned i = 0; i < count; i++) {
        size_t split = e->out->insts_count;
        TRY(emit_inst(e, (struct pattern_inst){.op = OP_SPLIT, .to = (uint16_t)(split + 1)}));
        TRY(emit(e, body));
        e->out->insts[split].other = UINT16_MAX; /* patched below */
    }
    for (size_t i = first; i < e->out->insts_count; i++) {
        struct pattern_inst *inst = &e->out->insts[i];
        if (inst->op == OP_SPLIT && inst->other == UINT16_MAX) {
            inst->other = (uint16_t)e->out->insts_count;
        }
    }
    return ERR_OK;
}
