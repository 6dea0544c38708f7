/* SPDX-License-Identifier: Apache-2.0
 *
 * The plain inputs: `prompt` of completions, `input` of embeddings and moderations.
 * A string, strings, multi-modal parts, or token numbers, which nobody can read
 * without the provider's tokenizer and which are therefore recorded as opaque
 * (catalogue G 148, 149), never refused here and never overlooked: also without
 * texts wanted, because their discovery costs nothing.
 */
#include "llm_private.h"

static enum err walk_item(struct llm_walk *w, yyjson_val *item, bool want_texts);
static enum err walk_part(struct llm_walk *w, yyjson_val *part);
static enum err walk_rest(struct llm_walk *w, yyjson_val *image);

enum err llm_inputs_walk(struct llm_walk *w, yyjson_val *input, bool want_texts)
{
    enum llm_text_role before = w->role;
    w->role = LLM_ROLE_USER;
    if (yyjson_is_null(input) && w->request->endpoint == LLM_COMPLETIONS) {
        return ERR_OK;
    }
    if (yyjson_is_str(input)) {
        if (want_texts) {
            TRY(llm_walk_text(w, input));
        }
        w->role = before;
        return ERR_OK;
    }
    if (!yyjson_is_arr(input) || yyjson_arr_size(input) == 0) {
        return llm_walk_invalid(
            w, "This member must be a string or a non-empty array of strings or tokens.");
    }
    bool is_tokens = yyjson_is_num(yyjson_arr_get_first(input));
    if (is_tokens) {
        TRY(llm_walk_opaque(w, LLM_OPAQUE_TOKENS));
    }
    size_t i;
    size_t count;
    yyjson_val *item;
    yyjson_arr_foreach(llm_each(input), i, count, item)
    {
        if (is_tokens ? yyjson_is_num(item) : yyjson_is_str(item) && !want_texts) {
            continue;
        }
        size_t mark = llm_walk_push_index(w, i);
        if (is_tokens || yyjson_is_num(item)) {
            return llm_walk_invalid(w, "Tokens and other things must not share an array.");
        }
        TRY(walk_item(w, item, want_texts));
        llm_walk_pop(w, mark);
    }
    w->role = before;
    return ERR_OK;
}

static enum err walk_item(struct llm_walk *w, yyjson_val *item, bool want_texts)
{
    if (yyjson_is_str(item)) {
        return llm_walk_text(w, item);
    }
    if (yyjson_is_arr(item)) {
        size_t i;
        size_t count;
        yyjson_val *token;
        yyjson_arr_foreach(llm_each(item), i, count, token)
        {
            if (!yyjson_is_num(token)) {
                return llm_walk_invalid(w, "An inner array must hold token numbers only.");
            }
        }
        return llm_walk_opaque(w, LLM_OPAQUE_TOKENS);
    }
    if (yyjson_is_obj(item) && w->request->endpoint != LLM_COMPLETIONS) {
        return want_texts ? walk_part(w, item) : ERR_OK;
    }
    return llm_walk_invalid(w, "An item must be a string or an array of token numbers.");
}

/* {"type":"text","text":...} or {"type":"image_url","image_url":{"url":...}}. */
static enum err walk_part(struct llm_walk *w, yyjson_val *part)
{
    struct str type = json_str(json_get(part, STR("type")));
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    if (!LLM_IS(type, "text") && !LLM_IS(type, "image_url")) {
        size_t mark = llm_walk_push_key(w, STR("type"));
        enum err err = llm_walk_invalid(w, "Unknown type of input; known: text, image_url.");
        llm_walk_pop(w, mark);
        return err;
    }
    yyjson_obj_foreach(llm_each(part), i, count, key, value)
    {
        if (LLM_IS(llm_key(key), "image_url")) {
            size_t mark = llm_walk_push_key(w, llm_key(key));
            yyjson_val *url = yyjson_is_str(value) ? value : json_get(value, STR("url"));
            TRY(llm_walk_url(w, url, LLM_OPAQUE_IMAGE));
            TRY(walk_rest(w, value));
            llm_walk_pop(w, mark);
        } else if (!LLM_IS(llm_key(key), "type")) {
            TRY(llm_walk_member(w, key, value));
        }
    }
    return ERR_OK;
}

/* What else is said of an image. */
static enum err walk_rest(struct llm_walk *w, yyjson_val *image)
{
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    if (!yyjson_is_obj(image)) {
        return ERR_OK;
    }
    yyjson_obj_foreach(llm_each(image), i, count, key, value)
    {
        if (!LLM_IS(llm_key(key), "url")) {
            TRY(llm_walk_member(w, key, value));
        }
    }
    return ERR_OK;
}
