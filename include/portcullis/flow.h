/* SPDX-License-Identifier: Apache-2.0
 *
 * flow: THE PATH of a proxied request. A list of steps (see flow.c), the exchange
 * they work on, and the wants they leave for whoever owns sockets and files.
 *
 * Pure (sans-I/O): events go in with the time, wants come out as data, so a whole
 * conversation replays in a test without a port. One exchange per request, on one
 * thread; its memory is one bounded arena plus bounded buffers. `account` is
 * reached on every way out, exactly once.
 *
 * GLOSSARY  host: who feeds events and performs wants (io/net, or a test). want:
 * what the exchange asks of the host. call: one request to a provider, or to a recogniser.
 *
 * EXAMPLE
 *     flow_begin(x, &env, &start);
 *     flow_on_head(x, &parser.head);       -> want: BODY | SERVE | a refusal in x->out
 *     flow_on_body(x, slice); ... flow_on_request_end(x, now);
 *                                          -> want: RECORD (append x->record), or CALL:
 *                                             a recogniser is asked first
 *     flow_on_recorded(x, ERR_OK, now);    -> want: CALL (x->call), or DONE
 *     flow_on_upstream_head(...), flow_on_upstream_body(...), flow_on_upstream_end(...)
 *                                          -> x->out grows; want: RECORD | DONE
 *     flow_end(x);
 * After EVERY event the host takes x->want, clears it, and does what it says in this
 * order: RECORD, CALL, DROP_CALL, write x->out, then DONE. RECORD alone is answered by
 * flow_on_recorded; RECORD with DONE (the outcome) is appended and not waited for. TURN
 * is answered by flow_on_turn on a later turn of the loop, unless the exchange is over.
 */
#ifndef PORTCULLIS_FLOW_H
#define PORTCULLIS_FLOW_H

#include "portcullis/audit.h"
#include "portcullis/base.h"
#include "portcullis/codec.h"
#include "portcullis/content.h"
#include "portcullis/llm.h"
#include "portcullis/policy.h"
#include "portcullis/route.h"
#include "portcullis/scan.h"
#include "portcullis/wire.h"

enum flow_want {
    FLOW_WANT_BODY = 1 << 0,      /* read the body; answer "Expect: 100-continue" first */
    FLOW_WANT_RECORD = 1 << 1,    /* append x->record to the spool, then flow_on_recorded */
    FLOW_WANT_CALL = 1 << 2,      /* open x->call */
    FLOW_WANT_DROP_CALL = 1 << 3, /* close the upstream connection of this call */
    FLOW_WANT_SERVE = 1 << 4,     /* not the path: hand it to io/http, then flow_on_served */
    FLOW_WANT_DONE = 1 << 5,      /* x->out is the rest; then flow_end */
    FLOW_WANT_CLOSE = 1 << 6,     /* close the client connection after x->out */
    FLOW_WANT_TURN = 1 << 7       /* long work: let the loop turn once, then flow_on_turn */
};

struct flow_now {
    int64_t unix_ms;
    uint64_t mono_us;
};

/* Counters of one worker: written by its thread, read by any (relaxed atomics inside). */
struct flow_stats;
struct flow_stats *flow_stats_new(void);
void flow_stats_free(struct flow_stats *s);
/* Adds the counters of `count` workers up and appends Prometheus text. */
void flow_stats_write(struct buf *out, struct flow_stats *const *list, size_t count,
                      const struct route_catalog *catalog);

/* One per worker, set up by io/worker; everything borrowed. */
struct flow_env {
    struct str pepper;            /* secret */
    struct str node;
    uint32_t worker;
    bool is_strict_record;        /* wait for the sync before going on */
    size_t body_bytes_max;        /* request, default 16 MiB */
    size_t answer_bytes_max;      /* buffered JSON answer, default 16 MiB */
    int64_t stale_refuse_ms;      /* older snapshot = fail closed (F13), 0 = never */
    bool hashes_body;             /* SHA-256 of each request body into its decision record */
    /* The host's clock, for measuring inside one event; NULL = not measured. */
    uint64_t (*mono_us)(void);
    struct flow_stats *stats;     /* NULL = not counted */
    struct buf *log;              /* a line per request that ends; NULL = none */
    bool logs_errors_only;        /* of those that were not answered well */
    struct scan_scratch *scratch; /* of this thread; NULL = content rules refuse */
    /* Of this thread, for what is gone at the end of an event: each exchange's own memory is
     * out of the cache again when its answer comes. NULL = that. */
    struct arena *brief;
    struct buf_spares *spares; /* of this thread, for what is sent or parsed at once; NULL = none */
    struct json_forms *request_forms, *answer_forms; /* of this thread; NULL = none */
};

struct flow_start {
    const struct policy_snapshot *snapshot; /* pinned by the host until flow_end */
    /* Of this snapshot and no other the host ever gives; 0 = none: then what was found out
     * under a snapshot is not taken over to the next request. */
    uint64_t snapshot_number;
    int64_t fresh_ms;   /* unix ms at which the snapshot was last known to be current */
    bool is_degraded;   /* last-known-good from disk, or the database is away */
    bool is_draining;   /* answer with Connection: close */
    bool is_scratch_small; /* env->scratch could not grow for it: content rules refuse */
    bool is_tls;
    uint8_t dice[16];
    struct flow_now now;
};

/* What to send to whom. Strings live in the exchange. */
struct flow_call {
    const struct route_endpoint *endpoint;
    struct str head; /* request line and fields, complete */
    struct str body;
    bool is_stream;
    uint32_t connect_ms, first_byte_ms, idle_ms, total_ms; /* deadlines */
};

enum flow_end_how {
    FLOW_END_COMPLETE,     /* the answer's framing ended properly */
    FLOW_END_TRUNCATED,    /* closed or reset inside the answer */
    FLOW_END_REFUSED,      /* connect failed, DNS failed, address not permitted */
    FLOW_END_TLS,          /* handshake or certificate */
    FLOW_END_TIMEOUT,      /* a deadline passed */
    FLOW_END_PROTOCOL      /* the answer's bytes are not acceptable HTTP */
};

struct flow_exchange {
    unsigned want;         /* enum flow_want bits */
    struct buf out;        /* bytes for the client */
    struct str out_rest;   /* and these behind them, lent until they are sent; not if out.err */
    struct buf record;     /* bytes for the spool */
    struct flow_call call;
    struct flow_private *p;
    const struct policy_principal *principal; /* after authenticate; NULL before */
    struct str request_id; /* after flow_begin */
    struct str served_body;       /* with FLOW_WANT_SERVE: views into the exchange */
    struct wire_head served_head; /* last: it is long */
};

MUST_USE enum err flow_exchange_new(struct flow_exchange **ret);
void flow_exchange_free(struct flow_exchange *x);
void flow_begin(struct flow_exchange *x, const struct flow_env *env, const struct flow_start *s);
void flow_on_head(struct flow_exchange *x, const struct wire_head *head, struct flow_now now);
void flow_on_body(struct flow_exchange *x, struct str slice);
void flow_on_request_end(struct flow_exchange *x, struct flow_now now);
/* The client sent something that is not HTTP: answer status and reason, then close. */
void flow_on_bad_request(struct flow_exchange *x, unsigned status, const char *reason,
                         struct flow_now now);
void flow_on_turn(struct flow_exchange *x, struct flow_now now);
/* With TURN: does a long call come next that needs nothing but the exchange (parsing a large
 * body)? Then flow_work does it, on any thread, while nobody else touches the exchange, and
 * flow_on_turn follows. Without flow_work flow_on_turn does it by itself. */
bool flow_has_work(const struct flow_exchange *x);
void flow_work(struct flow_exchange *x);
void flow_on_recorded(struct flow_exchange *x, enum err e, struct flow_now now);
void flow_on_upstream_head(struct flow_exchange *x, const struct wire_head *head,
                           struct flow_now now);
void flow_on_upstream_body(struct flow_exchange *x, struct str slice, struct flow_now now);
void flow_on_upstream_end(struct flow_exchange *x, enum flow_end_how how, const char *reason,
                          struct flow_now now);
/* The whole answer of io/http: status line, fields and body are written here. */
struct flow_served {
    unsigned status;
    struct str content_type;
    struct wire_header headers[12];
    size_t headers_count;
    struct str body;
};
void flow_on_served(struct flow_exchange *x, const struct flow_served *answer,
                    struct flow_now now);
/* The client's connection is gone; leads to DROP_CALL, RECORD, DONE. */
void flow_on_client_gone(struct flow_exchange *x, struct flow_now now);
/* Back to empty; keeps memory for reuse. The host unpins the lease now. */
void flow_end(struct flow_exchange *x);
/* After it: the memory of a large exchange, NULL of any other. Giving it back takes the
 * system a while, so any thread may do that; who does not take it has it done by flow_begin. */
struct flow_leftover;
struct flow_leftover *flow_take_leftover(struct flow_exchange *x);
void flow_leftover_free(struct flow_leftover *l); /* NULL is allowed */
/* May the client connection carry another request after this one? */
bool flow_is_keep_alive(const struct flow_exchange *x);

/* ---- content rules over one request: the path, and /v1/evaluate ------------------------ */

struct flow_question {
    struct arena *arena;
    const struct policy_facts *facts;
    const struct policy_verdict *verdict;
    size_t candidate;             /* of facts->models: the one chosen */
    struct scan_scratch *scratch; /* of this thread, fit for the snapshot; NULL = not ready */
    struct str pepper;
    bool may_ask, may_work;       /* as in content_env */
};
/* *ret is NULL when no rule applies. Otherwise content_check_fini it. ERR_STALE: rules
 * apply and there is no scratch. With any error the caller must refuse. */
MUST_USE enum err flow_check_new(const struct flow_question *q, struct content_check **ret);
/* Every text (r was parsed with them) and every place that cannot be read. */
MUST_USE enum err flow_check_add(struct content_check *k, const struct llm_request *r);
/* After content_run: what was found at a stage, in reporting order. */
struct flow_found {
    const struct codec_found *items;
    size_t count, dropped;
};
MUST_USE enum err flow_check_found(struct arena *a, const struct policy_org *org,
                                   const struct content_check *k, enum content_stage stage,
                                   struct flow_found *ret);
/* The request with its replacements, read again: `edited` holds the body; with none it is
 * `r` itself. ERR_INVALID and ERR_SYNTAX (with issue): it would not be the same request. */
MUST_USE enum err flow_check_edit(struct arena *a, struct content_check *k,
                                  const struct llm_request *r, struct buf *edited,
                                  struct llm_request *ret, struct issue *ret_issue);

/* ---- what is read where: the coverage of the rules ------------------------------------- */

enum flow_way { FLOW_REQUEST, FLOW_ANSWER, FLOW_STREAM, FLOW_WAYS };
enum flow_part {
    FLOW_PART_TEXT,
    FLOW_PART_TOOL,      /* definitions of tools, and their names */
    FLOW_PART_ARGUMENTS, /* what a tool is called with */
    FLOW_PART_RESULT,    /* what a tool said */
    FLOW_PART_REASONING,
    FLOW_PART_REFUSAL,
    FLOW_PART_REPEAT,    /* said again: copies in a stream, token probabilities, echoes */
    FLOW_PART_MEDIA,     /* images, audio, files, token numbers, what the provider stores */
    FLOW_PART_OTHER,     /* metadata, schemas of answers, identifiers, unknown members */
    FLOW_PARTS
};
const char *flow_way_name(enum flow_way w);
const char *flow_part_name(enum flow_part p);

/* A place where a text, or what stands for one, may stand; with an example by which the
 * coverage is found out: the readers of the path are asked what they make of it. */
struct flow_place {
    unsigned endpoints; /* bits: 1 << enum llm_endpoint; of an answer the provider's */
    enum flow_way way;
    enum flow_part part;
    const char *name;    /* "messages[].content[].text" */
    const char *example; /* see flow_place_write */
    bool is_number;      /* takes digits only */
};
/* All of them. The table is complete for every operation and way that exists. */
const struct flow_place *flow_place_at(size_t i); /* NULL behind the last */
/* Does the operation have answers of this way? Otherwise asking for one is refused. */
bool flow_way_exists(enum llm_endpoint e, enum flow_way w);
/* The example with a text in it: a request for `model`, an answer's JSON, or the events of a
 * whole stream as they come from a provider, each piece of the text in an event of its own.
 * The text must need no escape in JSON. */
struct flow_saying {
    const struct flow_place *place;
    enum llm_endpoint endpoint;
    const char *model;
    const struct str *pieces;
    size_t pieces_count;
};
void flow_place_write(struct buf *out, const struct flow_saying *s);

enum flow_reading {
    FLOW_NOT_READ,    /* identifiers, ciphertext, echoes of the request */
    FLOW_READ_WHOLE,  /* at once, in every view */
    FLOW_READ_GROWING,/* piece by piece, in every view; whole where a rule buffers */
    FLOW_READ_ODD,    /* only what does not look like an identifier */
    FLOW_UNSCANNABLE, /* nobody can: on_unscannable of the rule decides */
    FLOW_LEFT_OUT,    /* taken out of the answer when a rule edits or blocks */
    FLOW_REFUSED,     /* the request is, where a rule would have to read it */
    FLOW_READINGS
};
const char *flow_reading_name(enum flow_reading r);
/* How a place is read. */
struct flow_coverage {
    enum flow_reading reading;
    bool is_unscannable;  /* read, and on_unscannable decides besides: what a URL leads to */
    bool is_json, is_key, is_number;
    enum llm_text_role role;
};
MUST_USE enum err flow_coverage_of(const struct flow_place *place, enum llm_endpoint e,
                                   struct flow_coverage *ret);
/* What a rule of a type does there. */
enum flow_cell {
    FLOW_CELL_NONE,        /* the place is not read, or this kind of rule does not look at it */
    FLOW_CELL_EDITS,       /* finds, may block, warn or edit */
    FLOW_CELL_BLOCKS,      /* finds, may block or warn */
    FLOW_CELL_ENDS,        /* finds when there is enough to judge or all was said, then ends the
                              stream in an error; what was said before is out, unless the rule
                              buffers */
    FLOW_CELL_UNSCANNABLE, /* on_unscannable: blocks, warns or allows */
    FLOW_CELL_LEFT_OUT,
    FLOW_CELL_REFUSED,
    FLOW_CELL_DECIDED,     /* decided before the call, whatever is in the body */
    FLOW_CELL_NO_RULE,     /* the type cannot be stored in this version */
    FLOW_CELLS
};
const char *flow_cell_name(enum flow_cell c);
enum flow_cell flow_cell_of(enum policy_rule_type type, const struct flow_place *place,
                            const struct flow_coverage *c);

#endif
