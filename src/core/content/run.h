/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files about whole texts share: the queue of what was added, each text cut into
 * the units that are scanned, and the edits found so far. All in the exchange's arena but
 * for what a scan needs while it lasts (heap, wiped).
 */
#ifndef PORTCULLIS_CONTENT_RUN_H
#define PORTCULLIS_CONTENT_RUN_H

#include "content_private.h"

#define UNIT_COST 64U /* bytes that beginning a unit counts as */

/* Ascending, without overlap. */
struct edit_list {
    struct scan_edit *items;
    size_t count, capacity;
    struct edit_list *next_large; /* of those whose items are on the heap */
};
/* What is scanned as one: a text of the body, or a string, name or number of the JSON that
 * it holds. */
struct unit {
    const struct llm_text *text;
    struct edit_list edits;
    struct scan_finding *kept; /* until a recogniser has said what it found there too */
    size_t kept_count, kept_capacity;
};
struct reading {
    const struct llm_text *text;
    enum content_stage stage;
    struct unit *units;
    size_t units_count;
    bool is_json; /* the units are pieces of the JSON */
    bool is_edited, has_edited_name; /* one of the units is; of the JSON a name */
};

enum run_step { RUN_BEGIN, RUN_SCAN, RUN_TAKE, RUN_TOPICS, RUN_INJECTION };

/* Where the joined texts of one role are being read (seam.c). */
struct seam {
    unsigned role;
    size_t from; /* reading that the next window begins with */
};

/* What recognisers are asked about the queue, and what they found (recognised.c). */
struct recognised {
    uint32_t text;
    struct scan_finding finding;
};
struct recognition {
    struct stage *stage;
    struct str *texts;
    size_t texts_count;
    size_t service;                         /* asked now; services count = none is left */
    uint32_t wanted[RECOGNISE_SERVICES_MAX]; /* a bit for each of its types */
    struct str types[RECOGNISE_TYPES_MAX];  /* asked for now */
    uint8_t type_numbers[RECOGNISE_TYPES_MAX];
    size_t types_count;
    struct recognised *found; /* sorted when all have answered */
    size_t found_count, found_capacity;
    size_t reading, unit, text, at; /* to be taken next */
    struct scan_findings all;       /* of the unit under way: what it kept, and what was found */
    size_t taken;
    bool is_asked, is_done;
};

struct queue {
    struct reading *items;
    size_t count, capacity;
    size_t at, unit; /* under way */
    enum run_step step;
    size_t taken;    /* findings that were noted, or bytes whose meaning was judged */
    struct scan_job job;
    struct scan_findings found;
    struct buf led;  /* the lead and the value behind it */
    size_t lead_len;
    struct seam seam;
    struct making *making;   /* edits.c: of what was read; NULL = not begun */
    struct edit_list *large; /* the first of those on the heap */
    bool has_edited_name;    /* of the body itself */
    bool has_work;    /* content_work comes next */
    bool is_read;     /* all of it; the edits are under way */
    bool was_request; /* the request has been read to its end */
    enum err err;     /* sticks: something was not read */
};

/* Takes what was done off what a step may still do. */
static inline void spend(size_t *left, size_t bytes)
{
    *left -= bytes < *left ? bytes : *left;
}
/* Is this text part of what one says, as opposed to a value under a name? */
bool is_speech(const struct llm_text *text);
/* Adds `edit`; one that overlaps is joined to the one that was there. ERR_MEMORY. */
MUST_USE enum err edit_add(struct content_check *k, struct edit_list *list,
                           const struct scan_edit *edit);
void edit_lists_free(struct queue *q);
/* edits.c: makes the edits of all that was read; takes about *left bytes. ERR_AGAIN. */
MUST_USE enum err edits_run(struct content_check *k, size_t *left);
void edits_free(struct queue *q);
/* The end of the next findings that nothing behind them overlaps. */
size_t clean_cut(const struct scan_findings *all, size_t from);
/* Findings of one unit, complete where they overlap, become its edits. */
MUST_USE enum err take_edits(struct content_check *k, struct reading *r, struct unit *u,
                             struct scan_findings *part);
/* recognised.c: when all else was read: asks, and takes what was found. ERR_AGAIN. */
MUST_USE enum err recognised_run(struct content_check *k, size_t *left);
/* seam.c: reads on in the joined texts; takes about *left bytes. ERR_AGAIN. */
MUST_USE enum err seam_run(struct content_check *k, size_t *left);
void queue_free(struct content_check *k);

#endif
