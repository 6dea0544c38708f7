/* SPDX-License-Identifier: Apache-2.0
 *
 * Is this one JSON object, and may it say more than a piece of text? One pass over
 * a stream event without building anything: a strict RFC 8259 recogniser that also
 * notes members named usage, error or finish_reason whose value is not null, and where
 * the model's name stands. Most events of a stream are plain deltas; they are passed on after this
 * alone.
 *
 * The events of a stream are mostly alike but for one or two texts and a number that counts
 * them, so the last one that was read is kept, and which of its strings and numbers were seen
 * to vary: of the next one only these are read, and where all between them is the same bytes,
 * what was seen then holds.
 *
 * It refuses what the JSON parser refuses except duplicate names and lone surrogates
 * (the event's bytes go on unread then). Nesting 64, as there.
 */
#include "llm_private.h"

struct skim {
    const char *at;
    const char *end;
    uint64_t stack; /* one bit per level: 1 = object */
    unsigned depth;
    bool has_high;
    struct llm_skim *found;
    const char *from;           /* of the whole text */
    const char *model;          /* where the value of the outer object's `model` begins */
    struct llm_skim_memo *memo; /* being filled; NULL: not wanted, or too small */
};

static bool is_like(struct llm_skim_memo *m, struct str text, struct llm_skim *ret);
static bool pass_same(struct llm_skim_memo *m, size_t from, size_t to, struct skim *s);
static bool vary(struct llm_skim_memo *m, size_t from, const struct skim *s);
static bool skim_varied(struct skim *s, char first);
static void note_value(struct skim *s, const char *from);
static bool skim_members(struct skim *s);
static bool open_container(struct skim *s);
static bool skim_key(struct skim *s);
static bool skim_scalar(struct skim *s);
static bool skim_string(struct skim *s, struct str *ret);
static const char *skip_plain(const char *at, const char *end);
static bool skim_escape(struct skim *s);
static bool skim_number(struct skim *s);
static bool skim_digits(struct skim *s);
static bool skim_word(struct skim *s, const char *word, size_t len);
static void skim_blanks(struct skim *s);
static void note_key(struct skim *s, struct str key);

bool llm_skim_object(struct str text, struct llm_skim_memo *memo, struct llm_skim *ret)
{
    if (memo != NULL && memo->len > 0 && is_like(memo, text, ret)) {
        return true;
    }
    struct skim s = {.at = text.ptr, .end = text.ptr + text.len, .found = ret, .from = text.ptr};
    memset(ret, 0, sizeof(*ret));
    if (memo != NULL && text.len <= sizeof(memo->bytes)) {
        memo->len = 0;
        memo->values_count = 0;
        memo->varying = 0;
        s.memo = memo;
    }
    skim_blanks(&s);
    if (s.at == s.end || *s.at != '{' || !skim_members(&s)) {
        return false;
    }
    skim_blanks(&s);
    if (s.at != s.end || (s.has_high && !str_is_utf8(text))) {
        return false;
    }
    if (s.memo != NULL) {
        memcpy(memo->bytes, text.ptr, text.len);
        memo->len = (uint16_t)text.len;
        memo->found = *ret;
    }
    return true;
}

/* Each value that varies is read; what stands between them must be the same. */
static bool is_like(struct llm_skim_memo *m, struct str text, struct llm_skim *ret)
{
    struct skim s = {.at = text.ptr, .end = text.ptr + text.len};
    const struct json_span *model = &m->found.model;
    size_t at = 0; /* in the memo */
    *ret = m->found;
    for (unsigned left = m->varying; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);
        size_t from = m->values[i].from, to = m->values[i].to;
        if (!pass_same(m, at, from, &s)) {
            return vary(m, at, &s) && is_like(m, text, ret);
        }
        if (!skim_varied(&s, m->bytes[from])) {
            return false;
        }
        at = to;
        size_t moved = (size_t)(s.at - text.ptr) - to; /* in front: wraps */
        ret->model.from = model->from >= to ? model->from + moved : ret->model.from;
        ret->model.to = model->to >= to ? model->to + moved : ret->model.to;
    }
    if (pass_same(m, at, m->len, &s) && s.at == s.end) {
        return true;
    }
    return vary(m, at, &s) && is_like(m, text, ret);
}

/* A value of the kind that was there before. */
static bool skim_varied(struct skim *s, char first)
{
    struct str text;
    if (first != '"') {
        return s->at < s->end && skim_number(s);
    }
    return skim_string(s, &text) && (!s->has_high || str_is_utf8(text));
}

static bool pass_same(struct llm_skim_memo *m, size_t from, size_t to, struct skim *s)
{
    size_t len = to - from;
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, m->bytes + from, len) != 0) {
        return false;
    }
    s->at += len;
    return true;
}

/* What differs behind `from` is in a value that was the same until now: it varies. A number
 * may go on where the last one ended. */
static bool vary(struct llm_skim_memo *m, size_t from, const struct skim *s)
{
    size_t at = from;
    for (const char *c = s->at; at < m->len && c < s->end && *c == m->bytes[at]; c++) {
        at++;
    }
    for (unsigned i = 0; i < m->values_count; i++) {
        unsigned bit = 1U << i;
        unsigned quote = m->bytes[m->values[i].from] == '"' ? 1 : 0;
        if (at >= m->values[i].from + quote && at + quote <= m->values[i].to &&
            (m->varying & bit) == 0) {
            m->varying |= bit;
            return true;
        }
    }
    return false;
}

static void note_value(struct skim *s, const char *from)
{
    struct llm_skim_memo *m = s->memo;
    if (m != NULL && m->values_count < LLM_SKIM_VALUES) {
        m->values[m->values_count].from = (uint16_t)(from - s->from);
        m->values[m->values_count++].to = (uint16_t)(s->at - s->from);
    }
}

/* Begins at the '{' of the whole; ends behind its '}'. One turn of the loop reads
 * one value and whatever closes behind it, up to the next comma. */
static bool skim_members(struct skim *s)
{
    for (;;) {
        skim_blanks(s);
        if (s->at == s->end) {
            return false;
        }
        bool is_empty = false;
        if (*s->at == '{' || *s->at == '[') {
            char close = *s->at == '{' ? '}' : ']';
            if (!open_container(s)) {
                return false;
            }
            is_empty = s->at < s->end && *s->at == close;
            if (!is_empty) {
                if (close == '}' && !skim_key(s)) {
                    return false;
                }
                continue;
            }
        } else if (!skim_scalar(s)) {
            return false;
        }
        for (;;) {
            skim_blanks(s);
            bool is_object = (s->stack & 1) != 0;
            if (s->at == s->end) {
                return false;
            }
            char c = *s->at++;
            if (c == ',') {
                if (is_empty || (is_object && !skim_key(s))) {
                    return false;
                }
                break;
            }
            if (c != (is_object ? '}' : ']')) {
                return false;
            }
            is_empty = false;
            s->stack >>= 1;
            if (--s->depth == 0) {
                return true;
            }
        }
    }
}

static bool open_container(struct skim *s)
{
    if (s->depth == 64) {
        return false;
    }
    s->stack = s->stack << 1 | (*s->at == '{' ? 1 : 0);
    s->depth++;
    s->at++;
    skim_blanks(s);
    return true;
}

static bool skim_key(struct skim *s)
{
    struct str key;
    skim_blanks(s);
    if (!skim_string(s, &key)) {
        return false;
    }
    skim_blanks(s);
    if (s->at == s->end || *s->at != ':') {
        return false;
    }
    s->at++;
    skim_blanks(s);
    if (s->at < s->end && *s->at != 'n') {
        note_key(s, key);
    }
    if (s->depth == 1 && key.len == 5 && memcmp(key.ptr, "model", 5) == 0) {
        s->model = s->at;
    } else if (s->depth == 1 && key.len == 4 && memcmp(key.ptr, "type", 4) == 0) {
        s->found->has_type = true;
    }
    return true;
}

static void note_key(struct skim *s, struct str key)
{
    /* A name written with an escape is compared by the full parse: ask for one. */
    if (memchr(key.ptr, '\\', key.len) != NULL) {
        s->found->has_error = true;
    } else if (key.len == 5) {
        s->found->has_usage |= memcmp(key.ptr, "usage", 5) == 0;
        s->found->has_error |= memcmp(key.ptr, "error", 5) == 0;
    } else if (key.len == 13) {
        s->found->has_finish |= memcmp(key.ptr, "finish_reason", 13) == 0;
    }
}

static bool skim_scalar(struct skim *s)
{
    const char *from = s->at;
    struct str text;
    switch (*s->at) {
    case '"':
        if (!skim_string(s, &text)) {
            return false;
        }
        note_value(s, from);
        if (from == s->model) {
            s->found->model.from = (size_t)(s->model - s->from);
            s->found->model.to = (size_t)(s->at - s->from);
        }
        return true;
    case 't':
        return skim_word(s, "true", 4);
    case 'f':
        return skim_word(s, "false", 5);
    case 'n':
        return skim_word(s, "null", 4);
    default:
        if (!skim_number(s)) {
            return false;
        }
        note_value(s, from);
        return true;
    }
}

static bool skim_word(struct skim *s, const char *word, size_t len)
{
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0) {
        return false;
    }
    s->at += len;
    return true;
}

static bool skim_string(struct skim *s, struct str *ret)
{
    const char *at = s->at;
    const char *end = s->end;
    if (at == end || *at != '"') {
        return false;
    }
    const char *from = ++at;
    for (;;) {
        at = skip_plain(at, end);
        if (at == end) {
            return false;
        }
        unsigned char c = (unsigned char)*at;
        if (c == '"') {
            *ret = (struct str){from, (size_t)(at - from)};
            s->at = at + 1;
            return true;
        }
        if (c == '\\') {
            s->at = at;
            if (!skim_escape(s)) {
                return false;
            }
            at = s->at;
        } else if (c < 0x20) {
            return false;
        } else {
            s->has_high |= c >= 0x80;
            at++;
        }
    }
}

/* Over bytes that need no look: eight at a time where memory is little-endian, by
 * the usual trick that finds a byte below a bound without a branch per byte. */
static const char *skip_plain(const char *at, const char *end)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    while (end - at >= 8) {
        uint64_t v;
        memcpy(&v, at, 8);
        uint64_t quote = v ^ ones * '"';
        uint64_t slash = v ^ ones * '\\';
        uint64_t found =
            (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((v - ones * 0x20) & ~v) | v) &
            highs;
        if (found != 0) {
            return at + (__builtin_ctzll(found) >> 3);
        }
        at += 8;
    }
#endif
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20 &&
           (unsigned char)*at < 0x80) {
        at++;
    }
    return at;
}

static bool skim_escape(struct skim *s)
{
    s->at++;
    if (s->at == s->end) {
        return false;
    }
    char c = *s->at++;
    if (c != 'u') {
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    }
    if (s->end - s->at < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        char h = *s->at++;
        char lower = (char)(h | 0x20);
        if (!(h >= '0' && h <= '9') && !(lower >= 'a' && lower <= 'f')) {
            return false;
        }
    }
    return true;
}

static bool skim_number(struct skim *s)
{
    if (*s->at == '-') {
        s->at++;
    }
    if (s->at < s->end && *s->at == '0') {
        s->at++;
    } else if (!skim_digits(s)) {
        return false;
    }
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!skim_digits(s)) {
            return false;
        }
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-')) {
            s->at++;
        }
        return skim_digits(s);
    }
    return true;
}

static bool skim_digits(struct skim *s)
{
    const char *from = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
        s->at++;
    }
    return s->at > from;
}

static void skim_blanks(struct skim *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
        s->at++;
    }
}
