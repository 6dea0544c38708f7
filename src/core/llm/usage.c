/* SPDX-License-Identifier: Apache-2.0
 *
 * Usage objects of all dialects <-> one normal form (product 2.6): input tokens
 * include cache reads and cache writes, output tokens include reasoning. OpenAI's
 * prompt_tokens already include what was cached; Anthropic's input_tokens exclude
 * reads and writes. A figure that is negative, huge, missing or not a whole number
 * makes the usage unknown (catalogue J 200): the caller then bills its estimate.
 * Pure; any thread.
 */
#include "llm_private.h"

static bool read_count(yyjson_val *object, struct str name, bool is_required, uint64_t *ret);
static bool read_openai(yyjson_val *usage, struct llm_usage *u);
static bool read_responses(yyjson_val *usage, struct llm_usage *u);
static bool read_anthropic(yyjson_val *usage, struct llm_usage *u);

bool llm_usage_read(enum llm_endpoint e, yyjson_val *usage, struct llm_usage *ret)
{
    struct llm_usage u = {0};
    bool is_good = false;
    if (yyjson_is_obj(usage)) {
        switch (e) {
        case LLM_CHAT:
        case LLM_COMPLETIONS:
        case LLM_EMBEDDINGS:
        case LLM_MODERATIONS:
            is_good = read_openai(usage, &u);
            break;
        case LLM_RESPONSES:
        case LLM_INPUT_TOKENS:
            is_good = read_responses(usage, &u);
            break;
        case LLM_MESSAGES:
        case LLM_COUNT_TOKENS:
            is_good = read_anthropic(usage, &u);
            break;
        case LLM_ENDPOINTS_COUNT:
            break;
        }
    }
    if (!is_good || u.cached_tokens > u.input_tokens) {
        return false;
    }
    u.is_known = true;
    *ret = u;
    return true;
}

/* Absent and null are 0 unless required; anything else must be a sane count. */
static bool read_count(yyjson_val *object, struct str name, bool is_required, uint64_t *ret)
{
    yyjson_val *v = json_get(object, name);
    int64_t n;
    *ret = 0;
    if (v == NULL || yyjson_is_null(v)) {
        return !is_required;
    }
    if (!json_int(v, &n) || n < 0 || n > LLM_USAGE_LIMIT) {
        return false;
    }
    *ret = (uint64_t)n;
    return true;
}

static bool read_openai(yyjson_val *usage, struct llm_usage *u)
{
    yyjson_val *in = json_get(usage, STR("prompt_tokens_details"));
    yyjson_val *out = json_get(usage, STR("completion_tokens_details"));
    return read_count(usage, STR("prompt_tokens"), true, &u->input_tokens) &&
           read_count(usage, STR("completion_tokens"), false, &u->output_tokens) &&
           read_count(in, STR("cached_tokens"), false, &u->cached_tokens) &&
           read_count(in, STR("cache_write_tokens"), false, &u->cache_write_tokens) &&
           read_count(out, STR("reasoning_tokens"), false, &u->reasoning_tokens);
}

static bool read_responses(yyjson_val *usage, struct llm_usage *u)
{
    yyjson_val *in = json_get(usage, STR("input_tokens_details"));
    yyjson_val *out = json_get(usage, STR("output_tokens_details"));
    return read_count(usage, STR("input_tokens"), true, &u->input_tokens) &&
           read_count(usage, STR("output_tokens"), false, &u->output_tokens) &&
           read_count(in, STR("cached_tokens"), false, &u->cached_tokens) &&
           read_count(in, STR("cache_write_tokens"), false, &u->cache_write_tokens) &&
           read_count(out, STR("reasoning_tokens"), false, &u->reasoning_tokens);
}

static bool read_anthropic(yyjson_val *usage, struct llm_usage *u)
{
    yyjson_val *out = json_get(usage, STR("output_tokens_details"));
    bool is_good =
        read_count(usage, STR("input_tokens"), true, &u->input_tokens) &&
        read_count(usage, STR("output_tokens"), false, &u->output_tokens) &&
        read_count(usage, STR("cache_read_input_tokens"), false, &u->cached_tokens) &&
        read_count(usage, STR("cache_creation_input_tokens"), false, &u->cache_write_tokens) &&
        read_count(out, STR("thinking_tokens"), false, &u->reasoning_tokens);
    u->input_tokens += u->cached_tokens + u->cache_write_tokens;
    return is_good;
}

void llm_usage_write_openai(struct buf *b, const struct llm_usage *u)
{
    LLM_PUT(b, "{\"prompt_tokens\":");
    buf_add_u64(b, u->input_tokens);
    LLM_PUT(b, ",\"completion_tokens\":");
    buf_add_u64(b, u->output_tokens);
    LLM_PUT(b, ",\"total_tokens\":");
    buf_add_u64(b, u->input_tokens + u->output_tokens);
    LLM_PUT(b, ",\"prompt_tokens_details\":{\"cached_tokens\":");
    buf_add_u64(b, u->cached_tokens);
    LLM_PUT(b, "},\"completion_tokens_details\":{\"reasoning_tokens\":");
    buf_add_u64(b, u->reasoning_tokens);
    LLM_PUT(b, "}}");
}

void llm_usage_write_anthropic(struct buf *b, const struct llm_usage *u)
{
    uint64_t cached = u->cached_tokens + u->cache_write_tokens;
    LLM_PUT(b, "{\"input_tokens\":");
    buf_add_u64(b, u->input_tokens > cached ? u->input_tokens - cached : 0);
    LLM_PUT(b, ",\"cache_creation_input_tokens\":");
    buf_add_u64(b, u->cache_write_tokens);
    LLM_PUT(b, ",\"cache_read_input_tokens\":");
    buf_add_u64(b, u->cached_tokens);
    LLM_PUT(b, ",\"output_tokens\":");
    buf_add_u64(b, u->output_tokens);
    LLM_PUT(b, "}");
}

/* message_delta repeats cumulative figures; those it leaves out stay as they were. */
void llm_usage_read_delta(yyjson_val *usage, struct llm_usage *ret)
{
    struct llm_usage u;
    int64_t n;
    if (json_get(usage, STR("input_tokens")) != NULL && llm_usage_read(LLM_MESSAGES, usage, &u)) {
        *ret = u;
    } else if (json_int(json_get(usage, STR("output_tokens")), &n) && n >= 0 &&
               n <= LLM_USAGE_LIMIT) {
        ret->output_tokens = (uint64_t)n;
    } else {
        ret->is_known = false;
    }
}
