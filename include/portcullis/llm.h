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
 * opaque: a place that holds what no scanner can read. edit: replace a span of the
 * original body. relay: upstream answer -> client bytes. channel: one growing string
 * of a stream.
 *
 * EXAMPLE  (a redaction edits the body and reads it AGAIN, so that what is checked is
 * what is sent: catalogue D 90)
 *     TRY(llm_request_parse(a, LLM_CHAT, body, true, &r, &issue));
 *     ... scan r.texts; llm_edits_apply(&edited, r.body, edits, n); parse `edited` ...
 *     TRY(llm_request_render(a, &r, LLM_ANTHROPIC, STR("claude-x"), &up, &issue));
 *     ... POST up.front and up.body to base + up.path ...
 *     relay = llm_relay_new(a, &r, &up);
 *     while (sse_parser_next(&sse, &ev) == ERR_OK)
 *         if (llm_relay_event(relay, &ev, &out, &issue) != ERR_OK)
 *             llm_error_write_event(&out, r.endpoint, &error), and stop;
 *     if (!llm_relay_is_complete(relay) && !llm_relay_saw_error(relay))
 *         the stream was cut: llm_error_write_event, never a clean end;
 *     llm_relay_fini(relay);
 */
#ifndef PORTCULLIS_LLM_H
#define PORTCULLIS_LLM_H

#include "portcullis/base.h"
#include "portcullis/wire.h"

enum llm_dialect { LLM_OPENAI, LLM_ANTHROPIC };

enum llm_endpoint {
    LLM_CHAT,         /* POST /v1/chat/completions */
    LLM_COMPLETIONS,  /* POST /v1/completions */
    LLM_RESPONSES,    /* POST /v1/responses */
    LLM_MESSAGES,     /* POST /v1/messages */
    LLM_EMBEDDINGS,   /* POST /v1/embeddings */
    LLM_MODERATIONS,  /* POST /v1/moderations */
    LLM_COUNT_TOKENS, /* POST /v1/messages/count_tokens */
    LLM_INPUT_TOKENS, /* POST /v1/responses/input_tokens */
    LLM_ENDPOINTS_COUNT
};
/* "chat", "completions", "responses", "messages", "embeddings", "moderations",
 * "count_tokens", "input_tokens": as in a policy's match. Static. */
const char *llm_endpoint_name(enum llm_endpoint e);
enum llm_dialect llm_endpoint_dialect(enum llm_endpoint e);
bool llm_endpoint_has_stream(enum llm_endpoint e);
/* The path sent upstream behind the base URL, such as "/chat/completions"
 * (OpenAI bases end in /v1) or "/v1/messages". */
struct str llm_endpoint_upstream_path(enum llm_endpoint e);

enum llm_text_role {
    LLM_ROLE_SYSTEM,
    LLM_ROLE_USER,
    LLM_ROLE_ASSISTANT,
    LLM_ROLE_TOOL,
    LLM_ROLE_OTHER
};
/* One text-bearing string of the request body (product.md 2.1, every member). */
struct llm_text {
    struct str value;      /* decoded */
    struct json_span span; /* in the body, quotes included */
    struct str pointer;    /* JSON pointer, "/messages/0/content" */
    enum llm_text_role role;
    bool is_json;     /* the value is itself JSON (tool-call arguments) */
    bool is_key;      /* the name of a member; `pointer` is that member's */
    bool is_number;   /* a bare number of a tool's input, as written; an edit quotes it */
    bool is_delta;    /* stream events: a piece of a string that grows ... */
    uint64_t channel; /* ... and which one: equal for pieces of the same string */
    uint64_t scope;   /* the choice, block or item that the channel belongs to; of a name
                         out of llm_json_texts: which object */
    /* Stream events: the half of a surrogate pair that the piece begins or ends with, when
     * a provider cut inside one; 0 = none. Not part of `value`. */
    uint16_t half_before, half_after;
};
enum llm_unscannable_kind {
    LLM_OPAQUE_IMAGE,
    LLM_OPAQUE_AUDIO,
    LLM_OPAQUE_FILE,
    LLM_OPAQUE_TOKENS,
    LLM_OPAQUE_URL,
    LLM_OPAQUE_STORED, /* stored prompt, previous response, conversation */
    LLM_OPAQUE_ENCODED /* a text in more encodings than are undone; content says so, not llm */
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
    bool wants_stream_usage;    /* stream_options.include_usage */
    uint64_t output_tokens_max; /* max_tokens & co; 0 = not given */
    unsigned choices;           /* n, best_of; 1 when not given */
    bool has_slot;
    int64_t slot;               /* governance_policy as sent; range is checked by policy */
    bool is_slot_valid_type;    /* false: not a whole number */
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

/* Reads a body strictly (catalogue D 67-88). Always checked: JSON without duplicate
 * keys; an object; `model` a non-empty string without control characters;
 * `messages` a non-empty array of objects with a string role and a string or array
 * content (OpenAI: or null); `stream` a boolean, and not true where an answer is never a
 * stream; token limits whole numbers from 0 to 2^31-1, n and best_of from 1 to 128; null
 * stands for absent. Top-level members that would redirect the request (api_base,
 * base_url, api_key, extra_headers, fallbacks, provider, models, litellm_*, aws_* ...) are
 * refused by name. Token arrays and references to stored state are recorded as opaque,
 * always.
 *
 * With `want_texts` also collected: every string leaf of the body in body order, and
 * every member name that is not a well-known word (product 2.1; F 126, 127, 131);
 * opaque images, audio, files and URLs; and unknown kinds of content parts, blocks and
 * items are refused. Without it nothing but the JSON document is allocated.
 *
 * `body` is borrowed and must outlive *ret. ERR_SYNTAX, ERR_INVALID, ERR_LIMIT or
 * ERR_MEMORY with *ret_issue (pointer and sentence, never a value of the body). */
MUST_USE enum err llm_request_parse(struct arena *a, enum llm_endpoint e, struct str body,
                                    bool want_texts, struct llm_request *ret,
                                    struct issue *ret_issue);

/* The same without texts, and faster if `forms` know the form of the body. */
MUST_USE enum err llm_request_parse_like(struct json_forms *forms, struct arena *a,
                                         enum llm_endpoint e, struct str body,
                                         struct llm_request *ret, struct issue *ret_issue);

struct llm_edit {
    struct json_span span;
    struct str with;
};
/* Appends `body` with the edits applied, in any order; an empty span inserts. Bytes
 * outside the spans are untouched. Overlapping or outlying edits are ERR_INTERNAL, the
 * buffer's limit ERR_LIMIT; what was appended is then to be dropped. `with` must be
 * JSON already (json_write_str); for is_json texts it is the edited JSON written as a
 * string again. */
MUST_USE enum err llm_edits_apply(struct buf *out, struct str body, const struct llm_edit *edits,
                                  size_t edits_count);

/* What goes to the provider. Same dialect: the original bytes with span edits (slot
 * member cut out, model renamed, stream_options.include_usage added for chat and
 * completions streams). Other dialect: chat <-> messages only, exact or
 * ERR_UNSUPPORTED with the pointer of what has no exact counterpart (n > 1, logprobs,
 * json_schema, seed, penalties, temperature > 1, thinking, cache_control, documents,
 * server tools, a prefilled answer, system messages in the middle ...). Members that
 * say what is the case anyway (n 1, penalty 0, null, {}) never refuse. Callable again
 * for another candidate on the same request. */
/* The messages API demands max_tokens; this is sent when a translated chat request
 * gives none. */
#define LLM_DEFAULT_MAX_TOKENS 4096

struct llm_upstream {
    enum llm_dialect dialect;
    enum llm_endpoint endpoint; /* as the provider sees it */
    struct str path;
    struct str front; /* what is sent is this, mostly short, */
    struct str body;  /* and then this; in the arena, or in the request's own body */
    bool is_translated;
    bool usage_was_added;   /* the usage chunk must not reach the client */
    struct str called;      /* set by the caller before llm_relay_new where another model than was
                               asked for is called: the answer says which; else none */
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

/* ---- texts of an answer ----------------------------------------------------- */

/* What a complete JSON answer or one event of a stream says. */
struct llm_said {
    struct llm_text *texts;
    size_t texts_count;
    struct llm_opaque *opaques; /* audio and images that a model made */
    size_t opaques_count;
    /* Token probabilities repeat the text in pieces that no rule can read; these edits
     * take them out. Their texts are not among `texts`. */
    struct llm_edit *drops;
    size_t drops_count;
};
/* Of a complete answer (of any operation), for response rules: what the model said,
 * reasoning, refusals, tool arguments (is_json) and tool inputs with their keys and
 * numbers; role is LLM_ROLE_ASSISTANT. Identifiers, padding, signatures and what a
 * Responses object repeats of the request are left out. Spans are exact in `body`:
 * apply edits BEFORE llm_relay_json. ERR_SYNTAX when it is not a JSON object. */
MUST_USE enum err llm_answer_read(struct arena *a, struct str body, struct llm_said *ret,
                                  struct issue *ret_issue);
/* Every string, member name and number inside one JSON value, such as an is_json text
 * (tool arguments are JSON in a string: F 128). Edit `json` by these spans, then write
 * the result with json_write_str as the edit of the outer text. ERR_SYNTAX when it is
 * not JSON: then the outer text is plain text. */
MUST_USE enum err llm_json_texts(struct arena *a, struct str json, struct llm_text **ret,
                                 size_t *ret_count, struct issue *ret_issue);

/* One event of `upstream`. is_delta texts grow by channel (choice, block, tool call);
 * the others are whole (the Responses API repeats the full text in four later events).
 * Write the edited data with llm_event_write, parse it as an event again and hand it to
 * llm_relay_event. */
struct llm_event {
    struct str data; /* what spans count in: the data given, or a copy in which halves of
                        surrogate pairs are U+FFFD */
    struct llm_said said;
    bool is_bare;    /* nothing in it besides is_delta texts: without them it need not be sent */
    /* Channels that are complete with this event (its own texts included): all of them, or
     * those whose `channel` or `scope` is listed. */
    bool ends_all;
    uint64_t *ends;
    size_t ends_count;
    struct json_span sequence; /* the value of sequence_number; empty = there is none */
};
/* [DONE] ends all; no data: nothing. `a` may be reset after each event. ERR_SYNTAX (not a
 * JSON object), ERR_LIMIT. */
MUST_USE enum err llm_event_read(struct arena *a, enum llm_endpoint upstream, struct str data,
                                 struct llm_event *ret, struct issue *ret_issue);
/* The half that waits, 0 = none, and the next piece of the channel: what stands in front of
 * the piece's value, 0-4 bytes: the pair, or U+FFFD for a half without the other. */
size_t llm_half_join(uint16_t *waiting, const struct llm_text *piece, char ret_bytes[4]);
/* An event that says a piece of one channel and nothing else: what an event of that
 * channel looks like without its other texts, roles, names, ids of tool calls and usage.
 * Held-back text is flushed with it: by the spans of the text and of the sequence number
 * (empty = none). `pointer` is that of the is_delta text in `data`. */
struct llm_stub {
    struct str name; /* of the event, where the dialect has names */
    struct str data; /* in the arena */
    struct json_span text;
    struct json_span sequence;
};
MUST_USE enum err llm_event_stub(struct arena *a, struct str data, struct str pointer,
                                 struct llm_stub *ret);
/* One event: the event: line when there is a name, a data: line per line of `data`. */
void llm_event_write(struct buf *out, struct str name, struct str data);

/* ---- upstream answer -> client bytes ---------------------------------------- */

/* Results live in the exchange's arena, `client` and `upstream` are only read here;
 * one scratch arena on the heap, hence fini. NULL without memory. */
struct llm_relay;
struct llm_relay *llm_relay_new(struct arena *a, const struct llm_request *client,
                                const struct llm_upstream *upstream);
void llm_relay_fini(struct llm_relay *r); /* heap behind buffers; NULL ok */
/* An arena for the tree of an answer up to LLM_SMALL_ANSWER_BYTES, which is gone when
 * llm_relay_json returns; it is emptied first. Without one the exchange's arena serves.
 * `forms` may know the form of such an answer; NULL: none. */
#define LLM_SMALL_ANSWER_BYTES ((size_t)64 * 1024)
void llm_relay_lend(struct llm_relay *r, struct arena *a, struct json_forms *forms);
/* A complete JSON answer of status 200. Same dialect: the same bytes but for the model's
 * name (llm_relay_model_edit); who has them anyway gives NULL for `out` and makes that edit.
 * ERR_SYNTAX when it is not what the operation's answer is or reports an error (saw_error; a
 * response's own goes on, saw_error all the same), or cannot be translated; then nothing was
 * written (J 198). */
MUST_USE enum err llm_relay_json(struct llm_relay *r, struct str body, struct buf *out,
                                 struct issue *ret_issue);
/* After it: puts the client's string for the model in the place of the provider's
 * (product.md 2.5); NULL: it says the same, none, or the one called. */
const struct llm_edit *llm_relay_model_edit(const struct llm_relay *r);
/* One event of a stream; writes 0 or more complete SSE events to `out`. Same
 * dialect: the raw bytes, except: the model is called as the client called it; a usage
 * chunk the client did not ask for is dropped; a provider's error is written anew (credentials cut
 * out) with a proper ending; lines no reader reads are left out; an event: line is added where the
 * Anthropic SDK needs it. Nothing is written behind the terminal event or an error
 * (J 195). ERR_SYNTAX: the event is not JSON or not understood by a translation; it
 * was not passed, and the caller ends the stream with llm_error_write_event. */
MUST_USE enum err llm_relay_event(struct llm_relay *r, const struct sse_event *ev, struct buf *out,
                                  struct issue *ret_issue);
/* Was the terminal event seen ([DONE], message_stop, response.completed)? */
bool llm_relay_is_complete(const struct llm_relay *r);
/* What the provider reported so far; !is_known when it did not, or lied (J 200). */
const struct llm_usage *llm_relay_usage(const struct llm_relay *r);
/* In the provider's words ("stop", "end_turn", "completed"); of several choices the
 * last; STR_NONE when none came. Copies in the exchange's arena. */
struct str llm_relay_finish_reason(const struct llm_relay *r);
/* The model the answer names (J 201). */
struct str llm_relay_upstream_model(const struct llm_relay *r);
/* The provider itself reported an error inside the stream. */
bool llm_relay_saw_error(const struct llm_relay *r);
/* Responses streams: the sequence_number the next event should carry. */
uint64_t llm_relay_next_sequence(const struct llm_relay *r);

/* ---- errors ------------------------------------------------------------------ */

/* One error, every dialect renders from it (product.md 2.3). */
struct llm_error {
    unsigned status;
    const char *type; /* "governance_blocked", "invalid_request_error" ... */
    const char *code; /* NULL = null */
    struct str message;
    struct str param; /* JSON pointer or member; none = null */
    struct str extra; /* further members of the error object: `,"violations":[...]`, or none */
    struct str request_id;
    uint64_t sequence_number; /* Responses streams only: llm_relay_next_sequence() */
};
/* OpenAI: {"error":{message,type,param,code,...extra}}. Anthropic:
 * {"type":"error","error":{type,message,...},"request_id"} with `type` of its own
 * vocabulary, taken from the status; ours is then told as `code` if there is none. */
void llm_error_write(struct buf *out, enum llm_dialect d, const struct llm_error *e);
/* The same in a stream that has begun, followed by what ends a stream in error
 * so that no SDK takes it for complete (openai, anthropic, responses hybrid). */
void llm_error_write_event(struct buf *out, enum llm_endpoint client_endpoint,
                           const struct llm_error *e);
/* A provider's error answer (any body, or an error event's data) -> ours: keeps its
 * type, code, param and message (1 KiB) where they parse, with anything that looks
 * like a credential cut out (J 199). status 0: from an event; derived from the type. */
MUST_USE enum err llm_error_from_upstream(struct arena *a, enum llm_dialect upstream,
                                          unsigned status, struct str body, struct llm_error *ret);

#endif
