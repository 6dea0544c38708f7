/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of this room: the compiled rules, the check of one exchange, and the steps that
 * reading a text consists of. Whole texts and streams share the judge (which rules want
 * a finding, what becomes of it) and the notes (hits, counters), so they cannot differ.
 *
 * A finding's way: scan_text or a sieve finds it -> judge_index says which action it takes
 * (the plan asks it) -> note_findings says which rules it is a hit of.
 */
#ifndef PORTCULLIS_CONTENT_PRIVATE_H
#define PORTCULLIS_CONTENT_PRIVATE_H

#include "portcullis/content.h"

/* ---- compiled ---------------------------------------------------------------- */

#define ACTIONS_MAX 240U /* distinct (kind, format): a plan's index is a byte */
#define THRESHOLD_PII 600U
#define THRESHOLD_OTHER 500U
#define HIDDEN_BYTES_MAX (256U << 10) /* what a stream may hold besides what a view shows */

struct rule {
    enum content_kind kind;
    enum content_effect effect;
    enum content_effect unscannable; /* resolved; INFO = allowed */
    enum content_effect failure;     /* of a recogniser; the same */
    uint8_t action;                  /* index into content.actions */
    bool has_except;
    unsigned threshold;
    struct scan_types types; /* pii */
    uint32_t topics;         /* bit per topic */
    uint32_t terms_from, terms_to; /* its ids, of every use */
};

enum term_use { TERM_PATTERN, TERM_ENTITY, TERM_EXCEPT, TERM_REQUIRED, TERM_RECOGNISED };
/* What a term's id stands for. Ids of one rule follow each other, but for the recognised
 * ones: they lie behind all others, and nothing scans for them. */
struct term {
    uint32_t rule;
    uint8_t use;
    uint8_t service, type; /* recognised */
    struct str what; /* the pattern as written, or the entity's name; NUL-terminated */
};

/* Rows: a bit per rule. ALTERING: it edits or blocks. */
enum row {
    ROW_REQUEST,
    ROW_RESPONSE,
    ROW_BUFFERED,
    ROW_ALTERING,
    ROW_RECOGNISED, /* a recogniser finds something for it */
    ROW_KINDS,
    ROWS = ROW_KINDS + CONTENT_KINDS
};

struct found_set { /* shared by contents that look for the same */
    struct scan_set *set;
    struct sha256 source;
    size_t bytes;
    size_t refs_count;
};

struct content {
    struct arena arena;
    size_t refs_count;
    struct sha256 source;    /* of all rules: equal means shared */
    struct found_set *found; /* NULL: neither types nor terms are looked for */
    const struct scan_engine *engine;
    struct rule *rules;
    size_t rules_count, words;
    struct term *terms;
    size_t terms_count, recognised_from; /* up to terms_count */
    const struct recognise_services *services;
    struct scan_action *actions;
    size_t actions_count;
    const uint64_t *rows[ROWS];
    bool has_kind[CONTENT_KINDS];
};

static inline bool bit_has(const uint64_t *row, size_t bit)
{
    return (row[bit / 64] >> (bit % 64) & 1) != 0;
}
static inline void bit_set(uint64_t *row, size_t bit)
{
    row[bit / 64] |= UINT64_C(1) << (bit % 64);
}
static inline bool bits_meet(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint64_t any = 0;
    for (size_t w = 0; w < words; w++) {
        any |= a[w] & b[w];
    }
    return any != 0;
}

/* ---- the check ---------------------------------------------------------------- */

#define STAGES 2U
#define ENTITIES_MAX 64U
#define OPAQUE_KINDS (LLM_OPAQUE_ENCODED + 1)

/* What applies at one stage, and what came of it. */
struct stage {
    const struct content_check *check;
    enum content_stage stage;
    const uint64_t *bits;                   /* rules that apply here */
    const uint32_t *of_kind[CONTENT_KINDS]; /* their numbers, TERMS apart (there may be many) */
    size_t of_kind_count[CONTENT_KINDS];    /* of TERMS 1 for any */
    bool is_wanted, is_scanned; /* is_scanned: a finding of the set can matter */
    bool is_recognised;         /* a recogniser is to be asked */
    struct scan_plan plan;      /* for sieves and edits; asks judge_index */
    enum content_effect effect;
    struct content_hit *hits;
    size_t hits_count, hits_dropped;
    uint64_t edits_count;
    const char *entities[ENTITIES_MAX];
    uint64_t entities_counts[ENTITIES_MAX];
    size_t entities_count;
    uint64_t *seen; /* required terms that were seen: bit per term id; NULL = none required */
    bool has_opaque[OPAQUE_KINDS];
    bool was_added; /* something was added at this stage */
};

/* Where a text stands: what a hit says of it. */
struct place {
    struct str pointer;
    enum llm_text_role role;
    bool is_repeat; /* probably read before: what is known is not counted again */
};

struct content_check {
    struct arena *arena;
    const struct content *content;
    struct content_env env;
    struct scan_keys keys; /* numbers of values: one request and its answer share them */
    struct scan_tokens tokens; /* what pseudonyms of the request stand for; heap, wiped */
    struct stage stages[STAGES];
    bool is_buffered;
    struct queue *queue;       /* run.c: texts of the whole-text half */
    struct recognition *recognition; /* recognised.c; NULL: not begun with these texts */
    struct channels *channels; /* stream.c: heap; NULL until a stream begins */
};

static inline struct stage *stage_of(const struct content_check *k, enum content_stage s)
{
    /* The check is the caller's own; only the getters of the door see it const. */
    return (struct stage *)(uintptr_t)&k->stages[s == CONTENT_RESPONSE ? 1 : 0];
}

/* ---- judge.c ---------------------------------------------------------------------- */

/* The plan's questions; context is a struct stage. */
uint8_t judge_index(const void *context, const struct scan_finding *items, size_t count,
                    size_t at);
const char *judge_name(const void *context, uint32_t term_id);
/* Covers that were told and may still speak against findings told later: a stream's memory
 * between two calls of note_findings. Zeroed at the channel's beginning. */
#define COVERS_MAX 16U
struct covers {
    struct scan_finding items[COVERS_MAX];
    size_t count;
};
/* Each rule that wants a finding gets its hit; entities are counted. The findings are in
 * order and complete (whole texts), or those a sieve became certain of, with the covers of
 * the channel (streams; then `items` has room for COVERS_MAX more). ERR_MEMORY: the hit
 * could not be told; refuse. */
MUST_USE enum err note_findings(struct stage *s, const struct place *where,
                                struct scan_findings *found, struct covers *covers);
/* The same for what recognisers found among them, when the rest has been told. */
MUST_USE enum err note_recognised(struct stage *s, const struct place *where,
                                  const struct scan_findings *found);

/* ---- read.c: what does not need a place in the text -------------------------------------- */

/* The words a value stands under are context of it: `{"ssn": "123456789"}` reads as
 * "ssn: 123456789". The name is the last segment of the pointer that is not a number; none
 * for members that only carry text ("content", "text" ...) and for odd names. Findings that
 * begin in front of the value do not count (scan_sieve.muted). */
#define LEAD_BYTES_MAX 66U
size_t lead_of(struct str pointer, char ret[LEAD_BYTES_MAX]);
/* Topics and injection of one text that is complete (streams: as far as it goes). Does
 * nothing when no rule asks, or when the text's role is not one that is asked about. Long
 * ones are given in pieces that overlap. */
#define MEANING_BYTES (16U << 10)
#define MEANING_OVERLAP 512U /* a sentence is not cut in two */
MUST_USE enum err note_meaning(struct stage *s, const struct place *where, struct str text);
/* Each of the two alone: a loop may turn between them. */
MUST_USE enum err note_topics(struct stage *s, const struct place *where, struct str text);
MUST_USE enum err note_injection(struct stage *s, const struct place *where, struct str text);

/* ---- hits.c -------------------------------------------------------------------------- */

struct sighting { /* one rule found something */
    uint32_t rule;
    struct str what;
    size_t start, end;
    unsigned score;
};
MUST_USE enum err hit_add(struct stage *s, const struct place *where, const struct sighting *seen);
MUST_USE enum err hit_add_opaque(struct stage *s, enum llm_unscannable_kind kind,
                                 struct str pointer);
/* A recogniser did not say what is in the texts: what its rules make of that. */
MUST_USE enum err hit_add_failure(struct stage *s, size_t service, enum recognise_result why);
void entity_count(struct stage *s, const char *type);

/* ---- stream.c --------------------------------------------------------------------------- */

/* Closes and wipes all channels. NULL channels are allowed. */
void channels_free(struct content_check *k);

#endif
