/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk: every place of a view where a row of the table may begin, and what happens
 * there: shape, tail, neighbours, context, check, score. The same code serves a whole
 * text and the undecided end of a stream; the difference is `is_final`. Every step that
 * looks right says MORE when what it wants has not come yet. No allocation.
 */
#include "tokens.h"
#include "scan_private.h"
#include "value.h"

#define SCORE_CONTEXT 350
#define SCORE_WEAK 350
#define SCORE_KEPT_MIN 300
#define AT_BYTES 260U
#define TRY_STEPS 16U /* what a try costs besides its matching */

static bool is_decided(struct cursor *c, size_t at);
static uint64_t chosen(const struct cursor *c, const char *text, struct lanes_starts s);
static uint64_t groups_at(const struct scan_set *set, const char *text);
static bool is_chosen(struct cursor *c, size_t at);
static uint64_t runs_of(uint64_t ones, unsigned length);
static bool is_start(const struct cursor *c, size_t at);
static enum match_result try_place(struct cursor *c, size_t at);
static bool rows_at(const struct cursor *c, size_t at, uint64_t ret[MASK_WORDS]);
static void runs_at(const struct cursor *c, size_t at, unsigned *ret_word, unsigned *ret_token);
static enum match_result try_row(struct cursor *c, size_t index, size_t at);
static bool may_begin(const struct cursor *c, const struct detector *d, size_t at);
static bool has_at_near(struct cursor *c, size_t at, size_t bytes);
static enum match_result take_tail(const struct cursor *c, enum detector_tail tail, size_t start,
                                   size_t *end);
static enum match_result take_pem(const struct cursor *c, size_t *end);
static bool is_tail_byte(enum detector_tail tail, unsigned char b);
static enum match_result has_good_neighbours(const struct cursor *c, const struct detector *d,
                                             size_t start, size_t end);
static enum match_result judge(struct cursor *c, size_t index, size_t start, size_t end);

void cursor_init(struct cursor *c, const struct scan_set *set, const struct view *view,
                 bool is_final, struct scan_findings *out)
{
    memset(c, 0, sizeof(*c));
    c->set = set;
    c->engine = set->engine;
    c->view = view;
    c->in = (struct match_input){.text = view->text.ptr, .len = view->text.len};
    c->in.is_final = is_final;
    c->out = out;
    c->work_max = SIZE_MAX;
}

/* 64 bytes at a time to the places where a word or a sign begins, about one in six; and of
 * these to the few that can be something. Choosing has no branches: they would be
 * mispredicted, and that costs more than the work. */
size_t detectors_run(struct cursor *c, size_t from, size_t stop)
{
    if (c->set->words == 0) {
        return stop > from ? stop : from;
    }
    size_t at = from;
    bool is_after_word = at > 0 && is_word_byte((unsigned char)c->in.text[at - 1]);
    bool is_wide = c->engine->is_wide;
    for (; at < stop && at + LANES + GROUPS_PREFIX <= c->in.len; at += LANES) {
        struct lanes_starts s = lanes_starts_of(c->in.text + at, is_wide, &is_after_word);
        bool has_at = c->set->has_at && has_at_near(c, at, LANES + AT_BYTES);
        uint64_t starts = has_at ? s.starts : chosen(c, c->in.text + at, s);
        for (; starts != 0; starts &= starts - 1) {
            size_t place = at + (size_t)__builtin_ctzll(starts);
            if (place >= stop || !is_decided(c, place)) {
                return place < stop ? place : stop;
            }
            if (c->in.steps > c->work_max) {
                return place + 1;
            }
        }
    }
    for (; at < stop; at++) {
        if (is_start(c, at) && is_chosen(c, at) && !is_decided(c, at)) {
            return at;
        }
    }
    return stop > from ? stop : from;
}

/* Tries the place; findings of one that more text could change are taken back. */
static bool is_decided(struct cursor *c, size_t at)
{
    size_t known = c->out->count;
    if (try_place(c, at) != MATCH_MORE) {
        return true;
    }
    c->out->count = known;
    return false;
}

/* Of the starts those where a row without '@' could begin: by its first four bytes and the
 * run of token bytes; or, for rows that begin with a very long one, by one being there. */
static uint64_t chosen(const struct cursor *c, const char *text, struct lanes_starts s)
{
    const struct scan_set *set = c->set;
    const uint64_t short_groups = (UINT64_C(1) << GROUPS_SHORT) - 1;
    uint64_t is_long = runs_of(s.tokens, LONG_RUN);
    uint64_t kept = set->has_longest ? s.starts & runs_of(s.tokens, LONGEST_RUN) : 0;
    for (uint64_t rest = s.starts & ~kept; rest != 0; rest &= rest - 1) {
        unsigned bit = (unsigned)__builtin_ctzll(rest);
        uint64_t groups = groups_at(set, text + bit) & (short_groups | (0 - (is_long >> bit & 1)));
        kept |= (uint64_t)(groups != 0) << bit;
    }
    return kept;
}

static uint64_t groups_at(const struct scan_set *set, const char *text)
{
    const unsigned char *t = (const unsigned char *)text;
    return set->groups[0][t[0]] & set->groups[1][t[1]] & set->groups[2][t[2]] &
           set->groups[3][t[3]];
}

/* The same for one place, near the end. */
static bool is_chosen(struct cursor *c, size_t at)
{
    size_t left = c->in.len - at;
    const char *text = c->in.text + at;
    if (left < GROUPS_PREFIX || (c->set->has_at && has_at_near(c, at, AT_BYTES))) {
        return true;
    }
    unsigned run = 0;
    while (run < LONGEST_RUN && run < left && is_token_byte((unsigned char)text[run])) {
        run++;
    }
    bool is_open = run == left; /* what comes may go on */
    if (c->set->has_longest && (is_open || run == LONGEST_RUN)) {
        return true;
    }
    bool is_long = is_open || run >= LONG_RUN;
    return groups_at(c->set, text) << (is_long ? 0 : GROUPS - GROUPS_SHORT) != 0;
}

/* Where a run of so many ones begins; beyond the block, perhaps. */
static uint64_t runs_of(uint64_t ones, unsigned length)
{
    for (unsigned have = 1; have < length;) {
        unsigned more = have < length - have ? have : length - have;
        ones &= ones >> more | ~UINT64_C(0) << (64 - more);
        have += more;
    }
    return ones;
}

static bool is_start(const struct cursor *c, size_t at)
{
    unsigned char b = (unsigned char)c->in.text[at];
    if (!is_word_byte(b)) {
        return is_special(b);
    }
    return at == 0 || !is_word_byte((unsigned char)c->in.text[at - 1]) || c->in.text[at - 1] == '_';
}

/* Lengths of the word, and of the run of token bytes, that begin here, as far as they
 * matter; open at a stream's end. */
static void runs_at(const struct cursor *c, size_t at, unsigned *ret_word, unsigned *ret_token)
{
    size_t left = c->in.len - at;
    unsigned most = left < RUNS_MAX - 1 ? (unsigned)left : RUNS_MAX - 1;
    unsigned open = left < RUNS_MAX - 1 && !c->in.is_final ? RUNS_MAX - 1 : most;
    const unsigned char *t = (const unsigned char *)c->in.text + at;
    unsigned n = 0;
    while (n < most && is_word_byte(t[n])) {
        n++;
    }
    *ret_word = n < most ? n : open;
    while (n < most && is_token_byte(t[n])) {
        n++;
    }
    *ret_token = n < most ? n : open;
}

/* Rows whose first bytes these are; false: none. */
static bool rows_at(const struct cursor *c, size_t at, uint64_t ret[MASK_WORDS])
{
    const unsigned char *t = (const unsigned char *)c->in.text + at;
    size_t left = c->in.len - at;
    const uint64_t *masks[PATTERN_PREFIX + 1];
    for (unsigned k = 0; k < PATTERN_PREFIX; k++) {
        masks[k] = k < left ? c->engine->prefix[k][t[k]] : c->set->enabled;
    }
    masks[PATTERN_PREFIX] = c->set->enabled;
    return lanes_meet(masks, PATTERN_PREFIX + 1, c->engine->is_wide, ret);
}

static enum match_result try_place(struct cursor *c, size_t at)
{
    const struct scan_engine *e = c->engine;
    uint64_t all[MASK_WORDS];
    bool is_run_known = false;
    unsigned word_run = 0;
    unsigned token_run = 0;
    enum match_result result = MATCH_NO;
    if (!rows_at(c, at, all)) {
        return result;
    }
    for (unsigned w = 0; w < MASK_WORDS; w++) {
        uint64_t rows = all[w];
        if ((rows & e->at_rows[w]) != 0 && !has_at_near(c, at, AT_BYTES)) {
            rows &= ~e->at_rows[w];
        }
        if (rows == 0) {
            continue;
        }
        if (!is_run_known) {
            runs_at(c, at, &word_run, &token_run);
            is_run_known = true;
        }
        rows &= e->by_run[0][word_run][w] & e->by_run[1][token_run][w];
        for (; rows != 0; rows &= rows - 1) {
            size_t index = w * 64 + (size_t)__builtin_ctzll(rows);
            if (try_row(c, index, at) == MATCH_MORE) {
                result = MATCH_MORE;
                if (!c->in.is_final) {
                    return result;
                }
            }
        }
    }
    return result;
}

static bool may_begin(const struct cursor *c, const struct detector *d, size_t at)
{
    if ((d->flags & D_FREE) == 0 && at > 0) {
        char before = c->in.text[at - 1];
        bool is_behind_line = before == '_' && (d->flags & D_SUBWORD) != 0;
        if (is_word_byte((unsigned char)before) && !is_behind_line) {
            return false;
        }
    }
    return true;
}

static bool has_at_near(struct cursor *c, size_t at, size_t bytes)
{
    if (!c->is_next_at_known || (c->next_at < at && c->next_at != SIZE_MAX)) {
        const char *found = memchr(c->in.text + at, '@', c->in.len - at);
        c->next_at = found != NULL ? (size_t)(found - c->in.text) : SIZE_MAX;
        c->is_next_at_known = true;
    }
    if (c->next_at != SIZE_MAX) {
        return c->next_at - at <= bytes;
    }
    return !c->in.is_final && c->in.len - at <= bytes;
}

static enum match_result try_row(struct cursor *c, size_t index, size_t at)
{
    const struct detector *d = c->engine->detectors[index];
    const struct row *row = &c->engine->rows[index];
    if (!may_begin(c, d, at)) {
        return MATCH_NO;
    }
    size_t start;
    size_t end;
    c->in.steps += TRY_STEPS;
    enum match_result result = pattern_match(&row->pattern, &c->in, at, row->width, &start, &end);
    if (result != MATCH_YES && result != MATCH_MORE) {
        return MATCH_NO;
    }
    size_t known = at < CONTEXT_BYTES ? at : CONTEXT_BYTES;
    if (d->before != NULL && !d->before((struct str){c->in.text + at - known, known})) {
        return MATCH_NO;
    }
    if (result == MATCH_MORE) {
        return MATCH_MORE;
    }
    if (d->tail != TAIL_NONE) {
        result = take_tail(c, d->tail, start, &end);
        if (result != MATCH_YES) {
            return result;
        }
    }
    result = has_good_neighbours(c, d, start, end);
    return result == MATCH_YES ? judge(c, index, start, end) : result;
}

static bool is_tail_byte(enum detector_tail tail, unsigned char b)
{
    switch (tail) {
    case TAIL_TOKEN:
        return is_word_byte(b) || b == '.' || b == '~' || b == '+' || b == '/' || b == '=' ||
               b == '-';
    case TAIL_VALUE:
        return b > ' ' && b != '"' && b != '\'' && b != '`';
    case TAIL_URL:
        return b > ' ' && b != '"' && b != '\'' && b != '<' && b != '>';
    case TAIL_HOST:
        return (is_word_byte(b) && b != '_') || b == '.' || b == '-' || b == ':' || b == ']';
    case TAIL_BASE64:
        return (is_word_byte(b) && b != '_') || b == '+' || b == '/' || b == '=';
    case TAIL_NONE:
    case TAIL_QUOTED:
    case TAIL_PLAIN:
    case TAIL_PEM:
        break;
    }
    return false;
}

static enum match_result take_tail(const struct cursor *c, enum detector_tail tail, size_t start,
                                   size_t *end)
{
    if (tail == TAIL_PEM) {
        return take_pem(c, end);
    }
    if (tail == TAIL_QUOTED || tail == TAIL_PLAIN) {
        return (tail == TAIL_PLAIN ? value_plain_end : value_quoted_end)(&c->in, start, end);
    }
    size_t from = *end;
    size_t at = from;
    while (at < c->in.len && at - from < TAIL_BYTES_MAX &&
           is_tail_byte(tail, (unsigned char)c->in.text[at])) {
        at++;
    }
    if (at == c->in.len && at - from < TAIL_BYTES_MAX && !c->in.is_final) {
        return MATCH_MORE;
    }
    while (at > from && (c->in.text[at - 1] == '.' || c->in.text[at - 1] == ':')) {
        at--; /* the sentence's */
    }
    *end = at;
    return MATCH_YES;
}

/* Up to the END line. The next five dashes are that or another key's BEGIN, so every byte
 * is looked at once. Without any, everything is taken, as far as a tail may go. */
static enum match_result take_pem(const struct cursor *c, size_t *end)
{
    size_t from = *end;
    size_t most = c->in.len - from < TAIL_BYTES_MAX ? c->in.len - from : TAIL_BYTES_MAX;
    struct str body = {c->in.text + from, most};
    ptrdiff_t line = str_find_str(body, STR("-----"));
    struct str rest = line >= 0 ? str_sub(body, (size_t)line + 5, body.len) : STR("");
    ptrdiff_t dashes = str_find_str(str_sub(rest, 0, 64), STR("-----"));
    bool is_end = str_starts(rest, STR("END"));
    bool is_known = line >= 0 && rest.len >= 64; /* what the dashes begin is all there */
    if (!is_known && !(is_end && dashes >= 0) && most < TAIL_BYTES_MAX && !c->in.is_final) {
        return MATCH_MORE;
    }
    if (line < 0) {
        *end = from + most;
    } else if (is_end && dashes >= 0) {
        *end = from + (size_t)line + 5 + (size_t)dashes + 5;
    } else {
        *end = from + (size_t)line;
    }
    return MATCH_YES;
}

/* A number that is a piece of a longer one is something else. */
static enum match_result has_good_neighbours(const struct cursor *c, const struct detector *d,
                                             size_t start, size_t end)
{
    if ((d->flags & D_NUMERIC) == 0) {
        return MATCH_YES;
    }
    const char *t = c->in.text;
    if (start >= 2 && is_word_byte((unsigned char)t[start - 2])) {
        bool is_digit = t[start - 2] >= '0' && t[start - 2] <= '9';
        if ((is_digit && (t[start - 1] == '.' || t[start - 1] == '-' || t[start - 1] == '/')) ||
            (t[start - 1] == '-' && d->tier != SCAN_TIER_C)) {
            return MATCH_NO;
        }
    }
    if (end == c->in.len) {
        return c->in.is_final ? MATCH_YES : MATCH_MORE;
    }
    if (t[end] != '.' && t[end] != '-' && t[end] != '/') {
        return MATCH_YES;
    }
    if (end + 1 == c->in.len) {
        return c->in.is_final ? MATCH_YES : MATCH_MORE;
    }
    return t[end + 1] >= '0' && t[end + 1] <= '9' ? MATCH_NO : MATCH_YES;
}

static enum match_result judge(struct cursor *c, size_t index, size_t start, size_t end)
{
    static const int bases[] = {[SCAN_TIER_A] = 900, [SCAN_TIER_B] = 600, [SCAN_TIER_C] = 300};
    const struct detector *d = c->engine->detectors[index];
    unsigned near = context_nearness(c, start, c->engine->rows[index].context);
    if (d->tier == SCAN_TIER_C && near == 0) {
        return MATCH_NO;
    }
    int score = bases[d->tier] + (near > 0 ? SCORE_CONTEXT + (int)near / 2 : 0);
    size_t len = end - start;
    if (d->check != NULL) {
        enum check_verdict verdict = d->check((struct str){c->in.text + start, len}, &len);
        if (verdict == CHECK_NO || len == 0) {
            return MATCH_NO;
        }
        score -= verdict == CHECK_WEAK ? SCORE_WEAK : 0;
    }
    if (score < SCORE_KEPT_MIN) {
        return MATCH_NO;
    }
    return cursor_add(c, (struct scan_finding){.start = start,
                                               .end = start + len,
                                               .id = (uint32_t)index,
                                               .score = (uint16_t)(score > 1000 ? 1000 : score),
                                               .kind = SCAN_ENTITY,
                                               .tier = (uint8_t)d->tier});
}

enum match_result cursor_add(struct cursor *c, struct scan_finding f)
{
    enum match_result is_ours = token_covers(&c->in, f.start, f.end);
    if (is_ours != MATCH_NO) {
        return is_ours == MATCH_YES ? MATCH_NO : MATCH_MORE;
    }
    f.start = view_start(c->view, f.start);
    f.end = view_end(c->view, f.end);
    if (f.end > f.start) {
        findings_add(c->out, f);
    }
    return MATCH_YES;
}
