/* SPDX-License-Identifier: Apache-2.0
 *
 * The fake provider: a small OpenAI and Anthropic for tests and benchmarks. It
 * answers what the real ones would, deterministically, and misbehaves on demand.
 * One thread, one loop; this header is what its files share.
 *
 * GLOSSARY  marks: misbehaviour asked for. view: what we read of a request.
 * reply: status, headers and a body in pieces. plan: the bytes of a reply with
 * when and how far to send them.
 */
#ifndef FAKE_PROVIDER_H
#define FAKE_PROVIDER_H

#include "portcullis/base.h"
#include "portcullis/tls.h"
#include "portcullis/wire.h"

#include <uv.h>

#define BODY_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* ---- marks: "[[fake:key=value]]" in the last user text, the model or a header ---- */

enum fake_cut { CUT_NONE, CUT_FIN, CUT_RESET };
enum fake_framing {
    FRAMING_GOOD, FRAMING_TE_CL, FRAMING_TWO_CL, FRAMING_OBS_FOLD, FRAMING_SURPLUS
};

struct marks {
    bool is_any;
    unsigned status;         /* status=N: an error of the dialect */
    uint64_t delay_ms;       /* delay=N: before the first byte */
    uint64_t drip_ms;        /* drip=N: between events */
    enum fake_cut cut;       /* reset=N, fin=N: after N bytes of the answer */
    uint64_t cut_at;
    enum fake_framing framing;
    bool is_bad_json;        /* badjson */
    unsigned html_status;    /* html, html=N */
    bool has_no_done;        /* nodone: a stream without its terminal event */
    bool has_midstream_error;
    bool is_gzip;
    bool is_silent;          /* silence: never answer */
    uint64_t huge_header;    /* hugeheader, hugeheader=N */
    bool is_redirect;
    uint64_t chunks;         /* chunks=N: number of text deltas */
    uint64_t split;          /* split=N: bytes per chunk and per write */
    struct str raw;          /* raw=BASE64: exactly these bytes, then FIN */
    struct str say;          /* say=BASE64: the answer's text */
    struct str args;         /* args=BASE64: calls the first tool with this JSON text */
    uint64_t pieces;         /* pieces=N: deltas of N bytes, whole code points */
    bool has_no_usage;       /* nousage */
    bool has_usage;          /* usage=IN:OUT */
    uint64_t usage_in;
    uint64_t usage_out;
    uint64_t retry_after_ms; /* retryafter=N for status=429 */
};
/* Adds the marks found in `text`. Unknown keys are ignored. Values in the arena. */
void marks_read(struct arena *a, struct str text, struct marks *marks);
/* One "key=value" or "key". */
void marks_read_one(struct arena *a, struct str pair, struct marks *marks);
/* `text` without its marks. */
struct str marks_strip(struct arena *a, struct str text);
struct str base64_decode(struct arena *a, struct str text); /* STR_NONE when bad */
void base64_write(struct buf *out, const uint8_t *bytes, size_t len);

/* ---- view ---- */

enum endpoint {
    EP_CHAT, EP_COMPLETIONS, EP_RESPONSES, EP_INPUT_TOKENS, EP_EMBEDDINGS, EP_MODERATIONS,
    EP_MODELS, EP_MESSAGES, EP_COUNT_TOKENS, EP_UNKNOWN, EP_COUNT
};

struct view {
    enum endpoint endpoint;
    bool is_anthropic;
    yyjson_val *root;      /* NULL: no JSON body */
    struct str model;
    struct str path;
    struct str request_id; /* "req_fake_000001" */
    uint64_t number;
    bool is_stream;
    bool wants_usage;      /* stream_options.include_usage */
    unsigned choices;
    struct str tool;       /* call this tool; none = answer with text */
    struct str tool_args;  /* JSON text */
    struct str text;       /* the answer */
    struct str *words;     /* the answer in deltas */
    size_t words_count;
    uint64_t tokens_in;
    uint64_t tokens_out;
    struct marks marks;
};
enum endpoint endpoint_of(struct str path);
/* Reads what the answer depends on; a body that is no JSON leaves root NULL. */
void view_read(struct arena *a, const struct wire_head *head, struct str body, struct view *v);

/* ---- reply ---- */

struct reply {
    unsigned status;
    const char *content_type;
    bool is_stream;
    struct buf body;
    struct buf headers; /* complete extra header lines */
    struct buf ends;    /* size_t each: where a piece of the body ends */
};
void reply_init(struct reply *r);
void reply_fini(struct reply *r);
void reply_piece_end(struct reply *r);
void reply_header(struct reply *r, const char *name, struct str value);
/* The dialect's error body; sets status, clears what was written. */
void reply_error(struct reply *r, const struct view *v, unsigned status, struct str message,
                 const char *code);
/* Bytes of an error event, without the "data: " frame. */
void error_json(struct buf *out, const struct view *v, unsigned status, struct str message,
                const char *code);

void answer_chat(const struct view *v, struct reply *r);
void answer_completions(const struct view *v, struct reply *r);
void answer_responses(const struct view *v, struct reply *r);
void answer_messages(const struct view *v, struct reply *r);
void answer_embeddings(struct arena *a, const struct view *v, struct reply *r);
void answer_moderations(const struct view *v, struct reply *r);
void answer_models(const struct view *v, struct reply *r);
void answer_count_tokens(const struct view *v, struct reply *r);
/* Picks one of the above, or an error. */
void answer(struct arena *a, const struct wire_head *head, const struct view *v, struct reply *r);
bool is_midstream_error_due(const struct view *v, size_t word);
/* The next delta of a tool's arguments from `at` on. */
struct str args_piece(const struct view *v, size_t at);

/* ---- plan ---- */

struct plan {
    struct buf bytes;
    struct buf ends; /* size_t each */
    uint64_t delay_ms;
    uint64_t drip_ms;
    enum fake_cut cut;
    uint64_t cut_at;
    bool is_silent;
    bool is_closing; /* FIN after the last byte */
};
void plan_init(struct plan *p);
void plan_fini(struct plan *p);
void plan_make(struct plan *p, const struct reply *r, const struct marks *marks,
               bool is_keep_alive);

/* ---- control: /__log, /__reset, /__behave, /__stats ---- */

struct seen {
    struct buf json; /* comma-separated objects */
    uint64_t requests;
    uint64_t connections;
    char next[512];
    uint64_t next_count;
    char always[512];
};
bool control_is_path(struct str path);
void control_answer(struct arena *a, struct seen *seen, const struct wire_head *head,
                    struct str body, struct reply *r);
void control_record(struct seen *seen, const struct wire_head *head, struct str body,
                    uint64_t connection, bool is_tls);
/* Marks ordered through /__behave; counts them down. */
void control_marks(struct arena *a, struct seen *seen, struct marks *marks);

/* ---- connections ---- */

struct server {
    uv_loop_t *loop;
    struct seen seen;
    bool is_bench;
    uint64_t drip_ms; /* default for streams */
    uint64_t delay_ms;
    struct plan cached[EP_COUNT][2]; /* --bench: the first answer, again and again */
};
struct listener {
    uv_tcp_t tcp;
    struct server *server;
    struct tls_server *tls; /* NULL = plain */
    int port;
};
/* Starts to accept on 127.0.0.1; port 0 = any; sets l->port. 0 or a uv error. */
int listener_open(struct listener *l, struct server *server, struct tls_server *tls, int port);

#endif
