/* SPDX-License-Identifier: Apache-2.0
 *
 * The config dialect's words for what policies did to a call: the body of a refusal
 * (S2-54) and the member policy_evaluation of an answer that was warned of or modified
 * (S2-51, S2-69, C-2). Pure.
 */
#include "codec_private.h"

#define MESSAGE_BYTES_MAX 8192

static void write_message(struct buf *out, const struct policy_violation *const *list,
                          size_t count);

void codec_write_policy_evaluation(struct buf *out, enum policy_effect effect,
                                   const struct policy_violation *const *list, size_t count,
                                   struct str model)
{
    const char *result = effect == POLICY_INFO && count == 0 ? "allow"
                         : effect == POLICY_INFO             ? codec_config_verbs[CODEC_INFO]
                         : effect == POLICY_WARN             ? codec_config_verbs[CODEC_WARN]
                         : effect == POLICY_MODIFY           ? codec_config_verbs[CODEC_SOFT_BLOCK]
                                                             : codec_config_verbs[CODEC_HARD_BLOCK];
    buf_printf(out, "{\"result\":\"%s\",\"violations\":[", result);
    for (size_t i = 0; i < count; i++) {
        const struct policy_violation *v = list[i];
        bool has_rule = v->policy != NULL && v->rule != NULL;
        buf_add(out, i == 0 ? STR("{\"policy_name\":") : STR(",{\"policy_name\":"));
        json_write_str(out, v->policy != NULL ? v->policy->name : STR(""));
        codec_str_write(out, "rule",
                        has_rule ? str_from(codec_rule_word(v->policy, v->rule)) : STR(""));
        codec_str_write(out, "message", v->message);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
    if (model.len != 0) {
        buf_add(out, STR(",\"modifications\":[{\"kind\":\"model_override\",\"path\":\"/model\""));
        codec_str_write(out, "replacement", model);
        buf_add(out, STR("}]"));
    }
    buf_add_byte(out, '}');
}

void codec_write_policy_blocked(struct buf *out, enum llm_dialect d,
                                const struct policy_violation *const *list, size_t count,
                                struct str request_id)
{
    if (d == LLM_ANTHROPIC) {
        buf_add(out, STR("{\"type\":\"error\",\"error\":{\"type\":\"permission_error\""));
        write_message(out, list, count);
        buf_add(out, STR(",\"code\":\"POLICY_BLOCKED\"}"));
        codec_str_write(out, "request_id", request_id);
    } else {
        buf_add(out, STR("{\"error\":\"Request blocked by policy\""));
    }
    buf_add(out, STR(",\"code\":\"POLICY_BLOCKED\""));
    write_message(out, list, count);
    buf_add(out, STR(",\"policy_evaluation\":"));
    codec_write_policy_evaluation(out, POLICY_BLOCK, list, count, STR_NONE);
    buf_add_byte(out, '}');
}

/* S2-55: the first violation's. */
static void write_message(struct buf *out, const struct policy_violation *const *list,
                          size_t count)
{
    struct buf text;
    buf_init(&text, MESSAGE_BYTES_MAX);
    buf_add(&text, STR("Request blocked by policy"));
    if (count != 0) {
        buf_add(&text, STR(": "));
        buf_add(&text, list[0]->message);
    }
    codec_str_write(out, "message",
                    text.err == ERR_OK ? buf_str(&text) : STR("Request blocked by policy"));
    buf_fini(&text);
}
