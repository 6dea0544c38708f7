/* SPDX-License-Identifier: Apache-2.0
 *
 * One event of a provider's stream, for rules about what is said in it: its texts, the
 * channels that are complete with it, whether it says anything besides, and an event
 * of our own making that carries what was held back (product.md 2.2). A provider that
 * cuts a surrogate pair in two between events is understood: the halves are reported
 * beside the texts.
 *
 * Memory: the arena given, which may be reset after each event.
 */
#include "llm_private.h"

static enum err parse(struct arena *a, struct str data, struct llm_walk *w,
                      struct llm_request *view, struct llm_event *ret, struct issue *issue);
static enum err mend(struct arena *a, struct str data, struct str *ret,
                     struct llm_half **ret_halves, size_t *ret_count);
static size_t escape_at(struct str s, size_t at, unsigned *ret_code);
static void list_sequence(const struct json_doc *doc, struct llm_event *ret);
static enum err list_ends(struct arena *a, enum llm_endpoint upstream, yyjson_val *root,
                          struct llm_event *ret);
static enum err list_choices(struct arena *a, yyjson_val *choices, struct llm_event *ret);
static enum err list_items(struct arena *a, struct str type, yyjson_val *root,
                           struct llm_event *ret);
static void add_end(struct llm_event *ret, uint64_t id);
static bool is_bare(enum llm_endpoint upstream, yyjson_val *root);
static bool is_something(yyjson_val *v);
static bool says_more(struct str key, yyjson_val *v);
static enum err write_stub(struct buf *b, yyjson_val *v, struct str pointer, bool is_root,
                           struct llm_stub *ret);
static enum err write_stub_members(struct buf *b, yyjson_val *object, struct str pointer,
                                   bool is_root, struct llm_stub *ret);
static bool is_kept(struct str name, yyjson_val *value, bool is_root);
static void write_kept(struct buf *b, struct str name, yyjson_val *value, bool is_root,
                       struct llm_stub *ret);
static void put_name(struct buf *b, bool *is_first, struct str name);
static bool write_start_stub(struct buf *b, yyjson_val *root, struct str pointer,
                             struct llm_stub *ret);

#define ENDS_MAX 8U /* of one event besides its choices */

enum err llm_event_read(struct arena *a, enum llm_endpoint upstream, struct str data,
                        struct llm_event *ret, struct issue *ret_issue)
{
    struct llm_request view;
    struct llm_walk w;
    memset(ret, 0, sizeof(*ret));
    ret->data = data;
    ret->ends_all = LLM_IS(data, "[DONE]");
    if (data.len == 0 || ret->ends_all) {
        return ERR_OK;
    }
    TRY(parse(a, data, &w, &view, ret, ret_issue));
    w.is_event = true;
    w.is_delta = upstream == LLM_COMPLETIONS;
    w.channel = llm_channel_of_type(json_str(json_get(view.doc.root, STR("type"))));
    TRY(llm_answer_walk(&w, STR(""), view.doc.root));
    llm_answer_said(&w, &ret->said);
    list_sequence(&view.doc, ret);
    ret->is_bare = is_bare(upstream, view.doc.root);
    enum err err = list_ends(a, upstream, view.doc.root, ret);
    if (err != ERR_OK) {
        issue_set(ret_issue, "", "The answer needs more memory than one request may use.");
    }
    return err;
}

/* A lone half is no JSON to a strict reader; then its escape is made one of U+FFFD, of
 * the same length, and the text is read again. */
static enum err parse(struct arena *a, struct str data, struct llm_walk *w,
                      struct llm_request *view, struct llm_event *ret, struct issue *issue)
{
    enum err err = llm_answer_begin(a, data, w, view, issue);
    if (err != ERR_SYNTAX) {
        return err;
    }
    struct llm_half *halves;
    size_t count;
    TRY(mend(a, data, &ret->data, &halves, &count));
    if (count == 0) {
        return ERR_SYNTAX;
    }
    TRY(llm_answer_begin(a, ret->data, w, view, issue));
    w->halves = halves;
    w->halves_count = count;
    return ERR_OK;
}

static enum err mend(struct arena *a, struct str data, struct str *ret,
                     struct llm_half **ret_halves, size_t *ret_count)
{
    unsigned code;
    *ret_halves = NULL;
    *ret_count = 0;
    size_t escapes = 0;
    for (size_t i = 0; i + 1 < data.len; i++) {
        escapes += data.ptr[i] == '\\' && data.ptr[i + 1] == 'u';
    }
    if (escapes == 0) {
        return ERR_OK;
    }
    struct llm_half *halves = ARENA_ARRAY(a, escapes, struct llm_half);
    char *bytes = arena_alloc_raw(a, data.len);
    if (halves == NULL || bytes == NULL) {
        return ERR_LIMIT;
    }
    memcpy(bytes, data.ptr, data.len);
    for (size_t i = 0; i < data.len;) {
        size_t used = escape_at(data, i, &code);
        bool is_half = used == 6 && code >= 0xd800 && code < 0xe000;
        unsigned next = 0;
        if (is_half && code < 0xdc00 && escape_at(data, i + 6, &next) == 6 && next >= 0xdc00 &&
            next < 0xe000) {
            i += 12;
            continue;
        }
        if (is_half) {
            halves[(*ret_count)++] = (struct llm_half){i, (uint16_t)code};
            memcpy(bytes + i, "\\ufffd", 6);
        }
        i += used;
    }
    *ret = (struct str){bytes, data.len};
    *ret_halves = halves;
    return ERR_OK;
}

/* Bytes of the escape, or the byte, at `at`; the code when it is \uXXXX. */
static size_t escape_at(struct str s, size_t at, unsigned *ret_code)
{
    *ret_code = 0;
    if (at >= s.len || s.ptr[at] != '\\' || at + 1 == s.len) {
        return 1;
    }
    uint8_t bytes[2];
    if (s.ptr[at + 1] != 'u' || s.len - at < 6 ||
        hex_to(str_sub(s, at + 2, at + 6), bytes, 2) != ERR_OK) {
        return 2;
    }
    *ret_code = (unsigned)bytes[0] << 8 | bytes[1];
    return 6;
}

size_t llm_half_join(uint16_t *waiting, const struct llm_text *piece, char ret_bytes[4])
{
    uint32_t code = 0;
    uint32_t high = *waiting;
    if (piece->half_before != 0) {
        code =
            high == 0 ? 0xfffd : 0x10000 + ((high - 0xd800) << 10) + (piece->half_before - 0xdc00u);
    } else if (high != 0 && (piece->value.len > 0 || piece->half_after != 0)) {
        code = 0xfffd;
    }
    *waiting = code != 0 || high == 0 ? piece->half_after : *waiting;
    return code != 0 ? str_utf8_of(code, ret_bytes) : 0;
}

static void list_sequence(const struct json_doc *doc, struct llm_event *ret)
{
    yyjson_val *key = llm_get_key(doc->root, STR("sequence_number"));
    int64_t n;
    if (key != NULL && json_int(yyjson_obj_iter_get_val(key), &n)) {
        ret->sequence = json_span_of_member_value(doc, key);
    }
}

/* ---- what is complete now ---------------------------------------------------- */

static enum err list_ends(struct arena *a, enum llm_endpoint upstream, yyjson_val *root,
                          struct llm_event *ret)
{
    struct str type = json_str(json_get(root, STR("type")));
    bool is_error = LLM_IS(type, "error") || yyjson_is_obj(json_get(root, STR("error"))) ||
                    yyjson_is_str(json_get(root, STR("error")));
    ret->ends_all = is_error;
    if (upstream == LLM_CHAT || upstream == LLM_COMPLETIONS) {
        return list_choices(a, json_get(root, STR("choices")), ret);
    }
    if (upstream == LLM_MESSAGES) {
        yyjson_val *delta = json_get(root, STR("delta"));
        bool is_last =
            LLM_IS(type, "message_delta") && yyjson_is_str(json_get(delta, STR("stop_reason")));
        ret->ends_all = is_error || is_last || LLM_IS(type, "message_stop");
        if (LLM_IS(type, "content_block_stop")) {
            ret->ends = ARENA_ARRAY(a, 1, uint64_t);
            if (ret->ends == NULL) {
                return ERR_LIMIT;
            }
            add_end(ret, llm_scope_in(root, false));
        }
        return ERR_OK;
    }
    ret->ends_all = is_error || LLM_IS(type, "response.completed") ||
                    LLM_IS(type, "response.incomplete") || LLM_IS(type, "response.failed");
    return str_ends(type, STR(".done")) ? list_items(a, type, root, ret) : ERR_OK;
}

static enum err list_choices(struct arena *a, yyjson_val *choices, struct llm_event *ret)
{
    size_t i;
    size_t count;
    yyjson_val *choice;
    yyjson_arr_foreach(llm_each(choices), i, count, choice)
    {
        if (json_str(json_get(choice, STR("finish_reason"))).len == 0) {
            continue;
        }
        if (ret->ends == NULL) {
            ret->ends = ARENA_ARRAY(a, count, uint64_t);
        }
        if (ret->ends == NULL) {
            return ERR_LIMIT;
        }
        add_end(ret, llm_scope_in(choice, true));
    }
    return ERR_OK;
}

/* response.X.done ends response.X.delta of the same numbers; a part's end, the strings
 * that a part may have; an item's end, all of the item. */
static enum err list_items(struct arena *a, struct str type, yyjson_val *root,
                           struct llm_event *ret)
{
    static const char *const part_types[] = {"response.output_text.delta", "response.refusal.delta",
                                             "response.reasoning_text.delta",
                                             "response.reasoning_summary_text.delta"};
    ret->ends = ARENA_ARRAY(a, ENDS_MAX, uint64_t);
    if (ret->ends == NULL) {
        return ERR_LIMIT;
    }
    if (LLM_IS(type, "response.output_item.done")) {
        add_end(ret, llm_scope_in(root, false));
        return ERR_OK;
    }
    if (str_ends(type, STR("_part.done"))) {
        for (size_t i = 0; i < sizeof(part_types) / sizeof(part_types[0]); i++) {
            uint64_t outer = llm_channel_of_type(str_from(part_types[i]));
            add_end(ret, llm_channel_of_key(llm_channel_in(outer, root), STR("delta")));
        }
        return ERR_OK;
    }
    struct buf name;
    buf_init(&name, 256);
    buf_add(&name, str_sub(type, 0, type.len - 4));
    LLM_PUT(&name, "delta");
    enum err err = name.err;
    if (err == ERR_OK) {
        uint64_t outer = llm_channel_of_type(buf_str(&name));
        add_end(ret, llm_channel_of_key(llm_channel_in(outer, root), STR("delta")));
    }
    buf_fini(&name);
    return err == ERR_MEMORY ? ERR_LIMIT : ERR_OK; /* too long a name has no deltas */
}

static void add_end(struct llm_event *ret, uint64_t id)
{
    ret->ends[ret->ends_count++] = id;
}

/* ---- does it say anything else ------------------------------------------------ */

static bool is_bare(enum llm_endpoint upstream, yyjson_val *root)
{
    struct str type = json_str(json_get(root, STR("type")));
    size_t i;
    size_t count;
    size_t j;
    size_t members;
    yyjson_val *choice;
    yyjson_val *key;
    yyjson_val *value;
    if (upstream == LLM_MESSAGES) {
        return LLM_IS(type, "content_block_delta") &&
               !says_more(STR("delta"), json_get(root, STR("delta")));
    }
    if (upstream == LLM_RESPONSES) {
        return str_ends(type, STR(".delta")) && yyjson_is_str(json_get(root, STR("delta")));
    }
    yyjson_val *choices = json_get(root, STR("choices"));
    if (!yyjson_is_arr(choices) || yyjson_arr_size(choices) == 0 ||
        is_something(json_get(root, STR("usage"))) || is_something(json_get(root, STR("error")))) {
        return false;
    }
    yyjson_arr_foreach(llm_each(choices), i, count, choice)
    {
        yyjson_obj_foreach(llm_each(choice), j, members, key, value)
        {
            if (!LLM_IS(llm_key(key), "logprobs") && says_more(llm_key(key), value)) {
                return false;
            }
        }
    }
    return true;
}

static bool is_something(yyjson_val *v)
{
    return v != NULL && !yyjson_is_null(v);
}

/* Any string that is not one of those that grow. */
static bool says_more(struct str key, yyjson_val *v)
{
    size_t i;
    size_t count;
    yyjson_val *name;
    yyjson_val *item;
    if (yyjson_is_str(v)) {
        return unsafe_yyjson_get_len(v) > 0 && !LLM_IS(key, "type") && !llm_is_growing(key);
    }
    if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(llm_each(v), i, count, item)
        {
            if (says_more(key, item)) {
                return true;
            }
        }
    } else if (yyjson_is_obj(v)) {
        yyjson_obj_foreach(llm_each(v), i, count, name, item)
        {
            if (says_more(llm_key(name), item)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- an event of our own -------------------------------------------------------- */

enum err llm_event_stub(struct arena *a, struct str data, struct str pointer, struct llm_stub *ret)
{
    struct json_doc doc;
    struct issue issue;
    struct buf b;
    memset(ret, 0, sizeof(*ret));
    TRY(json_parse(a, data, &json_limits_default, &doc, &issue));
    buf_init(&b, data.len * 6 + 256); /* an escape is six bytes at the most */
    enum err err = ERR_OK;
    if (write_start_stub(&b, doc.root, pointer, ret)) {
        ret->name = STR("content_block_delta");
    } else {
        err = write_stub(&b, doc.root, pointer, true, ret);
        ret->name = arena_str(a, json_str(json_get(doc.root, STR("type"))));
    }
    err = err == ERR_OK ? llm_buf_to_arena(a, &b, &ret->data) : err;
    buf_fini(&b);
    if (err == ERR_OK && ret->text.to == 0) {
        err = ERR_NOT_FOUND;
    }
    return err;
}

static enum err write_stub(struct buf *b, yyjson_val *v, struct str pointer, bool is_root,
                           struct llm_stub *ret)
{
    if (yyjson_is_str(v) && pointer.len == 0) {
        ret->text = (struct json_span){b->len, b->len + 2};
        LLM_PUT(b, "\"\"");
        return b->err;
    }
    if (yyjson_is_obj(v)) {
        return write_stub_members(b, v, pointer, is_root, ret);
    }
    uint64_t index;
    struct str rest = str_sub(pointer, 1, pointer.len);
    if (!yyjson_is_arr(v) || str_to_u64(str_cut(&rest, '/'), &index) != ERR_OK) {
        return ERR_NOT_FOUND;
    }
    struct str below = rest.ptr == NULL
                           ? STR("")
                           : str_sub(pointer, (size_t)(rest.ptr - pointer.ptr) - 1, pointer.len);
    LLM_PUT(b, "[");
    TRY(write_stub(b, yyjson_arr_get(v, index), below, false, ret));
    LLM_PUT(b, "]");
    return b->err;
}

static enum err write_stub_members(struct buf *b, yyjson_val *object, struct str pointer,
                                   bool is_root, struct llm_stub *ret)
{
    struct str rest = str_sub(pointer, 1, pointer.len);
    struct str token = str_cut(&rest, '/');
    struct str below = rest.ptr == NULL
                           ? STR("")
                           : str_sub(pointer, (size_t)(rest.ptr - pointer.ptr) - 1, pointer.len);
    bool is_first = true;
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    LLM_PUT(b, "{");
    yyjson_obj_foreach(llm_each(object), i, count, key, value)
    {
        if (str_eq(llm_key(key), token)) {
            put_name(b, &is_first, llm_key(key));
            TRY(write_stub(b, value, below, false, ret));
        } else if (is_kept(llm_key(key), value, is_root)) {
            put_name(b, &is_first, llm_key(key));
            write_kept(b, llm_key(key), value, is_root, ret);
        }
    }
    LLM_PUT(b, "}");
    return b->err;
}

/* Beside the text: what says where it belongs, and of the whole event what it is. */
static bool is_kept(struct str name, yyjson_val *value, bool is_root)
{
    /* Another growing string says its own piece, and only once. */
    bool is_piece = yyjson_is_str(value) && llm_is_growing(name);
    if (is_piece || LLM_IS(name, "obfuscation") || LLM_IS(name, "usage")) {
        return false;
    }
    return !yyjson_is_obj(value) &&
           (LLM_IS(name, "type") || LLM_IS(name, "finish_reason") || LLM_IS(name, "logprobs") ||
            (is_root ? !yyjson_is_arr(value) : yyjson_is_num(value) || yyjson_is_null(value)));
}

static void write_kept(struct buf *b, struct str name, yyjson_val *value, bool is_root,
                       struct llm_stub *ret)
{
    if (LLM_IS(name, "finish_reason")) {
        LLM_PUT(b, "null");
    } else if (yyjson_is_arr(value)) {
        LLM_PUT(b, "[]"); /* logprobs of the Responses API */
    } else {
        size_t from = b->len;
        json_write_val(b, value);
        if (is_root && LLM_IS(name, "sequence_number") && yyjson_is_int(value)) {
            ret->sequence = (struct json_span){from, b->len};
        }
    }
}

static void put_name(struct buf *b, bool *is_first, struct str name)
{
    if (!*is_first) {
        LLM_PUT(b, ",");
    }
    *is_first = false;
    json_write_str(b, name);
    LLM_PUT(b, ":");
}

/* A content block of the messages API may begin with text; the rest of that is told as
 * a delta, because a block begins once. */
static bool write_start_stub(struct buf *b, yyjson_val *root, struct str pointer,
                             struct llm_stub *ret)
{
    bool is_thinking = LLM_IS(pointer, "/content_block/thinking");
    int64_t index;
    if ((!is_thinking && !LLM_IS(pointer, "/content_block/text")) ||
        !json_int(json_get(root, STR("index")), &index) || index < 0) {
        return false;
    }
    LLM_PUT(b, "{\"type\":\"content_block_delta\",\"index\":");
    buf_add_u64(b, (uint64_t)index);
    buf_add(b, is_thinking ? STR(",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":")
                           : STR(",\"delta\":{\"type\":\"text_delta\",\"text\":"));
    ret->text = (struct json_span){b->len, b->len + 2};
    LLM_PUT(b, "\"\"}}");
    return true;
}

void llm_event_write(struct buf *out, struct str name, struct str data)
{
    if (name.len > 0) {
        LLM_PUT(out, "event: ");
        buf_add(out, name);
        LLM_PUT(out, "\n");
    }
    while (data.ptr != NULL) {
        LLM_PUT(out, "data: ");
        buf_add(out, str_cut(&data, '\n'));
        LLM_PUT(out, "\n");
    }
    LLM_PUT(out, "\n");
}
