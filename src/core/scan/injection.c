/* SPDX-License-Identifier: Apache-2.0
 *
 * How much a text looks like prompt injection: a linear model over hashed words, pairs of
 * words and four-letter pieces, and some phrases (detectors_injection.c). The model is
 * trained by train_injection.py; the weights are data (model_weights.c). A text is as bad
 * as its worst window of 16 or of 48 words, so an order in a long document is seen; every
 * view that shows more than the text itself is read as well. Integers only: the same text
 * has the same score on every machine. A score is a sign and no proof: a page that
 * explains injection has its words.
 */
#include "model.h"
#include "stages.h"

#define FINDINGS_MAX 256U
#define READ_BYTES_MAX (64U << 10)
#define WORD_BYTES 32U
#define WHOLE_WORDS 128U
#define PIECES 4U /* of a word: the first three and the last */
#define AGAIN_WORDS 16U
#define SLOTS 64U
#define SPELLED_LETTERS 3U
#define RING 64U       /* more than the longest window and a stride */
#define MARGIN_HALF 85 /* 1/1024; where the score is 500 */
#define SHORT_WORDS 64U
#define LONG_STEPS 4U
#define LONG_MARGIN 40 /* a longer text has more windows that may look bad by chance */
#define MARGIN_SPREAD 300
#define LAYERS_MARGIN 900 /* tables of letters, undone, look like anything; orders do more so */
#define K1 UINT64_C(0x9e3779b97f4a7c15)
#define K2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define K3 UINT64_C(0x165667b19e3779f9)

static const struct {
    unsigned words, stride;
} windows[] = {{16, 8}, {48, 24}};

/* Sums over the words so far; those of the last words are kept. */
struct reading {
    int32_t sums[RING];
    uint32_t counts[RING];
    int32_t sum;
    uint32_t count;
    unsigned words;
    uint64_t before, older; /* hashes of the last two words; 0 = none */
    struct {
        uint32_t place, number; /* number of the word, from 1; 0 = none */
    } seen[SLOTS];
    int32_t best;
    char spelled[WORD_BYTES]; /* single letters in a row */
    unsigned spelled_bytes;
    char joiner; /* the sign between them */
};

static enum err read_views(struct scan_scratch *scratch, struct str text, unsigned views,
                           int32_t *best);
static enum err note_phrases(const struct scan_engine *engine, struct scan_scratch *scratch,
                             struct str text, unsigned views, struct scan_injection *ret);
static int32_t margin_of(struct str text);
static void read_words(struct reading *r, struct str text);
static unsigned syllable_at(struct str text, size_t at);
static void take_word(struct reading *r, struct str word);
static void spell(struct reading *r, struct str word, unsigned signs, char sign);
static void take_pieces(struct reading *r, const char *plain, size_t n, bool is_counted_only);
static bool is_again(struct reading *r, uint32_t place);
static uint32_t place_of(uint64_t hash);
static void take(struct reading *r, uint32_t place);
static void end_word(struct reading *r);
static void judge(struct reading *r, unsigned from);
static void finish(struct reading *r);
static unsigned score_of(int32_t margin);
static uint32_t root_of(uint32_t n);

enum err scan_injection(const struct scan_engine *engine, struct scan_scratch *scratch,
                        struct str text, struct scan_injection *ret)
{
    *ret = (struct scan_injection){0};
    struct view folded = {.text = text};
    if (!is_ascii(text)) {
        TRY(view_fold(scratch, text, &folded));
    }
    int32_t best = margin_of(folded.text);
    unsigned worth = stages_worth(folded.text, 0, engine->is_wide);
    if (worth != 0) {
        TRY(read_views(scratch, text, worth, &best));
    }
    TRY(note_phrases(engine, scratch, text, worth | SCAN_VIEW_FOLD | SCAN_VIEW_LAYERS, ret));
    int32_t bonus = (int32_t)ret->score; /* of the phrases, in 1/1024 */
    ret->model = score_of(best);
    ret->score = score_of(best + bonus);
    return ERR_OK;
}

/* Saying it twice is not saying more. */
static enum err note_phrases(const struct scan_engine *engine, struct scan_scratch *scratch,
                             struct str text, unsigned views, struct scan_injection *ret)
{
    static const unsigned bonus[] = {[SCAN_TIER_A] = 220, [SCAN_TIER_B] = 90, [SCAN_TIER_C] = 0};
    struct scan_finding items[FINDINGS_MAX];
    struct scan_findings found = {.items = items, .capacity = FINDINGS_MAX};
    TRY(scan_text(engine->injection, scratch, text, views, &found));
    ret->is_too_deep = found.is_too_deep;
    uint64_t seen[MASK_WORDS] = {0};
    for (size_t i = 0; i < found.count; i++) {
        uint32_t id = found.items[i].id;
        if ((seen[id / 64] >> (id % 64) & 1) == 0) {
            seen[id / 64] |= UINT64_C(1) << (id % 64);
            ret->rules++;
            ret->score += bonus[engine->detectors[id]->tier];
        }
    }
    return ERR_OK;
}

/* Each view that shows more than the folded text. */
static enum err read_views(struct scan_scratch *scratch, struct str text, unsigned views,
                           int32_t *best)
{
    static const unsigned kinds[] = {SCAN_VIEW_SKELETON, SCAN_VIEW_MARKUP, SCAN_VIEW_DECODED,
                                     SCAN_VIEW_LAYERS};
    struct scan_stages *stages = scratch->stages;
    unsigned changed = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if ((views & kinds[i]) != 0) {
            size_t taken = 0;
            stages_set(stages, kinds[i], !is_ascii(text));
            TRY(stages_feed(stages, text, &taken, text.len));
            if (kinds[i] == SCAN_VIEW_LAYERS && !stages_are_layered(stages)) {
                break;
            }
            changed |= stages_have_changed(stages) ? kinds[i] : 0;
            bool has_two = (changed & (changed - 1)) != 0 || (changed & SCAN_VIEW_DECODED) != 0;
            bool may_have = changed == SCAN_VIEW_MARKUP && (views & SCAN_VIEW_DECODED) != 0;
            views |= has_two || may_have ? SCAN_VIEW_LAYERS : 0U;
            struct view view = window_view(&stages->windows[stages->count - 1]);
            int32_t margin = margin_of(view.text);
            margin -= kinds[i] == SCAN_VIEW_LAYERS ? LAYERS_MARGIN : 0;
            *best = margin > *best ? margin : *best;
        }
    }
    return ERR_OK;
}

/* At most the beginning and the end are read. */
static int32_t margin_of(struct str text)
{
    struct reading r;
    memset(&r, 0, sizeof(r));
    r.best = INT32_MIN / 2;
    if (text.len <= 2 * READ_BYTES_MAX) {
        read_words(&r, text);
    } else {
        read_words(&r, str_sub(text, 0, READ_BYTES_MAX));
        read_words(&r, str_sub(text, text.len - READ_BYTES_MAX, text.len));
    }
    finish(&r);
    return r.best;
}

static void read_words(struct reading *r, struct str text)
{
    size_t at = 0;
    unsigned signs = 0; /* before the word */
    char sign = '\0';   /* the last of them; of other scripts all are alike */
    while (at < text.len) {
        size_t from = at;
        at += syllable_at(text, at);
        bool is_syllable = at > from;
        while (!is_syllable && letter_at(text, at) > 0 && syllable_at(text, at) == 0) {
            at++;
        }
        if (at > from) {
            spell(r, str_sub(text, from, at), signs, sign);
            signs = 0;
            sign = '\0';
        } else {
            sign = (unsigned char)text.ptr[at] < 0x80 ? text.ptr[at] : ' ';
            at += sign_at(text, at);
            signs++;
        }
    }
    spell(r, STR_NONE, signs, sign);
}

/* Bytes of the sign or the syllable at text[at] in Chinese, Japanese and Korean, where blanks
 * do not part words: each is a word. Korean syllables are decomposed. 0 = something else. */
static unsigned syllable_at(struct str text, size_t at)
{
    unsigned char lead = at < text.len ? (unsigned char)text.ptr[at] : 0;
    if (lead < 0xe1 || lead > 0xe9 || at + 3 > text.len || letter_at(text, at) == 0) {
        return 0;
    }
    if (lead >= 0xe3) {
        return 3;
    }
    unsigned n = 3;
    if (lead != 0xe1 || (unsigned char)text.ptr[at + 1] != 0x84) {
        return 0;
    }
    while (at + n + 3 <= text.len && (unsigned char)text.ptr[at + n] == 0xe1 &&
           (unsigned char)text.ptr[at + n + 1] >= 0x85 &&
           (unsigned char)text.ptr[at + n + 1] <= 0x87) {
        n += 3;
    }
    return n;
}

/* I g n o r e   a l l, i-g-n-o-r-e a-l-l: letters that stand alone are read as the words they
 * spell; two signs end one, or a blank where other signs are between its letters. */
static void spell(struct reading *r, struct str word, unsigned signs, char sign)
{
    unsigned char c = word.len == 1 ? (unsigned char)word.ptr[0] : '0';
    bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    unsigned n = r->spelled_bytes;
    bool is_other = n >= SPELLED_LETTERS && sign == ' ' && r->joiner != ' ';
    bool is_over = signs > 1 || n == WORD_BYTES || is_other;
    if (n > 0 && (!is_letter || is_over)) {
        unsigned step = n < SPELLED_LETTERS ? 1 : n;
        r->spelled_bytes = 0;
        for (unsigned i = 0; i < n; i += step) {
            take_word(r, (struct str){r->spelled + i, step});
        }
    }
    if (is_letter) {
        r->joiner = r->spelled_bytes > 0 ? sign : ' ';
        r->spelled[r->spelled_bytes++] = (char)c;
    } else if (word.len > 0) {
        take_word(r, word);
    }
}

/* In small letters, without accents and with letters where digits stand for them; then the
 * word, the two pairs it ends, its pieces. */
static void take_word(struct reading *r, struct str word)
{
    static const char like[] = "oizeasgtbg"; /* 1gn0r3 */
    char plain[WORD_BYTES + 8];
    size_t n = 0;
    bool has_digit = false;
    bool has_letter = false;
    for (size_t i = 0; i < word.len && n < WORD_BYTES; i++) {
        unsigned char c = (unsigned char)word.ptr[i];
        if ((c == 0xcc || c == 0xcd) && i + 1 < word.len) {
            i++;
            continue;
        }
        has_digit = has_digit || (c >= '0' && c <= '9');
        has_letter = has_letter || (c >= 'A' && c < 0x80);
        plain[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    if (n == 0) {
        return;
    }
    for (size_t i = 0; has_digit && has_letter && i < n; i++) {
        plain[i] = plain[i] >= '0' && plain[i] <= '9' ? like[plain[i] - '0'] : plain[i];
    }
    memset(plain + n, 0, 8);
    uint64_t hash = n;
    for (size_t i = 0; i < n; i += 8) {
        uint64_t eight;
        memcpy(&eight, plain + i, sizeof(eight));
        hash = (hash ^ eight) * K1;
        hash ^= hash >> 29;
    }
    uint32_t place = place_of(hash);
    take(r, place);
    if (r->before != 0) {
        take(r, place_of((r->before * K3) ^ hash));
    }
    if (r->older != 0) {
        take(r, place_of(((r->older ^ K1) * K3) ^ hash));
    }
    take_pieces(r, plain, n, is_again(r, place));
    r->older = r->before;
    r->before = hash;
    end_word(r);
}

/* Of four letters; beyond Latin a letter has two bytes or three. */
static void take_pieces(struct reading *r, const char *plain, size_t n, bool is_counted_only)
{
    unsigned char lead = (unsigned char)plain[0];
    size_t length = lead < 0xce ? 4 : 8;
    size_t step = lead < 0xce ? 1 : lead < 0xe0 ? 2 : 3;
    if (n <= length) {
        return;
    }
    size_t count = (n - length) / step + 1;
    size_t taken = count < PIECES ? count : PIECES;
    if (is_counted_only) {
        r->count += (uint32_t)taken;
        return;
    }
    for (size_t i = 0; i < taken; i++) {
        size_t at = (i + 1 < PIECES ? i : count - 1) * step;
        uint64_t piece = 0;
        memcpy(&piece, plain + at, length == 4 ? 4 : 8);
        take(r, place_of(piece ^ K3));
    }
}

/* Said within the last words? Then its letters prove nothing more: else the rare word of a
 * table, which comes twenty times, would judge the page. */
static bool is_again(struct reading *r, uint32_t place)
{
    uint32_t number = r->words + 1;
    bool is_same = r->seen[place % SLOTS].place == place && r->seen[place % SLOTS].number != 0 &&
                   number - r->seen[place % SLOTS].number <= AGAIN_WORDS;
    r->seen[place % SLOTS].place = place;
    r->seen[place % SLOTS].number = number;
    return is_same;
}

static uint32_t place_of(uint64_t hash)
{
    return (uint32_t)(hash * K2 >> 48);
}

static void take(struct reading *r, uint32_t place)
{
    r->sum += model_weight(place);
    r->count++;
}

/* Windows that end here. */
static void end_word(struct reading *r)
{
    r->words++;
    r->sums[r->words % RING] = r->sum;
    r->counts[r->words % RING] = r->count;
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        unsigned length = windows[i].words;
        if (r->words >= length && (r->words - length) % windows[i].stride == 0) {
            judge(r, r->words - length);
        }
    }
}

/* From behind the word number `from` to here. */
static void judge(struct reading *r, unsigned from)
{
    int32_t sum = r->sum - (from > 0 ? r->sums[from % RING] : 0);
    uint32_t count = r->count - (from > 0 ? r->counts[from % RING] : 0);
    uint32_t root = root_of(count << 8); /* in sixteenths */
    int64_t part = (int64_t)sum * model_scale / (root > 0 ? root : 1);
    int32_t margin = model_bias + (int32_t)part;
    r->best = margin > r->best ? margin : r->best;
}

/* The whole when it is short, and the windows that the end cuts short, by less than half. */
static void finish(struct reading *r)
{
    if (r->words == 0) {
        return;
    }
    if (r->words <= WHOLE_WORDS) {
        judge(r, 0);
    }
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        unsigned length = windows[i].words;
        unsigned stride = windows[i].stride;
        if (r->words <= length) {
            break;
        }
        for (unsigned from = (r->words - length + stride) / stride * stride;
             from < r->words - length / 2; from += stride) {
            judge(r, from);
        }
    }
    for (unsigned words = r->words, i = 0; words > SHORT_WORDS && i < LONG_STEPS; i++) {
        r->best -= LONG_MARGIN;
        words >>= 1;
    }
}

static unsigned score_of(int32_t margin)
{
    int32_t x = margin - MARGIN_HALF;
    int32_t size = x < 0 ? -x : x;
    return (unsigned)(500 + (int32_t)((int64_t)500 * x / (size + MARGIN_SPREAD)));
}

static uint32_t root_of(uint32_t n)
{
    uint32_t root = 0;
    for (uint32_t bit = UINT32_C(1) << 30; bit != 0; bit >>= 2) {
        if (n >= root + bit) {
            n -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root;
}
