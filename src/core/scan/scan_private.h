/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this room share: the compiled engine, the set, and the cursor that
 * walks one view of one text. Everything here is either immutable (engine, set) or on
 * the stack of one call (cursor).
 */
#ifndef PORTCULLIS_SCAN_PRIVATE_H
#define PORTCULLIS_SCAN_PRIVATE_H

#include "detector.h"
#include "lanes.h"
#include "pattern.h"
#include "topics.h"

#include <hs.h>

#define MASK_WORDS (SCAN_DETECTORS_MAX / 64)
#define CONTEXT_BYTES 80U /* how far back a context word may stand */
#define CONTEXT_LISTS 320U
#define CONTEXT_WORDS (CONTEXT_LISTS / 64)
#define CONTEXT_PHRASES 128U /* of scripts that are written without blanks */
#define RUNS_MAX 33U
#define LONG_RUN 7U
#define LONGEST_RUN 12U
#define GROUPS 64U       /* of ways to begin; the last ones of rows with LONG_RUN token bytes */
#define GROUPS_SHORT 48U /* the others */
#define GROUPS_PREFIX 4U /* bytes of a way */

/* Bytes of the letter or digit at text[at]; 0 = a sign, a blank, the end. Beyond ASCII all is
 * a letter but the signs of Latin-1, of general punctuation and of CJK punctuation. */
static inline unsigned letter_at(struct str text, size_t at)
{
    unsigned char c = at < text.len ? (unsigned char)text.ptr[at] : ' ';
    if (c < 0x80) {
        return is_word_byte(c) && c != '_' ? 1 : 0;
    }
    unsigned char next = at + 1 < text.len ? (unsigned char)text.ptr[at + 1] : 0;
    bool is_sign = c == 0xc2 || (c == 0xe2 && next < 0x82) || (c == 0xe3 && next == 0x80);
    return is_sign ? 0 : 1;
}

/* Bytes of the sign at text[at], which is not a letter: those behind its first are none. */
static inline unsigned sign_at(struct str text, size_t at)
{
    unsigned char c = (unsigned char)text.ptr[at];
    unsigned n = c == 0xc2 ? 2 : c == 0xe2 || c == 0xe3 ? 3 : 1;
    return at + n <= text.len ? n : (unsigned)(text.len - at);
}

/* What tokens are made of: word bytes and - . / + */
static inline bool is_token_byte(unsigned char c)
{
    return is_word_byte(c) || (c >= '+' && c <= '/' && c != ',');
}

struct row {
    struct pattern pattern;
    size_t width;
    uint16_t context; /* list index + 1; 0 = none */
    uint16_t run;     /* token bytes that every match begins with, at least */
};

struct context_slot {
    uint64_t hash; /* 0 = free */
    uint64_t lists[CONTEXT_WORDS];
};

struct phrase {
    struct str text;
    uint16_t list;
};

struct scan_engine {
    struct arena arena;
    struct row *rows;
    const struct detector *detectors[SCAN_DETECTORS_MAX];
    size_t rows_count;
    bool is_wide; /* cpu_has_avx2() */
    uint64_t prefix[PATTERN_PREFIX][256][MASK_WORDS];
    uint64_t at_rows[MASK_WORDS]; /* D_AT */
    /* Rows whose leading run of word bytes [0], of token bytes [1] may be this long. */
    uint64_t by_run[2][RUNS_MAX][MASK_WORDS];
    struct context_slot *slots;
    size_t slots_count;
    struct phrase *phrases; /* not ASCII: looked for as they stand */
    size_t phrases_count;
    const char **lists; /* the context strings, to share equal ones */
    size_t lists_count;
    struct scan_set *injection; /* the phrases alone */
    const struct topic_table *topics;
};

/* A stretch of a view. to = 0: byte for byte what stands from `from` on; else all of it
 * stands for [from, to) of the text. */
struct segment {
    uint32_t at; /* in the view; the stretch ends where the next begins */
    uint32_t from, to;
};

/* A view: what is matched, and where its bytes come from. */
struct view {
    struct str text;
    const struct segment *segments; /* NULL = the text itself */
    size_t segments_count;
};

/* Terms are folded, sorted and unique by (text, is_substring, id). */
struct term {
    struct str text;
    const char *exact; /* as written, but for the folding; NULL = case does not matter */
    uint32_t id;
    bool is_substring;
};

struct regex {
    struct pattern pattern;
    uint32_t id;
    const struct str *context; /* lower case; one must stand before */
    size_t context_count;
    bool is_factored; /* its factors are among the literals: elsewhere it cannot be */
    bool is_lead_run; /* begins with a run that takes all it can: see regex.c */
};
#define REGEX_WORDS ((SCAN_REGEXES_MAX + 63) / 64)

/* Which expressions may have a byte at their first offsets. */
struct regex_masks {
    uint64_t prefix[GROUPS_PREFIX][256][REGEX_WORDS];
    uint64_t groups[GROUPS_PREFIX][256]; /* the same modulo 64 */
    uint64_t loose[REGEX_WORDS];          /* those that are not factored */
    uint64_t loose_groups[GROUPS_PREFIX][256];
};

/* A literal that libhs looks for: terms with this text, expressions with this factor. */
struct factor {
    struct str text;
    uint32_t regex;
};
struct literal {
    uint32_t term, factor; /* the first one; UINT32_MAX = none */
    struct str text;
};

struct scan_set {
    const struct scan_engine *engine;
    struct arena arena;
    uint64_t enabled[MASK_WORDS];
    unsigned words; /* mask words in use */
    bool has_at;      /* a detector with D_AT is enabled; not among the groups below */
    bool has_longest; /* one that begins with LONGEST_RUN token bytes; not there either */
    uint64_t groups[GROUPS_PREFIX][256]; /* ways to begin that may have a byte there */
    struct term *terms;
    size_t terms_count;
    size_t term_bytes_max;
    uint64_t first_pair[1024]; /* first two bytes (lower case) of terms, 64 Ki bits */
    bool has_substring;
    struct regex *regexes;
    size_t regexes_count;
    unsigned steps_per_kb;     /* of all of them, over ordinary text */
    struct regex_masks *masks; /* NULL = no regexes */
    struct factor *factors;    /* sorted by text */
    size_t factors_count;
    hs_database_t *database;  /* NULL = no literals */
    struct literal *literals; /* by the number that libhs reports */
    size_t literals_count;
    size_t literal_open; /* bytes behind a place that decide about literals there */
    size_t hold_bytes_max;
};

/* Where each expression stands in a text: places before next[i] are decided for i. */
struct scan_progress {
    size_t count;
    uint64_t steps, steps_max; /* of all matching so far, and when it is given up */
    uint32_t next[SCAN_REGEXES_MAX];
};
/* Of a window: where an expression with a factor may begin; low > high = nowhere. */
struct scan_spots {
    uint32_t low[SCAN_REGEXES_MAX], high[SCAN_REGEXES_MAX];
};

/* One pass over one view. */
struct cursor {
    const struct scan_set *set;
    const struct scan_engine *engine;
    struct match_input in;
    const struct view *view;
    struct scan_findings *out;
    struct scan_progress *progress; /* of the expressions, when the set has any */
    struct scan_spots *spots;
    size_t work_max;   /* when in.steps are more, the walk stops */
    size_t terms_from; /* of literals_scan: terms before it are known */
    size_t next_at;  /* of the next '@' at or behind the place; SIZE_MAX = none */
    bool is_next_at_known;
    size_t context_at;           /* place the words below were collected for */
    uint8_t near[CONTEXT_LISTS]; /* bytes from a list's nearest word, plus one; 0 = none */
    bool has_context;
};

/* context.c */
MUST_USE enum err context_add(struct scan_engine *e, const char *list, uint16_t *ret_list);
/* 0 = no word of the list before `start`; else 1 (far) to 81 (beside it). */
unsigned context_nearness(struct cursor *c, size_t start, uint16_t list);
/* Does one of the words (lower case) stand before `start`? */
bool context_has(const struct cursor *c, size_t start, const struct str *words, size_t count);

/* detect.c */
void cursor_init(struct cursor *c, const struct scan_set *set, const struct view *view,
                 bool is_final, struct scan_findings *out);
/* Detectors, at all places in [from, to); returns the first undecided one, or `to`. */
size_t detectors_run(struct cursor *c, size_t from, size_t to);
/* NO: a token of ours. MORE: it may become one. */
enum match_result cursor_add(struct cursor *c, struct scan_finding f);

/* groups.c: what decides quickly that no row of the set begins at a place. */
void groups_prepare(struct scan_set *set);

/* terms.c: a walk down the sorted list, for streams; as detectors_run. */
size_t terms_run(struct cursor *c, size_t from, size_t to);
void terms_note_first(struct scan_set *set);
/* Adds every term of this text at a place. */
enum match_result terms_add(struct cursor *c, size_t first, size_t at);

/* literals.c: libhs over a window: all terms that begin in [from, to), and where
 * expressions with a factor may begin (c->spots). */
MUST_USE enum err literals_scan(struct cursor *c, hs_scratch_t *scratch, size_t from, size_t to);

/* regex.c. As detectors_run; with c->spots, only there where they say. */
size_t regexes_run(struct cursor *c, size_t from, size_t to);
MUST_USE enum err regexes_prepare(struct scan_set *set);
/* At the beginning of a text. */
void progress_begin(struct scan_progress *p, const struct scan_set *set);
/* The view begins `bytes` later from now on. */
void progress_shift(struct scan_progress *p, size_t bytes);
/* So many bytes of the text have been seen: what they may cost. */
void progress_allow(struct scan_progress *p, uint64_t bytes);

/* window.c: a view that is being made, and where a byte of a view comes from. */
struct window {
    struct buf text, segments;
};
void window_init(struct window *w, size_t bytes_max);
void window_fini(struct window *w);
void window_clear(struct window *w);
/* Appends `bytes` that stand for [from, to) as one; to = 0: byte for byte. */
void window_add(struct window *w, struct str bytes, size_t from, size_t to);
/* Appends a copy of in->text[from, to) with its map. NULL: nowhere. */
void window_copy(struct window *w, const struct view *in, size_t from, size_t to);
void window_drop(struct window *w, size_t bytes); /* from the front */
enum err window_err(const struct window *w);
struct view window_view(const struct window *w);
size_t view_start(const struct view *v, size_t i);
size_t view_end(const struct view *v, size_t end);
/* Both of [from, to), which is quicker when it is short. */
void view_span(const struct view *v, size_t from, size_t to, size_t *ret_start, size_t *ret_end);

/* fold.c: appends the folded form of `text`, whose first byte is at the place `base`.
 * Returns the bytes that were used: all, or up to an incomplete last code point unless
 * is_final. */
size_t fold_text(struct str text, size_t base, bool is_final, struct window *w);
/* The folded form alone, for words that are looked for. ptr == NULL: no memory. */
struct str fold_word(struct arena *a, struct str text);
bool is_ascii(struct str s);
size_t ascii_run(struct str s); /* bytes before the first that is not ASCII */

/* findings.c */
void findings_sort(struct scan_findings *f);
void findings_add(struct scan_findings *f, struct scan_finding finding);
void findings_sort_disordered(struct scan_findings *f); /* when it is known that they are */
/* Orders the items from `from` on; `before` came before them (NULL: nothing did). Tells
 * whether they came out of order: only then can something be there twice. */
bool findings_order(struct scan_findings *f, size_t from, const struct scan_finding *before);
/* What findings_sort does, in steps, of items on the heap which nobody else touches
 * meanwhile: ERR_AGAIN as long as there is more to do. */
struct scan_sorting;
MUST_USE enum err sorting_new(const struct scan_findings *f, struct scan_sorting **ret);
MUST_USE enum err sorting_step(struct scan_sorting *s, struct scan_findings *f, size_t moves_max);
void sorting_free(struct scan_sorting *s); /* NULL is allowed */

struct scan_scratch {
    hs_scratch_t *hs;
    struct window window;       /* of the step under way */
    struct scan_stages *stages; /* of scan_text */
    struct scan_progress progress;
    struct scan_spots spots;
    struct buf text2;
};

#endif
