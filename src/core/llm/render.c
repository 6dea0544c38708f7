/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes to the provider. In the caller's own dialect that is the caller's own
 * bytes with span edits: our slot member cut out, the model renamed, the usage
 * chunk asked for. In the other dialect it is an exact translation or a refusal
 * that names what has no counterpart. The small writing helpers of the
 * translations live here too.
 *
 * Memory: the exchange's arena; a translation is built in a heap buffer first.
 */
#include "llm_private.h"

/* The slot, the model, stream_options. */
#define RENDER_EDITS_MAX 4
/* A translation may grow a body (quotes of a JSON string twice escaped) this much. */
#define RENDER_GROWTH 6
#define RENDER_SLACK_BYTES 65536

static enum err render_same(struct arena *a, const struct llm_request *r, struct str upstream_model,
                            struct llm_upstream *ret, struct issue *issue);
static bool edit_model(struct arena *a, const struct llm_request *r, struct str upstream_model,
                       struct llm_edit *edits, size_t *count);
static struct str escaped(struct arena *a, struct str name);
static void edit_usage(const struct llm_request *r, struct llm_edit *edits, size_t *count);
static enum err render_other(struct arena *a, const struct llm_request *r,
                             struct str upstream_model, struct llm_upstream *ret,
                             struct issue *issue);

enum err llm_request_render(struct arena *a, const struct llm_request *r, enum llm_dialect target,
                            struct str upstream_model, struct llm_upstream *ret,
                            struct issue *ret_issue)
{
    memset(ret, 0, sizeof(*ret));
    ret->dialect = target;
    ret->endpoint = r->endpoint;
    if (llm_endpoint_dialect(r->endpoint) == target) {
        ret->path = llm_endpoint_upstream_path(r->endpoint);
        return render_same(a, r, upstream_model, ret, ret_issue);
    }
    if (r->endpoint == LLM_CHAT) {
        ret->endpoint = LLM_MESSAGES;
    } else if (r->endpoint == LLM_MESSAGES) {
        ret->endpoint = LLM_CHAT;
    } else {
        issue_set(ret_issue, "",
                  "A %s request cannot be translated for a provider that speaks the %s API; "
                  "choose a model of a provider that serves this operation.",
                  llm_endpoint_name(r->endpoint), target == LLM_OPENAI ? "OpenAI" : "Anthropic");
        return ERR_UNSUPPORTED;
    }
    ret->path = llm_endpoint_upstream_path(ret->endpoint);
    ret->is_translated = true;
    return render_other(a, r, upstream_model, ret, ret_issue);
}

static enum err render_same(struct arena *a, const struct llm_request *r, struct str upstream_model,
                            struct llm_upstream *ret, struct issue *issue)
{
    struct llm_edit edits[RENDER_EDITS_MAX];
    size_t count = 0;
    if (r->has_slot) {
        edits[count++] = (struct llm_edit){r->slot_span, STR("")};
    }
    enum err err = edit_model(a, r, upstream_model, edits, &count) ? ERR_OK : ERR_LIMIT;
    bool has_usage_chunk = r->endpoint == LLM_CHAT || r->endpoint == LLM_COMPLETIONS;
    if (r->is_stream && has_usage_chunk && !r->wants_stream_usage) {
        edit_usage(r, edits, &count);
        ret->usage_was_added = true;
    }
    ret->body = r->body;
    if (err == ERR_OK && count > 0) {
        err = llm_edits_apply_in(a, r->body, edits, count, &ret->front, &ret->body);
    }
    if (err != ERR_OK) {
        issue_set(issue, "", "The request needs more memory than one request may use.");
    }
    return err;
}

/* Renames the model, or adds it where a moderation left it to the default. False: no memory. */
static bool edit_model(struct arena *a, const struct llm_request *r, struct str upstream_model,
                       struct llm_edit *edits, size_t *count)
{
    if (str_eq(r->model, upstream_model)) {
        return true;
    }
    struct llm_edit edit;
    struct str name = escaped(a, upstream_model);
    if (r->model_span.to > 0) {
        /* Between the quotes, which stay. */
        edit = (struct llm_edit){{r->model_span.from + 1, r->model_span.to - 1}, name};
    } else {
        size_t at = (size_t)str_find(r->body, '{') + 1;
        edit = (struct llm_edit){{at, at}, arena_printf(a, "\"model\":\"%.*s\",", STR_ARG(name))};
    }
    edits[(*count)++] = edit;
    return name.ptr != NULL && edit.with.ptr != NULL;
}

/* As it stands in a JSON string: mostly as it is. */
static struct str escaped(struct arena *a, struct str name)
{
    struct str ret = name;
    struct buf b;
    if (!json_is_plain(name)) {
        buf_init(&b, name.len * RENDER_GROWTH);
        json_write_chars(&b, name);
        ret = llm_buf_to_arena(a, &b, &ret) == ERR_OK ? ret : STR_NONE;
        buf_fini(&b);
    }
    return ret;
}

static void edit_usage(const struct llm_request *r, struct llm_edit *edits, size_t *count)
{
    yyjson_val *key = llm_get_key(r->doc.root, STR("stream_options"));
    if (key == NULL) {
        /* `model` and `messages` follow, so there is always something behind the comma. */
        size_t at = (size_t)str_find(r->body, '{') + 1;
        edits[(*count)++] =
            (struct llm_edit){{at, at}, STR("\"stream_options\":{\"include_usage\":true},")};
        return;
    }
    yyjson_val *options = yyjson_obj_iter_get_val(key);
    yyjson_val *usage = llm_get_key(options, STR("include_usage"));
    if (!yyjson_is_obj(options) || yyjson_obj_size(options) == 0) {
        edits[(*count)++] = (struct llm_edit){json_span_of_member_value(&r->doc, key),
                                              STR("{\"include_usage\":true}")};
    } else if (usage != NULL) {
        edits[(*count)++] =
            (struct llm_edit){json_span_of_member_value(&r->doc, usage), STR("true")};
    } else {
        size_t at = json_span_of_member_value(&r->doc, key).from + 1;
        edits[(*count)++] = (struct llm_edit){{at, at}, STR("\"include_usage\":true,")};
    }
}

static enum err render_other(struct arena *a, const struct llm_request *r,
                             struct str upstream_model, struct llm_upstream *ret,
                             struct issue *issue)
{
    struct buf b;
    struct llm_walk w;
    /* The walk is used for its pointer only; it writes no text into the request. */
    struct llm_request view = *r;
    llm_walk_init(&w, a, &view, issue);
    buf_init(&b, r->body.len * RENDER_GROWTH + RENDER_SLACK_BYTES);
    enum err err = r->endpoint == LLM_CHAT ? llm_translate_chat_request(&w, upstream_model, &b)
                                           : llm_translate_messages_request(&w, upstream_model, &b);
    if (err == ERR_OK) {
        err = llm_buf_to_arena(a, &b, &ret->body);
        if (err != ERR_OK) {
            issue_set(issue, "", "The request needs more memory than one request may use.");
        }
    }
    buf_fini(&b);
    return err;
}

void llm_put_key(struct buf *b, bool *is_first, const char *name)
{
    if (!*is_first) {
        LLM_PUT(b, ",");
    }
    *is_first = false;
    json_write_str(b, str_from(name));
    LLM_PUT(b, ":");
}

void llm_put_raw(struct buf *b, const struct json_doc *doc, yyjson_val *key)
{
    struct json_span span = json_span_of_member_value(doc, key);
    buf_add(b, str_sub(doc->text, span.from, span.to));
}

yyjson_val *llm_get_key(yyjson_val *object, struct str name)
{
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    if (!yyjson_is_obj(object)) {
        return NULL;
    }
    yyjson_obj_foreach(llm_each(object), i, count, key, value)
    {
        (void)value;
        if (str_eq(llm_key(key), name)) {
            return key;
        }
    }
    return NULL;
}

enum err llm_buf_to_arena(struct arena *a, const struct buf *b, struct str *ret)
{
    if (b->err != ERR_OK) {
        return b->err;
    }
    *ret = arena_str(a, buf_str(b));
    return ret->ptr == NULL ? ERR_LIMIT : ERR_OK;
}

enum err llm_put_items(struct llm_walk *w, yyjson_val *items,
                       enum err (*put)(struct llm_walk *w, yyjson_val *item, struct buf *b),
                       struct buf *b)
{
    size_t i;
    size_t count;
    yyjson_val *item;
    LLM_PUT(b, "[");
    yyjson_arr_foreach(llm_each(items), i, count, item)
    {
        size_t mark = llm_walk_push_index(w, i);
        if (i > 0) {
            LLM_PUT(b, ",");
        }
        TRY(put(w, item, b));
        llm_walk_pop(w, mark);
    }
    LLM_PUT(b, "]");
    return ERR_OK;
}

enum err llm_put_tools(struct llm_walk *w,
                       enum err (*put_tool)(struct llm_walk *w, yyjson_val *tool, struct buf *b),
                       struct buf *b)
{
    yyjson_val *tools = json_get(w->request->doc.root, STR("tools"));
    if (!yyjson_is_arr(tools) || yyjson_arr_size(tools) == 0) {
        return ERR_OK;
    }
    size_t mark = llm_walk_push_key(w, STR("tools"));
    LLM_PUT(b, ",\"tools\":");
    TRY(llm_put_items(w, tools, put_tool, b));
    llm_walk_pop(w, mark);
    return ERR_OK;
}

enum err llm_only_members(struct llm_walk *w, yyjson_val *object, const char *const *allowed)
{
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    yyjson_obj_foreach(llm_each(object), i, count, key, value)
    {
        if (!yyjson_is_null(value) && !llm_str_in(llm_key(key), allowed)) {
            (void)llm_walk_push_key(w, llm_key(key));
            return llm_walk_unsupported(
                w, "This member has no exact counterpart in the API of the chosen provider; "
                   "leave it out or choose a provider that speaks the API you use.");
        }
    }
    return ERR_OK;
}
