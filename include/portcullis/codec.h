/* SPDX-License-Identifier: Apache-2.0
 *
 * codec: the documented policy shapes <-> the canonical policy. Parses strictly
 * (an unknown member is refused with its JSON pointer and a did-you-mean: a typo
 * in a security policy must never be ignored) and renders without loss.
 *
 * Pure; results live in the caller's arena. It stores nothing and decides nothing.
 *
 * GLOSSARY  dialect: one of the documented shapes (origin). canonical: the shape
 * stored in the database (policy.schema.json).
 */
#ifndef PORTCULLIS_CODEC_H
#define PORTCULLIS_CODEC_H

#include "portcullis/base.h"
#include "portcullis/policy.h"

/* ---- strict objects: what every shape is read with, here and in manage ------- */

#define CODEC_LIST_MAX 10000
#define CODEC_NAME_BYTES_MAX 200
#define CODEC_TEXT_BYTES_MAX 2000

struct codec_reader {
    struct arena *arena;
    const struct route_catalog *catalog; /* NULL = do not check names against it */
    struct issue *issue;
    /* What offers types beside the scanner's; NULL = nothing. Without a catalogue, for what
     * is stored, a name is only looked at: whether it runs is found out with the others. */
    const struct recognise_services *services;
};

enum codec_kind {
    CODEC_STR,  /* ret: struct str */
    CODEC_BOOL, /* ret: bool */
    CODEC_INT,  /* ret: int64_t, between min and max */
    CODEC_WORD, /* ret: int, index in words */
    CODEC_LIST, /* ret: struct policy_list of non-empty strings */
    CODEC_VAL   /* ret: yyjson_val *, taken as it is */
};
struct codec_member {
    const char *name;
    enum codec_kind kind;
    void *ret;
    bool is_required;
    bool *ret_is_set;         /* optional: the member was there and not null */
    bool *ret_is_null;        /* optional: null is allowed and was given */
    const char *const *words; /* NULL-terminated */
    int64_t min, max;         /* CODEC_INT; CODEC_STR: length, max 0 = default; LIST: items */
};

/* Reads `object` by the table. ERR_INVALID with the issue set. */
MUST_USE enum err codec_object_read(struct codec_reader *r, yyjson_val *object, struct str pointer,
                                    const struct codec_member *members, size_t count);
/* One member, whatever else there is. */
MUST_USE enum err codec_member_read(struct codec_reader *r, yyjson_val *object, struct str pointer,
                                    const struct codec_member *m);
/* Pointer + "/" + name (escaped), in the arena. */
struct str codec_pointer(struct codec_reader *r, struct str pointer, struct str name);
struct str codec_pointer_at(struct codec_reader *r, struct str pointer, size_t index);

/* Every entry must be known to the reader's catalogue; NULL catalogue = not checked. */
MUST_USE enum err codec_check_providers(struct codec_reader *r, const struct policy_list *list,
                                        struct str pointer);
MUST_USE enum err codec_check_models(struct codec_reader *r, const struct policy_list *list,
                                     struct str pointer);

/* ---- canonical JSON (the stored body; also native /v1/policies) ------------ */

/* Whole policies as stored. `catalog` checks provider slugs and model entries
 * (unknown ones are ERR_INVALID with a did-you-mean); NULL = do not check. */
MUST_USE enum err codec_canonical_parse(struct arena *a, struct str body,
                                        const struct route_catalog *catalog, struct policy *ret,
                                        struct issue *ret_issue);
/* What a client may send on create: id, org_id, version, timestamps absent. */
MUST_USE enum err codec_native_parse(struct codec_reader *r, yyjson_val *body,
                                     struct policy *ret);
/* RFC 7396 over the canonical form; store members cannot be named. */
MUST_USE enum err codec_native_patch(struct codec_reader *r, const struct policy *stored,
                                     yyjson_val *patch, struct policy *ret);
/* Byte-stable: fixed member order, absent optionals omitted. */
void codec_canonical_write(struct buf *out, const struct policy *p);

/* ---- governance (S0) ---------------------------------------------------------- */

MUST_USE enum err codec_governance_parse(struct arena *a, yyjson_val *body,
                                         const struct route_catalog *catalog, struct policy *ret,
                                         struct issue *ret_issue);
/* RFC 7396 merge of a patch into the stored policy (S0-47), then parsed again. */
MUST_USE enum err codec_governance_patch(struct arena *a, const struct policy *stored,
                                         yyjson_val *patch, const struct route_catalog *catalog,
                                         struct policy *ret, struct issue *ret_issue);
/* The bare object of S0-25; is_list omits nothing either (S0-45). A policy of
 * another origin that cannot be rendered without loss gets "dialect" and
 * "x_unrendered": true (C-3). */
void codec_governance_write(struct buf *out, const struct policy *p);
/* POST /governance/validate: body {"rules":{...}} (S0-60). Provider names are not
 * checked here: an unknown one is a warning of the answer (S0-65). */
MUST_USE enum err codec_governance_parse_rules(struct arena *a, yyjson_val *body,
                                               const struct route_catalog *catalog,
                                               struct policy *ret, struct issue *ret_issue);
/* S0-61: valid, allowedProviders, blockedProviders[{slug,reason,reasons}], warnings. */
void codec_governance_write_validation(struct buf *out, const struct route_catalog *catalog,
                                       const struct policy *p,
                                       const struct policy_provider_answer *answers,
                                       bool is_production);

/* ---- provider compliance (S3) ---------------------------------------------------- */

MUST_USE enum err codec_compliance_parse(struct arena *a, yyjson_val *body,
                                         const struct route_catalog *catalog, struct policy *ret,
                                         struct issue *ret_issue);
void codec_compliance_write(struct buf *out, const struct policy *p);
void codec_compliance_write_preview(struct buf *out, const struct route_catalog *catalog,
                                    const struct policy *p,
                                    const struct policy_provider_answer *answers);

/* ---- rules (S1), config (S2), enforcement (S4) --------------------------------------- */

/* Three shapes that hold any policy which can be said in their words; what cannot is shown
 * as name and state with "dialect" and "x_unrendered": true, and refuses a patch with
 * ERR_CONFLICT (C-3). ERR_UNSUPPORTED: a documented rule or action that this version does
 * not enforce, by its documented name. */
struct codec_shape {
    enum err (*parse)(struct codec_reader *r, yyjson_val *body, struct policy *ret);
    /* The members a client may send, each with a comma before it. */
    void (*write_members)(struct buf *out, const struct policy *p);
    const char *id_prefix, *name_member;
    bool is_camel_case;
};
extern const struct codec_shape codec_rules_shape;       /* S1 */
extern const struct codec_shape codec_config_shape;      /* S2 */
extern const struct codec_shape codec_enforcement_shape; /* S4 */

MUST_USE enum err codec_shape_parse(const struct codec_shape *s, struct codec_reader *r,
                                    yyjson_val *body, struct policy *ret);
/* RFC 7396 over the shape; arrays, so `rules`, are replaced (C-5). */
MUST_USE enum err codec_shape_patch(const struct codec_shape *s, struct codec_reader *r,
                                    const struct policy *stored, yyjson_val *patch,
                                    struct policy *ret);
void codec_shape_write(const struct codec_shape *s, struct buf *out, const struct policy *p);
/* Could this policy be written in this shape and read back as it is? */
bool codec_shape_fits(const struct codec_shape *s, const struct policy *p);
/* The documented word for the type of a rule, in the dialect of its policy: "content_filter",
 * "pii_detection", "model_allow_list" (S4-39, S2-54); else the canonical one. */
const char *codec_rule_word(const struct policy *p, const struct policy_rule *rule);

/* ---- templates (S0-28..37, S0-40) -------------------------------------------------- */

struct codec_template {
    const char *slug, *name, *description, *note;
    const char *body; /* governance JSON */
};
const struct codec_template *codec_templates(size_t *ret_count);

/* S2-7..S2-22 */
struct codec_config_template {
    const char *slug, *name, *description, *category, *policy_type;
    const char *config; /* JSON */
    const char *note;   /* what to know before using it; may be NULL */
};
const struct codec_config_template *codec_config_templates(size_t *ret_count);
const struct codec_config_template *codec_config_template_find(struct str slug); /* or NULL */
void codec_config_template_write(struct buf *out, const struct codec_config_template *t);
/* {"slug" or "template", ...}: whatever else is given is said over the template. */
MUST_USE enum err codec_config_from_template(struct codec_reader *r, yyjson_val *body,
                                             struct policy *ret);

/* ---- verdict -> documented bodies ---------------------------------------------------- */

/* Members for llm_error.extra on a block: ,"violations":[...] and, for soft_block,
 * ,"enforcement":"soft_block" (S0-52, S0-54). */
void codec_write_violations(struct buf *out, const struct policy_verdict *v);
/* Header value of X-Governance-Violations (S0-59): joined by "; ", CR/LF/non-ASCII
 * percent-encoded, at most 1 KiB. */
void codec_write_violations_header(struct buf *out, const struct policy_violation *const *list,
                                   size_t count);
/* S2's own: {"result":"hard_block","violations":[{policy_name,rule,message}]}. The result is
 * said in S2's words: hard_block, soft_block (something was modified), warn, info, allow.
 * `model`: what is called instead of the model that was asked for, told among
 * "modifications"; none = what was asked for. */
void codec_write_policy_evaluation(struct buf *out, enum policy_effect effect,
                                   const struct policy_violation *const *list, size_t count,
                                   struct str model);
/* The whole body of a refusal by an S2 policy (S2-54); for LLM_ANTHROPIC beside the error
 * object that SDK needs. `list` is not empty, the first says why (S2-55). */
void codec_write_policy_blocked(struct buf *out, enum llm_dialect d,
                                const struct policy_violation *const *list, size_t count,
                                struct str request_id);
/* A content hit as the violation it is. */
struct codec_found {
    struct policy_violation violation;
    const struct content_hit *hit;
};
/* The whole internal result of /v1/evaluate (every dialect renders from it). choice NULL = none. */
struct codec_evaluation {
    const struct route_catalog *catalog;
    const struct policy_facts *facts;
    const struct policy_verdict *verdict;
    const struct route_choice *choice;
    struct str request_id;
    uint64_t epoch;
    /* Of content rules, where texts were given: both stages, in reporting order each. */
    bool has_content;
    const struct codec_found *found;
    size_t found_count, found_dropped;
    uint64_t modifications;
    struct str edited_request;                 /* JSON, as it would go on; none = not wanted */
    struct str edited_prompt, edited_response; /* texts; none = not given or not wanted */
};
void codec_write_evaluation(struct buf *out, const struct codec_evaluation *e);
#endif
