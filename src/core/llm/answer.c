/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of what a provider answers: every string leaf of a JSON answer or of one
 * stream event that can carry what the model said, with its span, so that response
 * rules and the sieve can read and edit it before it is relayed (catalogue G
 * 142-144). Growing strings are told apart by channel: choice, content block and
 * tool call each have their own, however the provider interleaves them (trap 5).
 * What an event ends, and events of our own making, are event.c's.
 *
 * Left out: identifiers, enumerations, padding (`obfuscation`), signatures,
 * encrypted and binary members, and what a Responses object repeats of the request.
 * Memory: the arena given.
 */
#include "llm_private.h"

static enum err walk_members(struct llm_walk *w, struct str outer, yyjson_val *object);
static enum err walk_member(struct llm_walk *w, struct str outer, yyjson_val *object,
                            yyjson_val *key);
static bool is_tool_input(struct str key, yyjson_val *value);
static bool is_piece(const struct llm_walk *w, struct str outer, yyjson_val *value);
static enum err walk_string(struct llm_walk *w, struct str key, yyjson_val *string);
static enum llm_unscannable_kind opaque_of(const struct llm_walk *w, struct str outer,
                                           yyjson_val *object, yyjson_val *key);
static enum err add_drop(struct llm_walk *w, yyjson_val *key, yyjson_val *value);
static enum err make_room(struct llm_walk *w);

#define NOT_OPAQUE ((enum llm_unscannable_kind)99)

/* Members of fixed vocabulary: taken only when they do not look like it. */
static const char *const name_keys[] = {
    "id",          "object",        "model",
    "type",        "role",          "status",
    "call_id",     "item_id",       "response_id",
    "tool_use_id", "finish_reason", "stop_reason",
    "phase",       "service_tier",  "system_fingerprint",
    NULL,
};
static const char *const silent_keys[] = {"obfuscation", "signature", "encrypted_content",
                                          "embedding", NULL};
/* What a Responses object repeats of the request: its own members, not those of what it
 * holds. */
static const char *const repeated_keys[] = {
    "instructions",
    "tools",
    "tool_choice",
    "metadata",
    "user",
    "prompt",
    "prompt_cache_key",
    "safety_identifier",
    "previous_response_id",
    NULL,
};
/* The strings that grow event by event. */
static const char *const growing_keys[] = {
    "content", "refusal",  "reasoning_content", "reasoning",
    "text",    "thinking", "arguments",         "partial_json",
    "delta",   "input",    "transcript",        "summary",   NULL,
};

enum err llm_answer_read(struct arena *a, struct str body, struct llm_said *ret,
                         struct issue *ret_issue)
{
    struct llm_request view;
    struct llm_walk w;
    TRY(llm_answer_begin(a, body, &w, &view, ret_issue));
    TRY(llm_answer_walk(&w, STR(""), view.doc.root));
    llm_answer_said(&w, ret);
    return ERR_OK;
}

void llm_answer_said(const struct llm_walk *w, struct llm_said *ret)
{
    *ret = (struct llm_said){.texts = w->request->texts,
                             .texts_count = w->request->texts_count,
                             .opaques = w->request->opaques,
                             .opaques_count = w->request->opaques_count,
                             .drops = w->drops,
                             .drops_count = w->drops_count};
}

enum err llm_json_texts(struct arena *a, struct str json, struct llm_text **ret, size_t *ret_count,
                        struct issue *ret_issue)
{
    struct llm_request view;
    struct llm_walk w;
    memset(&view, 0, sizeof(view));
    view.body = json;
    TRY(json_parse(a, json, &json_limits_default, &view.doc, ret_issue));
    llm_walk_init(&w, a, &view, ret_issue);
    w.is_tool_input = w.counts_objects = true;
    TRY(make_room(&w));
    TRY(llm_walk_any(&w, view.doc.root));
    *ret = view.texts;
    *ret_count = view.texts_count;
    return ERR_OK;
}

/* For as many texts as there are: there may be a hundred thousand. */
static enum err make_room(struct llm_walk *w)
{
    struct llm_request *view = w->request;
    const yyjson_val *end = unsafe_yyjson_get_next(view->doc.root);
    size_t count = 0;
    for (yyjson_val *v = view->doc.root; v < end; v++) {
        count += yyjson_is_num(v) || (yyjson_is_str(v) && yyjson_get_len(v) > 0) ? 1 : 0;
    }
    view->texts = arena_alloc_raw(w->arena, count * sizeof(*view->texts));
    w->texts_capacity = count;
    if (view->texts == NULL) {
        issue_set(w->issue, "", "The request needs more memory than one request may use.");
        return ERR_LIMIT;
    }
    return ERR_OK;
}

enum err llm_answer_begin(struct arena *a, struct str json, struct llm_walk *w,
                          struct llm_request *view, struct issue *issue)
{
    memset(view, 0, sizeof(*view));
    view->body = json;
    TRY(json_parse(a, json, &json_limits_default, &view->doc, issue));
    if (!yyjson_is_obj(view->doc.root)) {
        issue_set(issue, "", "The provider's answer is not a JSON object.");
        return ERR_SYNTAX;
    }
    llm_walk_init(w, a, view, issue);
    w->role = LLM_ROLE_ASSISTANT;
    return ERR_OK;
}

enum err llm_answer_walk(struct llm_walk *w, struct str key, yyjson_val *v)
{
    if (yyjson_is_str(v)) {
        return walk_string(w, key, v);
    }
    if (yyjson_is_obj(v)) {
        return walk_members(w, key, v);
    }
    size_t i;
    size_t count;
    yyjson_val *item;
    if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(llm_each(v), i, count, item)
        {
            size_t mark = llm_walk_push_index(w, i);
            TRY(llm_answer_walk(w, key, item));
            llm_walk_pop(w, mark);
        }
    }
    return ERR_OK;
}

/* `outer` is the name of the member that the object, or its array, is. */
static enum err walk_members(struct llm_walk *w, struct str outer, yyjson_val *object)
{
    uint64_t channel = w->channel;
    uint64_t scope = w->scope;
    bool is_delta = w->is_delta;
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    struct str place = {w->path, w->path_len};
    bool has_repeats = place.len == 0 || LLM_IS(place, "/response");
    w->channel = llm_channel_in(channel, object);
    if (scope == 0) {
        w->scope = llm_scope_in(object, LLM_IS(outer, "choices"));
    }
    yyjson_obj_foreach(llm_each(object), i, count, key, value)
    {
        struct str name = llm_key(key);
        if (llm_str_in(name, silent_keys) ||
            (has_repeats && llm_str_in(name, repeated_keys))) {
            continue;
        }
        size_t mark = llm_walk_push_key(w, name);
        w->is_delta =
            is_delta || (w->is_event && (LLM_IS(name, "delta") || LLM_IS(name, "content_block")));
        TRY(walk_member(w, outer, object, key));
        llm_walk_pop(w, mark);
    }
    w->channel = channel;
    w->scope = scope;
    w->is_delta = is_delta;
    return ERR_OK;
}

static enum err walk_member(struct llm_walk *w, struct str outer, yyjson_val *object,
                            yyjson_val *key)
{
    struct str name = llm_key(key);
    yyjson_val *value = yyjson_obj_iter_get_val(key);
    if (is_tool_input(name, value)) {
        return llm_walk_tool_input(w, key, value);
    }
    if (LLM_IS(name, "logprobs") && !yyjson_is_null(value)) {
        return add_drop(w, key, value);
    }
    enum llm_unscannable_kind kind = opaque_of(w, outer, object, key);
    if (kind != NOT_OPAQUE) {
        return llm_walk_opaque(w, kind);
    }
    w->is_piece = is_piece(w, outer, value);
    enum err err = llm_answer_walk(w, name, value);
    w->is_piece = false;
    return err;
}

/* Providers invent channels: a text of a chat's delta is a piece, whatever it is called. */
static bool is_piece(const struct llm_walk *w, struct str outer, yyjson_val *value)
{
    return w->is_event && LLM_IS(outer, "delta") && yyjson_is_str(value) &&
           json_get(w->request->doc.root, STR("choices")) != NULL;
}

/* What a tool is called with, where it is not JSON in a string; the environment of a
 * shell's command is the model's choice in names and values. */
static bool is_tool_input(struct str key, yyjson_val *value)
{
    return yyjson_is_ctn(value) && yyjson_get_len(value) > 0 &&
           (LLM_IS(key, "input") || LLM_IS(key, "arguments") || LLM_IS(key, "env"));
}

/* What a model made that is no text: audio and images in base64; and files that a tool
 * brought. */
static enum llm_unscannable_kind opaque_of(const struct llm_walk *w, struct str outer,
                                           yyjson_val *object, yyjson_val *member)
{
    yyjson_val *root = w->request->doc.root;
    struct str key = llm_key(member);
    struct str value = json_str(yyjson_obj_iter_get_val(member));
    if (value.len == 0) {
        return NOT_OPAQUE;
    }
    if (LLM_IS(key, "delta")) {
        struct str type = json_str(json_get(root, STR("type")));
        bool is_audio =
            LLM_IS(type, "response.audio.delta") || LLM_IS(type, "response.output_audio.delta");
        return is_audio ? LLM_OPAQUE_AUDIO : NOT_OPAQUE;
    }
    if (LLM_IS(key, "data") && LLM_IS(outer, "audio")) {
        return LLM_OPAQUE_AUDIO;
    }
    if (LLM_IS(key, "b64_json") || LLM_IS(key, "partial_image_b64")) {
        return LLM_OPAQUE_IMAGE;
    }
    if (LLM_IS(key, "result") && LLM_IS(json_str(json_get(object, STR("type"))),
                                        "image_generation_call")) {
        return LLM_OPAQUE_IMAGE;
    }
    if (llm_is_base64(object, key, yyjson_obj_iter_get_val(member))) {
        return LLM_OPAQUE_FILE;
    }
    bool is_url = LLM_IS(key, "url") || LLM_IS(key, "image_url");
    return is_url && str_starts(value, STR("data:")) ? LLM_OPAQUE_IMAGE : NOT_OPAQUE;
}

static enum err add_drop(struct llm_walk *w, yyjson_val *key, yyjson_val *value)
{
    struct llm_edit *grown =
        arena_grow(w->arena, w->drops, &w->drops_capacity, w->drops_count + 1, sizeof(*grown));
    if (grown == NULL) {
        issue_set(w->issue, "", "The answer needs more memory than one request may use.");
        return ERR_LIMIT;
    }
    w->drops = grown;
    /* The Responses API has a list in this place, the others an object or null. */
    w->drops[w->drops_count++] = (struct llm_edit){json_span_of_member_value(&w->request->doc, key),
                                                   yyjson_is_arr(value) ? STR("[]") : STR("null")};
    return ERR_OK;
}

static enum err walk_string(struct llm_walk *w, struct str key, yyjson_val *string)
{
    if (llm_str_in(key, name_keys)) {
        return llm_walk_id(w, string);
    }
    struct llm_request *view = w->request;
    size_t before = view->texts_count;
    bool is_json =
        LLM_IS(key, "arguments") || LLM_IS(key, "partial_json") ||
        (LLM_IS(key, "delta") &&
         str_ends(json_str(json_get(view->doc.root, STR("type"))), STR("arguments.delta")));
    TRY(is_json ? llm_walk_json_text(w, string) : llm_walk_text(w, string));
    bool is_growing = w->is_delta && (llm_is_growing(key) || w->is_piece);
    if (view->texts_count > before && is_growing) {
        struct llm_text *t = &view->texts[view->texts_count - 1];
        t->is_delta = true;
        t->channel = llm_channel_of_key(w->channel, key);
        t->scope = w->scope;
    }
    return ERR_OK;
}

bool llm_is_growing(struct str key)
{
    return llm_str_in(key, growing_keys);
}

/* Mixes in whatever numbers say which choice, block, part or tool call this is. */
uint64_t llm_channel_in(uint64_t outer, yyjson_val *object)
{
    static const char *const numbers[] = {"index", "output_index", "content_index",
                                          "summary_index"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int64_t n;
        if (json_int(json_get(object, str_from(numbers[i])), &n)) {
            outer = hash_bytes((struct str){(const char *)&n, sizeof(n)}, outer + i + 1);
        }
    }
    return outer;
}

uint64_t llm_channel_of_key(uint64_t outer, struct str key)
{
    return hash_bytes(key, outer);
}

uint64_t llm_channel_of_type(struct str type)
{
    return hash_bytes(str_ends(type, STR(".delta")) ? type : STR_NONE, 1);
}

/* The outermost number: of the choice (0 when it has none), the block or the item. */
uint64_t llm_scope_in(yyjson_val *object, bool is_choice)
{
    int64_t n = 0;
    if (!json_int(json_get(object, STR("index")), &n) &&
        !json_int(json_get(object, STR("output_index")), &n) && !is_choice) {
        return 0;
    }
    return hash_bytes((struct str){(const char *)&n, sizeof(n)}, 0x5c09e) | 1;
}
