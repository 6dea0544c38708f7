/* SPDX-License-Identifier: Apache-2.0
 *
 * What scanning with a compiled list costs: how often it matches in ordinary prose, and
 * how often in texts made of its own terms. Terms that contain one another match many
 * times at one place ("a", "aa" ... to 256 of them: 192 matches a byte), which no limit
 * on number or length stops. Runs where the list is compiled; a text is given up at the
 * bound, so the probe itself is bounded too.
 */
#include "literals.h"

#define PROSE_PER_KIB_MAX 256U
#define OWN_PER_KIB_MAX 4096U
#define OWN_TEXT_BYTES_MIN 64U
#define OWN_TEXT_BYTES_MAX (2U * 64U * SCAN_TERM_BYTES_MAX) /* folding may make terms longer */

struct count {
    size_t matches, matches_max;
};

static void probe(const hs_database_t *database, hs_scratch_t *scratch, struct str source,
                  struct scan_terms_cost *ret);
static bool matches_of(const hs_database_t *database, hs_scratch_t *scratch, struct str text,
                       unsigned per_kib_max, unsigned *ret_per_kib);
static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context);
static struct str own_text(struct str term, char *to);

static const char prose[] =
    "Could you look over the notes from Tuesday and tell me what is still missing? The "
    "customer wants a short answer by noon, and I would rather not promise a date before the "
    "people in the warehouse have counted the boxes again. There were 48 of them on the list, "
    "but the lorry brought only half; the others may be on their way from the harbour, or "
    "somebody wrote a wrong number in the book. Please explain in plain words how the new "
    "discount is computed, quote both of the earlier letters, and keep the whole thing under "
    "one page. By the way, the function that joins two tables returns too many rows when a "
    "key is empty. I think it should skip them. What would you change first, and why? If you "
    "need the figures of last quarter, ask me, since they are not in the file that I sent "
    "you. We expect a quiet week, so take your time with the wording of the third section.";

size_t scan_terms_count(struct str source)
{
    struct str rest = literals_begin(source);
    struct str literal;
    size_t count = 0;
    while (literals_next(&rest, &literal)) {
        count++;
    }
    return count;
}

struct str scan_terms_at(struct str source, size_t index)
{
    struct str rest = literals_begin(source);
    struct str literal;
    while (literals_next(&rest, &literal)) {
        if (index-- == 0) {
            return literal;
        }
    }
    return STR_NONE;
}

enum err scan_terms_probe(struct str source, struct str database, struct scan_terms_cost *ret)
{
    struct issue issue;
    hs_database_t *loaded = NULL;
    hs_scratch_t *scratch = NULL;
    *ret = (struct scan_terms_cost){.literal = SIZE_MAX};
    if (source.len == 0) {
        return ERR_OK;
    }
    TRY(literals_load(source, database, &loaded, &issue));
    enum err e = hs_alloc_scratch(loaded, &scratch) == HS_SUCCESS ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK) {
        probe(loaded, scratch, source, ret);
    }
    hs_free_scratch(scratch);
    hs_free_database(loaded);
    return e;
}

static void probe(const hs_database_t *database, hs_scratch_t *scratch, struct str source,
                  struct scan_terms_cost *ret)
{
    char text[OWN_TEXT_BYTES_MAX];
    struct str literal, rest = literals_begin(source);
    ret->is_given_up = !matches_of(database, scratch, STR(prose), PROSE_PER_KIB_MAX, &ret->per_kib);
    ret->is_too_dense = ret->per_kib > PROSE_PER_KIB_MAX;
    ret->per_kib_max = PROSE_PER_KIB_MAX;
    for (size_t i = 0; !ret->is_given_up && !ret->is_too_dense && literals_next(&rest, &literal);
         i++) {
        unsigned per_kib;
        ret->is_given_up =
            !matches_of(database, scratch, own_text(literal, text), OWN_PER_KIB_MAX, &per_kib);
        ret->is_too_dense = per_kib > OWN_PER_KIB_MAX;
        if (per_kib > ret->per_kib || ret->is_given_up) {
            ret->per_kib = per_kib;
            ret->per_kib_max = OWN_PER_KIB_MAX;
            ret->literal = i;
        }
    }
}

/* Stops soon after the bound; what is returned is then over it, though not exact. False:
 * libhs gave up, as it does when thousands of literals end in the same long run. */
static bool matches_of(const hs_database_t *database, hs_scratch_t *scratch, struct str text,
                       unsigned per_kib_max, unsigned *ret_per_kib)
{
    struct count count = {0, ((size_t)per_kib_max * text.len >> 10) * 4 + 64};
    hs_error_t rc = hs_scan(database, text.ptr, (unsigned)text.len, 0, scratch, on_match, &count);
    *ret_per_kib = (unsigned)((count.matches << 10) / text.len);
    return rc == HS_SUCCESS || rc == HS_SCAN_TERMINATED;
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    struct count *count = context;
    (void)id;
    (void)from;
    (void)to;
    (void)flags;
    return ++count->matches > count->matches_max ? 1 : 0;
}

/* The term at least twice, without a gap. */
static struct str own_text(struct str term, char *to)
{
    size_t len = 0;
    while (len < OWN_TEXT_BYTES_MIN || len < 2 * term.len) {
        if (len + term.len > OWN_TEXT_BYTES_MAX) {
            break;
        }
        memcpy(to + len, term.ptr, term.len);
        len += term.len;
    }
    return (struct str){to, len};
}
