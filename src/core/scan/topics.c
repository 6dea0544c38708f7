/* SPDX-License-Identifier: Apache-2.0
 *
 * Topics (S4-11): how much of each is in a text. One pass over the words of the folded
 * text; each word is hashed once and walks a table of phrases, a word at a time. Phrases
 * count once in a stretch of some hundred words, and a topic's score is that of the two
 * neighbouring stretches with most of it: a long text is not about something because its
 * hints add up. This is a keyword classifier and says no more than that. No state.
 */
#include "topics.h"

#include "scan_private.h"
#include "stages.h"

#define SLOTS 16384U /* about twice the phrases and their beginnings */
#define FIRST_BITS 65536U
#define PHRASE_WORDS_MAX 6U
#define STRETCH_WORDS 96U
#define HITS_MAX 192U /* in one stretch */
#define SHOUTED_WORDS_MIN 5U

enum weight {
    WEIGHT_EXCEPT = 0,
    WEIGHT_ASK = 1, /* what wants advice, or gives it; counts apart */
    WEIGHT_WEAK = 125,
    WEIGHT_MEDIUM = 250,
    WEIGHT_HINTS_MAX = 375, /* of hints that nobody asks about */
    WEIGHT_STRONG = 500
};

/* A phrase, or the beginning of one. Phrases of several topics are several entries. */
struct entry {
    uint16_t weight;
    uint16_t topic;
    uint16_t next; /* entry with the same words, + 1 */
};

struct slot {
    uint64_t hash;  /* 0 = free */
    uint16_t entry; /* + 1; 0 = only a beginning */
    bool has_more;  /* longer phrases begin so */
    bool has_any;   /* ... one of them with any word next */
};

struct topic_table {
    struct slot slots[SLOTS];
    uint64_t first[FIRST_BITS / 64]; /* hashes of words that phrases begin with */
    struct entry *entries;
    size_t entries_count;
    uint32_t includes[SCAN_TOPICS_MAX]; /* bits of topics */
};

struct hit {
    uint32_t from, to; /* words */
    uint16_t entry;
};

/* Per topic. */
struct sums {
    unsigned hints[SCAN_TOPICS_MAX], strong[SCAN_TOPICS_MAX], asks[SCAN_TOPICS_MAX];
};

struct reader {
    const struct topic_table *table;
    uint64_t hashes[STRETCH_WORDS + PHRASE_WORDS_MAX];
    uint64_t singular[STRETCH_WORDS + PHRASE_WORDS_MAX]; /* without the s; 0 = has none */
    size_t count;
    struct hit hits[HITS_MAX];
    size_t hits_count;
    struct sums now, before; /* of this stretch, the last one */
    uint32_t stretch;
    uint16_t *last; /* stretch in which an entry counted, from 1; past 65,535 it counts again */
    unsigned best[SCAN_TOPICS_MAX];
    unsigned words, shouted, cries;
};

static void add_pack(struct topic_table *t, size_t topic, const struct topic_pack *pack);
static void add_list(struct topic_table *t, size_t topic, const char *list, enum weight weight);
static void add_phrase(struct topic_table *t, struct str phrase, struct entry entry);
static struct slot *slot_of(struct topic_table *t, uint64_t hash);
static const struct slot *find(const struct topic_table *t, uint64_t hash);
static uint64_t load(const char *bytes, size_t n);
static uint64_t word_of(struct str word);
static uint64_t join(uint64_t before, uint64_t word);
static void read_text(struct reader *r, struct str text);
static bool is_ascii_letter(unsigned char c);
static bool is_ending(struct str text, size_t at);
static void take_word(struct reader *r, struct str word);
static void settle(struct reader *r, bool is_last);
static unsigned sum_of(const struct reader *r, size_t topic);
static bool is_first(const struct topic_table *t, uint64_t word);
static void walk(struct reader *r, size_t from, size_t at, uint64_t hash);
static void note(struct reader *r, const struct slot *slot, size_t from, size_t to);
static bool is_hidden(const struct reader *r, const struct hit *hit);
static void note_shouting(struct reader *r, struct str word);

#define ANY UINT64_C(0x2a2a2a2a)

const char *scan_topic_name(size_t index)
{
    return index < topic_packs_count ? topic_packs[index].name : NULL;
}

/* ---- the table --------------------------------------------------------------- */

enum err topic_table_new(struct arena *a, const struct topic_table **ret)
{
    ASSERT(topic_packs_count <= SCAN_TOPICS_MAX);
    struct topic_table *t = ARENA_NEW(a, struct topic_table);
    struct entry *entries = ARENA_ARRAY(a, SLOTS, struct entry);
    if (t == NULL || entries == NULL) {
        return ERR_MEMORY;
    }
    t->entries = entries;
    for (size_t i = 0; i < topic_packs_count; i++) {
        const struct topic_pack *p = &topic_packs[i];
        add_pack(t, i, p);
        for (size_t k = 0; k < topic_sayings_count; k++) {
            if (strcmp(topic_sayings[k].name, p->name) == 0) {
                add_pack(t, i, &topic_sayings[k]);
            }
        }
        struct str rest = str_from(p->includes != NULL ? p->includes : "");
        while (rest.len > 0) {
            struct str name = str_cut(&rest, ',');
            for (size_t k = 0; k < topic_packs_count; k++) {
                bool is_it = str_eq(name, str_from(topic_packs[k].name));
                t->includes[i] |= is_it ? UINT32_C(1) << k : 0;
            }
        }
    }
    *ret = t;
    return ERR_OK;
}

static void add_pack(struct topic_table *t, size_t topic, const struct topic_pack *pack)
{
    add_list(t, topic, pack->strong, WEIGHT_STRONG);
    add_list(t, topic, pack->medium, WEIGHT_MEDIUM);
    add_list(t, topic, pack->weak, WEIGHT_WEAK);
    add_list(t, topic, pack->asks, WEIGHT_ASK);
    add_list(t, topic, pack->except, WEIGHT_EXCEPT);
}

static void add_list(struct topic_table *t, size_t topic, const char *list, enum weight weight)
{
    struct str rest = str_from(list != NULL ? list : "");
    while (rest.len > 0) {
        struct str phrase = str_trim(str_cut(&rest, ','), " ");
        ASSERT(phrase.len > 0 && t->entries_count < SLOTS / 2);
        add_phrase(t, phrase, (struct entry){.weight = (uint16_t)weight, .topic = (uint16_t)topic});
    }
}

static void add_phrase(struct topic_table *t, struct str phrase, struct entry entry)
{
    uint64_t hash = 0;
    unsigned words = 0;
    struct slot *slot = NULL;
    while (phrase.len > 0) {
        struct str word = str_cut(&phrase, ' ');
        uint64_t h = str_eq(word, STR("*")) ? ANY : word_of(word);
        if (slot != NULL) {
            slot->has_more = true;
            slot->has_any = slot->has_any || h == ANY;
        } else {
            t->first[h % FIRST_BITS / 64] |= UINT64_C(1) << (h % 64);
        }
        hash = join(hash, h);
        slot = slot_of(t, hash);
        words++;
    }
    ASSERT(words > 0 && words <= PHRASE_WORDS_MAX);
    entry.next = slot->entry;
    t->entries[t->entries_count++] = entry;
    slot->entry = (uint16_t)t->entries_count;
}

static struct slot *slot_of(struct topic_table *t, uint64_t hash)
{
    size_t at = (size_t)(hash >> 32) % SLOTS;
    while (t->slots[at].hash != 0 && t->slots[at].hash != hash) {
        at = (at + 1) % SLOTS;
    }
    t->slots[at].hash = hash;
    return &t->slots[at];
}

static const struct slot *find(const struct topic_table *t, uint64_t hash)
{
    size_t at = (size_t)(hash >> 32) % SLOTS;
    while (t->slots[at].hash != 0) {
        if (t->slots[at].hash == hash) {
            return &t->slots[at];
        }
        at = (at + 1) % SLOTS;
    }
    return NULL;
}

/* At most eight bytes, the first one lowest; no loop and no call. */
static uint64_t load(const char *bytes, size_t n)
{
    uint64_t eight;
    uint32_t low;
    uint32_t high;
    if (n >= 8) {
        memcpy(&eight, bytes, 8);
        return eight;
    }
    if (n >= 4) {
        memcpy(&low, bytes, 4);
        memcpy(&high, bytes + n - 4, 4);
        return low | (uint64_t)high << (n - 4) * 8;
    }
    const unsigned char *b = (const unsigned char *)bytes;
    return n == 0 ? 0 : b[0] | (uint64_t)b[n / 2] << n / 2 * 8 | (uint64_t)b[n - 1] << (n - 1) * 8;
}

/* Eight bytes at a time, ASCII in lower case, accents left out. Letters and digits have the
 * bit that makes them small, or do not mind it. */
static uint64_t word_of(struct str word)
{
    char plain[64];
    uint64_t all = 0;
    uint64_t h = word.len * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < word.len; i += 8) {
        uint64_t piece = load(word.ptr + i, word.len - i);
        all |= piece;
        piece |= UINT64_C(0x2020202020202020);
        h = (h ^ piece) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    if ((all & UINT64_C(0x8080808080808080)) != 0) {
        size_t n = 0;
        for (size_t i = 0; i < word.len && n < sizeof(plain); i++) {
            unsigned char c = (unsigned char)word.ptr[i];
            bool is_accent = c == 0xcc || c == 0xcd;
            i += is_accent;
            if (!is_accent) {
                plain[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            }
        }
        h = n;
        for (size_t i = 0; i < n; i++) {
            h = (h ^ (unsigned char)plain[i]) * UINT64_C(0xff51afd7ed558ccd);
            h ^= h >> 32;
        }
        struct str bare = {plain, n};
        bool is_plain = is_ascii(bare);
        h = is_plain && n < word.len ? word_of(bare) : h;
    }
    return h | 1; /* never 0, never ANY */
}

static uint64_t join(uint64_t before, uint64_t word)
{
    uint64_t h = (before * UINT64_C(0x100000001b3) ^ word) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h != 0 ? h : 1;
}

/* ---- a text ------------------------------------------------------------------- */

enum err scan_topics(const struct scan_engine *engine, struct scan_scratch *scratch,
                     struct str text, unsigned *ret_scores)
{
    struct view view = {.text = text};
    memset(ret_scores, 0, SCAN_TOPICS_MAX * sizeof(ret_scores[0]));
    if (!is_ascii(text)) {
        TRY(view_fold(scratch, text, &view));
    }
    const struct topic_table *t = engine->topics;
    struct buf *last = &scratch->text2;
    buf_clear(last);
    size_t bytes = (t->entries_count + 1) * sizeof(uint16_t);
    char *room = buf_reserve(last, bytes);
    if (room == NULL) {
        return ERR_MEMORY;
    }
    memset(room, 0, bytes);
    struct reader r;
    memset(&r, 0, sizeof(r));
    r.table = t;
    r.last = (uint16_t *)(void *)room;
    read_text(&r, view.text);
    for (size_t i = 0; i < topic_packs_count; i++) {
        bool is_shouted = r.shouted >= SHOUTED_WORDS_MIN && r.shouted * 10 >= r.words * 7;
        if (is_shouted && topic_packs[i].minds_shouting) {
            r.best[i] += r.cries > 0 ? WEIGHT_STRONG : WEIGHT_MEDIUM;
        }
    }
    for (size_t i = 0; i < topic_packs_count; i++) {
        unsigned score = r.best[i];
        for (size_t k = 0; k < topic_packs_count; k++) {
            bool is_part = (t->includes[i] >> k & 1) != 0;
            score = is_part && r.best[k] * 3 / 2 > score ? r.best[k] * 3 / 2 : score;
        }
        ret_scores[i] = score > 1000 ? 1000 : score;
    }
    for (size_t i = 0; i < topic_packs_count; i++) {
        for (size_t k = 0; k < i && topic_packs[i].same_as != NULL; k++) {
            if (strcmp(topic_packs[k].name, topic_packs[i].same_as) == 0) {
                ret_scores[i] = ret_scores[k];
            }
        }
    }
    return ERR_OK;
}

/* Words are runs of letters and digits. An apostrophe is left out before an English ending
 * (dont, its, ive), else it parts: quelqu un, d argent. */
static void read_text(struct reader *r, struct str text)
{
    char kept[64];
    size_t n = 0; /* bytes of kept; 0 = the word is text[from, at) as it stands */
    size_t from = 0;
    size_t at = 0;
    while (at < text.len) {
        size_t begin;
        while (n == 0 && at < text.len && is_ascii_letter((unsigned char)text.ptr[at])) {
            at++;
        }
        unsigned step = letter_at(text, at);
        begin = at;
        if (step > 0) {
            at += step;
            if (n > 0 && n < sizeof(kept)) {
                kept[n++] = text.ptr[begin];
            }
            continue;
        }
        bool is_inner =
            at < text.len && text.ptr[at] == '\'' && at > from && is_ending(text, at + 1);
        if (is_inner) {
            for (size_t i = from; i < at && n < sizeof(kept); i++) {
                kept[n++] = text.ptr[i];
            }
            at++;
            continue;
        }
        if (at > from) {
            take_word(r, n > 0 ? (struct str){kept, n} : str_sub(text, from, at));
        }
        n = 0;
        if (at < text.len) {
            r->cries += text.ptr[at] == '!';
            at += sign_at(text, at);
        }
        from = at;
    }
    if (at > from) {
        take_word(r, n > 0 ? (struct str){kept, n} : str_sub(text, from, at));
    }
    settle(r, true);
}

static bool is_ascii_letter(unsigned char c)
{
    static const uint64_t letters[4] = {UINT64_C(0x03ff000000000000), UINT64_C(0x07fffffe07fffffe)};
    return (letters[c >> 6] >> (c & 63) & 1) != 0;
}

/* n't, 's, 'm, 're, 've, 'll, 'd */
static bool is_ending(struct str text, size_t at)
{
    static const char *const endings[] = {"t", "s", "m", "d", "re", "ve", "ll"};
    size_t n = 0;
    while (n < 3 && letter_at(text, at + n) > 0) {
        n++;
    }
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (str_eq_nocase(str_sub(text, at, at + n), str_from(endings[i]))) {
            return true;
        }
    }
    return false;
}

static void take_word(struct reader *r, struct str word)
{
    note_shouting(r, word);
    if (r->count == STRETCH_WORDS + PHRASE_WORDS_MAX) {
        settle(r, false);
    }
    r->hashes[r->count] = word_of(word);
    bool has_s = word.len > 3 && (word.ptr[word.len - 1] | 0x20) == 's';
    r->singular[r->count++] = has_s ? word_of(str_sub(word, 0, word.len - 1)) : 0;
}

static void note_shouting(struct reader *r, struct str word)
{
    if (word.len < 3) {
        return;
    }
    bool is_loud = true;
    for (size_t i = 0; i < word.len && is_loud; i++) {
        is_loud = word.ptr[i] >= 'A' && word.ptr[i] <= 'Z';
    }
    r->words++;
    r->shouted += is_loud;
}

/* Phrases that begin in the stretch; the words behind it begin the next one. */
static void settle(struct reader *r, bool is_last)
{
    size_t stop = is_last || r->count < STRETCH_WORDS ? r->count : STRETCH_WORDS;
    r->hits_count = 0;
    for (size_t i = 0; i < stop; i++) {
        if (is_first(r->table, r->hashes[i]) || is_first(r->table, r->singular[i])) {
            walk(r, i, i, 0);
        }
    }
    r->before = r->now;
    memset(&r->now, 0, sizeof(r->now));
    r->stretch++;
    for (size_t i = 0; i < r->hits_count; i++) {
        const struct hit *hit = &r->hits[i];
        const struct entry *e = &r->table->entries[hit->entry];
        /* What counted in the last stretch counts with it. */
        bool has_counted = r->last[hit->entry] != 0 && r->last[hit->entry] + 1U >= r->stretch;
        if (e->weight > 0 && !has_counted && !is_hidden(r, hit)) {
            unsigned *sums = e->weight == WEIGHT_ASK      ? r->now.asks
                             : e->weight == WEIGHT_STRONG ? r->now.strong
                                                          : r->now.hints;
            sums[e->topic] += e->weight;
            r->last[hit->entry] = (uint16_t)r->stretch;
        }
    }
    for (size_t i = 0; i < topic_packs_count; i++) {
        unsigned sum = sum_of(r, i);
        r->best[i] = sum > r->best[i] ? sum : r->best[i];
    }
    memmove(r->hashes, r->hashes + stop, (r->count - stop) * sizeof(r->hashes[0]));
    memmove(r->singular, r->singular + stop, (r->count - stop) * sizeof(r->singular[0]));
    r->count -= stop;
    if (is_last && r->count > 0) {
        settle(r, true);
    }
}

/* Of this stretch and the one before it. */
static unsigned sum_of(const struct reader *r, size_t topic)
{
    unsigned hints = r->now.hints[topic] + r->before.hints[topic];
    unsigned asks = r->now.asks[topic] + r->before.asks[topic];
    if (topic_packs[topic].asks != NULL) {
        hints = asks > 0 && hints > 0      ? hints + WEIGHT_MEDIUM
                : hints > WEIGHT_HINTS_MAX ? WEIGHT_HINTS_MAX
                                           : hints;
    }
    return hints + r->now.strong[topic] + r->before.strong[topic];
}

static bool is_first(const struct topic_table *t, uint64_t word)
{
    return (t->first[word % FIRST_BITS / 64] >> (word % 64) & 1) != 0;
}

/* All phrases from the word `from` on, of which `hash` is what lies before `at`. */
static void walk(struct reader *r, size_t from, size_t at, uint64_t hash)
{
    uint64_t forms[3] = {r->hashes[at], r->singular[at], 0};
    for (unsigned i = 0; i < 3; i++) {
        uint64_t h = i == 2 ? ANY : forms[i];
        if (h == 0 || (at == from && i == 2)) {
            continue;
        }
        const struct slot *slot = find(r->table, join(hash, h));
        if (slot == NULL) {
            continue;
        }
        if (slot->entry != 0) {
            note(r, slot, from, at + 1);
        }
        if (slot->has_more && at + 1 < r->count) {
            walk(r, from, at + 1, slot->hash);
        }
    }
}

static void note(struct reader *r, const struct slot *slot, size_t from, size_t to)
{
    for (uint16_t at = slot->entry; at != 0 && r->hits_count < HITS_MAX;
         at = r->table->entries[at - 1].next) {
        r->hits[r->hits_count++] =
            (struct hit){.from = (uint32_t)from, .to = (uint32_t)to, .entry = (uint16_t)(at - 1)};
    }
}

/* Inside a longer phrase of its topic, or the words of an exception: make a * bomb. */
static bool is_hidden(const struct reader *r, const struct hit *hit)
{
    unsigned topic = r->table->entries[hit->entry].topic;
    for (size_t i = 0; i < r->hits_count; i++) {
        const struct hit *other = &r->hits[i];
        bool is_except = r->table->entries[other->entry].weight == WEIGHT_EXCEPT;
        bool is_longer = other->to - other->from > hit->to - hit->from - (is_except ? 1 : 0);
        if (is_longer && other->from <= hit->from && other->to >= hit->to &&
            r->table->entries[other->entry].topic == topic) {
            return true;
        }
    }
    return false;
}
