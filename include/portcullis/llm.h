/* SPDX-License-Identifier: Apache-2.0
 *
 * llm: provider JSON <-> one neutral view. Reads what policy must know of a
 * request (model, stream, tools, texts, limits), edits it by spans without
 * re-serialising what did not change, translates between dialects where the
 * translation is exact, and carries an answer (JSON or stream) back in the
 * caller's dialect while counting usage.
 *
 * Pure; works in the exchange's arena; one relay per exchange. It decides
 * nothing: what it cannot read is reported, never skipped.
 *
 * GLOSSARY  endpoint: which API operation. dialect: whose JSON (OpenAI or
 * Anthropic). text: one text-bearing string of a request with its byte span.
 * edit: replace a span of the original body. relay: upstream answer -> client bytes.
 */
#ifndef PORTCULLIS_LLM_H
#define PORTCULLIS_LLM_H

#include "portcullis/base.h"
#include "portcullis/wire.h"

enum llm_dialect { LLM_OPENAI, LLM_ANTHROPIC };

enum llm_endpoint {
    LLM_CHAT,          /* POST /v1/chat/completions */
    LLM_COMPLETIONS,   /* POST /v1/completions */
    LLM_RESPONSES,     /* POST /v1/responses */
    LLM_MESSAGES,      /* POST /v1/messages */
    LLM_EMBEDDINGS,    /* POST /v1/embeddings */
    LLM_MODERATIONS,   /* POST /v1/moderations */
    LLM_COUNT_TOKENS,  /* POST /v1/messages/count_tokens */
    LLM_INPUT_TOKENS,  /* POST /v1/responses/input_tokens */
    LLM_ENDPOINTS_COUNT
};
const char *llm_endpoint_name(enum llm_endpoint e); /* "chat", ... as in policy match */
enum llm_dialect llm_endpoint_dialect(enum llm_endpoint e);
/* The path sent upstream behind the base URL, such as "/chat/completions"
 * (OpenAI bases end in /v1) or "/v1/messages". */
struct str llm_endpoint_upstream_path(enum llm_endpoint e);

enum llm_text_role {
    LLM_ROLE_SYSTEM, LLM_ROLE_USER, LLM_ROLE_ASSISTANT, LLM_ROLE_TOOL, LLM_ROLE_OTHER
};
/* One text-bearing string of the request body (product.md 2.1, every member). */
struct llm_text {
    struct str value;       /* decoded */
    struct json_span span;  /* in the body, quotes included */
    struct str pointer;     /* JSON pointer, "/messages/0/content" */
    enum llm_text_role role;
    bool is_json;           /* the value is itself JSON (tool-call arguments) */
    bool is_key;            /* the name of a member; `pointer` is that member's */
};
enum llm_unscannable_kind {
    LLM_OPAQUE_IMAGE, LLM_OPAQUE_AUDIO, LLM_OPAQUE_FILE, LLM_OPAQUE_TOKENS, LLM_OPAQUE_URL,
    LLM_OPAQUE_STORED /* stored prompt, previous response, conversation */
};
struct llm_opaque {
    enum llm_unscannable_kind kind;
    struct str pointer;
};

struct llm_request {
    enum llm_endpoint endpoint;
    struct json_doc doc;
    struct str body;
    struct str model;
    struct json_span model_span; /* quotes included */
    bool is_stream;
    bool wants_stream_usage; /* stream_options.include_usage */
    uint64_t output_tokens_max; /* max_tokens & co; 0 = not given */
    unsigned choices; /* n, best_of; 1 when not given */
    bool has_slot;
    int64_t slot;             /* governance_policy as sent; range is checked by policy */
    bool is_slot_valid_type;  /* false: not a whole number */
    struct json_span slot_span; /* the member, one comma included */
    struct str user;
    bool has_tools;
    bool is_stateful; /* previous_response_id, conversation, background, store'd prompt */
    bool has_content; /* messages, input or prompt was there */
    struct llm_text *texts;
    size_t texts_count;
    struct llm_opaque *opaques;
    size_t opaques_count;
};
/* What OpenAI takes when a moderation names no model; then model_span is empty. */
#define LLM_MODERATIONS_MODEL STR("omni-moderation-latest")

/* Strict: unknown TOP-LEVEL members known to redirect traffic (api_base, base_url,
 * extra_headers, fallbacks, mock_response ...) are refused by name; other unknown
 * members pass as text-bearing. Wrong types of the members above, unknown content
 * part types, non-integers where integers belong: ERR_INVALID with pointer.
 * Texts are collected only when `want_texts`. */
MUST_USE enum err llm_request_parse(struct arena *a, enum llm_endpoint e, struct str body,
                                    bool want_texts, struct llm_request *ret,
                                    struct issue *ret_issue);

struct llm_edit {
    struct json_span span;
    struct str with;
};
/* Writes `body` with the edits applied. Sorts a copy; overlapping edits are
 * ERR_INTERNAL. Bytes outside the spans are untouched. */
MUST_USE enum err llm_edits_apply(struct buf *out, struct str body, const struct llm_edit *edits,
                                  size_t edits_count);

/* What goes to the provider. Same dialect: original bytes with span edits (slot
 * removed, model renamed, include_usage added). Other dialect: an exact
 * translation, or ERR_UNSUPPORTED with the pointer of what has no exact
 * counterpart. */
/* The messages API demands max_tokens; this is sent when a translated chat request
 * gives none. */
#define LLM_DEFAULT_MAX_TOKENS 4096

struct llm_upstream {
    enum llm_dialect dialect;
    enum llm_endpoint endpoint; /* as the provider sees it */
    struct str path;
    struct str body; /* in the arena */
    bool is_translated;
    bool usage_was_added; /* the usage chunk must not reach the client */
    int64_t created_unix_s; /* set by the caller before llm_relay_new: `created` of a
                               translated chat answer; 0 otherwise */
};
MUST_USE enum err llm_request_render(struct arena *a, const struct llm_request *r,
                                     enum llm_dialect target, struct str upstream_model,
                                     struct llm_upstream *ret, struct issue *ret_issue);

/* Tokens, normalised: input includes cached and cache writes; output includes
 * reasoning (product.md 2.6). */
struct llm_usage {
    bool is_known;
    bool is_estimated;
    uint64_t input_tokens;
    uint64_t cached_tokens;
    uint64_t cache_write_tokens;
    uint64_t output_tokens;
    uint64_t reasoning_tokens;
};

/* Upstream answer -> client bytes. Everything it keeps lives in the arena. */
struct llm_relay;
struct llm_relay *llm_relay_new(struct arena *a, const struct llm_request *client,
                                const struct llm_upstream *upstream);
void llm_relay_fini(struct llm_relay *r); /* heap behind buffers; NULL ok */
/* A complete JSON answer of status 200. ERR_SYNTAX when it is not what the
 * dialect says an answer is (then nothing was written). */
MUST_USE enum err llm_relay_json(struct llm_relay *r, struct str body, struct buf *out,
                                 struct issue *ret_issue);
/* One event of a stream; writes 0 or more complete SSE events to `out`. Same
 * dialect: the raw bytes, unless the event must be dropped or edited. */
MUST_USE enum err llm_relay_event(struct llm_relay *r, const struct sse_event *ev, struct buf *out,
                                  struct issue *ret_issue);
/* Was the terminal event seen ([DONE], message_stop, response.completed)? */
bool llm_relay_is_complete(const struct llm_relay *r);
const struct llm_usage *llm_relay_usage(const struct llm_relay *r);
struct str llm_relay_finish_reason(const struct llm_relay *r);
struct str llm_relay_upstream_model(const struct llm_relay *r);
/* The provider itself reported an error inside the stream. */
bool llm_relay_saw_error(const struct llm_relay *r);
/* Responses streams: the sequence_number the next event should carry. */
uint64_t llm_relay_next_sequence(const struct llm_relay *r);

/* One error, every dialect renders from it (product.md 2.3). */
struct llm_error {
    unsigned status;
    const char *type;    /* "governance_blocked", "invalid_request_error" ... */
    const char *code;    /* NULL = null */
    struct str message;
    struct str param;    /* JSON pointer or member; none = null */
    struct str extra;    /* further members of the error object: `,"violations":[...]`, or none */
    struct str request_id;
    uint64_t sequence_number; /* Responses streams only: llm_relay_next_sequence() */
};
void llm_error_write(struct buf *out, enum llm_dialect d, const struct llm_error *e);
/* The same in a stream that has begun, followed by what ends a stream in error
 * so that no SDK takes it for complete (openai, anthropic, responses hybrid). */
void llm_error_write_event(struct buf *out, enum llm_endpoint client_endpoint,
                           const struct llm_error *e);
/* A provider's error answer -> ours: keeps its type, code and message where they
 * parse, with anything that looks like a credential removed. */
MUST_USE enum err llm_error_from_upstream(struct arena *a, enum llm_dialect upstream,
                                          unsigned status, struct str body,
                                          struct llm_error *ret);

#endif
