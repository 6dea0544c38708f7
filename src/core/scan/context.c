/* SPDX-License-Identifier: Apache-2.0
 *
 * Context words: does one of a detector's words or phrases stand within 80 bytes
 * before a place? The words before a place are hashed once, singly and joined in twos
 * and threes, and give a bit for every list that has them; all detectors tried at the
 * place share the answer. Only to the left, so a stream knows it at once. Pure.
 */
#include "scan_private.h"

#define WORDS_JOINED 3U

/* The last words before a place, oldest first. */
struct words {
    struct str items[WORDS_JOINED];
    size_t count;
};

static uint64_t word_hash(struct str s, uint64_t h);
static bool is_written_apart(struct str phrase);
static bool is_context_byte(unsigned char c);
static void add_slot(struct scan_engine *e, uint64_t hash, uint16_t list);
static const struct context_slot *find_slot(const struct scan_engine *e, uint64_t hash);
static void collect(struct cursor *c, size_t start);
static void collect_parts(struct cursor *c, struct words *parts, size_t begin, size_t end,
                          size_t start);
static size_t part_end(const char *text, size_t begin, size_t end);
static void push_word(struct words *words, struct str word);
static void collect_word(struct cursor *c, const struct words *words, size_t far);
static void take_lists(struct cursor *c, uint64_t hash, size_t far);
static void collect_phrases(struct cursor *c, struct str window);

#define HASH_SEED UINT64_C(14695981039346656037)

enum err context_add(struct scan_engine *e, const char *list, uint16_t *ret_list)
{
    for (size_t i = 0; i < e->lists_count; i++) {
        if (strcmp(e->lists[i], list) == 0) {
            *ret_list = (uint16_t)(i + 1);
            return ERR_OK;
        }
    }
    ASSERT(e->lists_count < CONTEXT_LISTS);
    uint16_t index = (uint16_t)e->lists_count;
    e->lists[e->lists_count++] = list;
    *ret_list = (uint16_t)(index + 1);
    struct str rest = str_from(list);
    while (rest.len > 0) {
        struct str phrase = str_cut(&rest, ',');
        if (!is_ascii(phrase)) {
            struct str kept = fold_word(&e->arena, phrase);
            if (kept.ptr == NULL) {
                return ERR_MEMORY;
            }
            phrase = kept;
            if (!is_written_apart(phrase)) {
                ASSERT(e->phrases_count < CONTEXT_PHRASES);
                e->phrases[e->phrases_count++] = (struct phrase){phrase, index};
                continue;
            }
        }
        uint64_t h = HASH_SEED;
        for (struct str word = str_cut(&phrase, ' '); word.len > 0; word = str_cut(&phrase, ' ')) {
            h = word_hash(word, h);
        }
        add_slot(e, h, index);
    }
    return ERR_OK;
}

/* Latin, Greek, Cyrillic, Hebrew and Arabic put blanks between words; others do not. */
static bool is_written_apart(struct str phrase)
{
    for (size_t i = 0; i < phrase.len; i++) {
        if ((unsigned char)phrase.ptr[i] >= 0xe0) {
            return false;
        }
    }
    return true;
}

/* FNV-1a over the lower-case bytes, a blank behind each word. Accents, which the folded
 * view has behind their letter, do not count: people leave them out. */
static uint64_t word_hash(struct str s, uint64_t h)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c == 0xcc || c == 0xcd) && i + 1 < s.len) {
            i++;
            continue;
        }
        c = c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
        h = (h ^ c) * UINT64_C(1099511628211);
    }
    return (h ^ ' ') * UINT64_C(1099511628211);
}

static void add_slot(struct scan_engine *e, uint64_t hash, uint16_t list)
{
    size_t at = (size_t)(hash & (e->slots_count - 1));
    while (e->slots[at].hash != 0 && e->slots[at].hash != hash) {
        at = (at + 1) & (e->slots_count - 1);
    }
    e->slots[at].hash = hash;
    e->slots[at].lists[list / 64] |= UINT64_C(1) << (list % 64);
}

static const struct context_slot *find_slot(const struct scan_engine *e, uint64_t hash)
{
    size_t at = (size_t)(hash & (e->slots_count - 1));
    while (e->slots[at].hash != 0) {
        if (e->slots[at].hash == hash) {
            return &e->slots[at];
        }
        at = (at + 1) & (e->slots_count - 1);
    }
    return NULL;
}

unsigned context_nearness(struct cursor *c, size_t start, uint16_t list)
{
    if (list == 0) {
        return 0;
    }
    if (!c->has_context || c->context_at != start) {
        collect(c, start);
    }
    unsigned far = c->near[list - 1];
    return far == 0 ? 0 : CONTEXT_BYTES + 2 - far;
}

static bool is_context_byte(unsigned char c)
{
    return (is_word_byte(c) && c != '_') || c >= 0x80;
}

static void collect(struct cursor *c, size_t start)
{
    c->has_context = true;
    c->context_at = start;
    memset(c->near, 0, sizeof(c->near));
    const char *text = c->in.text;
    size_t from = start > CONTEXT_BYTES ? start - CONTEXT_BYTES : 0;
    size_t at = from;
    struct str left = {text, start};
    if (from > 0 && is_context_byte((unsigned char)text[from - 1])) {
        while (letter_at(left, at) > 0) {
            at++; /* a word cut in half says nothing */
        }
    }
    struct words words;
    struct words parts;
    memset(&words, 0, sizeof(words)); /* compared as a whole below */
    memset(&parts, 0, sizeof(parts));
    bool is_ascii_only = true;
    while (at < start) {
        size_t begin = at;
        while (letter_at(left, at) > 0) {
            is_ascii_only = is_ascii_only && (unsigned char)text[at] < 0x80;
            at++;
        }
        if (at == begin) {
            at += sign_at(left, at);
            continue;
        }
        collect_parts(c, &parts, begin, at, start);
        push_word(&words, (struct str){text + begin, at - begin});
        if (memcmp(&words, &parts, sizeof(words)) != 0) {
            collect_word(c, &words, start - at);
        }
    }
    if (!is_ascii_only) {
        collect_phrases(c, (struct str){text + from, start - from});
    }
}

/* "dateOfBirth" is three words, "APIKey" two; "GitHub" is one as well. */
static void collect_parts(struct cursor *c, struct words *parts, size_t begin, size_t end,
                          size_t start)
{
    const char *text = c->in.text;
    while (begin < end) {
        size_t stop = part_end(text, begin, end);
        push_word(parts, (struct str){text + begin, stop - begin});
        collect_word(c, parts, start - stop);
        begin = stop;
    }
}

static size_t part_end(const char *text, size_t begin, size_t end)
{
    for (size_t i = begin + 1; i < end; i++) {
        bool is_upper = text[i] >= 'A' && text[i] <= 'Z';
        bool was_upper = text[i - 1] >= 'A' && text[i - 1] <= 'Z';
        bool is_last = i + 1 == end || text[i + 1] < 'a' || text[i + 1] > 'z';
        if (is_upper && (!was_upper || !is_last)) {
            return i;
        }
    }
    return end;
}

static void push_word(struct words *words, struct str word)
{
    if (words->count == WORDS_JOINED) {
        memmove(words->items, words->items + 1, (WORDS_JOINED - 1) * sizeof(word));
        words->count--;
    }
    words->items[words->count++] = word;
}

/* The last word alone, the last two, the last three; and the word without a plural s. */
static void collect_word(struct cursor *c, const struct words *words, size_t far)
{
    struct str word = words->items[words->count - 1];
    for (size_t n = 1; n <= words->count; n++) {
        uint64_t h = HASH_SEED;
        for (size_t i = words->count - n; i < words->count; i++) {
            h = word_hash(words->items[i], h);
        }
        take_lists(c, h, far);
    }
    if (word.len > 3 && (word.ptr[word.len - 1] | 0x20) == 's') {
        take_lists(c, word_hash(str_sub(word, 0, word.len - 1), HASH_SEED), far);
    }
}

/* Words come from far to near, so the last one stays. */
static void take_lists(struct cursor *c, uint64_t hash, size_t far)
{
    const struct context_slot *slot = find_slot(c->engine, hash);
    for (size_t i = 0; slot != NULL && i < CONTEXT_WORDS; i++) {
        for (uint64_t bits = slot->lists[i]; bits != 0; bits &= bits - 1) {
            c->near[i * 64 + (size_t)__builtin_ctzll(bits)] = (uint8_t)(far + 1);
        }
    }
}

bool context_has(const struct cursor *c, size_t start, const struct str *words, size_t count)
{
    const char *text = c->in.text;
    size_t from = start > CONTEXT_BYTES ? start - CONTEXT_BYTES : 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t at = from; at + words[i].len <= start; at++) {
            struct str there = {text + at, words[i].len};
            bool is_edge = at == 0 || !is_context_byte((unsigned char)text[at - 1]);
            size_t end = at + words[i].len;
            is_edge = is_edge && (end == start || !is_context_byte((unsigned char)text[end]));
            if (is_edge && str_eq_nocase(there, words[i])) {
                return true;
            }
        }
    }
    return false;
}

static void collect_phrases(struct cursor *c, struct str window)
{
    for (size_t i = 0; i < c->engine->phrases_count; i++) {
        const struct phrase *p = &c->engine->phrases[i];
        ptrdiff_t at = str_find_str(window, p->text);
        if (at >= 0) {
            c->near[p->list] = (uint8_t)(window.len - (size_t)at - p->text.len + 1);
        }
    }
}
