/* SPDX-License-Identifier: Apache-2.0
 *
 * What the steps of one exchange share. Only files of this room include it.
 * Everything in flow_private dies with flow_end: views may point into the
 * request's head (the parser's, alive until the exchange ends), the body buffer
 * or the arena.
 */
#ifndef PORTCULLIS_FLOW_PRIVATE_H
#define PORTCULLIS_FLOW_PRIVATE_H

#include "portcullis/codec.h"
#include "portcullis/flow.h"

#define FLOW_TAGS_MAX 16
#define FLOW_WARNINGS_MAX 16 /* of the select stage */
#define FLOW_WORK_BYTES (128u * 1024) /* calls over more than this are flow_work's */
#define FLOW_REPORTED_MAX (FLOW_WARNINGS_MAX + 2 * CONTENT_HITS_MAX) /* both stages */

enum flow_state {
    FLOW_IDLE,
    FLOW_READING,       /* waiting for the body */
    FLOW_INSPECTING,    /* it is being parsed, then its texts are read, slice by slice */
    FLOW_ASKING,        /* a recogniser reads them */
    FLOW_SERVING,       /* io/http has it */
    FLOW_DECIDED,       /* decision record being stored */
    FLOW_CALLING,       /* waiting for the provider's head */
    FLOW_RELAYING,      /* answer under way */
    FLOW_ENDED          /* DONE was said */
};

/* What is to be done next; for a large body after the loop has turned. */
enum flow_inspection {
    FLOW_INSPECT_BEGIN,
    FLOW_INSPECT_ADDED,
    FLOW_INSPECT_READ,
    FLOW_INSPECT_EDIT,
    FLOW_INSPECT_EDITED,
    FLOW_INSPECT_CALL,
    FLOW_INSPECT_DONE
};

enum flow_kind { FLOW_KIND_CALL, FLOW_KIND_MODELS, FLOW_KIND_SERVE };

/* An answer made here instead of by a provider. */
struct flow_refusal {
    struct llm_error error;
    struct str body;             /* the whole body where a dialect has its own; else none */
    const char *decision;        /* of the record: "block" or "error" */
    bool is_policy;              /* send the X-Governance-* headers, no retry */
    bool must_close;
    uint32_t retry_after_s;      /* 0 = no header */
    const char *allow;           /* with 405: what the path takes; NULL = no header */
};

/* In the order in which it is needed: an exchange finds most of it out of the cache again. */
struct flow_private {
    struct arena arena; /* it and the buffers come first: they are emptied, not given back */
    struct buf body;        /* request body */
    struct buf edited;      /* the body as it is sent, when content rules changed it */
    struct buf call_head;   /* for the provider, with its credential; nothing else is in it */
    struct buf answer;      /* buffered JSON answer, or the current event's bytes */
    /* What every event asks, those of a stream before all. */
    const struct flow_env *env;
    struct flow_now now;
    enum flow_state state;
    enum flow_kind kind;
    bool is_upstream_error; /* collecting the body of an error answer */
    bool is_upstream_stream;
    bool is_http10;         /* the client: it takes no chunks */
    bool is_head_sent;      /* the status line went to the client */
    bool is_call_open, is_keep_alive;
    bool is_refused;        /* refusal holds the answer */
    bool is_recorded;       /* a decision record exists, so an outcome must follow */
    bool has_sse;
    bool is_answer_waiting; /* there is more of it to read: after the loop has turned */
    enum policy_error_format error_format; /* of a refusal by policy */
    struct flow_asking *asking;  /* a recogniser's call; heap; NULL: none yet */
    struct content_check *check; /* NULL: no content rule applies; for both stages */
    struct flow_stream *stream;  /* content rules read the answer's events; else NULL; heap */
    struct llm_relay *relay;
    size_t warnings_count; /* what the client is told: of the candidate, of content rules */
    uint64_t response_bytes; /* of the body */
    struct sse_parser sse;
    struct flow_start start;
    const struct wire_head *head;
    char request_id[30]; /* req_ + ULID */
    enum llm_endpoint endpoint;
    struct str path;     /* without the /llm prefix */
    struct str model_path; /* GET /v1/models/{id} */
    struct str environment;
    struct str client_request_id, trace_id; /* what the caller calls it; none: not said, or badly */
    struct str traceparent, tracestate;     /* for the provider: valid or none */
    size_t tags_count;
    bool has_header_slot;
    int64_t header_slot;
    struct llm_request request;
    bool is_parsed;
    struct sha256 body_sha256; /* when it is parsed, and wanted */
    uint64_t request_bytes;    /* of the body */
    const struct issue *texts_issue; /* why its texts could not be listed; NULL = they are */
    enum err texts_err;
    struct route_resolution models;
    struct policy_facts facts;
    struct policy_verdict verdict;
    bool is_decided, is_content_block;
    uint32_t eval_us; /* all that comes before the decision, content included */
    struct route_choice choice;
    struct flow_found found;     /* in the request */
    enum flow_inspection inspection;
    bool must_turn; /* the slice is used up, or there is work */
    bool is_rendered; /* the body for the provider is made */
    /* Long calls: what flow_work does, and what follows on the turn; NULL = nothing. What
     * came of it: `work_err`, and where it is a parser's, `issue`. */
    void (*work)(struct flow_exchange *x), (*then)(struct flow_exchange *x);
    enum err work_err;
    uint64_t from_us; /* what is done now is measured from here */
    uint32_t work_us; /* flow_work took before, and is not in one of the sums yet */
    uint32_t content_us[2];      /* [0] request, [1] answer: time in content rules */
    uint64_t content_bytes[2];   /* text given to them */
    struct llm_upstream upstream;
    const struct llm_said *said; /* of a JSON answer that content rules read */
    const struct llm_edit *front; /* near its beginning, made when it is written; NULL = none */
    uint64_t called_us, first_byte_us;
    unsigned status_sent, upstream_status;
    struct str upstream_request_id;
    uint32_t upstream_retry_after_s;
    const char *decision; /* word of the stored decision, for the counters */
    const char *outcome;  /* audit_outcome.outcome */
    struct str local_body; /* an answer of our own with status 200 (models) */
    struct flow_refusal refusal;
    /* Last, and not cleared between two exchanges: their counts say what holds. */
    struct policy_pair tags[FLOW_TAGS_MAX];
    const struct policy_violation *warnings[FLOW_REPORTED_MAX];
    struct issue issue;
    struct flow_leftover *leftover; /* of the exchange before; NULL = none */
    struct policy_memory decided;   /* likewise */
};

/* The host's clock; 0 without one: then nothing is measured. */
static inline uint64_t flow_clock_us(const struct flow_exchange *x)
{
    return x->p->env->mono_us != NULL ? x->p->env->mono_us() : 0;
}

/* request.c: receive and authenticate; flow_parse may be work, the step takes its result */
void flow_step_receive(struct flow_exchange *x);
void flow_parse(struct flow_exchange *x);
void flow_step_parse(struct flow_exchange *x);
/* trace.c: what the caller calls its request; never a reason to refuse */
void flow_read_trace(struct flow_exchange *x);
/* admit.c: resolve, admit, choose */
void flow_step_admit(struct flow_exchange *x);
void flow_step_models(struct flow_exchange *x);
/* inspect.c: content rules; called again after a turn while there is more to do */
void flow_step_inspect(struct flow_exchange *x);
bool flow_is_inspecting(const struct flow_exchange *x);
/* One slice of what was given to the check, at either stage; as content_run. What is one long
 * call comes next as work. */
MUST_USE enum err flow_content_run(struct flow_exchange *x, uint64_t from_us);
/* Places replaced in what went on; a request that was refused did not go on. */
uint64_t flow_edits_count(const struct flow_exchange *x, enum content_stage stage);
/* Puts what was found among what the client is told, in reporting order. */
void flow_report(struct flow_exchange *x, const struct flow_found *found);
/* A recogniser has answered or not; e: what the check made of it. */
void flow_inspect_told(struct flow_exchange *x, enum err e);
/* ask.c: calls to recognisers, at either stage. When the check has a question: wants the call,
 * or answers it at once where there can be none. ERR_MEMORY: refuse. */
MUST_USE enum err flow_ask(struct flow_exchange *x);
bool flow_is_asking(const struct flow_exchange *x); /* its call is open */
bool flow_has_question(const struct flow_exchange *x);
void flow_ask_head(struct flow_exchange *x, const struct wire_head *head);
/* True: there is too much of it, and the call is over. */
MUST_USE bool flow_ask_body(struct flow_exchange *x, struct str slice);
/* Tells the check. ERR_MEMORY, ERR_LIMIT: refuse. */
MUST_USE enum err flow_ask_end(struct flow_exchange *x, enum flow_end_how how);
void flow_ask_free(struct flow_asking *a); /* NULL is allowed */
/* call.c: the request to the provider; flow_render may be work, the step takes its result */
void flow_render(struct flow_exchange *x);
void flow_step_call(struct flow_exchange *x);
/* relay.c: the provider's answer */
void flow_relay_head(struct flow_exchange *x, const struct wire_head *head);
void flow_relay_body(struct flow_exchange *x, struct str slice);
void flow_relay_end(struct flow_exchange *x, enum flow_end_how how, const char *reason);
/* Status line and fields of a success; of a JSON answer the body as well. */
void flow_relay_begin(struct flow_exchange *x);
void flow_relay_write(struct flow_exchange *x, struct str bytes); /* of a stream's body */
/* The JSON answer in p->answer, and the end of a stream: to the client. */
void flow_relay_json(struct flow_exchange *x);
void flow_relay_end_events(struct flow_exchange *x);
/* Ends of another kind: a whole refusal while nothing was sent, an error event after. */
void flow_relay_fail(struct flow_exchange *x, unsigned status, const char *code,
                     const char *message);
void flow_relay_fail_check(struct flow_exchange *x, enum err e);
void flow_relay_block(struct flow_exchange *x);
/* inspect_answer.c: content rules over a whole answer: JSON in p->answer, or all events
 * of a stream. Ends in one of the above, perhaps after turns of the loop. */
void flow_inspect_json(struct flow_exchange *x);
void flow_inspect_events(struct flow_exchange *x);
void flow_inspect_turn(struct flow_exchange *x, enum err e); /* e: refuse with it instead */
/* Tells what was found in the answer. */
void flow_inspect_report(struct flow_exchange *x);
/* inspect_stream.c: content rules over a stream, event by event. */
MUST_USE bool flow_stream_new(struct flow_exchange *x);
void flow_stream_free(struct flow_stream *s); /* NULL is allowed */
/* Appends to p->answer what may go on now. ERR_DENIED: a rule blocks, what was appended
 * may still go. ERR_SYNTAX: the event is not valid. Else: the rules could not be asked. */
MUST_USE enum err flow_stream_event(struct flow_exchange *x, const struct sse_event *ev);
/* The same for all that is held back. */
MUST_USE enum err flow_stream_flush(struct flow_exchange *x);
/* evaluation.c: S2's policy_evaluation, into p->answer: a JSON object; the events
 * behind `from` */
void flow_evaluation_json(struct flow_exchange *x);
void flow_evaluation_events(struct flow_exchange *x, size_t from);
/* refuse.c: our own answers. refuse() only notes the refusal; the answer is
 * written once the decision is stored (or at once when there is none to store). */
void flow_refuse(struct flow_exchange *x, unsigned status, const char *type, const char *code,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
void flow_refuse_verdict(struct flow_exchange *x);
/* A content rule blocks, at either stage; what it said was reported. */
void flow_refuse_content(struct flow_exchange *x);
/* The violation that decided: of a refusal, or the strictest of what is told; or NULL. */
const struct policy_violation *flow_decider(const struct flow_exchange *x);
void flow_refuse_issue(struct flow_exchange *x, enum err e, const struct issue *issue);
void flow_write_refusal(struct flow_exchange *x);
void flow_write_local(struct flow_exchange *x);
void flow_write_common_headers(struct flow_exchange *x, struct buf *out);
/* flow.c: all is said; the host may end the exchange */
void flow_finish(struct flow_exchange *x);
/* Does `work` over a text and then `then`: at once where it is short, else by TURN. */
void flow_do_work(struct flow_exchange *x, size_t bytes, void (*work)(struct flow_exchange *x),
                  void (*then)(struct flow_exchange *x));
/* A long call is left for flow_work, true; another is made at once. */
bool flow_put_off(struct flow_exchange *x, bool is_long, void (*work)(struct flow_exchange *x));
/* Microseconds since from_us, and what flow_work took; the next are counted from now. */
uint32_t flow_take_us(struct flow_exchange *x);
/* account.c: the two records; after the outcome there is nothing to wait for */
void flow_record_decision(struct flow_exchange *x);
void flow_record_outcome(struct flow_exchange *x);
/* log.c: the exchange has ended */
void flow_log(struct flow_exchange *x);
/* stats.c */
void flow_stats_count(struct flow_exchange *x, const char *decision);
void flow_stats_asked(struct flow_exchange *x, const char *name, enum recognise_result result,
                      uint64_t us);
void flow_stats_end(struct flow_exchange *x, const struct audit_outcome *o);

#endif
