/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of tool definitions, of every dialect: names, descriptions, schemas with their
 * property names. Besides what the definitions lead to: stores and files at the provider,
 * which a tool reads and nobody here, and examples of calls, which are read like calls.
 * Memory: the exchange's arena.
 */
#include "llm_private.h"

static enum err walk_tool(struct llm_walk *w, yyjson_val *tool);
static bool is_stored(struct str name, yyjson_val *value);

enum err llm_tools_walk(struct llm_walk *w, yyjson_val *tools)
{
    return yyjson_is_arr(tools) ? llm_walk_each(w, tools, walk_tool) : llm_walk_any(w, tools);
}

static enum err walk_tool(struct llm_walk *w, yyjson_val *tool)
{
    size_t i;
    size_t count;
    yyjson_val *key;
    yyjson_val *value;
    if (!yyjson_is_obj(tool)) {
        return llm_walk_any(w, tool);
    }
    yyjson_obj_foreach(llm_each(tool), i, count, key, value)
    {
        struct str name = llm_key(key);
        size_t mark = llm_walk_push_key(w, name);
        if (LLM_IS(name, "input_examples")) {
            TRY(llm_walk_tool_input(w, key, value));
            llm_walk_pop(w, mark);
            continue;
        }
        if (is_stored(name, value)) {
            TRY(llm_walk_opaque(w, LLM_OPAQUE_STORED));
        }
        llm_walk_pop(w, mark);
        TRY(llm_walk_member(w, key, value));
    }
    return ERR_OK;
}

/* A store, files, or a container that holds some. */
static bool is_stored(struct str name, yyjson_val *value)
{
    if (LLM_IS(name, "vector_store_ids") || LLM_IS(name, "file_ids")) {
        return yyjson_arr_size(value) > 0;
    }
    if (!LLM_IS(name, "container") && !LLM_IS(name, "environment")) {
        return false;
    }
    return yyjson_is_str(value) || yyjson_arr_size(json_get(value, STR("file_ids"))) > 0 ||
           yyjson_is_str(json_get(value, STR("container_id")));
}
