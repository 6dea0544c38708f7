/* SPDX-License-Identifier: Apache-2.0
 *
 * The views of a text that grows, for the sieve. Where a view shows what the folded text
 * shows, the folded text is walked for it; from where it differs it has a track of its own,
 * until it shows the same again. So a text in which nothing is hidden is read once.
 */
#ifndef PORTCULLIS_SCAN_TRACKS_H
#define PORTCULLIS_SCAN_TRACKS_H

#include "stages.h"

#define TRACKS_MAX 4U

/* How far a window has been walked; places in it. */
struct walk {
    size_t by_detectors, by_terms, by_regexes;
    size_t seen; /* its length then */
    struct scan_progress *progress; /* of the expressions, when the set has any */
};

/* A view that differs. The last window of its stages is walked. */
struct track {
    struct scan_stages stages;
    struct walk walk;
};

struct other_view {
    unsigned view, signs; /* enum scan_views; what shows that it may differ */
    unsigned quiet_count;
    struct stage quiet[STAGES_MAX]; /* its stages, while it does not differ */
    size_t read[STAGES_MAX];        /* in the folded window: what each has read */
    struct walk walked;            /* in the folded window: before it the last track decided */
    struct track *track;           /* NULL: it does not differ; else read[0] is kept */
};

/* Positions in the text count from its beginning. */
struct scan_tracks {
    const struct scan_set *set;
    struct window folded;
    uint64_t folded_to; /* in the text */
    size_t shown;       /* of the folded window: what all views that do not differ have read */
    struct walk walk;
    struct other_view others[TRACKS_MAX];
    unsigned count;
    bool is_too_deep; /* as in scan_findings */
};

MUST_USE enum err tracks_new(const struct scan_set *set, unsigned views, struct scan_tracks **ret);
void tracks_free(struct scan_tracks *t); /* wipes; NULL is allowed */
/* The text from t->folded_to on. ERR_LIMIT: longer than a text may be. ERR_MEMORY. */
MUST_USE enum err tracks_feed(struct scan_tracks *t, struct str text, bool is_final);
/* Walks on in all views. Appends what is found, by places in the text. */
void tracks_walk(struct scan_tracks *t, bool is_final, struct scan_findings *found);
/* All that begins before it in the text is known. */
uint64_t tracks_decided(const struct scan_tracks *t);
/* Lets go what is not needed any more. */
void tracks_rest(struct scan_tracks *t);

#endif
