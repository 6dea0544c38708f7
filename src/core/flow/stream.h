/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream while content rules read it: what is known of each growing string, and the
 * working memory of one event. Shared by the two ways a stream is read: event by event,
 * and whole before a byte goes on.
 */
#ifndef PORTCULLIS_FLOW_STREAM_H
#define PORTCULLIS_FLOW_STREAM_H

#include "flow_private.h"

#define FLOW_CHANNELS_MAX 1024U

/* A growing string of the answer. */
struct flow_channel {
    uint64_t id, scope;
    bool is_open;
    bool is_in_block; /* of a messages stream, when it is translated into one */
    struct llm_stub stub; /* in the exchange's arena; data none = not made */
    /* read whole */
    struct buf text;
    uint16_t half;
    bool is_json, is_edited, is_given;
    struct str edited; /* a JSON string */
    enum llm_text_role role;
};

/* One event with what is changed in it. */
struct flow_edits {
    struct llm_edit *items;
    size_t count, capacity;
};

/* Where an event lies in `held`. */
struct flow_held {
    size_t raw, raw_len, name, name_len, data, data_len;
    bool has_unknown_fields, is_comment_only;
};

struct flow_stream {
    struct arena scratch; /* of one event */
    bool alters;          /* a text may go on otherwise than it came */
    bool is_renumbered;   /* events were left out or put in: sequence numbers are ours */
    uint64_t sequence;    /* the next one */
    struct flow_channel *channels;
    size_t channels_count, channels_capacity;
    struct buf text; /* what a channel gave out */
    struct buf data; /* an edited event */
    struct buf line; /* the same as an event */
    /* read whole */
    struct buf held;
    struct flow_held *events;
    size_t events_count, events_capacity;
    const struct llm_edit *found; /* of whole texts, by place */
    size_t found_count;
};

/* The channel of a text; made when there is none. NULL: too many, or no memory. */
struct flow_channel *flow_channel_of(struct flow_stream *s, const struct llm_text *text);
/* Appends an edit as it is. */
MUST_USE enum err flow_edit_add(struct flow_stream *s, struct flow_edits *edits,
                                struct llm_edit edit);
/* Takes out token probabilities and sets the sequence number. */
MUST_USE enum err flow_edit_members(struct flow_exchange *x, const struct llm_event *event,
                                    struct flow_edits *edits);
/* The event is not sent. */
void flow_leave_out(struct flow_stream *s, const struct llm_event *event);
/* Hands the event to the relay: as it came when nothing is changed in it. */
MUST_USE enum err flow_stream_pass(struct flow_exchange *x, const struct sse_event *ev,
                                   const struct llm_event *event, const struct flow_edits *edits);
/* inspect_events.c, a stream read whole: keeps an event until all are there ... */
MUST_USE enum err flow_stream_hold(struct flow_exchange *x, const struct sse_event *ev);
/* ... gives their texts to the check (ERR_SYNTAX: an event is not valid) ... */
MUST_USE enum err flow_held_add(struct flow_exchange *x);
/* ... takes what the check says ... */
MUST_USE enum err flow_held_edit(struct flow_exchange *x);
/* ... and sends them. */
void flow_held_relay(struct flow_exchange *x);

#endif
