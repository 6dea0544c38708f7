/* SPDX-License-Identifier: Apache-2.0
 *
 * The ways from a text to its views. A stage reads a piece of one view and appends to
 * another; what more text could change stays unread until it comes, so the result does
 * not depend on the pieces. A view is made by one to three stages in a row.
 */
#ifndef PORTCULLIS_SCAN_STAGES_H
#define PORTCULLIS_SCAN_STAGES_H

#include "scan_private.h"

#define STAGES_MAX 12U
#define LAYERS_MAX 4U /* of encodings that are undone; a text that has so many is reported */

/* FOLD reads the text itself, REFOLD a view of it. */
enum stage_kind {
    STAGE_NONE,
    STAGE_FOLD,
    STAGE_REFOLD,
    STAGE_SKELETON,
    STAGE_MARKUP,
    STAGE_DECODE
};

struct stage {
    enum stage_kind kind;
    bool is_inside_run;      /* DECODE: a part of a long run was read */
    bool was_decoded;        /* and undone */
    bool differs;            /* quiet: it would change what stands where it stopped */
    /* DECODE: letters read of a block that says nothing; of one that may and is waited for,
     * letters that are there, and those that do not speak against it */
    uint16_t passed, waiting, looked;
    size_t changed_to;       /* end, in the text, of what was changed last */
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
/* The same for SCAN_VIEW_LAYERS with fewer encodings: where none is deeper it shows the same. */
void stages_set_layers(struct scan_stages *s, unsigned layers, bool is_folded);
/* Those of a view, without the folding of the text; how many. */
unsigned stages_of(unsigned which, unsigned layers, enum stage_kind ret[STAGES_MAX]);
bool stages_have_changed(const struct scan_stages *s); /* more than folding does */
/* Did the last of the encodings change something? Then there may be one more. */
bool stages_go_deeper(const struct scan_stages *s);
/* SCAN_VIEW_LAYERS: does it show what no other view does, as far as it has been read? */
bool stages_are_layered(const struct scan_stages *s);
/* Reads text[*taken, to); the last window grows. */
MUST_USE enum err stages_feed(struct scan_stages *s, struct str text, size_t *taken, size_t to);
/* The same of a view. */
MUST_USE enum err stages_read(struct scan_stages *s, const struct view *in, size_t *taken,
                              bool is_final);
/* A quiet stage reads on as long as it would only copy, and makes nothing. Returns the first
 * place that it would change (differs) or has to wait at. is_plain: no sign of it (stages_worth)
 * in what is read. */
size_t stage_look(struct stage *st, const struct view *in, size_t from, bool is_final,
                  bool is_plain);
/* Which views (enum scan_views) would show more of text[from, len), folded, than it shows
 * itself; text before `from` was asked about, as far as it is known. */
unsigned stages_worth(struct str text, size_t from, bool is_wide);
/* The same, of runs of letters only what stands from `from` on. */
unsigned stages_signs(struct str text, size_t from, bool is_wide);

/* fold.c: REFOLD. */
size_t fold_view(struct stage *st, const struct view *in, size_t from, bool is_final,
                 struct window *out);
/* The whole folded text, in the scratch. */
MUST_USE enum err view_fold(struct scan_scratch *scratch, struct str text, struct view *ret);
/* skeleton.c, generated: what `cp` looks like (UTF-8), or NULL. UTS #39. */
const char *skeleton_of(uint32_t cp);

#endif
