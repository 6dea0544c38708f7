/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine: all rows of the tables compiled, with what decides quickly that a
 * row cannot begin here: for each of the first four offsets and each byte the rows
 * that allow it, and the shortest run of word bytes each row begins with. Immutable
 * after scan_engine_new; its arena holds everything.
 */
#include "scan_private.h"
#include <stdlib.h>

#define ENGINE_BYTES_MAX (8U << 20)
#define SLOTS 4096U /* twice the words, so that looking one up is short */
#define WIDTH_USUAL 96U

static enum err compile_rows(struct scan_engine *e);
static void note_prefix(struct scan_engine *e, size_t index);
static unsigned run_min(const struct pattern *p, size_t pc, bool is_token, unsigned depth);
static bool is_run_set(const struct byte_set *s, bool is_token);

size_t scan_detectors_count(void)
{
    return detectors_core_count + detectors_national_count + detectors_world_count +
           detectors_secret_count + detectors_token_count + detectors_near_count +
           detectors_injection_count;
}

const struct detector *detector_at(size_t index)
{
    const struct detector_table tables[] = {
        {detectors_core, detectors_core_count},
        {detectors_national, detectors_national_count},
        {detectors_world, detectors_world_count},
        {detectors_secret, detectors_secret_count},
        {detectors_token, detectors_token_count},
        {detectors_near, detectors_near_count},
        {detectors_injection, detectors_injection_count},
    };
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (index < tables[i].count) {
            return &tables[i].rows[index];
        }
        index -= tables[i].count;
    }
    return NULL;
}

struct scan_detector_info scan_detector_info(size_t index)
{
    const struct detector *d = detector_at(index);
    ASSERT(d != NULL);
    return (struct scan_detector_info){.name = d->name,
                                       .type = d->type != NULL ? d->type : d->name,
                                       .context = d->context,
                                       .class_name = class_names[d->class],
                                       .class = d->class,
                                       .tier = d->tier,
                                       .has_check = d->check != NULL,
                                       .is_default = (d->flags & D_OFF) == 0};
}

enum err scan_engine_new(struct scan_engine **ret_engine)
{
    *ret_engine = NULL;
    ASSERT(scan_detectors_count() <= SCAN_DETECTORS_MAX);
    struct scan_engine *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return ERR_MEMORY;
    }
    arena_init(&e->arena, ENGINE_BYTES_MAX);
    e->is_wide = cpu_has_avx2();
    e->rows_count = scan_detectors_count();
    e->rows = ARENA_ARRAY(&e->arena, e->rows_count, struct row);
    e->slots_count = SLOTS;
    e->slots = ARENA_ARRAY(&e->arena, SLOTS, struct context_slot);
    e->phrases = ARENA_ARRAY(&e->arena, CONTEXT_PHRASES, struct phrase);
    e->lists = ARENA_ARRAY(&e->arena, CONTEXT_LISTS, const char *);
    bool is_full = e->rows == NULL || e->slots == NULL || e->phrases == NULL || e->lists == NULL;
    if (is_full || compile_rows(e) != ERR_OK || topic_table_new(&e->arena, &e->topics) != ERR_OK) {
        scan_engine_free(e);
        return ERR_MEMORY;
    }
    struct scan_spec spec = {.terms_count = 0};
    struct issue issue;
    enum err err = scan_types_add(&spec.types, STR("injection_phrases"), &issue);
    err = err == ERR_OK ? scan_set_new(e, &spec, &e->injection, &issue) : err;
    if (err != ERR_OK) {
        scan_engine_free(e);
        return err;
    }
    *ret_engine = e;
    return ERR_OK;
}

void scan_engine_free(struct scan_engine *engine)
{
    if (engine != NULL) {
        scan_set_free(engine->injection);
        arena_fini(&engine->arena);
        free(engine);
    }
}

static enum err compile_rows(struct scan_engine *e)
{
    for (size_t i = 0; i < e->rows_count; i++) {
        const struct detector *d = detector_at(i);
        struct row *row = &e->rows[i];
        e->detectors[i] = d;
        struct issue issue;
        enum err err = pattern_compile(&e->arena, str_from(d->pattern), (d->flags & D_NOCASE) != 0,
                                       NULL, &row->pattern, &issue);
        ASSERT(err == ERR_OK || err == ERR_MEMORY); /* the tables are ours */
        TRY(err);
        row->width = d->width != 0 ? d->width : WIDTH_USUAL;
        size_t widest = row->pattern.width_max; /* a closed pattern says itself how wide it is */
        if (d->width == 0 && widest != SIZE_MAX && widest > WIDTH_USUAL && widest < 600) {
            row->width = widest;
        }
        if (d->context != NULL) {
            TRY(context_add(e, d->context, &row->context));
        }
        if ((d->flags & D_AT) != 0) {
            e->at_rows[i / 64] |= UINT64_C(1) << (i % 64);
        }
        note_prefix(e, i);
    }
    return ERR_OK;
}

static void note_prefix(struct scan_engine *e, size_t index)
{
    const struct pattern *p = &e->rows[index].pattern;
    uint64_t bit = UINT64_C(1) << (index % 64);
    for (unsigned k = 0; k < PATTERN_PREFIX; k++) {
        for (unsigned c = 0; c < 256; c++) {
            if (byte_set_has(&p->prefix[k], (unsigned char)c)) {
                e->prefix[k][c][index / 64] |= bit;
            }
        }
    }
    for (unsigned is_token = 0; is_token < 2; is_token++) {
        unsigned run = run_min(p, 0, is_token != 0, 0);
        e->rows[index].run = (uint16_t)run;
        for (unsigned n = run; n < RUNS_MAX; n++) {
            e->by_run[is_token][n][index / 64] |= bit;
        }
        if (run >= RUNS_MAX) {
            e->by_run[is_token][RUNS_MAX - 1][index / 64] |= bit;
        }
    }
}

/* Fewest word (token) bytes that every match begins with. */
static unsigned run_min(const struct pattern *p, size_t pc, bool is_token, unsigned depth)
{
    unsigned run = 0;
    while (depth < 24) {
        const struct pattern_inst *inst = &p->insts[pc];
        if (inst->op == OP_SPLIT) {
            unsigned a = run_min(p, inst->to, is_token, depth + 1);
            unsigned b = run_min(p, inst->other, is_token, depth + 1);
            return run + (a < b ? a : b);
        }
        if (inst->op == OP_JUMP) {
            if (inst->to <= pc) {
                return run;
            }
            pc = inst->to;
            continue;
        }
        if ((inst->op != OP_SET && inst->op != OP_RUN) ||
            !is_run_set(&p->sets[inst->set], is_token)) {
            return run;
        }
        run += inst->op == OP_SET ? 1 : inst->min;
        if (inst->op == OP_RUN && inst->min == 0 && inst->max > 0) {
            pc++;
            depth++;
            continue;
        }
        pc++;
        depth += run > RUNS_MAX ? 24 : 0;
    }
    return run;
}

static bool is_run_set(const struct byte_set *s, bool is_token)
{
    for (unsigned c = 0; c < 256; c++) {
        bool is_in = is_token ? is_token_byte((unsigned char)c) : is_word_byte((unsigned char)c);
        if (byte_set_has(s, (unsigned char)c) && !is_in) {
            return false;
        }
    }
    return true;
}
