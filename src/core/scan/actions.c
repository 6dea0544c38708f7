/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions: mask, redact, hash, pseudonym (C-12). A region is written by its leader, the
 * finding with the strictest action. Values go into a keyed hash and into the output only;
 * nothing of them is kept except that hash, by which the same value gets the same number.
 */
#include "actions.h"
#include "tokens.h"

#define LAST_KEPT 4U
#define KEEP_MIN 8U /* shorter values are masked whole */
#define FORMAT_BYTES_MAX 200U

/* One replacement while it is written. */
struct writing {
    const struct scan_finding *finding;
    const char *type;
    struct scan_keys *keys;
    struct str value;
    bool is_joined; /* the value is more than one finding: nothing of it may be shown */
};

static const char *type_of(const struct scan_plan *plan, const struct scan_finding *f);
static unsigned strictness(enum scan_action_kind kind);
static void write_upper(struct buf *out, const char *name);
static void write_mask(const struct writing *w, struct buf *out);
static void write_mask_email(struct str value, struct buf *out);
static void write_safe(struct str text, char instead, struct buf *out);
static void write_format(const struct writing *w, struct str format, struct buf *out);
static size_t write_part(const struct writing *w, struct str rest, struct buf *out);
static void write_hash(struct scan_keys *keys, struct str value, size_t digits, struct buf *out);
static void write_last(struct str value, struct buf *out);
static unsigned number_of(struct scan_keys *keys, const char *type, struct str value);
static bool is_safe(unsigned char c);

void scan_plan_init(struct scan_plan *plan, const struct scan_action *actions, size_t count)
{
    memset(plan, 0, sizeof(*plan));
    plan->actions = actions;
    plan->actions_count = count;
    plan->score_min = 600;
    memset(plan->of_detector, SCAN_PLAN_NONE, sizeof(plan->of_detector));
}

void scan_plan_set(struct scan_plan *plan, const struct scan_types *types, uint8_t action)
{
    for (size_t i = 0; i < SCAN_DETECTORS_MAX; i++) {
        if (scan_types_has(types, i)) {
            plan->of_detector[i] = action;
        }
    }
}

uint8_t plan_index(const struct scan_plan *plan, const struct scan_finding *items, size_t count,
                   size_t at)
{
    const struct scan_finding *f = &items[at];
    if (plan->of_finding != NULL) {
        return plan->of_finding(plan->context, items, count, at);
    }
    if (f->kind == SCAN_TERM) {
        return plan->of_term != NULL ? plan->of_term(plan->context, f->id) : SCAN_PLAN_NONE;
    }
    return f->score >= plan->score_min ? plan->of_detector[f->id] : SCAN_PLAN_NONE;
}

/* 0 = the text stays as it is. */
static unsigned strictness(enum scan_action_kind kind)
{
    static const unsigned ranks[] = {
        [SCAN_KEEP] = 0, [SCAN_MASK] = 1,   [SCAN_PSEUDONYM] = 2,
        [SCAN_HASH] = 3, [SCAN_REDACT] = 4, [SCAN_BLOCK] = 5,
    };
    return ranks[kind];
}

bool region_next(const struct scan_plan *plan, const struct scan_finding *findings, size_t count,
                 size_t *at, struct region *ret)
{
    bool is_open = false;
    for (; *at < count; (*at)++) {
        const struct scan_finding *f = &findings[*at];
        if (is_open && f->start >= ret->end) {
            break;
        }
        uint8_t index = plan_index(plan, findings, count, *at);
        const struct scan_action *action =
            index < plan->actions_count ? &plan->actions[index] : NULL;
        if (action == NULL || strictness(action->kind) == 0) {
            continue;
        }
        if (!is_open) {
            *ret = (struct region){
                .start = f->start, .end = f->end, .leader = f, .action = action};
            is_open = true;
        }
        bool is_same = (f->start == ret->leader->start && f->end == ret->leader->end) ||
                       strcmp(type_of(plan, f), type_of(plan, ret->leader)) == 0;
        ret->is_joined = ret->is_joined || !is_same;
        if (strictness(action->kind) > strictness(ret->action->kind)) {
            ret->leader = f;
            ret->action = action;
        }
        ret->end = f->end > ret->end ? f->end : ret->end;
        if (action->kind == SCAN_BLOCK && !ret->has_block) {
            ret->has_block = true;
            ret->block_start = f->start;
        }
    }
    return is_open;
}

static const char *type_of(const struct scan_plan *plan, const struct scan_finding *f)
{
    if (f->kind == SCAN_TERM) {
        return plan->name_of_term != NULL ? plan->name_of_term(plan->context, f->id) : "term";
    }
    const struct detector *d = detector_at(f->id);
    return d->type != NULL ? d->type : d->name;
}

void region_write(const struct scan_plan *plan, struct scan_keys *keys, const struct region *r,
                  struct str value, struct buf *out)
{
    const struct scan_action *action = r->action;
    const struct writing w = {r->leader, type_of(plan, r->leader), keys, value,
                              r->is_joined || r->leader->start != r->start ||
                                  r->leader->end != r->end};
    switch (action->kind) {
    case SCAN_MASK:
        write_mask(&w, out);
        break;
    case SCAN_HASH:
        buf_add_byte(out, '[');
        write_upper(out, w.type);
        buf_add_byte(out, ':');
        write_hash(keys, value, 16, out);
        buf_add_byte(out, ']');
        break;
    case SCAN_PSEUDONYM:
        token_write(keys, w.type, value, out);
        break;
    case SCAN_KEEP:
    case SCAN_BLOCK:
    case SCAN_REDACT:
        write_format(&w, action->format.len > 0 ? action->format : STR("[REDACTED]"), out);
        break;
    }
}

static void write_upper(struct buf *out, const char *name)
{
    for (; *name != '\0'; name++) {
        buf_add_byte(out, *name >= 'a' && *name <= 'z' ? (char)(*name - 32) : *name);
    }
}

/* Letters and digits become stars, one for each code point; marks stay. */
static void write_mask(const struct writing *w, struct buf *out)
{
    const struct scan_finding *f = w->finding;
    struct str value = w->value;
    if (w->is_joined || f->kind == SCAN_TERM || (detector_at(f->id)->flags & D_QUIET) != 0) {
        buf_add(out, STR("********"));
        return;
    }
    const struct detector *d = detector_at(f->id);
    if (str_eq(str_from(d->type != NULL ? d->type : d->name), STR("email"))) {
        write_mask_email(value, out);
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        count += is_word_byte(c) || (c >= 0x80 && (c & 0xc0) != 0x80);
    }
    size_t hidden = count >= KEEP_MIN ? count - LAST_KEPT : count;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool is_lead = is_word_byte(c) || (c >= 0x80 && (c & 0xc0) != 0x80);
        bool is_rest = c >= 0x80 && !is_lead;
        if (is_lead && hidden > 0) {
            buf_add_byte(out, '*');
            hidden--;
        } else if (!is_rest || hidden == 0) {
            buf_add_byte(out, is_safe(c) ? (char)c : '*');
        }
    }
}

/* May stand in a JSON string as it is. */
static bool is_safe(unsigned char c)
{
    return c >= ' ' && c != '"' && c != '\\' && c != 0x7f;
}

/* j***@example.com */
static void write_mask_email(struct str value, struct buf *out)
{
    ptrdiff_t at = str_find(value, '@');
    if (at < 1 || (unsigned char)value.ptr[0] >= 0x80) {
        buf_add(out, STR("***"));
        return;
    }
    write_safe(str_sub(value, 0, 1), '*', out);
    buf_add(out, STR("***"));
    write_safe(str_sub(value, (size_t)at, value.len), '*', out);
}

static void write_safe(struct str text, char instead, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        buf_add_byte(out, is_safe((unsigned char)c) ? c : instead);
    }
}

static void write_format(const struct writing *w, struct str format, struct buf *out)
{
    for (size_t i = 0; i < format.len;) {
        size_t used = write_part(w, str_sub(format, i, format.len), out);
        if (used == 0) {
            write_safe(str_sub(format, i, i + 1), '_', out); /* scan_format_check was not asked */
            used = 1;
        }
        i += used;
    }
}

/* Bytes of the placeholder that `rest` begins with, written; 0 = none. */
static size_t write_part(const struct writing *w, struct str rest, struct buf *out)
{
    if (str_starts(rest, STR("{TYPE}"))) {
        write_upper(out, w->type);
        return 6;
    }
    if (str_starts(rest, STR("{N}"))) {
        buf_printf(out, "%u", number_of(w->keys, w->type, w->value));
        return 3;
    }
    if (str_starts(rest, STR("{LAST4}"))) {
        const struct scan_finding *f = w->finding;
        if (f->kind == SCAN_ENTITY && !w->is_joined && (detector_at(f->id)->flags & D_QUIET) == 0) {
            write_last(w->value, out);
        }
        return 7;
    }
    if (str_starts(rest, STR("{HASH8}"))) {
        write_hash(w->keys, w->value, 8, out);
        return 7;
    }
    return 0;
}

static void write_last(struct str value, struct buf *out)
{
    char last[LAST_KEPT];
    size_t n = 0;
    size_t all = 0;
    for (size_t i = value.len; i-- > 0;) {
        if (is_word_byte((unsigned char)value.ptr[i])) {
            all++;
            if (n < LAST_KEPT) {
                last[LAST_KEPT - ++n] = value.ptr[i];
            }
        }
    }
    if (all >= KEEP_MIN) {
        buf_add(out, (struct str){last, LAST_KEPT});
    }
}

static void write_hash(struct scan_keys *keys, struct str value, size_t digits, struct buf *out)
{
    struct sha256 h = hmac_sha256(keys->hash_key, value);
    char hex[64];
    hex_of(h.bytes, 32, hex);
    buf_add(out, (struct str){hex, digits});
}

/* 1, 2, 3 ... for each type, in the order of appearance; 0 when there are too many. */
static unsigned number_of(struct scan_keys *keys, const char *type, struct str value)
{
    struct sha256 h = hmac_sha256(keys->hash_key, value);
    uint64_t name;
    memcpy(&name, h.bytes, sizeof(name));
    unsigned number = 1;
    for (size_t i = 0; i < keys->names_count; i++) {
        if (strcmp(keys->types[i], type) == 0) {
            if (keys->names[i] == name) {
                return keys->numbers[i];
            }
            number++;
        }
    }
    if (keys->names_count == SCAN_NAMES_MAX) {
        return 0;
    }
    keys->names[keys->names_count] = name;
    keys->types[keys->names_count] = type;
    keys->numbers[keys->names_count++] = (uint16_t)number;
    return number;
}

enum err scan_edits_of(const struct scan_plan *plan, struct scan_keys *keys, struct str text,
                       struct scan_findings *findings, struct arena *arena,
                       struct scan_edits *ret_edits)
{
    findings_sort(findings);
    ret_edits->count = 0;
    ret_edits->items = ARENA_ARRAY(arena, findings->count, struct scan_edit);
    struct buf out;
    buf_init(&out, 64U << 10);
    size_t at = 0;
    struct region r;
    enum err err = ret_edits->items != NULL ? ERR_OK : ERR_MEMORY;
    while (err == ERR_OK && region_next(plan, findings->items, findings->count, &at, &r)) {
        buf_clear(&out);
        region_write(plan, keys, &r, str_sub(text, r.start, r.end), &out);
        struct str kept = out.err == ERR_OK ? arena_str(arena, buf_str(&out)) : STR_NONE;
        err = kept.ptr != NULL ? ERR_OK : ERR_MEMORY;
        ret_edits->items[ret_edits->count++] = (struct scan_edit){r.start, r.end, kept};
    }
    buf_fini(&out);
    return err;
}

enum err scan_rewrite(const struct scan_plan *plan, struct scan_keys *keys, struct str text,
                      struct scan_findings *findings, struct buf *out)
{
    findings_sort(findings);
    size_t at = 0;
    size_t given = 0;
    struct region r;
    while (region_next(plan, findings->items, findings->count, &at, &r)) {
        buf_add(out, str_sub(text, given, r.start));
        region_write(plan, keys, &r, str_sub(text, r.start, r.end), out);
        given = r.end;
    }
    buf_add(out, str_sub(text, given, text.len));
    return out->err;
}

enum err scan_format_check(struct str format, struct issue *issue)
{
    bool is_clean = format.len <= FORMAT_BYTES_MAX && str_is_utf8(format);
    for (size_t i = 0; i < format.len && is_clean; i++) {
        is_clean = is_safe((unsigned char)format.ptr[i]);
    }
    if (!is_clean) {
        issue_set(issue, "",
                  "a format is at most %u bytes of UTF-8 without quotes, backslashes and control "
                  "characters: it is written inside of JSON strings",
                  FORMAT_BYTES_MAX);
    }
    return is_clean ? ERR_OK : ERR_INVALID;
}
