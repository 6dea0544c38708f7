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

/* ---- canonical JSON (the stored body; also native /v1/policies) ------------ */

/* Whole policies as stored. `catalog` checks provider slugs and model entries
 * (unknown ones are ERR_INVALID with a did-you-mean); NULL = do not check. */
MUST_USE enum err codec_canonical_parse(struct arena *a, struct str body,
                                        const struct route_catalog *catalog, struct policy *ret,
                                        struct issue *ret_issue);
/* What a client may send on create: id, org_id, version, timestamps absent. */
MUST_USE enum err codec_native_parse(struct arena *a, yyjson_val *body,
                                     const struct route_catalog *catalog, struct policy *ret,
                                     struct issue *ret_issue);
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
/* POST /governance/validate: body {"rules":{...}} (S0-60). */
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

/* ---- templates (S0-28..37, S0-40) -------------------------------------------------- */

struct codec_template {
    const char *slug, *name, *description, *note;
    const char *body; /* governance JSON */
};
const struct codec_template *codec_templates(size_t *ret_count);

/* ---- verdict -> documented bodies ---------------------------------------------------- */

/* Members for llm_error.extra on a block: ,"violations":[...] and, for soft_block,
 * ,"enforcement":"soft_block" (S0-52, S0-54). */
void codec_write_violations(struct buf *out, const struct policy_verdict *v);
/* Header value of X-Governance-Violations (S0-59): joined by "; ", CR/LF/non-ASCII
 * percent-encoded, at most 1 KiB. */
void codec_write_violations_header(struct buf *out, const struct policy_violation *const *list,
                                   size_t count);
/* The whole internal result of /v1/evaluate (every dialect renders from it). choice NULL = none. */
struct codec_evaluation {
    const struct route_catalog *catalog;
    const struct policy_facts *facts;
    const struct policy_verdict *verdict;
    const struct route_choice *choice;
    struct str request_id;
    uint64_t epoch;
};
void codec_write_evaluation(struct buf *out, const struct codec_evaluation *e);
#endif
