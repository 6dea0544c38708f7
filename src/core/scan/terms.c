/* SPDX-License-Identifier: Apache-2.0
 *
 * Banned terms. Whole texts: libhs finds all literals at once, and the word edges are
 * looked at in its callback (a \b in the pattern costs a hundred times the compilation).
 * Streams: a walk down the sorted list from a place, which knows when a longer term is
 * still possible. Both give every term that stands at a place; a test compares them.
 */
#include "scan_private.h"

#include <utf8proc.h>

static enum match_result match_at(struct cursor *c, size_t at);
static void narrow(const struct scan_set *set, size_t depth, unsigned char b, size_t *low,
                   size_t *high);
static unsigned char lower(unsigned char c);
static bool is_letter_like(int32_t cp);
static int32_t cp_before(struct str text, size_t at);
static int32_t cp_at(struct str text, size_t at);
static enum match_result add_term(struct cursor *c, const struct term *t, size_t at);
static bool term_has_edges(struct str text, size_t start, size_t end);

void terms_note_first(struct scan_set *set)
{
    memset(set->first_pair, 0, sizeof(set->first_pair));
    for (size_t i = 0; i < set->terms_count; i++) {
        const struct term *t = &set->terms[i];
        unsigned first = lower((unsigned char)t->text.ptr[0]);
        unsigned second = t->text.len > 1 ? lower((unsigned char)t->text.ptr[1]) : 0;
        unsigned last = t->text.len > 1 ? second : 255;
        for (unsigned b = second; b <= last; b++) {
            set->first_pair[(first << 8 | b) >> 6] |= UINT64_C(1) << (b & 63);
        }
    }
}

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

size_t terms_run(struct cursor *c, size_t from, size_t to)
{
    for (size_t at = from; at < to && c->set->terms_count > 0; at++) {
        size_t known = c->out->count;
        if (match_at(c, at) == MATCH_MORE) {
            c->out->count = known; /* the place is tried again, whole */
            return at;
        }
    }
    return to;
}

static enum match_result match_at(struct cursor *c, size_t at)
{
    const struct scan_set *set = c->set;
    unsigned char first = lower((unsigned char)c->in.text[at]);
    unsigned second = at + 1 < c->in.len ? lower((unsigned char)c->in.text[at + 1]) : 256;
    if (second < 256) {
        if ((set->first_pair[((unsigned)first << 8 | second) >> 6] >> (second & 63) & 1) == 0) {
            return MATCH_NO;
        }
    }
    if (!set->has_substring && at > 0 && is_word_byte((unsigned char)c->in.text[at - 1]) &&
        is_word_byte(first)) {
        return MATCH_NO; /* in the middle of a word */
    }
    size_t low = 0;
    size_t high = set->terms_count;
    for (size_t depth = 0; low < high; depth++) {
        for (size_t i = low; depth > 0 && i < high && set->terms[i].text.len == depth; i++) {
            if (at + depth == c->in.len && !c->in.is_final) {
                return MATCH_MORE;
            }
            if (add_term(c, &set->terms[i], at) == MATCH_MORE) {
                return MATCH_MORE;
            }
        }
        if (at + depth == c->in.len) {
            bool is_longer = set->terms[high - 1].text.len > depth;
            return is_longer && !c->in.is_final ? MATCH_MORE : MATCH_NO;
        }
        narrow(set, depth, lower((unsigned char)c->in.text[at + depth]), &low, &high);
    }
    return MATCH_NO;
}

/* Of terms [low, high), equal in their first `depth` bytes, those that go on with b. */
static void narrow(const struct scan_set *set, size_t depth, unsigned char b, size_t *low,
                   size_t *high)
{
    size_t bounds[2];
    for (unsigned side = 0; side < 2; side++) {
        size_t from = *low;
        size_t to = *high;
        while (from < to) {
            size_t middle = from + (to - from) / 2;
            struct str s = set->terms[middle].text;
            int byte = s.len > depth ? (unsigned char)s.ptr[depth] : -1;
            if (byte < (int)b + (int)side) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        bounds[side] = from;
    }
    *low = bounds[0];
    *high = bounds[1];
}

enum match_result terms_add(struct cursor *c, size_t first, size_t at)
{
    const struct scan_set *set = c->set;
    struct str text = set->terms[first].text;
    for (size_t i = first; i < set->terms_count && str_eq(set->terms[i].text, text); i++) {
        if (add_term(c, &set->terms[i], at) == MATCH_MORE) {
            return MATCH_MORE;
        }
    }
    return MATCH_YES;
}

static enum match_result add_term(struct cursor *c, const struct term *t, size_t at)
{
    struct str text = {c->in.text, c->in.len};
    size_t end = at + t->text.len;
    bool is_wrong = t->exact != NULL && memcmp(t->exact, text.ptr + at, t->text.len) != 0;
    if (is_wrong || (!t->is_substring && !term_has_edges(text, at, end))) {
        return MATCH_NO;
    }
    return cursor_add(c,
                      (struct scan_finding){
                          .start = at, .end = end, .id = t->id, .score = 1000, .kind = SCAN_TERM});
}

static bool term_has_edges(struct str text, size_t start, size_t end)
{
    bool is_free_left = start == 0 || !is_letter_like(cp_before(text, start)) ||
                        !is_letter_like(cp_at(text, start));
    return is_free_left && (end == text.len || !is_letter_like(cp_at(text, end)) ||
                            !is_letter_like(cp_before(text, end)));
}

/* Letters, marks and digits of scripts that put blanks between words. */
static bool is_letter_like(int32_t cp)
{
    if (cp < 0x80) {
        return cp >= 0 && is_word_byte((unsigned char)cp);
    }
    bool is_unspaced = (cp >= 0x0e00 && cp <= 0x0eff) || (cp >= 0x1100 && cp <= 0x11ff) ||
                       (cp >= 0x3040 && cp <= 0x30ff) || (cp >= 0x3400 && cp <= 0x9fff) ||
                       (cp >= 0xac00 && cp <= 0xd7ff) || cp >= 0x20000;
    if (is_unspaced) {
        return false;
    }
    utf8proc_category_t k = utf8proc_category(cp);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO;
}

static int32_t cp_at(struct str text, size_t at)
{
    int32_t cp = -1;
    if (str_utf8_step(str_sub(text, at, at + 4)) == 0) {
        return -1;
    }
    utf8proc_iterate((const uint8_t *)text.ptr + at, (utf8proc_ssize_t)(text.len - at), &cp);
    return cp;
}

static int32_t cp_before(struct str text, size_t at)
{
    size_t from = at;
    while (from > 0 && at - from < 4) {
        from--;
        if (((unsigned char)text.ptr[from] & 0xc0) != 0x80) {
            break;
        }
    }
    return str_utf8_step(str_sub(text, from, at)) == at - from ? cp_at(text, from) : -1;
}
