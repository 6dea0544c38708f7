/* SPDX-License-Identifier: Apache-2.0
 *
 * How much a text looks like prompt injection: phrases (detectors_injection.c) and a
 * linear model over hashed words, pairs of words and four-letter pieces, trained by
 * train_injection.py; the weights are data (model_weights.c). Both are signals, and
 * neither is proof: a page that explains injection has its phrases. No allocation
 * beyond the scratch; the same text always gives the same score.
 */
#include "model.h"
#include "stages.h"

#include <math.h>

#define FINDINGS_MAX 256U
#define MODEL_SURE 850U
#define READ_BYTES_MAX (64U << 10)

struct features {
    uint64_t seen[MODEL_FEATURES / 64];
    unsigned count;
    double sum;
};

static unsigned model_score(struct str text);
static void read_words(struct features *f, struct str text);
static void take_word(struct features *f, const char *word, size_t n, uint32_t *previous);
static void take(struct features *f, uint32_t hash);
static uint32_t hash_of(uint32_t h, const char *bytes, size_t n);

enum err scan_injection(const struct scan_engine *engine, struct scan_scratch *scratch,
                        struct str text, struct scan_injection *ret)
{
    static const unsigned weights[] = {
        [SCAN_TIER_A] = 450, [SCAN_TIER_B] = 180, [SCAN_TIER_C] = 60};
    struct scan_finding items[FINDINGS_MAX];
    struct scan_findings found = {.items = items, .capacity = FINDINGS_MAX};
    *ret = (struct scan_injection){0};
    TRY(scan_text(engine->injection, scratch, text, SCAN_VIEW_ALL, &found));
    uint64_t seen[MASK_WORDS] = {0};
    unsigned sum = 0;
    for (size_t i = 0; i < found.count; i++) {
        uint32_t id = found.items[i].id;
        if ((seen[id / 64] >> (id % 64) & 1) != 0) {
            continue; /* saying it twice is not saying more */
        }
        seen[id / 64] |= UINT64_C(1) << (id % 64);
        ret->rules++;
        sum += weights[engine->detectors[id]->tier];
    }
    struct view folded = {.text = text};
    if (!is_ascii(text)) {
        TRY(view_fold(scratch, text, &folded));
    }
    ret->model = model_score(folded.text);
    /* A phrase needs a little of the model, the model alone needs to be sure. */
    unsigned rules = sum > 1000 ? 1000 : sum;
    unsigned joint = rules + ret->model * 40 / 100;
    unsigned alone = ret->model >= MODEL_SURE ? 500 + (ret->model - MODEL_SURE) * 2 : 0;
    joint = alone > joint ? alone : joint;
    ret->score = joint > 1000 ? 1000 : joint;
    return ERR_OK;
}

static unsigned model_score(struct str text)
{
    struct features f = {.count = 0};
    if (text.len <= 2 * READ_BYTES_MAX) {
        read_words(&f, text);
    } else {
        read_words(&f, str_sub(text, 0, READ_BYTES_MAX));
        read_words(&f, str_sub(text, text.len - READ_BYTES_MAX, text.len));
    }
    if (f.count == 0) {
        return 0;
    }
    double logit = model_bias + f.sum * model_scale / sqrt((double)f.count);
    return (unsigned)(1000.0 / (1.0 + exp(-logit)));
}

/* Words are runs of letters, digits and bytes beyond ASCII; letters in lower case. */
static void read_words(struct features *f, struct str text)
{
    char word[32];
    size_t n = 0;
    uint32_t previous = 0;
    for (size_t i = 0; i <= text.len; i++) {
        unsigned char c = i < text.len ? (unsigned char)text.ptr[i] : ' ';
        if ((is_word_byte(c) && c != '_') || c >= 0x80) {
            if (n < sizeof(word)) {
                word[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            }
            continue;
        }
        if (n > 0) {
            take_word(f, word, n, &previous);
            n = 0;
        }
    }
}

static void take_word(struct features *f, const char *word, size_t n, uint32_t *previous)
{
    uint32_t h = hash_of(2166136261U, word, n);
    take(f, h);
    if (*previous != 0) {
        take(f, hash_of(*previous, word, n) ^ 0x5bd1e995U);
    }
    for (size_t i = 0; n > 4 && i + 4 <= n; i++) {
        take(f, hash_of(0x9747b28cU, word + i, 4));
    }
    *previous = hash_of(h, " ", 1);
}

static void take(struct features *f, uint32_t hash)
{
    uint32_t at = (hash ^ hash >> 15) % MODEL_FEATURES;
    if ((f->seen[at / 64] >> (at % 64) & 1) == 0) {
        f->seen[at / 64] |= UINT64_C(1) << (at % 64);
        f->count++;
        f->sum += model_weight(at);
    }
}

static uint32_t hash_of(uint32_t h, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (unsigned char)bytes[i]) * 16777619U;
    }
    return h;
}
