/* SPDX-License-Identifier: Apache-2.0
 *
 * The way back: a provider's answer to client bytes. In the same dialect the bytes
 * go on as they came, except the model's name, which is said as the client said it, a
 * usage chunk nobody asked for, and errors, which are written anew so that no credential
 * of ours leaves and the stream ends as an error for every SDK. Meanwhile usage, model, finish
 * reason and the terminal event are noted. Most events are plain deltas: they get one pass of the
 * recogniser, no tree.
 *
 * An event that is not JSON is never passed (catalogue G 147); nothing is passed
 * behind the terminal event or an error (J 195). Memory: results in the exchange's
 * arena, one event's tree in the relay's own scratch arena, reset for each.
 */
#include "llm_private.h"

#define SCRATCH_BYTES_MAX ((size_t)192 * 1024 * 1024)

static struct arena *arena_for(struct llm_relay *r, size_t bytes);
static enum err check_error(struct llm_relay *r, yyjson_val *root, struct str body,
                            struct issue *issue);
static enum err check_answer(enum llm_endpoint e, yyjson_val *root, struct issue *issue);
static void note_answer(struct llm_relay *r, yyjson_val *root);
static enum err relay_data(struct llm_relay *r, const struct sse_event *ev, struct buf *out,
                           struct issue *issue);
static enum err pass(struct llm_relay *r, const struct sse_event *ev, struct str name,
                     struct json_span model, struct buf *out);
static enum err pass_edited(struct llm_relay *r, const struct sse_event *ev, struct str name,
                            struct json_span model, struct buf *out);
static struct str echo_of(struct arena *a, const struct llm_request *client,
                          const struct llm_upstream *upstream);
static yyjson_val *model_of(enum llm_endpoint e, yyjson_val *root);
static struct json_span other_model(const struct llm_relay *r, const struct json_doc *doc,
                                    yyjson_val *model);
static bool is_inside(struct str part, struct str whole);
static void put_raw(struct buf *out, struct str raw);
static void end_raw(struct buf *out, struct str raw);
static bool needs_tree(const struct llm_relay *r, const struct sse_event *ev,
                       const struct llm_skim *seen);
static bool is_plain_name(const struct llm_relay *r, struct str name);
static enum err relay_tree(struct llm_relay *r, const struct sse_event *ev, struct buf *out,
                           struct issue *issue);
static void note_chunk(struct llm_relay *r, yyjson_val *root);
static void note_event(struct llm_relay *r, struct str type, yyjson_val *root);
static bool is_unclean_error(struct llm_relay *r, struct str data, yyjson_val *error);
static bool is_error_event(struct str type, yyjson_val *root);
static bool is_usage_chunk(yyjson_val *root);
static enum err relay_done(struct llm_relay *r, const struct sse_event *ev, struct buf *out,
                           struct issue *issue);
static void note_finish(struct llm_relay *r, yyjson_val *v);
static void note_model(struct llm_relay *r, yyjson_val *v);
static enum err not_an_answer(struct issue *issue, const char *pointer, const char *what);
static enum err write_provider_error(struct llm_relay *r, struct str data, struct buf *out);

struct llm_relay *llm_relay_new(struct arena *a, const struct llm_request *client,
                                const struct llm_upstream *upstream)
{
    struct llm_relay *r = arena_alloc_raw(a, sizeof(*r));
    if (r == NULL) {
        return NULL;
    }
    memset(r, 0, offsetof(struct llm_relay, finish_bytes));
    r->arena = a;
    arena_init(&r->scratch, SCRATCH_BYTES_MAX);
    r->client = client->endpoint;
    r->upstream = upstream->endpoint;
    r->is_translated = upstream->is_translated;
    r->drops_usage = upstream->usage_was_added;
    r->wants_usage = client->wants_stream_usage;
    r->client_model = upstream->called.len != 0 ? upstream->called : client->model;
    r->echo = echo_of(a, client, upstream);
    r->created_unix_s = upstream->created_unix_s < 0 ? 0 : upstream->created_unix_s;
    r->block_index = -1;
    r->tool_index = -1;
    return r;
}

/* A translation writes the name itself. The copy is needed: the request's memory is used
 * again while the answer comes. */
static struct str echo_of(struct arena *a, const struct llm_request *client,
                          const struct llm_upstream *upstream)
{
    bool is_named = client->model_span.to > client->model_span.from;
    if (upstream->is_translated || upstream->called.len != 0 || !is_named) {
        return STR_NONE;
    }
    return arena_str(a, str_sub(client->body, client->model_span.from, client->model_span.to));
}

void llm_relay_lend(struct llm_relay *r, struct arena *a, struct json_forms *forms)
{
    r->lent = a;
    r->forms = forms;
}

void llm_relay_fini(struct llm_relay *r)
{
    if (r != NULL) {
        arena_fini(&r->scratch);
    }
}

bool llm_relay_is_complete(const struct llm_relay *r)
{
    return r->is_complete;
}

const struct llm_usage *llm_relay_usage(const struct llm_relay *r)
{
    return &r->usage;
}

struct str llm_relay_finish_reason(const struct llm_relay *r)
{
    return r->finish_reason;
}

struct str llm_relay_upstream_model(const struct llm_relay *r)
{
    return r->upstream_model;
}

const struct llm_edit *llm_relay_model_edit(const struct llm_relay *r)
{
    return r->model_edit.span.to != 0 ? &r->model_edit : NULL;
}

bool llm_relay_saw_error(const struct llm_relay *r)
{
    return r->saw_error;
}

uint64_t llm_relay_next_sequence(const struct llm_relay *r)
{
    return r->events_count;
}

/* ---- one JSON answer -------------------------------------------------------- */

enum err llm_relay_json(struct llm_relay *r, struct str body, struct buf *out,
                        struct issue *ret_issue)
{
    struct json_doc doc;
    arena_reset(&r->scratch);
    /* A translation takes longer than the body is there. */
    bool has_forms = body.len <= LLM_SMALL_ANSWER_BYTES && !r->is_translated;
    TRY(json_parse_like(has_forms ? r->forms : NULL, arena_for(r, body.len), body,
                        &json_limits_default, &doc, ret_issue));
    if (yyjson_is_obj(doc.root) && is_error_event(STR_NONE, doc.root)) {
        r->saw_error = true;
        TRY(check_error(r, doc.root, body, ret_issue));
    }
    TRY(check_answer(r->upstream, doc.root, ret_issue));
    note_answer(r, doc.root);
    if (!r->is_translated) {
        r->model_edit =
            (struct llm_edit){other_model(r, &doc, json_get(doc.root, STR("model"))), r->echo};
        if (out != NULL) {
            TRY(llm_edits_apply(out, body, &r->model_edit, r->model_edit.span.to != 0 ? 1 : 0));
        }
        r->is_complete = true;
        return ERR_OK;
    }
    struct buf answer;
    buf_init(&answer, out->bytes_max);
    enum err err = r->client == LLM_CHAT
                       ? llm_translate_answer_to_chat(r, doc.root, &doc, &answer, ret_issue)
                       : llm_translate_answer_to_messages(r, doc.root, &answer, ret_issue);
    if (err == ERR_OK) {
        buf_add(out, buf_str(&answer));
        err = out->err;
    }
    buf_fini(&answer);
    r->is_complete = err == ERR_OK;
    return err;
}

/* Only a response may have an error of its own; it goes on unless it holds what must not
 * leave. */
static enum err check_error(struct llm_relay *r, yyjson_val *root, struct str body,
                            struct issue *issue)
{
    bool is_clean = r->upstream == LLM_RESPONSES && yyjson_is_obj(json_get(root, STR("error"))) &&
                    !is_unclean_error(r, body, json_get(root, STR("error")));
    return is_clean ? ERR_OK : not_an_answer(issue, "/error", "an answer: it reports an error");
}

/* For the tree of an answer: a small one needs no memory of its own. What a translation says
 * may point into it. */
static struct arena *arena_for(struct llm_relay *r, size_t bytes)
{
    if (bytes > LLM_SMALL_ANSWER_BYTES) {
        return &r->scratch;
    }
    if (r->lent == NULL || r->is_translated) {
        return r->arena;
    }
    arena_reset(r->lent);
    return r->lent;
}

static enum err check_answer(enum llm_endpoint e, yyjson_val *root, struct issue *issue)
{
    static const struct {
        const char *list; /* the member that makes it an answer of this operation */
        const char *what;
    } kinds[LLM_ENDPOINTS_COUNT] = {
        [LLM_CHAT] = {"choices", "a chat completion"},
        [LLM_COMPLETIONS] = {"choices", "a completion"},
        [LLM_RESPONSES] = {"output", "a response"},
        [LLM_MESSAGES] = {"content", "a message"},
        [LLM_EMBEDDINGS] = {"data", "a list of embeddings"},
        [LLM_MODERATIONS] = {"results", "a moderation"},
        [LLM_COUNT_TOKENS] = {"input_tokens", "a count of tokens"},
        [LLM_INPUT_TOKENS] = {"input_tokens", "a count of tokens"},
    };
    if (!yyjson_is_obj(root)) {
        return not_an_answer(issue, "", kinds[e].what);
    }
    yyjson_val *v = json_get(root, str_from(kinds[e].list));
    if (e == LLM_COUNT_TOKENS || e == LLM_INPUT_TOKENS) {
        int64_t n;
        return json_int(v, &n) ? ERR_OK : not_an_answer(issue, "/input_tokens", kinds[e].what);
    }
    if (!yyjson_is_arr(v)) {
        return not_an_answer(issue, "", kinds[e].what);
    }
    bool has_choices = e == LLM_CHAT || e == LLM_COMPLETIONS;
    size_t i;
    size_t count;
    yyjson_val *item;
    yyjson_arr_foreach(llm_each(v), i, count, item)
    {
        if (!yyjson_is_obj(item) ||
            (e == LLM_CHAT && !yyjson_is_obj(json_get(item, STR("message"))))) {
            return not_an_answer(issue, "", kinds[e].what);
        }
    }
    if (has_choices && count == 0) {
        return not_an_answer(issue, "/choices", kinds[e].what);
    }
    if (e == LLM_MESSAGES && !LLM_IS(json_str(json_get(root, STR("type"))), "message")) {
        return not_an_answer(issue, "/type", kinds[e].what);
    }
    return ERR_OK;
}

static enum err not_an_answer(struct issue *issue, const char *pointer, const char *what)
{
    issue_set(issue, pointer, "The provider's answer is JSON but not %s.", what);
    return ERR_SYNTAX;
}

static void note_answer(struct llm_relay *r, yyjson_val *root)
{
    yyjson_val *finish = NULL;
    note_model(r, json_get(root, STR("model")));
    if (r->upstream == LLM_CHAT || r->upstream == LLM_COMPLETIONS) {
        yyjson_val *choice = yyjson_arr_get_first(json_get(root, STR("choices")));
        finish = json_get(choice, STR("finish_reason"));
    } else if (r->upstream == LLM_RESPONSES) {
        finish = json_get(json_get(root, STR("incomplete_details")), STR("reason"));
        finish = yyjson_is_str(finish) ? finish : json_get(root, STR("status"));
    } else if (r->upstream == LLM_MESSAGES) {
        finish = json_get(root, STR("stop_reason"));
    }
    note_finish(r, finish);
    yyjson_val *usage = json_get(root, STR("usage"));
    if (r->upstream == LLM_COUNT_TOKENS || r->upstream == LLM_INPUT_TOKENS) {
        usage = root;
    }
    (void)llm_usage_read(r->upstream, usage, &r->usage);
}

/* ---- one event of a stream -------------------------------------------------- */

enum err llm_relay_event(struct llm_relay *r, const struct sse_event *ev, struct buf *out,
                         struct issue *ret_issue)
{
    struct sse_event unmarked;
    if (str_starts(ev->raw, STR("\xef\xbb\xbf"))) { /* some SDKs would lose the event by it */
        unmarked = *ev;
        unmarked.raw = str_sub(ev->raw, 3, ev->raw.len);
        ev = &unmarked;
    }
    if (r->is_complete || r->saw_error) {
        return ERR_OK; /* nothing may follow the end */
    }
    if (ev->is_comment_only) {
        if (str_find(ev->raw, ':') >= 0) { /* else a blank line left over from a CR LF */
            put_raw(out, ev->raw);
        }
        return out->err;
    }
    if (ev->data.len == 0) {
        return ERR_OK; /* an event without data is dispatched by no reader */
    }
    size_t before = out->len;
    enum err err = LLM_IS(ev->data, "[DONE]") ? relay_done(r, ev, out, ret_issue)
                                              : relay_data(r, ev, out, ret_issue);
    if (err == ERR_OK && out->len > before) {
        r->events_count++;
    }
    return err;
}

static enum err relay_done(struct llm_relay *r, const struct sse_event *ev, struct buf *out,
                           struct issue *issue)
{
    if (r->upstream != LLM_CHAT && r->upstream != LLM_COMPLETIONS) {
        return ERR_OK; /* not of this dialect and not its end; some proxies add one */
    }
    if (r->is_translated) {
        return llm_stream_to_messages_end(r, out, issue);
    }
    if (ev->has_unknown_fields || ev->name.len != 0) { /* as in pass() */
        llm_event_write(out, STR_NONE, ev->data);
    } else {
        put_raw(out, ev->raw);
    }
    r->is_complete = out->err == ERR_OK;
    return out->err;
}

static enum err relay_data(struct llm_relay *r, const struct sse_event *ev, struct buf *out,
                           struct issue *issue)
{
    struct llm_skim seen;
    if (r->is_translated) {
        return relay_tree(r, ev, out, issue);
    }
    if (r->memo == NULL) {
        r->memo = ARENA_NEW(r->arena, struct llm_skim_memo);
    }
    if (!llm_skim_object(ev->data, r->memo, &seen)) {
        issue_set(issue, "", "An event of the provider's stream is not a JSON object.");
        return ERR_SYNTAX;
    }
    if (needs_tree(r, ev, &seen)) {
        return relay_tree(r, ev, out, issue);
    }
    bool has_chunks = r->upstream == LLM_CHAT || r->upstream == LLM_COMPLETIONS;
    struct str model = str_sub(ev->data, seen.model.from, seen.model.to);
    bool is_other = has_chunks && r->echo.len > 0 && model.len > 0 && !str_eq(model, r->echo);
    return pass(r, ev, ev->name, is_other ? seen.model : (struct json_span){0, 0}, out);
}

/* Where an answer, or an event of a stream, says the model's name. */
static yyjson_val *model_of(enum llm_endpoint e, yyjson_val *root)
{
    if (e == LLM_MESSAGES) {
        root = json_get(root, STR("message"));
    } else if (e == LLM_RESPONSES) {
        root = json_get(root, STR("response"));
    }
    return json_get(root, STR("model"));
}

/* Its place when it is not what the client said; else empty. */
static struct json_span other_model(const struct llm_relay *r, const struct json_doc *doc,
                                    yyjson_val *model)
{
    bool is_other =
        r->echo.len > 0 && yyjson_is_str(model) && !str_eq(json_str(model), r->client_model);
    return is_other ? json_span_of_string(doc, model) : (struct json_span){0, 0};
}

/* The bytes as they came, unless a line is in them that no reader reads and nobody
 * has scanned, or an event name where the dialect has none (the OpenAI SDK's and the
 * AI SDK's stream helpers break on one). `model`: what is to be said otherwise. */
static enum err pass(struct llm_relay *r, const struct sse_event *ev, struct str name,
                     struct json_span model, struct buf *out)
{
    bool has_names = r->upstream != LLM_CHAT && r->upstream != LLM_COMPLETIONS;
    bool is_rewritten = ev->has_unknown_fields || ev->name.len != (has_names ? name.len : 0);
    if (model.to != 0 && (is_rewritten || !is_inside(ev->data, ev->raw))) {
        return pass_edited(r, ev, has_names ? name : STR_NONE, model, out);
    }
    if (is_rewritten) {
        llm_event_write(out, has_names ? name : STR_NONE, ev->data);
    } else if (model.to != 0) {
        size_t data = (size_t)(ev->data.ptr - ev->raw.ptr);
        size_t from = data + model.from, to = data + model.to;
        const struct str parts[] = {
            {ev->raw.ptr, from}, r->echo, {ev->raw.ptr + to, ev->raw.len - to}};
        buf_add_parts(out, parts, 3);
        end_raw(out, ev->raw);
    } else {
        put_raw(out, ev->raw);
    }
    return out->err;
}

static bool is_inside(struct str part, struct str whole)
{
    uintptr_t from = (uintptr_t)whole.ptr, at = (uintptr_t)part.ptr;
    return at >= from && at + part.len <= from + whole.len;
}

/* An event whose bytes are not what is sent: written from its data. */
static enum err pass_edited(struct llm_relay *r, const struct sse_event *ev, struct str name,
                            struct json_span model, struct buf *out)
{
    struct buf data;
    buf_init(&data, ev->data.len + r->echo.len);
    const struct llm_edit edit = {model, r->echo};
    enum err e = llm_edits_apply(&data, ev->data, &edit, 1);
    if (e == ERR_OK) {
        llm_event_write(out, name, buf_str(&data));
        e = out->err;
    }
    buf_fini(&data);
    return e;
}

static void put_raw(struct buf *out, struct str raw)
{
    buf_add(out, raw);
    end_raw(out, raw);
}

/* An event may end at a CR whose LF comes in a later piece; nothing may be written
 * behind the last event, so the LF is written now and its twin is dropped. */
static void end_raw(struct buf *out, struct str raw)
{
    if (raw.len > 0 && raw.ptr[raw.len - 1] == '\r') {
        LLM_PUT(out, "\n");
    }
}

static bool needs_tree(const struct llm_relay *r, const struct sse_event *ev,
                       const struct llm_skim *seen)
{
    if (r->upstream == LLM_CHAT || r->upstream == LLM_COMPLETIONS) {
        return r->upstream_model.ptr == NULL || seen->has_usage || seen->has_error ||
               seen->has_finish || seen->has_type || ev->name.len > 0;
    }
    return !is_plain_name(r, ev->name) || seen->has_error;
}

/* Events that carry content and nothing that is noted here. */
static bool is_plain_name(const struct llm_relay *r, struct str name)
{
    if (r->upstream == LLM_MESSAGES) {
        return LLM_IS(name, "content_block_delta") || LLM_IS(name, "content_block_start") ||
               LLM_IS(name, "content_block_stop") || LLM_IS(name, "ping");
    }
    return str_ends(name, STR(".delta")) || str_ends(name, STR(".done")) ||
           str_ends(name, STR(".added"));
}

static enum err relay_tree(struct llm_relay *r, const struct sse_event *ev, struct buf *out,
                           struct issue *issue)
{
    struct json_doc doc;
    arena_reset(&r->scratch);
    TRY(json_parse(&r->scratch, ev->data, &json_limits_default, &doc, issue));
    if (!yyjson_is_obj(doc.root)) {
        issue_set(issue, "", "An event of the provider's stream is not a JSON object.");
        return ERR_SYNTAX;
    }
    bool has_chunks = r->upstream == LLM_CHAT || r->upstream == LLM_COMPLETIONS;
    struct str type = json_str(json_get(doc.root, STR("type")));
    if (is_error_event(type, doc.root) || (has_chunks && LLM_IS(ev->name, "error"))) {
        return write_provider_error(r, ev->data, out);
    }
    if (has_chunks) {
        note_chunk(r, doc.root);
    } else {
        note_event(r, type, doc.root);
        yyjson_val *response = json_get(doc.root, STR("response"));
        if (r->saw_error && is_unclean_error(r, ev->data, json_get(response, STR("error")))) {
            return write_provider_error(r, ev->data, out);
        }
    }
    if (r->is_translated) {
        return r->client == LLM_CHAT ? llm_stream_to_chat(r, doc.root, out, issue)
                                     : llm_stream_to_messages(r, doc.root, out, issue);
    }
    if (has_chunks && r->drops_usage && is_usage_chunk(doc.root)) {
        return ERR_OK;
    }
    /* The Anthropic SDK drops events without their event: line. */
    bool lacks_name = ev->name.len == 0 && str_find(type, '\n') < 0 && str_find(type, '\r') < 0;
    return pass(r, ev, lacks_name ? type : ev->name,
                other_model(r, &doc, model_of(r->upstream, doc.root)), out);
}

/* Does the message of a failed response hold what must not leave? Else it goes on as it is. */
static bool is_unclean_error(struct llm_relay *r, struct str data, yyjson_val *error)
{
    struct llm_error e;
    struct str message = json_str(json_get(error, STR("message")));
    return message.len > 0 &&
           (llm_error_from_upstream(&r->scratch, LLM_OPENAI, 0, data, &e) != ERR_OK ||
            !str_eq(e.message, message));
}

/* An `error` member that says something, or an event called error. A Responses
 * object always has an `error`, but inside `response`. */
static bool is_error_event(struct str type, yyjson_val *root)
{
    yyjson_val *error = json_get(root, STR("error"));
    return LLM_IS(type, "error") || yyjson_is_obj(error) || yyjson_is_str(error);
}

static bool is_usage_chunk(yyjson_val *root)
{
    yyjson_val *choices = json_get(root, STR("choices"));
    return yyjson_is_arr(choices) && yyjson_arr_size(choices) == 0 &&
           yyjson_is_obj(json_get(root, STR("usage")));
}

static void note_chunk(struct llm_relay *r, yyjson_val *root)
{
    size_t i;
    size_t count;
    yyjson_val *choice;
    yyjson_val *choices = json_get(root, STR("choices"));
    if (r->upstream_model.ptr == NULL) {
        note_model(r, json_get(root, STR("model")));
    }
    yyjson_arr_foreach(llm_each(choices), i, count, choice)
    {
        note_finish(r, json_get(choice, STR("finish_reason")));
    }
    yyjson_val *usage = json_get(root, STR("usage"));
    if (yyjson_is_obj(usage)) {
        (void)llm_usage_read(r->upstream, usage, &r->usage);
    }
}

/* Events of the messages and Responses APIs. */
static void note_event(struct llm_relay *r, struct str type, yyjson_val *root)
{
    if (r->upstream == LLM_MESSAGES) {
        if (LLM_IS(type, "message_start")) {
            yyjson_val *message = json_get(root, STR("message"));
            note_model(r, json_get(message, STR("model")));
            (void)llm_usage_read(LLM_MESSAGES, json_get(message, STR("usage")), &r->usage);
        } else if (LLM_IS(type, "message_delta")) {
            note_finish(r, json_get(json_get(root, STR("delta")), STR("stop_reason")));
            llm_usage_read_delta(json_get(root, STR("usage")), &r->usage);
        } else if (LLM_IS(type, "message_stop") && !r->is_translated) {
            r->is_complete = true;
        }
        return;
    }
    yyjson_val *response = json_get(root, STR("response"));
    bool is_failed = LLM_IS(type, "response.failed");
    if (LLM_IS(type, "response.completed") || LLM_IS(type, "response.incomplete") || is_failed) {
        note_answer(r, response);
        r->is_complete = !is_failed;
        r->saw_error = is_failed;
    } else if (LLM_IS(type, "response.created")) {
        note_model(r, json_get(response, STR("model")));
    }
}

/* Into the relay's own bytes, so that a provider that changes its mind with every
 * event costs nothing; what does not fit is not noted. */
static void note_finish(struct llm_relay *r, yyjson_val *v)
{
    struct str s = json_str(v);
    if (s.len > 0 && s.len <= sizeof(r->finish_bytes)) {
        memcpy(r->finish_bytes, s.ptr, s.len);
        r->finish_reason = (struct str){r->finish_bytes, s.len};
    }
}

static void note_model(struct llm_relay *r, yyjson_val *v)
{
    struct str s = json_str(v);
    if (s.len > 0 && s.len <= sizeof(r->model_bytes)) {
        memcpy(r->model_bytes, s.ptr, s.len);
        r->upstream_model = (struct str){r->model_bytes, s.len};
    }
}

/* Writes an error event for what the provider said in `data` and marks the relay. */
static enum err write_provider_error(struct llm_relay *r, struct str data, struct buf *out)
{
    struct llm_error e;
    r->saw_error = true;
    TRY(llm_error_from_upstream(&r->scratch, llm_endpoint_dialect(r->upstream), 0, data, &e));
    e.sequence_number = r->events_count;
    llm_error_write_event(out, r->client, &e);
    return out->err;
}
