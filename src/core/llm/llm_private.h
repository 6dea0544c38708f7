/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this room share and nobody else sees: the walk (a place in
 * a document with its JSON pointer, collecting texts), the writer's helpers, the
 * one-pass check of a stream event, and the state of a relay.
 *
 * Not a door: include/portcullis/llm.h is. Memory: the exchange's arena, and the
 * relay's own scratch arena. One thread per exchange.
 */
#ifndef PORTCULLIS_LLM_PRIVATE_H
#define PORTCULLIS_LLM_PRIVATE_H

#include "portcullis/llm.h"

#define LLM_PATH_BYTES_MAX 256
#define LLM_OUTPUT_TOKENS_LIMIT INT64_C(2147483647)
#define LLM_CHOICES_LIMIT 128
#define LLM_USAGE_LIMIT INT64_C(1000000000)

/* A lone half of a surrogate pair in an event: where its escape stands, and which. */
struct llm_half {
    size_t at;
    uint16_t code;
};

/* ---- a place in a document ------------------------------------------------ */

/* Collects texts into `request` while keeping the JSON pointer of where it is.
 * Also used by the translations, for the pointer alone. */
struct llm_walk {
    struct arena *arena;
    struct llm_request *request;
    struct issue *issue;
    enum llm_text_role role;
    size_t texts_capacity;
    size_t opaques_capacity;
    /* answers only */
    bool is_event;
    bool is_delta;
    bool is_piece; /* of a chat's delta itself: grows, whatever its name */
    uint64_t channel;
    uint64_t scope;
    const struct llm_half *halves; /* of a stream event; NULL = none */
    size_t halves_count;
    struct llm_edit *drops;
    size_t drops_count;
    size_t drops_capacity;
    /* inside a tool's input: every key and number counts; where numbers are looked for */
    bool is_tool_input;
    size_t number_at;
    bool counts_objects; /* names say which object they are of: `object`, the last begun */
    uint64_t object, objects_count;
    size_t path_len;
    char path[LLM_PATH_BYTES_MAX];
};

void llm_walk_init(struct llm_walk *w, struct arena *a, struct llm_request *r, struct issue *issue);
/* Go down; the result is handed to llm_walk_pop. Too long a path is cut short. */
size_t llm_walk_push_key(struct llm_walk *w, struct str key);
size_t llm_walk_push_index(struct llm_walk *w, size_t index);
void llm_walk_pop(struct llm_walk *w, size_t mark);
/* Writes the issue for the present place; returns ERR_INVALID or ERR_UNSUPPORTED. */
enum err llm_walk_invalid(struct llm_walk *w, const char *sentence);
enum err llm_walk_unsupported(struct llm_walk *w, const char *sentence);

/* One string at the present place. Empty strings carry nothing and are left out. */
MUST_USE enum err llm_walk_text(struct llm_walk *w, yyjson_val *string);
MUST_USE enum err llm_walk_json_text(struct llm_walk *w, yyjson_val *string);
/* An identifier: skipped when it looks like one, else a text. */
MUST_USE enum err llm_walk_id(struct llm_walk *w, yyjson_val *string);
MUST_USE enum err llm_walk_opaque(struct llm_walk *w, enum llm_unscannable_kind kind);
/* A URL that the provider would fetch, or a data: URL (`kind` says of what). */
MUST_USE enum err llm_walk_url(struct llm_walk *w, yyjson_val *url, enum llm_unscannable_kind kind);
/* Every string leaf and every key below `v` that is not a well-known word. */
MUST_USE enum err llm_walk_any(struct llm_walk *w, yyjson_val *v);
/* The value of `key` is what a tool is called with: llm_walk_any with all its keys and
 * numbers. The place is that of the value already. */
MUST_USE enum err llm_walk_tool_input(struct llm_walk *w, yyjson_val *key, yyjson_val *value);
/* Each item of an array, down at its index. */
MUST_USE enum err llm_walk_each(struct llm_walk *w, yyjson_val *array,
                                enum err (*walk)(struct llm_walk *w, yyjson_val *item));
/* One member of an object: goes down, llm_walk_any, comes back. */
MUST_USE enum err llm_walk_member(struct llm_walk *w, yyjson_val *key, yyjson_val *value);
/* Does the member hold a file's bytes: "data" of {"type":"base64"}? */
bool llm_is_base64(yyjson_val *object, struct str key, yyjson_val *value);

static inline struct str llm_key(yyjson_val *key)
{
    return (struct str){unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key)};
}

/* yyjson's loops do arithmetic on their container before they look at it; an absent
 * one is replaced by this empty value, which nobody writes. */
static inline yyjson_val *llm_each(yyjson_val *container)
{
    static yyjson_val none[3];
    return container != NULL ? container : none;
}

static inline bool llm_is(struct str s, const char *literal, size_t len)
{
    return s.len == len && memcmp(s.ptr, literal, len) == 0;
}
/* s == "literal"; STR_NONE equals nothing. */
#define LLM_IS(s, literal) llm_is((s), (literal), sizeof(literal) - 1)

bool llm_str_in(struct str s, const char *const *words /* NULL-terminated */);

/* ---- requests --------------------------------------------------------------- */

/* `messages`: non-empty array of objects with a string role and a content that is
 * a string, an array, or (OpenAI) null or absent. Allocates nothing. */
MUST_USE enum err llm_messages_check(struct llm_walk *w, yyjson_val *messages);
MUST_USE enum err llm_chat_walk(struct llm_walk *w, yyjson_val *messages);
MUST_USE enum err llm_prediction_walk(struct llm_walk *w, yyjson_val *prediction);
/* Definitions of tools, of every dialect: texts, and what they lead to. */
MUST_USE enum err llm_tools_walk(struct llm_walk *w, yyjson_val *tools);
MUST_USE enum err llm_messages_walk(struct llm_walk *w, yyjson_val *messages);
/* Anthropic content: a string or an array of blocks. */
MUST_USE enum err llm_blocks_walk(struct llm_walk *w, yyjson_val *content);
MUST_USE enum err llm_responses_input_walk(struct llm_walk *w, yyjson_val *input);
/* prompt of completions, input of embeddings and moderations: checks the types,
 * records token arrays always, texts when `want_texts`. */
MUST_USE enum err llm_inputs_walk(struct llm_walk *w, yyjson_val *input, bool want_texts);
enum llm_text_role llm_role_of(struct str role);

/* ---- writing ------------------------------------------------------------------ */

/* A literal. */
#define LLM_PUT(b, literal) buf_add((b), STR(literal))
/* `"name":` with a comma in front unless *is_first. */
void llm_put_key(struct buf *b, bool *is_first, const char *name);
/* The raw bytes of a member's value as the client wrote them. */
void llm_put_raw(struct buf *b, const struct json_doc *doc, yyjson_val *key);
/* The key of a member, as json_get gives the value; NULL when absent. */
yyjson_val *llm_get_key(yyjson_val *object, struct str name);
/* llm_edits_apply for at most 8 edits, into the arena. When they stand near the beginning only
 * what goes up to the last of them is written there; the rest is that of `body` itself. */
MUST_USE enum err llm_edits_apply_in(struct arena *a, struct str body,
                                     const struct llm_edit *edits, size_t edits_count,
                                     struct str *ret_front, struct str *ret_rest);
/* Copies the buffer's bytes to the arena; returns the buffer's own error. */
MUST_USE enum err llm_buf_to_arena(struct arena *a, const struct buf *b, struct str *ret);

MUST_USE enum err llm_translate_chat_request(struct llm_walk *w, struct str upstream_model,
                                             struct buf *b);
MUST_USE enum err llm_translate_messages_request(struct llm_walk *w, struct str upstream_model,
                                                 struct buf *b);
/* The two halves of a conversation; *ret_next is the first message that is not system. */
MUST_USE enum err llm_translate_chat_system(struct llm_walk *w, yyjson_val *messages, struct buf *b,
                                            size_t *ret_next);
MUST_USE enum err llm_translate_chat_messages(struct llm_walk *w, yyjson_val *messages, size_t next,
                                              struct buf *b);
/* The messages of a messages request as chat messages, comma-separated. */
MUST_USE enum err llm_translate_messages_content(struct llm_walk *w, yyjson_val *messages,
                                                 struct buf *b, bool *is_first);
/* A string or text blocks (nothing else) as chat content. */
MUST_USE enum err llm_translate_text_blocks(struct llm_walk *w, yyjson_val *content, struct buf *b);
/* An array, each of its items as `put` writes it. */
MUST_USE enum err llm_put_items(struct llm_walk *w, yyjson_val *items,
                                enum err (*put)(struct llm_walk *w, yyjson_val *item,
                                                struct buf *b),
                                struct buf *b);
/* The member "tools" of the other dialect, each as `put_tool` writes it; nothing without tools. */
MUST_USE enum err llm_put_tools(struct llm_walk *w,
                                enum err (*put_tool)(struct llm_walk *w, yyjson_val *tool,
                                                     struct buf *b),
                                struct buf *b);
/* Refuses every member of `object` that is not named and not null. */
MUST_USE enum err llm_only_members(struct llm_walk *w, yyjson_val *object,
                                   const char *const *allowed);

/* ---- answers -------------------------------------------------------------------- */

/* answer.c: walks an answer or an event; `key` is the name of the member that `v` is. */
MUST_USE enum err llm_answer_begin(struct arena *a, struct str json, struct llm_walk *w,
                                   struct llm_request *view, struct issue *issue);
MUST_USE enum err llm_answer_walk(struct llm_walk *w, struct str key, yyjson_val *v);
void llm_answer_said(const struct llm_walk *w, struct llm_said *ret);
/* Is it the name of a string that grows event by event? */
bool llm_is_growing(struct str key);
/* The channel of a string called `key` in an object, whatever numbers it has, when `outer`
 * is that of what is around it. */
uint64_t llm_channel_in(uint64_t outer, yyjson_val *object);
uint64_t llm_channel_of_key(uint64_t outer, struct str key);
uint64_t llm_channel_of_type(struct str type);
uint64_t llm_scope_in(yyjson_val *object, bool is_choice);

/* One pass over an event's bytes: is it one JSON object, and might it say more
 * than a piece of text? */
struct llm_skim {
    bool has_usage; /* a member of that name whose value is not null, at any depth */
    bool has_error;
    bool has_finish; /* finish_reason */
    bool has_type;   /* a member called type of the outer object */
    struct json_span model; /* a string called so in the outer object; 0, 0: there is none */
};
/* The last event that was read, to know the next one by; all zero: none. */
#define LLM_SKIM_BYTES 512
#define LLM_SKIM_VALUES 16U
struct llm_skim_memo {
    struct llm_skim found;
    uint16_t len;
    uint16_t values_count;
    unsigned varying; /* a bit for each value */
    struct {
        uint16_t from, to;
    } values[LLM_SKIM_VALUES]; /* strings, with their quotes, and numbers */
    char bytes[LLM_SKIM_BYTES];
};
/* `memo` may be NULL. */
bool llm_skim_object(struct str text, struct llm_skim_memo *memo, struct llm_skim *ret);

/* Reads the usage object of an answer of `e`. False (and *ret unknown) when it is
 * missing or its figures are not whole numbers within reason. */
bool llm_usage_read(enum llm_endpoint e, yyjson_val *usage, struct llm_usage *ret);
void llm_usage_read_delta(yyjson_val *usage, struct llm_usage *ret); /* of message_delta */
void llm_usage_write_openai(struct buf *b, const struct llm_usage *u);
void llm_usage_write_anthropic(struct buf *b, const struct llm_usage *u);

struct str llm_stop_to_chat(struct str stop_reason);
struct str llm_finish_to_messages(struct str finish_reason);

enum llm_block_kind { LLM_BLOCK_NONE, LLM_BLOCK_TEXT, LLM_BLOCK_TOOL, LLM_BLOCK_HIDDEN };

struct llm_relay {
    /* What every event of a stream needs. */
    enum llm_endpoint client;
    enum llm_endpoint upstream;
    bool is_translated;
    bool drops_usage; /* the client did not ask for the usage chunk */
    bool wants_usage; /* the client did */
    bool is_complete;
    bool saw_error;
    struct llm_skim_memo *memo; /* NULL: no event yet, or no memory for it */
    uint64_t events_count;
    struct str echo; /* client_model as JSON, for what the provider says; none: not told */
    struct str upstream_model; /* in model_bytes */
    struct arena *arena;
    struct str client_model;
    struct arena scratch; /* one event at a time */
    struct arena *lent;   /* see llm_relay_lend; NULL = none */
    struct json_forms *forms; /* the same */
    struct llm_edit model_edit; /* of the JSON answer */
    int64_t created_unix_s;
    struct llm_usage usage;
    struct str finish_reason;  /* in finish_bytes */
    /* translation of a stream */
    bool is_started;
    bool is_finished; /* the finish reason has been seen */
    bool block_has_input;
    enum llm_block_kind block;
    struct str id;
    int64_t block_index; /* of the open block: Anthropic's index */
    int64_t tool_index;  /* of the open tool call: OpenAI's index; -1 before the first */
    struct str stop_sequence;
    /* Last, and not cleared: what is in them is said above. */
    char finish_bytes[64];
    char model_bytes[256];
};

MUST_USE enum err llm_translate_answer_to_chat(struct llm_relay *r, yyjson_val *root,
                                               const struct json_doc *doc, struct buf *out,
                                               struct issue *issue);
MUST_USE enum err llm_translate_answer_to_messages(struct llm_relay *r, yyjson_val *root,
                                                   struct buf *out, struct issue *issue);
MUST_USE enum err llm_stream_to_chat(struct llm_relay *r, yyjson_val *root, struct buf *out,
                                     struct issue *issue);
MUST_USE enum err llm_stream_to_messages(struct llm_relay *r, yyjson_val *root, struct buf *out,
                                         struct issue *issue);
/* [DONE] of a chat stream that goes to a messages client. */
MUST_USE enum err llm_stream_to_messages_end(struct llm_relay *r, struct buf *out,
                                             struct issue *issue);
/* "msg_x" <-> "chatcmpl-x", so that ids keep the shape each dialect is used to. */
void llm_put_id(struct buf *b, enum llm_endpoint client, struct str upstream_id);

#endif
