/* SPDX-License-Identifier: Apache-2.0
 *
 * The ways from a text to its views. A stage reads a piece of one view and appends to
 * another; what more text could change stays unread until it comes, so the result does
 * not depend on the pieces. A view is made by one to three stages in a row.
 */
#ifndef PORTCULLIS_SCAN_STAGES_H
#define PORTCULLIS_SCAN_STAGES_H

#include "scan_private.h"

#define STAGES_MAX 3U

enum stage_kind { STAGE_NONE, STAGE_FOLD, STAGE_SKELETON, STAGE_MARKUP, STAGE_DECODE };

struct stage {
    enum stage_kind kind;
    bool is_inside_run; /* DECODE: a part of a long run was read */
    bool was_decoded;   /* and undone */
};

/* One view's stages; windows[i] is what stage i made and the next has not read. */
struct scan_stages {
    struct stage stages[STAGES_MAX];
    struct window windows[STAGES_MAX];
    unsigned count;
};

void stages_init(struct scan_stages *s);
void stages_fini(struct scan_stages *s); /* NULL is allowed */
/* For the view `which` (0 = folded) of a text. */
void stages_set(struct scan_stages *s, unsigned which, bool is_folded);
/* Reads text[*taken, to); the last window grows. */
MUST_USE enum err stages_feed(struct scan_stages *s, struct str text, size_t *taken, size_t to);
/* Which views (enum scan_views) would show more of text[from, len), folded, than it shows
 * itself; text before `from` was asked about, as far as it is known. */
unsigned stages_worth(struct str text, size_t from, bool is_wide);

/* The whole folded text, in the scratch. */
MUST_USE enum err view_fold(struct scan_scratch *scratch, struct str text, struct view *ret);
/* skeleton.c, generated: what `cp` looks like (UTF-8), or NULL. UTS #39. */
const char *skeleton_of(uint32_t cp);

#endif
