/* SPDX-License-Identifier: Apache-2.0
 *
 * The eleven templates of the config dialect (S2-7..S2-22). Two are printed whole in
 * the document; of the others it gives name, category and purpose, and the contents
 * are ours. Those that need prices or latencies are listed as they are documented and
 * refuse, by name, to become a policy. Pure.
 */
#include "codec_private.h"

#define PROFANITY                                                                                  \
    "\"fuck\",\"fucking\",\"fucked\",\"fucker\",\"motherfucker\",\"shit\",\"shitty\","             \
    "\"bullshit\",\"bitch\",\"bitches\",\"asshole\",\"assholes\",\"bastard\",\"cunt\","            \
    "\"dickhead\",\"wanker\",\"slut\",\"whore\""

/* lint: table */
static const struct codec_config_template templates[] = {
    {"budget-mode", "Budget Mode", "Aggressive cost optimization - prefer cheapest models", "cost",
     "routing", "{\"prefer_cheaper_models\":true,\"cost_ceiling_usd\":0.01}", NULL},
    {"performance-mode", "Performance Mode", "Optimize for low latency", "performance", "routing",
     "{\"prefer_faster_models\":true,\"latency_target_ms\":2000}", NULL},
    {"quality-mode", "Quality Mode", "Maximize output quality with best models", "performance",
     "routing",
     "{\"model_allow_list\":[\"gpt-4o\",\"gpt-4.1\",\"claude-sonnet-4-20250514\","
     "\"claude-opus-4-20250514\",\"gemini-2.5-pro\"],\"on_violation\":\"soft_block\"}",
     "The models named are an example; keep the list to what you have measured to be best."},
    {"no-openai", "No OpenAI", "Block all OpenAI models", "compliance", "routing",
     "{\"provider_block_list\":[\"openai\"],\"on_violation\":\"hard_block\"}",
     "Other providers serve models made by OpenAI as well; add those you use, such as azure."},
    {"no-anthropic", "No Anthropic", "Block all Anthropic models", "compliance", "routing",
     "{\"provider_block_list\":[\"anthropic\"],\"on_violation\":\"hard_block\"}",
     "Other providers serve models made by Anthropic as well; add those you use, such as "
     "bedrock."},
    {"google-only", "Google Only", "Only use Google Gemini models", "compliance", "routing",
     "{\"provider_allow_list\":[\"google\"],\"on_violation\":\"hard_block\"}", NULL},
    {"pii-protection", "PII Protection", "Detect and redact PII from outputs", "compliance",
     "content",
     "{\"pii_detection\":{\"enabled\":true,\"types\":[\"ssn\",\"credit_card\",\"email\"],"
     "\"action\":\"redact\"}}",
     NULL},
    {"healthcare-compliance", "Healthcare Compliance",
     "Medical context awareness + PII detection", "compliance", "content",
     "{\"evaluate_output\":true,\"evaluate_input\":true,\"pii_detection\":{\"enabled\":true,"
     "\"types\":[\"ssn\",\"date_of_birth\",\"medical_record_number\",\"phone_us\",\"email\","
     "\"credit_card\",\"ip_address\"],\"action\":\"redact\"},\"blocked_topics\":{"
     "\"enabled\":true,\"topics\":[\"medical_advice\"],\"action\":\"warn\"},"
     "\"on_violation\":\"soft_block\"}",
     "Identifiers are redacted; medical advice is let through with a warning."},
    {"child-safe", "Child-Safe Content", "Age-appropriate content enforcement", "compliance",
     "content",
     "{\"evaluate_output\":true,\"evaluate_input\":true,\"blocked_terms\":{\"enabled\":true,"
     "\"terms\":[" PROFANITY "],\"action\":\"block\"},\"blocked_topics\":{\"enabled\":true,"
     "\"topics\":[\"sexual_content\",\"violence\",\"self_harm\",\"weapons\",\"hate\","
     "\"illegal_drugs\",\"gambling\"],\"action\":\"block\"},\"on_violation\":\"hard_block\"}",
     NULL},
    {"professional-communication", "Professional Communication", "Business-appropriate tone",
     "compliance", "content",
     "{\"evaluate_output\":true,\"blocked_terms\":{\"enabled\":true,\"terms\":[" PROFANITY
     ",\"crap\",\"wtf\",\"lmao\",\"stfu\",\"dumbass\",\"moron\",\"idiot\",\"shut up\","
     "\"screw you\"],\"action\":\"redact\"},\"blocked_topics\":{\"enabled\":true,\"topics\":["
     "\"hate\",\"sexual_content\"],\"action\":\"warn\"},\"on_violation\":\"soft_block\"}",
     NULL},
    {"custom-terms-filter", "Custom Terms Filter", "Block or require specific terms",
     "compliance", "content",
     "{\"evaluate_output\":true,\"blocked_terms\":{\"enabled\":true,\"terms\":["
     "\"strictly confidential\",\"for internal use only\"],\"action\":\"block\"},"
     "\"required_terms\":{\"enabled\":false,\"terms\":[\"not legal advice\"],"
     "\"action\":\"warn\"}}",
     "The terms are examples; replace them with your own."},
};

static enum err without_slug(struct codec_reader *r, yyjson_val *body, yyjson_val **ret);
static void write_document(struct buf *out, const struct codec_config_template *t);

const struct codec_config_template *codec_config_templates(size_t *ret_count)
{
    *ret_count = sizeof(templates) / sizeof(templates[0]);
    return templates;
}

const struct codec_config_template *codec_config_template_find(struct str slug)
{
    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
        if (str_eq(slug, str_from(templates[i].slug))) {
            return &templates[i];
        }
    }
    return NULL;
}

void codec_config_template_write(struct buf *out, const struct codec_config_template *t)
{
    buf_printf(out, "{\"slug\":\"%s\"", t->slug);
    codec_str_write(out, "name", str_from(t->name));
    codec_str_write(out, "description", str_from(t->description));
    codec_str_write(out, "category", str_from(t->category));
    codec_str_write(out, "policy_type", str_from(t->policy_type));
    buf_printf(out, ",\"config\":%s", t->config);
    codec_str_write(out, "note", str_from(t->note));
    buf_add_byte(out, '}');
}

enum err codec_config_from_template(struct codec_reader *r, yyjson_val *body, struct policy *ret)
{
    struct str slug = STR_NONE;
    const struct codec_member names[] = {{.name = "slug", .kind = CODEC_STR, .ret = &slug},
                                         {.name = "template", .kind = CODEC_STR, .ret = &slug}};
    bool has_slug = json_get(body, STR("slug")) != NULL;
    TRY(codec_member_read(r, body, STR(""), &names[has_slug ? 0 : 1]));
    const struct codec_config_template *t = codec_config_template_find(slug);
    if (t == NULL) {
        issue_set(r->issue, has_slug ? "/slug" : "/template",
                  "must name a template, such as 'pii-protection'; see "
                  "GET /v1/policies/templates");
        return ERR_INVALID;
    }
    yyjson_val *patch = NULL, *merged = NULL;
    struct buf document;
    TRY(without_slug(r, body, &patch));
    buf_init(&document, CODEC_PATCH_BYTES_MAX);
    write_document(&document, t);
    enum err e = codec_merge(r, &document, patch, &merged);
    buf_fini(&document);
    TRY(e);
    return codec_shape_parse(&codec_config_shape, r, merged, ret);
}

/* What the request says beside the template's slug is said over the template. */
static enum err without_slug(struct codec_reader *r, yyjson_val *body, yyjson_val **ret)
{
    struct buf text;
    struct json_doc doc;
    bool is_first = true;
    buf_init(&text, CODEC_PATCH_BYTES_MAX);
    buf_add_byte(&text, '{');
    yyjson_obj_iter it = yyjson_obj_iter_with(body);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it)) != NULL;) {
        if (str_eq(json_str(key), STR("slug"))) {
            continue;
        }
        buf_add(&text, is_first ? STR("") : STR(","));
        json_write_str(&text, json_str(key));
        buf_add_byte(&text, ':');
        json_write_val(&text, yyjson_obj_iter_get_val(key));
        is_first = false;
    }
    buf_add_byte(&text, '}');
    struct str copy = text.err == ERR_OK ? arena_str(r->arena, buf_str(&text)) : STR_NONE;
    buf_fini(&text);
    if (copy.ptr == NULL) {
        return ERR_MEMORY;
    }
    TRY(json_parse(r->arena, copy, &json_limits_default, &doc, r->issue));
    *ret = doc.root;
    return ERR_OK;
}

static void write_document(struct buf *out, const struct codec_config_template *t)
{
    buf_printf(out, "{\"template\":\"%s\"", t->slug);
    codec_str_write(out, "name", str_from(t->name));
    codec_str_write(out, "description", str_from(t->description));
    codec_str_write(out, "policy_type", str_from(t->policy_type));
    buf_printf(out, ",\"config\":%s}", t->config);
}
