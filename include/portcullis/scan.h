/* SPDX-License-Identifier: Apache-2.0
 *
 * scan: finds personal data, secrets, banned terms and injection attempts in a
 * text, says where, and rewrites them; at once or in a stream.
 *
 * One procedure serves blocks and streams: from left to right, at every place where
 * something may start, every enabled detector is tried, anchored there. A place is
 * DECIDED when more text could not change the answer. A block decides every place; a
 * stream gives out what lies before the first undecided place. So what a stream emits
 * is what a block of the whole text would have given, however it was cut.
 *
 * GLOSSARY  detector: one row of the table (a shape, a check, context words). type:
 * the public name several detectors share ("phone"). engine: the compiled table, one
 * per process. set: a tenant's terms, compiled. plan: which finding takes which
 * action. view: the text as a person would read it, with a map back to its bytes.
 * sieve: the stream form. region: findings that overlap, rewritten as one.
 *
 * MEMORY, THREADS  engine, set and plan are immutable after their making and shared;
 * each thread has its own scratch; a sieve belongs to one channel of one exchange.
 * Nothing found is ever copied into an error text.
 *
 * EXAMPLE
 *     scan_text(set, scratch, text, SCAN_VIEW_FOLD, &found);
 *     scan_rewrite(plan, &keys, text, &found, &out);
 */
#ifndef PORTCULLIS_SCAN_H
#define PORTCULLIS_SCAN_H

#include "portcullis/base.h"

/* ---- detectors and types ------------------------------------------------ */

#define SCAN_DETECTORS_MAX 640U

enum scan_class {
    SCAN_CONTACT,
    SCAN_PERSON,
    SCAN_NETWORK,
    SCAN_FINANCIAL,
    SCAN_GOV,
    SCAN_HEALTH,
    SCAN_LOCATION,
    SCAN_VEHICLE,
    SCAN_DEVICE,
    SCAN_SECRET,
    SCAN_INJECTION, /* phrases of prompt injection; not personal data */
    SCAN_CLASSES
};

/* A: the shape or checksum says enough. B: fires, context raises the score. C: only
 * with a context word within 80 bytes before. Scores: A .90, B .60, C .30, +.35. */
enum scan_tier { SCAN_TIER_A, SCAN_TIER_B, SCAN_TIER_C };

/* A set of detectors. */
struct scan_types {
    uint64_t bits[SCAN_DETECTORS_MAX / 64];
};

struct scan_detector_info {
    const char *name;    /* "github_token" */
    const char *type;    /* "api_key": one of S4-46 where there is one, else the name */
    const char *context; /* words that speak for it, comma-separated; NULL = none */
    const char *class_name;
    enum scan_class class;
    enum scan_tier tier;
    bool has_check;  /* a checksum, a calendar, an issued range, a measure of randomness */
    bool is_default; /* fires without being asked for by name */
};

size_t scan_detectors_count(void);
struct scan_detector_info scan_detector_info(size_t index); /* below that count */

/* Adds what `name` stands for: a type, a detector, a class ("financial"), "secret",
 * "default" (all that fires without being asked for) or "all" (all but injection).
 * Dialect words are known as well: ip_address, ssn, phone_us, api_key, EMAIL_ADDRESS,
 * US_SSN ... in any case (S1-15, S2-43..49, S4-46). `ssn` is the dashed form;
 * a caller of the first dialect adds ssn_no_dash (C-13). ERR_NOT_FOUND: the issue says
 * which word, and the nearest known one. */
MUST_USE enum err scan_types_add(struct scan_types *types, struct str name, struct issue *issue);
bool scan_types_has(const struct scan_types *types, size_t detector);
void scan_types_union(struct scan_types *types, const struct scan_types *more);

/* ---- engine: the table, compiled ---------------------------------------- */
struct scan_engine;

/* About a millisecond. One per process; outlives every set. ERR_MEMORY. */
MUST_USE enum err scan_engine_new(struct scan_engine **ret_engine);
void scan_engine_free(struct scan_engine *engine); /* NULL is allowed */

/* ---- set: what one tenant looks for ------------------------------------- */

#define SCAN_TERM_BYTES_MAX 256U
#define SCAN_TERMS_MAX 100000U
#define SCAN_REGEX_BYTES_MAX 512U
#define SCAN_REGEXES_MAX 500U

/* Case does not matter. "word": whole words. is_substring: anywhere. "/re/": a regular
 * expression, case-insensitive ("/re/c": case matters), S4-37. `id` is the caller's.
 * is_case_sensitive: the ASCII letters of a word as written. context: of these words one
 * must stand within 80 bytes before; regular expressions only. */
struct scan_term {
    struct str text;
    uint32_t id;
    bool is_substring, is_case_sensitive;
    const struct str *context;
    size_t context_count;
};

struct scan_spec {
    struct scan_types types; /* the union over all rules */
    const struct scan_term *terms;
    size_t terms_count;
    struct str database; /* what scan_terms_compile made of these terms; none = compiled here */
};

struct scan_set;

/* Copies what it needs of `spec`. Takes 0.2-0.4 s for 10 000 terms: never on a loop.
 * ERR_INVALID (a term: the issue's pointer is /N, its index), ERR_LIMIT, ERR_MEMORY.
 * Regular expressions: no look-around, back-references, \p; {m,n} at most 64; at most
 * 256 bytes matched, in linear time; not the empty text; not what is dear (scan_term_cost). */
MUST_USE enum err scan_set_new(const struct scan_engine *engine, const struct scan_spec *spec,
                               struct scan_set **ret_set, struct issue *issue);
void scan_set_free(struct scan_set *set); /* NULL is allowed */
/* What a term costs, by which dear ones are refused. Steps are the matcher's; 1.5 ns each or so.
 * ERR as scan_set_new, without pointer; what is known of the figures is filled in then as well. */
struct scan_cost {
    size_t width_max; /* the longest match, and what a stream holds back for it */
    size_t instructions;
    unsigned steps_per_kb, ns_per_kb, matches_per_kb; /* of ordinary text */
    unsigned worst_steps_per_kb;                      /* of text that is nearly what it looks for */
    bool has_factor;                                  /* texts without its literals cost nothing */
};
MUST_USE enum err scan_term_cost(const struct scan_term *term, struct scan_cost *ret,
                                 struct issue *issue);
/* Compiling the terms apart, in a process that may be killed, and keeping the result: the
 * source is a byte-stable list of the folded literals; equal lists are equal bytes.
 * ERR_INVALID and ERR_LIMIT as scan_set_new; an empty source: nothing to compile. A
 * database that is not whole, or not of this source and platform, is compiled again. */
MUST_USE enum err scan_terms_source(const struct scan_spec *spec, struct buf *ret_source,
                                    struct issue *issue);
MUST_USE enum err scan_terms_compile(struct str source, struct buf *ret_database,
                                     struct issue *issue);
struct str scan_terms_platform(void);       /* what else a database depends on */
size_t scan_terms_count(struct str source); /* literals in it; and one, STR_NONE past the end */
struct str scan_terms_at(struct str source, size_t index);
struct scan_terms_cost {
    unsigned per_kib, per_kib_max;  /* matches in the worst text that was looked at */
    size_t literal;                 /* whose text that is; SIZE_MAX = ordinary prose */
    bool is_too_dense, is_given_up; /* over the bound; libhs cannot scan it: refuse the list */
};
MUST_USE enum err scan_terms_probe(struct str source, struct str database,
                                   struct scan_terms_cost *ret); /* ERR_INVALID, ERR_MEMORY */
/* What a sieve holds back at the most, in bytes of a view (E5, Theorem 2). */
size_t scan_set_hold_bytes_max(const struct scan_set *set);
size_t scan_set_bytes(const struct scan_set *set); /* memory of it, the database included */

/* ---- scanning a text ---------------------------------------------------- */

enum scan_kind { SCAN_ENTITY, SCAN_TERM };

struct scan_finding {
    size_t start, end; /* bytes of the text as given */
    uint32_t id;       /* detector index, or the term's id */
    uint16_t score;    /* thousandths */
    uint8_t kind;      /* enum scan_kind */
    uint8_t tier;      /* enum scan_tier; SCAN_TIER_A for terms */
};

/* The caller's array. More findings than fit: is_truncated is set, the rest is not recorded;
 * whoever must be sure then refuses. is_exhausted: an expression of the tenant's was too dear
 * and given up; the same. is_too_deep: four encodings were undone, a fifth is not read. */
struct scan_findings {
    struct scan_finding *items;
    size_t count, capacity;
    size_t items_max; /* 0 = an array of the caller's; else on the heap, and it grows */
    bool is_truncated, is_exhausted, is_too_deep;
};
#define SCAN_FINDINGS_MAX 262144U
/* Storage that grows to items_max; then whoever fills it says ERR_LIMIT. */
void scan_findings_init(struct scan_findings *findings, size_t items_max);
void scan_findings_fini(struct scan_findings *findings); /* NULL is allowed */
int scan_finding_compare(const void *a, const void *b); /* two findings, as scan_text sorts them */

/* Which views to read besides the text as it stands. FOLD: compatibility forms (full-width
 * digits), case, default-ignorables; free for ASCII, as the others are where they show the
 * same. */
enum scan_views {
    SCAN_VIEW_FOLD = 1,
    SCAN_VIEW_SKELETON = 2, /* look-alikes, UTS #39 */
    SCAN_VIEW_MARKUP = 4,   /* tags, emphasis and invisible comments taken out */
    SCAN_VIEW_DECODED = 8,  /* base64, percent, entity and \\u escapes undone, depth 2 */
    SCAN_VIEW_LAYERS = 16,  /* all of these one behind the other, encodings four deep */
    SCAN_VIEW_ALL = 31
};

struct scan_scratch;

/* One per thread; fits every set. ERR_MEMORY. */
MUST_USE enum err scan_scratch_new(struct scan_scratch **ret_scratch);
void scan_scratch_free(struct scan_scratch *scratch); /* NULL is allowed */
/* Grows for `set` (NULL: nothing); to be called where it arrives, not where requests do. */
MUST_USE enum err scan_scratch_fit(struct scan_scratch *scratch, const struct scan_set *set);

/* Appends every validated finding of the set's types and terms, sorted by start, then
 * longest, kind, score, tier, row. Overlaps are kept: rules of different types want their
 * own (scan_findings_resolve). Findings of a decoded view cover the encoded run.
 * ERR_MEMORY, ERR_LIMIT (text over 2 GiB; more than items_max findings). */
MUST_USE enum err scan_text(const struct scan_set *set, struct scan_scratch *scratch,
                            struct str text, unsigned views, struct scan_findings *findings);
/* The same in steps, so that a long text does not keep a loop from turning: the findings
 * are those of scan_text, however it is stepped. Borrows all but its own memory. */
struct scan_job {
    const struct scan_set *set;
    struct str text;
    struct scan_findings *findings;
    unsigned views, view, layers;   /* asked for; under way, 0 = the text itself; encodings in it */
    unsigned worth, bared, changed; /* show signs; do without markup; that differ */
    size_t looked_at;               /* bytes of the text that are known to be ASCII */
    size_t seen, taken;             /* bytes of the text: offered, and read by the view */
    size_t decided, walked, asked;  /* bytes of the view; walked: by all but regular expressions */
    struct scan_stages *stages;     /* what makes it, when it is not the text itself */
    struct scan_progress *progress; /* of the regular expressions */
    struct scan_sorting *sorting;   /* of many findings; `last` came last */
    struct scan_finding last;
    bool is_begun, is_folded, is_owner, is_stopped, is_done, has_last, is_disordered, is_layered;
};
void scan_job_begin(struct scan_job *job, const struct scan_set *set, struct str text,
                    unsigned views, struct scan_findings *findings);
/* Reads about bytes_max, less of what is hard. ERR_AGAIN: more to do; ERR_OK: all is sorted. */
MUST_USE enum err scan_job_step(struct scan_job *job, struct scan_scratch *scratch, size_t bytes);
void scan_job_fini(struct scan_job *job); /* NULL is allowed */
/* Keeps entities of `types` (NULL = all) that score at least `score_min`, and terms;
 * of overlapping ones the longest, then the better tier, then the earlier row. */
void scan_findings_resolve(struct scan_findings *findings, const struct scan_types *types,
                           unsigned score_min);

/* ---- injection and topics ----------------------------------------------- */

struct scan_injection {
    unsigned score, model; /* thousandths; 500 = as likely as not, S1-16; the linear model alone */
    unsigned rules;        /* phrases that matched */
    bool is_too_deep;      /* as in scan_findings */
};
/* Phrases, and the n-gram model over the first and last 64 KiB, folded. ERR_MEMORY. */
MUST_USE enum err scan_injection(const struct scan_engine *engine, struct scan_scratch *scratch,
                                 struct str text, struct scan_injection *ret);

#define SCAN_TOPICS_MAX 32U
/* Built-in topics ("medical_advice", "weapons" ...): names by index; NULL past the end. */
const char *scan_topic_name(size_t index);
/* How much of each topic is in the text: thousandths, 500 = the topic is present.
 * ret_scores has SCAN_TOPICS_MAX places (S4-11). ERR_MEMORY. */
MUST_USE enum err scan_topics(const struct scan_engine *engine, struct scan_scratch *scratch,
                              struct str text, unsigned *ret_scores);

/* ---- actions (C-12) ------------------------------------------------------ */

enum scan_action_kind {
    SCAN_KEEP,      /* report only */
    SCAN_MASK,      /* the shape and the last four: ***-**-6789; secrets keep nothing */
    SCAN_REDACT,    /* `format`: {TYPE} {N} {LAST4} {HASH8}; "" = [REDACTED] */
    SCAN_HASH,      /* [TYPE:16 hex digits] of HMAC-SHA-256 under `hash_key` */
    SCAN_PSEUDONYM, /* [TYPE_7K2MQ4ZT9B1C]: a token, the same for a value under one hash_key */
    SCAN_BLOCK      /* report; a sieve emits nothing from its start on */
};

struct scan_action {
    enum scan_action_kind kind;
    struct str format; /* SCAN_REDACT; borrowed by the plan */
};

#define SCAN_PLAN_NONE 0xffU
#define SCAN_PLAN_COVER 0xfeU /* not wanted itself: may speak against findings inside it */
/* of_detector: index into actions, SCAN_PLAN_NONE = not wanted. of_term gives the same for
 * a term's id; NULL = no terms are wanted. All borrowed, for as long as the plan.
 * of_finding: when set, asked instead of both and of score_min, about items[at]; items are
 * sorted as by scan_text and hold every finding that covers it. name_of_term: what {TYPE}
 * is for a term, NUL-terminated, alive as long as the keys; NULL = "term". */
struct scan_plan {
    const struct scan_action *actions;
    size_t actions_count;
    uint8_t of_detector[SCAN_DETECTORS_MAX];
    uint8_t (*of_term)(const void *context, uint32_t id);
    uint8_t (*of_finding)(const void *context, const struct scan_finding *items, size_t count,
                          size_t at);
    const char *(*name_of_term)(const void *context, uint32_t id);
    const void *context;
    unsigned score_min; /* default 600 */
};
/* Everything NONE, score_min 600. */
void scan_plan_init(struct scan_plan *plan, const struct scan_action *actions, size_t count);
void scan_plan_set(struct scan_plan *plan, const struct scan_types *types, uint8_t action);

/* A format becomes text inside of JSON strings, also raw ones of tool arguments: UTF-8
 * without quotes, backslashes and control characters, at most 200 bytes. ERR_INVALID. */
MUST_USE enum err scan_format_check(struct str format, struct issue *issue);

/* ---- tokens: what stands for a value, and back ---------------------------- */

#define SCAN_TOKEN_BYTES_MAX 80U

/* The tokens written in one request and what they stand for. Bounded: when it is full,
 * is_full is set and further tokens are written but cannot be undone. */
struct scan_tokens {
    struct scan_token *items; /* sorted by token */
    size_t count, capacity;
    struct buf bytes; /* tokens and values */
    bool is_full;
};
void scan_tokens_init(struct scan_tokens *tokens, size_t bytes_max);
void scan_tokens_fini(struct scan_tokens *tokens); /* wipes; NULL is allowed */
/* A text with the values in place of their tokens, byte for byte, in pieces cut anywhere:
 * holds back only what may become one of the tokens. is_json: the text is raw JSON, so
 * values are escaped. ERR_LIMIT (of `out`), ERR_MEMORY. */
struct scan_restorer {
    const struct scan_tokens *tokens;
    bool is_json;
    char held[SCAN_TOKEN_BYTES_MAX];
    size_t held_len;
};
void scan_restorer_init(struct scan_restorer *r, const struct scan_tokens *tokens, bool is_json);
MUST_USE enum err scan_restorer_feed(struct scan_restorer *r, struct str chunk, struct buf *out);
MUST_USE enum err scan_restorer_close(struct scan_restorer *r, struct buf *out);

/* What rewriting needs besides the text; per request. `names` numbers values. */
#define SCAN_NAMES_MAX 256U
struct scan_keys {
    struct str hash_key;            /* borrowed secret */
    struct scan_tokens *tokens;     /* remembers what is written; NULL = nothing does */
    uint64_t names[SCAN_NAMES_MAX]; /* keyed hash of a value */
    uint16_t numbers[SCAN_NAMES_MAX];
    const char *types[SCAN_NAMES_MAX];
    size_t names_count;
};

/* One replacement; `text` lies in the arena. */
struct scan_edit {
    size_t start, end;
    struct str text;
};
struct scan_edits {
    struct scan_edit *items;
    size_t count;
};
/* Edits for the findings (any order, all of them as scan_text gave them), ascending and
 * without overlap: findings that overlap become one region, written by the one with the
 * strictest action (block, redact, hash, pseudonym, mask), of these by the leftmost (then
 * longest, best tier, earliest). SCAN_BLOCK is written as a redaction: whoever blocks does
 * not send it anyway. ERR_MEMORY. */
MUST_USE enum err scan_edits_of(const struct scan_plan *plan, struct scan_keys *keys,
                                struct str text, struct scan_findings *findings,
                                struct arena *arena, struct scan_edits *ret_edits);
/* The text with its edits, into `out`; the findings are those of scan_text. */
MUST_USE enum err scan_rewrite(const struct scan_plan *plan, struct scan_keys *keys,
                               struct str text, struct scan_findings *findings, struct buf *out);

/* ---- sieve: redaction of a stream ---------------------------------------- */

#define SCAN_SIEVE_FINDINGS_MAX 4096U /* that wait for what is undecided */

/* One channel: (choice, content | reasoning | tool call). Bytes in, bytes out, in any
 * cut; only what may still become part of a finding stays behind: in prose the word
 * under way, at most scan_set_hold_bytes_max() of a view. Of the text that is more where a
 * view shows less: the markup, the marks and the encoding in between are held with it. */
struct scan_sieve {
    const struct scan_set *set;
    const struct scan_plan *plan;
    struct scan_keys *keys;
    unsigned views;
    struct buf held; /* fed and not yet given out */
    uint64_t base;   /* offset of held[0] in the channel */
    uint64_t muted;  /* findings that begin before this offset do not count */
    struct scan_tracks *tracks;
    struct scan_findings pending[2]; /* that may grow or are not given out; the spare one */
    uint64_t counts[SCAN_CLASSES];   /* findings given out, by class; terms apart */
    uint64_t terms_count;
    bool is_blocked, is_closed, is_truncated, is_too_deep;
};

/* Borrows set, plan and keys. `views` as for scan_text, FOLD in any case. bytes_max bounds
 * the held text: a text of which more would have to be held is not given out (ERR_LIMIT). */
void scan_sieve_init(struct scan_sieve *sieve, const struct scan_set *set,
                     const struct scan_plan *plan, struct scan_keys *keys, unsigned views,
                     size_t bytes_max);
void scan_sieve_fini(struct scan_sieve *sieve);
/* Appends to `out` what is safe to give out. `found` (may be NULL) gets the findings
 * that became certain, SCAN_PLAN_COVER among them, offsets counted from the channel's
 * beginning. After a BLOCK
 * finding is_blocked is set and nothing is emitted any more. ERR_LIMIT (nothing of the
 * chunk may be used; is_blocked is set), ERR_MEMORY. */
MUST_USE enum err scan_sieve_feed(struct scan_sieve *sieve, struct str chunk, struct buf *out,
                                  struct scan_findings *found);
/* The text is complete: everything is decided and given out. */
MUST_USE enum err scan_sieve_close(struct scan_sieve *sieve, struct buf *out,
                                   struct scan_findings *found);
/* Bytes that were fed and not yet given out. */
size_t scan_sieve_held_bytes(const struct scan_sieve *sieve);

#endif
