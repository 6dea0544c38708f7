/* SPDX-License-Identifier: Apache-2.0
 *
 * Stages. Look-alikes: each code point becomes what UTS #39 says it resembles. Markup:
 * tags, HTML comments and emphasis marks are taken out, so that "pass<b></b>word" reads
 * as it is shown. Decoded (decode.c): runs of base64, percent escapes and entities are
 * undone, twice over; a finding there covers the encoded run. All map to the text.
 * Layers: all of these one behind the other, so that what is hidden in several ways at once is
 * seen; as deep as LAYERS_MAX says, and that it is too deep is told.
 */
#include "stages.h"
#include "decode.h"

#include <utf8proc.h>

#define WINDOW_BYTES_MAX (512U << 20)
#define TAG_BYTES_MAX 512U
#define COMMENT_BYTES_MAX 16384U
#define BASE64_RUN_MIN 16U /* a power of two */
#define WORTH_ALL (SCAN_VIEW_SKELETON | SCAN_VIEW_MARKUP | SCAN_VIEW_DECODED)

static void set(struct scan_stages *s, const enum stage_kind *kinds, unsigned count,
                bool is_folded);
static size_t run_stage(struct stage *st, const struct view *in, size_t from, bool is_final,
                        struct window *out);
static size_t run_skeleton(struct stage *st, const struct view *in, size_t from, bool is_final,
                           struct window *out);
static size_t run_markup(struct stage *st, const struct view *in, size_t from, bool is_final,
                         struct window *out);
static bool is_mark(unsigned char c);
static size_t markup_length(struct str rest, bool is_final, size_t *next_close, bool *ret_wait);
static size_t comment_length(struct str rest, bool is_final, size_t *next_close, bool *ret_wait);
static unsigned worth_of(struct lanes_signs s, char before, size_t *run);

void stages_init(struct scan_stages *s)
{
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < STAGES_MAX; i++) {
        window_init(&s->windows[i], WINDOW_BYTES_MAX);
    }
}

void stages_fini(struct scan_stages *s)
{
    for (unsigned i = 0; s != NULL && i < STAGES_MAX; i++) {
        window_fini(&s->windows[i]);
    }
}

void stages_set(struct scan_stages *s, unsigned which, bool is_folded)
{
    enum stage_kind kinds[STAGES_MAX];
    set(s, kinds, stages_of(which, LAYERS_MAX, kinds), is_folded);
}

void stages_set_layers(struct scan_stages *s, unsigned layers, bool is_folded)
{
    enum stage_kind kinds[STAGES_MAX];
    set(s, kinds, stages_of(SCAN_VIEW_LAYERS, layers, kinds), is_folded);
}

static void set(struct scan_stages *s, const enum stage_kind *kinds, unsigned count,
                bool is_folded)
{
    s->count = 0;
    memset(s->stages, 0, sizeof(s->stages));
    for (unsigned i = 0; i < STAGES_MAX; i++) {
        window_clear(&s->windows[i]);
    }
    if (is_folded) {
        s->stages[s->count++].kind = STAGE_FOLD;
    }
    for (unsigned i = 0; i < count; i++) {
        s->stages[s->count++].kind = kinds[i];
    }
}

/* Of markup and of encodings two, as some comes out when other is undone. */
unsigned stages_of(unsigned which, unsigned layers, enum stage_kind ret[STAGES_MAX])
{
    unsigned n = 0;
    switch (which) {
    case SCAN_VIEW_SKELETON:
        ret[n++] = STAGE_SKELETON;
        break;
    case SCAN_VIEW_MARKUP:
        ret[n++] = STAGE_MARKUP;
        ret[n++] = STAGE_MARKUP;
        break;
    case SCAN_VIEW_DECODED:
        ret[n++] = STAGE_DECODE;
        ret[n++] = STAGE_DECODE;
        break;
    case SCAN_VIEW_LAYERS:
        ret[n++] = STAGE_MARKUP;
        for (unsigned i = 0; i < layers; i++) {
            ret[n++] = STAGE_DECODE;
            if (layers == 1) { /* whether there is one at all */
                return n;
            }
            ret[n++] = STAGE_REFOLD;
        }
        ret[n++] = STAGE_MARKUP;
        ret[n++] = STAGE_SKELETON;
        break;
    default:
        break;
    }
    return n;
}

/* Two kinds of stage have changed something, or one more often than its own view does. */
bool stages_are_layered(const struct scan_stages *s)
{
    bool has_changed[STAGE_DECODE + 1] = {false};
    unsigned decodes = 0;
    for (unsigned i = 0; i < s->count; i++) {
        const struct stage *st = &s->stages[i];
        decodes += st->kind == STAGE_DECODE;
        bool is_deeper = st->kind == STAGE_DECODE && decodes > 2;
        if (st->changed_to > 0 && (is_deeper || st->kind == STAGE_REFOLD)) {
            return true;
        }
        has_changed[st->kind] = has_changed[st->kind] || st->changed_to > 0;
    }
    return has_changed[STAGE_SKELETON] + has_changed[STAGE_MARKUP] + has_changed[STAGE_DECODE] > 1;
}

bool stages_go_deeper(const struct scan_stages *s)
{
    bool is_deeper = false;
    for (unsigned i = 0; i < s->count; i++) {
        const struct stage *st = &s->stages[i];
        is_deeper = st->kind == STAGE_DECODE ? st->changed_to > 0 : is_deeper;
    }
    return is_deeper;
}

bool stages_have_changed(const struct scan_stages *s)
{
    bool has_changed = false;
    for (unsigned i = 0; i < s->count; i++) {
        has_changed = has_changed || s->stages[i].changed_to > 0;
    }
    return has_changed;
}

enum err stages_feed(struct scan_stages *s, struct str text, size_t *taken, size_t to)
{
    const struct view in = {.text = {text.ptr, to}};
    return stages_read(s, &in, taken, to == text.len);
}

enum err stages_read(struct scan_stages *s, const struct view *in, size_t *taken, bool is_final)
{
    *taken = run_stage(&s->stages[0], in, *taken, is_final, &s->windows[0]);
    for (unsigned i = 1; i < s->count; i++) {
        const struct view made = window_view(&s->windows[i - 1]);
        if (s->stages[i].kind == STAGE_REFOLD && s->windows[i].text.len == 0 &&
            is_ascii(made.text)) { /* it is folded */
            struct window same = s->windows[i - 1];
            s->windows[i - 1] = s->windows[i];
            s->windows[i] = same;
            continue;
        }
        size_t used = run_stage(&s->stages[i], &made, 0, is_final, &s->windows[i]);
        window_drop(&s->windows[i - 1], used);
    }
    for (unsigned i = 0; i < s->count; i++) {
        TRY(window_err(&s->windows[i]));
    }
    return ERR_OK;
}

size_t stage_look(struct stage *st, const struct view *in, size_t from, bool is_final,
                  bool is_plain)
{
    struct str text = in->text;
    st->differs = false;
    if ((!is_plain || is_final) && st->kind != STAGE_REFOLD) {
        return run_stage(st, in, from, is_final, NULL);
    }
    if (st->kind == STAGE_DECODE) {
        return decode_pass(st, text, from);
    }
    if (st->kind == STAGE_REFOLD) {
        return text.len; /* it is folded */
    }
    bool is_waiting = st->kind == STAGE_MARKUP && text.len > from && text.ptr[text.len - 1] == '_';
    return is_waiting ? text.len - 1 : text.len;
}

/* out == NULL: quiet. */
static size_t run_stage(struct stage *st, const struct view *in, size_t from, bool is_final,
                        struct window *out)
{
    switch (st->kind) {
    case STAGE_FOLD:
        return from + fold_text(str_sub(in->text, from, in->text.len), from, is_final, out);
    case STAGE_REFOLD:
        return fold_view(st, in, from, is_final, out);
    case STAGE_SKELETON:
        return run_skeleton(st, in, from, is_final, out);
    case STAGE_MARKUP:
        return run_markup(st, in, from, is_final, out);
    case STAGE_DECODE:
        return decode_run(st, in, from, is_final, out);
    case STAGE_NONE:
        break;
    }
    return from;
}

static size_t run_skeleton(struct stage *st, const struct view *in, size_t from, bool is_final,
                           struct window *out)
{
    struct str text = in->text;
    size_t at = from;
    size_t copied = from;
    while (at < text.len) {
        at += ascii_run(str_sub(text, at, text.len));
        size_t step = str_utf8_step(str_sub(text, at, at + 4));
        if (at == text.len || (step == 0 && !is_final && text.len - at < 4)) {
            break;
        }
        int32_t cp = -1;
        if (step > 1) {
            utf8proc_iterate((const uint8_t *)text.ptr + at, (utf8proc_ssize_t)step, &cp);
        }
        const char *like = cp < 0 ? NULL : skeleton_of((uint32_t)cp);
        if (like != NULL || (cp >= 0 && utf8proc_category(cp) == UTF8PROC_CATEGORY_MN)) {
            size_t start;
            if (out == NULL) {
                st->differs = true;
                return at;
            }
            window_copy(out, in, copied, at);
            view_span(in, at, at + step, &start, &st->changed_to);
            if (like != NULL) { /* else a mark on a letter: nothing, for the eye */
                window_add(out, str_from(like), start, st->changed_to);
            }
            copied = at + step;
        }
        at += step > 0 ? step : 1;
    }
    window_copy(out, in, copied, at);
    return at;
}

static bool is_mark(unsigned char c)
{
    return c == '<' || c == '`' || c == '*' || c == '~' || c == '_';
}

static size_t run_markup(struct stage *st, const struct view *in, size_t from, bool is_final,
                         struct window *out)
{
    struct str text = in->text;
    size_t next_close = 0; /* of a comment, counted from the end: each is looked for once */
    size_t copied = from;
    size_t at = from;
    while (at < text.len) {
        if (!is_mark((unsigned char)text.ptr[at])) {
            at++;
            continue;
        }
        bool is_waiting = false;
        size_t n = markup_length(str_sub(text, at, text.len), is_final, &next_close, &is_waiting);
        if (is_waiting) {
            break;
        }
        if (n > 0 && out == NULL) {
            st->differs = true;
            return at;
        }
        if (n > 0) {
            window_copy(out, in, copied, at);
            copied = at + n;
            st->changed_to = view_end(in, copied);
        }
        at += n > 0 ? n : 1;
    }
    window_copy(out, in, copied, at);
    return at;
}

/* Bytes of the markup that the text begins with: a tag, a comment, ** __ ~~ * or `. */
static size_t markup_length(struct str rest, bool is_final, size_t *next_close, bool *ret_wait)
{
    char c = rest.ptr[0];
    if (c == '`' || c == '*') {
        return 1;
    }
    if (c != '<') {
        *ret_wait = rest.len == 1 && !is_final;
        return rest.len > 1 && rest.ptr[1] == c ? 2 : 0;
    }
    if (!is_final && (str_starts(STR("<!--"), rest) || str_starts(STR("</"), rest))) {
        *ret_wait = rest.len < 4;
        if (*ret_wait) {
            return 0;
        }
    }
    if (str_starts(rest, STR("<!--"))) {
        return comment_length(rest, is_final, next_close, ret_wait);
    }
    char next = rest.len < 3 ? ' ' : rest.ptr[1] == '/' ? rest.ptr[2] : rest.ptr[1];
    if (rest.len == 2 && !is_final) {
        next = rest.ptr[1]; /* a letter: what follows does not matter yet */
    }
    if ((next | 0x20) < 'a' || (next | 0x20) > 'z') {
        return 0;
    }
    ptrdiff_t end = str_find(str_sub(rest, 0, TAG_BYTES_MAX), '>');
    *ret_wait = end < 0 && rest.len < TAG_BYTES_MAX && !is_final;
    return end < 0 ? 0 : (size_t)end + 1;
}

static size_t comment_length(struct str rest, bool is_final, size_t *next_close, bool *ret_wait)
{
    /* *next_close: bytes from the nearest "-->" known to the end; 0 = not looked for. A close
     * that lies behind this place is still the nearest one. */
    if (*next_close == 0 || *next_close > rest.len - 4) {
        ptrdiff_t end = str_find_str(str_sub(rest, 4, rest.len), STR("-->"));
        *next_close = end < 0 ? 1 : rest.len - 4 - (size_t)end;
    }
    size_t n = *next_close == 1 ? SIZE_MAX : rest.len - *next_close + 3;
    if (n <= COMMENT_BYTES_MAX) {
        return n;
    }
    *ret_wait = n == SIZE_MAX && rest.len < COMMENT_BYTES_MAX && !is_final;
    return 0;
}

unsigned stages_worth(struct str text, size_t from, bool is_wide)
{
    return stages_signs(text, from > BASE64_RUN_MIN ? from - BASE64_RUN_MIN : 0, is_wide);
}

unsigned stages_signs(struct str text, size_t from, bool is_wide)
{
    size_t at = from;
    size_t run = 0;
    unsigned worth = 0;
    for (; is_wide && at + LANES <= text.len && worth != WORTH_ALL; at += LANES) {
        char before = at > 0 ? text.ptr[at - 1] : ' ';
        worth |= worth_of(lanes_signs_of(text.ptr + at), before, &run);
    }
    for (; at < text.len && worth != WORTH_ALL; at++) {
        unsigned char c = (unsigned char)text.ptr[at];
        char before = at > 0 ? text.ptr[at - 1] : ' ';
        if (base64_value((char)c) >= 0) {
            run++;
            bool is_escape = c == 'u' && before == '\\';
            worth |= run >= BASE64_RUN_MIN || is_escape ? SCAN_VIEW_DECODED : 0;
            worth |= c == '_' && before == '_' ? SCAN_VIEW_MARKUP : 0; /* alone, no mark */
            continue;
        }
        run = 0;
        worth |= c == '%' || c == '&' ? SCAN_VIEW_DECODED : 0;
        worth |= is_mark(c) ? SCAN_VIEW_MARKUP : 0;
        worth |= c >= 0x80 ? SCAN_VIEW_SKELETON : 0;
    }
    return worth;
}

/* The same for 64 bytes behind `before`. *run: base64 letters in front of them, and then at
 * their end. */
static unsigned worth_of(struct lanes_signs s, char before, size_t *run)
{
    uint64_t runs = s.base64;
    for (unsigned have = 1; have < BASE64_RUN_MIN; have *= 2) {
        runs &= runs >> have;
    }
    size_t first = s.base64 == UINT64_MAX ? LANES : (size_t)__builtin_ctzll(~s.base64);
    bool is_run = runs != 0 || *run + first >= BASE64_RUN_MIN;
    *run = s.base64 == UINT64_MAX ? *run + LANES : (size_t)__builtin_clzll(~s.base64);
    uint64_t lines = s.underscores & (s.underscores << 1 | (before == '_' ? 1 : 0));
    uint64_t escapes = s.escapes | (s.us & (s.backslashes << 1 | (before == '\\' ? 1 : 0)));
    return (is_run || escapes != 0 ? SCAN_VIEW_DECODED : 0U) |
           ((s.marks | lines) != 0 ? SCAN_VIEW_MARKUP : 0U) |
           (s.high != 0 ? SCAN_VIEW_SKELETON : 0U);
}

enum err view_fold(struct scan_scratch *scratch, struct str text, struct view *ret)
{
    window_clear(&scratch->window);
    fold_text(text, 0, true, &scratch->window);
    TRY(window_err(&scratch->window));
    *ret = window_view(&scratch->window);
    return ERR_OK;
}
