/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk: every place of a view where a row of the table may begin, and what happens
 * there: shape, tail, neighbours, context, check, score. The same code serves a whole
 * text and the undecided end of a stream; the difference is `is_final`. Every step that
 * looks right says MORE when what it wants has not come yet. No allocation.
 */
#include "tokens.h"
#include "scan_private.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SCORE_CONTEXT 350
#define SCORE_WEAK 350
#define SCORE_KEPT_MIN 300
#define AT_BYTES 260U
#define TRY_STEPS 16U /* what a try costs besides its matching */

static bool is_decided(struct cursor *c, size_t at);
static uint64_t chosen(const struct cursor *c, const char *text, uint64_t starts, uint64_t tokens);
static uint64_t starts_of(const char *text, bool *is_after_word, uint64_t *ret_tokens);
static bool is_start(const struct cursor *c, size_t at);
static bool is_special(unsigned char b);
static enum match_result try_place(struct cursor *c, size_t at);
static unsigned run_at(const struct cursor *c, size_t at, bool is_token);
static enum match_result try_row(struct cursor *c, size_t index, size_t at);
static bool may_begin(const struct cursor *c, const struct detector *d, size_t at);
static bool has_at_near(struct cursor *c, size_t at, size_t bytes);
static enum match_result take_tail(const struct cursor *c, enum detector_tail tail, size_t *end);
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
    for (; at < stop && at + 64 + PATTERN_PREFIX <= c->in.len; at += 64) {
        uint64_t tokens;
        uint64_t starts = starts_of(c->in.text + at, &is_after_word, &tokens);
        bool has_at = c->set->has_at && has_at_near(c, at, 64 + AT_BYTES);
        starts = has_at ? starts : chosen(c, c->in.text + at, starts, tokens);
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
        if (is_start(c, at) && !is_decided(c, at)) {
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

/* Of `starts` those where a row without '@' could begin: by its first four bytes, or, for
 * rows that begin with a long run of token bytes, by one being there. */
static uint64_t chosen(const struct cursor *c, const char *text, uint64_t starts, uint64_t tokens)
{
    uint64_t is_long = c->set->has_long ? tokens : 0;
    for (unsigned k = 1; k < LONG_RUN; k++) {
        is_long &= tokens >> k | ~UINT64_C(0) << (64 - k); /* beyond the block: perhaps */
    }
    uint64_t kept = starts & is_long;
    for (uint64_t rest = starts; rest != 0; rest &= rest - 1) {
        unsigned bit = (unsigned)__builtin_ctzll(rest);
        const unsigned char *t = (const unsigned char *)text + bit;
        uint64_t groups = c->set->groups[0][t[0]] & c->set->groups[1][t[1]] &
                          c->set->groups[2][t[2]] & c->set->groups[3][t[3]];
        kept |= (uint64_t)(groups != 0) << bit;
    }
    return kept;
}

static bool is_special(unsigned char b)
{
    return b == '+' || b == '(' || b == '-' || b == '@' || b == ':' || b == '?' || b == '&' ||
           b == '=' || b == '>' || b == ',' || b == '|' || b == '$';
}

static bool is_start(const struct cursor *c, size_t at)
{
    unsigned char b = (unsigned char)c->in.text[at];
    if (!is_word_byte(b)) {
        return is_special(b);
    }
    return at == 0 || !is_word_byte((unsigned char)c->in.text[at - 1]) || c->in.text[at - 1] == '_';
}

#ifdef __SSE2__
/* The same for 64 bytes at once, one bit each. */
static uint64_t starts_of(const char *text, bool *is_after_word, uint64_t *ret_tokens)
{
    uint64_t word = 0;
    uint64_t tokens = 0;
    uint64_t under = 0;
    uint64_t special = 0;
    for (unsigned i = 0; i < 4; i++) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(text + 16 * i));
        __m128i low = _mm_or_si128(b, _mm_set1_epi8(0x20));
        /* x in [a, a + n) as unsigned: min(x - a, n - 1) == x - a */
        __m128i letter = _mm_sub_epi8(low, _mm_set1_epi8('a'));
        __m128i digit = _mm_sub_epi8(b, _mm_set1_epi8('0'));
        letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
        digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
        __m128i line = _mm_cmpeq_epi8(b, _mm_set1_epi8('_'));
        __m128i all = _mm_or_si128(_mm_or_si128(letter, digit), line);
        __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(b, _mm_set1_epi8('+')),
                                   _mm_cmpeq_epi8(b, _mm_set1_epi8('(')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8('-')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8('@')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8(':')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8('?')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8('&')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8('=')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8('>')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8(',')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8('|')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(b, _mm_set1_epi8('$')));
        __m128i token = _mm_or_si128(all, _mm_cmpeq_epi8(b, _mm_set1_epi8('.')));
        token = _mm_or_si128(token, _mm_cmpeq_epi8(b, _mm_set1_epi8('/')));
        token = _mm_or_si128(token, _mm_cmpeq_epi8(b, _mm_set1_epi8('-')));
        token = _mm_or_si128(token, _mm_cmpeq_epi8(b, _mm_set1_epi8('+')));
        word |= (uint64_t)(uint16_t)_mm_movemask_epi8(all) << (16 * i);
        tokens |= (uint64_t)(uint16_t)_mm_movemask_epi8(token) << (16 * i);
        under |= (uint64_t)(uint16_t)_mm_movemask_epi8(line) << (16 * i);
        special |= (uint64_t)(uint16_t)_mm_movemask_epi8(odd) << (16 * i);
    }
    uint64_t before = (word & ~under) << 1;
    before |= *is_after_word && text[-1] != '_' ? 1 : 0;
    *is_after_word = (word >> 63) != 0;
    *ret_tokens = tokens;
    return (word & ~before) | special;
}
#else
static uint64_t starts_of(const char *text, bool *is_after_word, uint64_t *ret_tokens)
{
    uint64_t starts = 0;
    *ret_tokens = 0;
    for (unsigned i = 0; i < 64; i++) {
        bool is_word = is_word_byte((unsigned char)text[i]);
        bool is_behind_line = *is_after_word && text[(ptrdiff_t)i - 1] == '_';
        if (is_word ? !*is_after_word || is_behind_line : is_special((unsigned char)text[i])) {
            starts |= UINT64_C(1) << i;
        }
        *ret_tokens |= is_token_byte((unsigned char)text[i]) ? UINT64_C(1) << i : 0;
        *is_after_word = is_word;
    }
    return starts;
}
#endif

/* Length of the word, or run of token bytes, that begins here, as far as it matters; open
 * at a stream's end. */
static unsigned run_at(const struct cursor *c, size_t at, bool is_token)
{
    unsigned n = 0;
    while (n < RUNS_MAX - 1) {
        if (at + n == c->in.len) {
            return c->in.is_final ? n : RUNS_MAX - 1;
        }
        unsigned char b = (unsigned char)c->in.text[at + n];
        if (is_token ? !is_token_byte(b) : !is_word_byte(b)) {
            return n;
        }
        n++;
    }
    return n;
}

static enum match_result try_place(struct cursor *c, size_t at)
{
    const struct scan_engine *e = c->engine;
    const unsigned char *t = (const unsigned char *)c->in.text + at;
    size_t left = c->in.len - at;
    const uint64_t *p0 = e->prefix[0][t[0]];
    const uint64_t *p1 = left > 1 ? e->prefix[1][t[1]] : c->set->enabled;
    const uint64_t *p2 = left > 2 ? e->prefix[2][t[2]] : c->set->enabled;
    const uint64_t *p3 = left > 3 ? e->prefix[3][t[3]] : c->set->enabled;
    const uint64_t *run = NULL;
    const uint64_t *token = NULL;
    enum match_result result = MATCH_NO;
    for (unsigned w = 0; w < c->set->words; w++) {
        uint64_t rows = c->set->enabled[w] & p0[w] & p1[w] & p2[w] & p3[w];
        if (rows == 0) {
            continue;
        }
        if ((rows & e->at_rows[w]) != 0 && !has_at_near(c, at, AT_BYTES)) {
            rows &= ~e->at_rows[w];
            if (rows == 0) {
                continue;
            }
        }
        if (run == NULL) {
            run = e->by_run[0][run_at(c, at, false)];
            token = e->by_run[1][run_at(c, at, true)];
        }
        for (rows &= run[w] & token[w]; rows != 0; rows &= rows - 1) {
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
        result = take_tail(c, d->tail, &end);
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
    case TAIL_PLAIN:
        return b > ' ' && strchr("\"'`<>&;,|(){}[]\\", b) == NULL;
    case TAIL_URL:
        return b > ' ' && b != '"' && b != '\'' && b != '<' && b != '>';
    case TAIL_HOST:
        return (is_word_byte(b) && b != '_') || b == '.' || b == '-' || b == ':' || b == ']';
    case TAIL_BASE64:
        return (is_word_byte(b) && b != '_') || b == '+' || b == '/' || b == '=';
    case TAIL_NONE:
    case TAIL_PEM:
        break;
    }
    return false;
}

static enum match_result take_tail(const struct cursor *c, enum detector_tail tail, size_t *end)
{
    if (tail == TAIL_PEM) {
        return take_pem(c, end);
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
