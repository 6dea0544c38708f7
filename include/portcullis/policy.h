/* SPDX-License-Identifier: Apache-2.0
 *
 * policy: rows -> immutable snapshot; key -> principal; scope chain -> the rules
 * that apply; rules and facts -> verdict. The one decision function of the
 * product: the path, /v1/evaluate, /governance/validate and every fallback
 * candidate call policy_decide.
 *
 * Pure. An organisation's part (policy_org) is immutable and shared between
 * snapshots; a snapshot is shared by all workers under a lease and read without
 * lock or atomic. Rules compile into a bitmap index: per attribute value one row
 * of bits over all rules, and what a key settles by itself is put together when the
 * organisation is built, so a decision is a handful of ANDs however many rules there
 * are. An unknown rule type, effect or parameter refuses the whole
 * activation: nothing is shown active that does not run.
 *
 * GLOSSARY  principal: who a key speaks for, with its scope chain. facts: what a
 * decision may look at. violation: one rule that said no. effect: what follows,
 * strictest first block > escalate > throttle > reroute > modify > warn > info.
 * slot: S0's selector 1-12. epoch: number of a published snapshot.
 */
#ifndef PORTCULLIS_POLICY_H
#define PORTCULLIS_POLICY_H

#include "portcullis/base.h"
#include "portcullis/content.h"
#include "portcullis/llm.h"
#include "portcullis/route.h"

/* ---- the canonical policy (policy.schema.json; product.md 1.1) ----------- */

enum policy_effect {
    POLICY_INFO, POLICY_WARN, POLICY_MODIFY, POLICY_REROUTE, POLICY_THROTTLE, POLICY_ESCALATE,
    POLICY_BLOCK
};
enum policy_rule_type {
    POLICY_PROVIDER_REQUIREMENT, POLICY_PROVIDER_LIST, POLICY_MODEL_LIST, POLICY_TOKEN_LIMIT,
    POLICY_RATE_LIMIT, POLICY_BUDGET, POLICY_COST_CEILING, POLICY_PII, POLICY_TERMS,
    POLICY_REQUIRED_TERMS, POLICY_TOPICS, POLICY_INJECTION, POLICY_FACT_CHECK, POLICY_APPROVAL,
    POLICY_PREFERENCE, POLICY_FAILOVER, POLICY_RULE_TYPES_COUNT
};
enum policy_severity { POLICY_LOG, POLICY_VIOLATION, POLICY_ALERT, POLICY_SECURITY_EVENT };
enum policy_stage { POLICY_SELECT, POLICY_REQUEST, POLICY_RESPONSE, POLICY_BOTH };
enum policy_level { POLICY_ORG, POLICY_TEAM, POLICY_ENVIRONMENT, POLICY_PROJECT, POLICY_USER,
                    POLICY_KEY };
enum policy_origin { POLICY_GOVERNANCE, POLICY_RULES, POLICY_CONFIG, POLICY_COMPLIANCE,
                     POLICY_ENFORCEMENT, POLICY_NATIVE };
enum policy_status { POLICY_DRAFT, POLICY_ACTIVE, POLICY_INACTIVE, POLICY_ARCHIVED };
const char *policy_effect_name(enum policy_effect e);
const char *policy_rule_type_name(enum policy_rule_type t);
const char *policy_severity_name(enum policy_severity s);
const char *policy_stage_name(enum policy_stage s);
const char *policy_level_name(enum policy_level l);
const char *policy_origin_name(enum policy_origin o);
const char *policy_status_name(enum policy_status s);
/* The body of a refusal by policy (C-4): AUTO is the one of the policy that blocks; OPENAI
 * that SDK's error object and nothing else, GOVERNANCE S0's, POLICY S2's. */
enum policy_error_format {
    POLICY_ERROR_UNSET, /* of a key or an organisation: not said there */
    POLICY_ERROR_AUTO, POLICY_ERROR_OPENAI, POLICY_ERROR_GOVERNANCE, POLICY_ERROR_POLICY
};
/* UNSET for anything but "auto", "openai", "governance", "policy". */
enum policy_error_format policy_error_format_of(struct str name);
/* Does this build enforce the type? (activation is refused otherwise) */
bool policy_rule_type_runs(enum policy_rule_type t);
/* Is it about texts? Such a rule has a rule.content and forbids no candidate. */
bool policy_rule_type_is_content(enum policy_rule_type t);
bool policy_rule_type_kind(enum policy_rule_type type, enum content_kind *ret); /* then true */

struct policy_pair {
    struct str name, value;
};
struct policy_list {
    const struct str *items;
    size_t count;
    bool is_set; /* the member was present (an empty list = no restriction, S0-19) */
};
struct policy_match { /* AND of members, OR inside one; an unset member does not restrict */
    struct policy_list providers, models, endpoints, roles;
    const struct policy_pair *tags; /* request tags (X-Portcullis-Tags or metadata) */
    size_t tags_count;
    const struct policy_pair *metadata; /* of the key or project */
    size_t metadata_count;
};
struct policy_rule {
    struct str key; /* stable identity inside the policy */
    enum policy_rule_type type;
    enum policy_effect effect;
    enum policy_severity severity;
    enum policy_stage stage;
    bool is_enabled;
    struct policy_match when;
    struct str source_word; /* the dialect's own verb, for loss-free rendering */
    yyjson_val *params;     /* validated by the codec against the type's schema */
    /* typed view of params for the types that run */
    enum route_tier min_tier;                 /* provider_requirement; UNRATED = none */
    uint32_t require;                         /* bits of enum route_attribute */
    struct policy_list block_countries, allow_countries;
    struct policy_list allow, block;          /* provider_list, model_list */
    struct str substitute;                    /* model_list */
    /* pii, terms, required_terms, topics, injection; its kind, effect and stages repeat
     * type, effect and stage. NULL for the other types. */
    const struct content_rule *content;
};
struct policy {
    struct str id, org_id, name, description; /* id: 26-char ULID core, no prefix */
    bool has_description;
    enum policy_origin origin;
    enum policy_level level;
    struct str team, environment, project, user, key, role; /* scope, by level */
    struct policy_match match;
    enum policy_status status;
    bool is_shadow; /* mode */
    int priority;   /* lower first */
    bool is_slot_selected; /* selection: slot */
    int slot;              /* 1-12, 0 = none */
    bool is_default;
    bool is_locked;
    /* Policy ids, rule keys, or "policyid:rulekey". A policy of a strictly lower level
     * that applies replaces the unlocked rules it names here; nothing else ever
     * weakens, a rule of the same key does not (S4-31). Naming a policy replaces its
     * rules, not what it overrode itself. */
    struct policy_list overrides;
    const struct policy_rule *rules;
    size_t rules_count;
    uint32_t version;
    struct str policy_type, template_slug, created_by;
    int64_t created_at_ms, updated_at_ms;
};

/* ---- what the control thread loads (all views, copied into the org) ------- */

struct policy_key_row { /* an API key and everything it speaks for */
    struct str id;            /* key id, 12 base62 */
    uint8_t secret_hmac[32];  /* HMAC-SHA-256(pepper, secret) */
    bool has_previous;        /* rotation: the old secret is good until previous_until_s */
    uint8_t previous_hmac[32];
    int64_t previous_until_s;
    int64_t not_before_s, expires_at_s; /* 0 = open */
    bool is_revoked;
    struct str name, team, environment, project, user, role; /* none = not bound */
    struct str user_email;
    bool may_call, may_manage; /* scopes: data plane, management */
    uint16_t slots;            /* allowed slots, bit n = slot n; 0 = any */
    int pinned_slot;           /* 0 = none */
    bool may_narrow;           /* X-Environment accepted, unless bound to an environment */
    enum policy_error_format error_format;
    struct policy_list models; /* key's own model allow-list */
    const struct policy_pair *metadata;
    size_t metadata_count;
};
enum policy_slot_selection { POLICY_SLOT_ANY, POLICY_SLOT_PINNED, POLICY_SLOT_STRICTER_ONLY };
struct policy_org_rows {
    struct str id, name;
    uint64_t seq; /* policy_seq of the organisation */
    bool is_suspended;
    enum policy_slot_selection slot_selection;
    enum policy_error_format error_format;
    const struct policy *policies; /* active versions only */
    size_t policies_count;
    const struct policy_key_row *keys;
    size_t keys_count;
    const struct route_attestation *attestations;
    size_t attestations_count;
    const struct route_endpoint *endpoints;
    size_t endpoints_count;
};

/* ---- snapshot --------------------------------------------------------------- */

struct policy_org;      /* immutable; reference-counted (control thread only) */
struct policy_snapshot; /* immutable set of organisations plus the catalogue */

/* What an organisation is compiled with. All borrowed; catalog and engine must outlive
 * the organisation. */
struct policy_build {
    const struct route_catalog *catalog;
    int64_t now_s;
    const struct scan_engine *engine; /* NULL: content rules are ERR_UNSUPPORTED */
    const struct content_compiler *compiler; /* NULL: term databases are compiled here */
    const struct policy_org *previous; /* its scan set is shared when nothing changed */
    const struct recognise_services *services; /* recognisers; NULL: there are none */
};
/* Compiles one organisation. On failure nothing is made and the issue names policy, rule
 * and reason: the caller keeps the last good part. ERR_UNSUPPORTED: a type, effect, stage
 * or parameter this build does not enforce; ERR_CONFLICT: id or slot twice, two defaults;
 * ERR_LIMIT: over 65,536 rules. Drafts, shadows and disabled rules are neither checked nor
 * run; a shadow's slot counts as empty. rule.params and rule.content are not kept. */
MUST_USE enum err policy_org_new(const struct policy_org_rows *rows,
                                 const struct policy_build *build, struct policy_org **ret,
                                 struct issue *ret_issue);
struct policy_org *policy_org_ref(struct policy_org *o);
void policy_org_unref(struct policy_org *o);
struct str policy_org_id(const struct policy_org *o);
uint64_t policy_org_seq(const struct policy_org *o);
size_t policy_org_rules_count(const struct policy_org *o);
size_t policy_org_bytes(const struct policy_org *o);       /* all memory of this part */
size_t policy_org_index_bytes(const struct policy_org *o); /* of that, the bitmap index */
/* When an attestation begins or ends and the part must be rebuilt; INT64_MAX = never. */
int64_t policy_org_expires_at(const struct policy_org *o);
const struct route_endpoint *policy_org_endpoints(const struct policy_org *o, size_t *ret_count);

/* Takes its own references. All organisations must have been compiled against this
 * very catalogue. ERR_CONFLICT: an organisation or a key id twice. Control thread. */
MUST_USE enum err policy_snapshot_new(struct policy_org *const *orgs, size_t count,
                                      const struct route_catalog *catalog, uint64_t epoch,
                                      int64_t now_s, struct policy_snapshot **ret);
void policy_snapshot_free(struct policy_snapshot *s);
uint64_t policy_snapshot_epoch(const struct policy_snapshot *s);
int64_t policy_snapshot_made_at(const struct policy_snapshot *s);
const struct route_catalog *policy_snapshot_catalog(const struct policy_snapshot *s);
const struct policy_org *policy_snapshot_org(const struct policy_snapshot *s, struct str org_id);
size_t policy_snapshot_orgs_count(const struct policy_snapshot *s);
const struct policy_org *policy_snapshot_org_at(const struct policy_snapshot *s, size_t i);

/* ---- authentication ------------------------------------------------------------ */

/* API key text: <prefix>_<keyid 12 base62>_<secret 43 base62>_<crc32c, 6 base62>,
 * prefix one of pc_live pc_test sk_case tv_live tv_test pk_live pk_test. */
struct policy_key_text {
    struct str id, secret;
};
/* ERR_SYNTAX on shape, charset or CRC: refused without a look-up. */
MUST_USE enum err policy_key_parse(struct str text, struct policy_key_text *ret);
/* 12 + 43 base62 characters from dice (>= 45 bytes) -> the whole text. */
void policy_key_format(struct buf *out, struct str prefix, const uint8_t dice[64]);
/* The same with a given id, for rotation: a new secret under the old id. */
void policy_key_format_as(struct buf *out, struct str prefix, struct str id,
                          const uint8_t dice[32]);

struct policy_principal; /* inside the snapshot */
/* Constant-time compare. ERR_NOT_FOUND (unknown or wrong secret: the same answer),
 * ERR_DENIED (revoked, expired, not yet valid, suspended organisation). */
MUST_USE enum err policy_authenticate(const struct policy_snapshot *s, struct str key_text,
                                      struct str pepper, int64_t now_s,
                                      const struct policy_principal **ret);
/* What time and the snapshot say of a principal whose secret proved good in this very
 * snapshot: ERR_OK or ERR_DENIED as above. Not for one that has_previous: which of its two
 * secrets it was is not known here. */
MUST_USE enum err policy_principal_state(const struct policy_principal *p, int64_t now_s);
const struct policy_key_row *policy_principal_key(const struct policy_principal *p);
const struct policy_org *policy_principal_org(const struct policy_principal *p);
/* The key's, else the organisation's, else AUTO. */
enum policy_error_format policy_principal_error_format(const struct policy_principal *p);
/* May a request of this key say that it belongs to this environment (X-Environment)? Its
 * own always; another only a key that may narrow and is not bound to one itself: a policy
 * of another environment may override what holds in the key's own. */
bool policy_may_enter(const struct policy_principal *p, struct str environment);

/* ---- decision --------------------------------------------------------------------- */

#define POLICY_VIOLATIONS_MAX 64

/* All that a decision looks at besides the rules; the time is not among it. */
struct policy_facts {
    const struct policy_org *org;
    const struct policy_principal *who; /* NULL only for validate on a bare rule set */
    enum llm_endpoint endpoint;
    const struct route_resolution *models;
    bool has_slot;      /* the caller selected one */
    int64_t slot;
    /* From the header, or none. Counts only if policy_may_enter says so; else the rules
     * of the key's own environment apply. */
    struct str environment;
    const struct policy_pair *tags;
    size_t tags_count;
};
struct policy_violation {
    const struct policy *policy;
    const struct policy_rule *rule;
    enum policy_effect effect;
    int provider;        /* index, -1 = none (the model itself) */
    uint32_t candidates; /* bits of route_resolution it speaks about */
    struct str reason;   /* short: "BAA not available" (S0-61) */
    struct str message;  /* sentence: "Provider 'groq' does not have BAA available" (S0-57) */
};
struct policy_verdict {
    /* BLOCK: no candidate is left. WARN: at least one that is left only warns (ask
     * policy_warnings_of for the one chosen). INFO: allowed. */
    enum policy_effect effect;
    bool is_slot_unknown;       /* S0-43: 400 governance_policy_not_found */
    bool is_slot_denied;        /* the key may not select this slot: 403 */
    uint32_t allowed;           /* candidates (bits of route_resolution) that nothing blocks */
    uint32_t warned;            /* candidates that only warn */
    /* Nothing is left, but some candidate only because of rules that modify: the model to
     * ask for instead, to be resolved and decided like any other (S2-52). */
    struct str substitute;
    /* policy_decide_call: so many violations at the beginning say why another model is
     * called than was asked for. */
    size_t overrides_count;
    struct str substituted_from; /* and this is what was asked for; none = nothing else is */
    struct policy_violation *violations; /* in reporting order: priority, then S0-58's order */
    size_t violations_count;
    size_t violations_dropped;  /* beyond the maximum */
    const struct policy *selected; /* the S0 policy used, NULL = none */
    const struct policy *decider;  /* whose rule decided; NULL = none */
    const struct policy_rule *decider_rule;
    size_t rules_applied;       /* how many rules applied to this request */
    /* Content rules that applied, before the candidate is known: for policy_content_of.
     * NULL = none. In the arena of policy_decide. */
    const uint64_t *content_rules;
};
/* THE decision. Texts live in `a`. Violations of a candidate that is not pinned
 * matter only when no candidate is left (S3-2, S3-3). Never fails on policy
 * content; ERR_MEMORY/ERR_LIMIT must be treated as a refusal by the caller. */
MUST_USE enum err policy_decide(struct arena *a, const struct policy_facts *facts,
                                struct policy_verdict *ret);
/* The same for a call, among the candidates that an endpoint of the organisation can serve
 * (all where none can): *models (facts->models) is narrowed to them. Where the verdict names
 * a substitute that may be called, it becomes its resolution and the verdict the one about
 * it. */
MUST_USE enum err policy_decide_call(struct arena *a, const struct policy_facts *facts,
                                     struct route_resolution *models, struct policy_verdict *ret);
/* The last decision of a call, kept by who asks for many (a client's exchange). Zeroed: none.
 * Its pointers are of the snapshot with that number and are not followed under another. */
struct policy_memory {
    uint64_t snapshot; /* 0 = nothing is remembered */
    const struct policy_org *org;
    const struct policy_principal *who;
    enum llm_endpoint endpoint;
    bool has_slot;
    int64_t slot;
    struct policy_verdict verdict;
    struct route_resolution models; /* narrowed; `requested` is none */
};
/* As policy_decide_call, which is asked unless all facts are those of the decision before and
 * that one is plain: nothing violated, no rule about texts, no tags, no environment named.
 * `snapshot`: a number that no other snapshot of this process has; 0 = not remembered. */
MUST_USE enum err policy_decide_call_again(struct arena *a, const struct policy_facts *facts,
                                           struct route_resolution *models, uint64_t snapshot,
                                           struct policy_memory *memory,
                                           struct policy_verdict *ret);
/* Why another model is called, then warn-level violations of the candidate finally chosen
 * (for the header, S0-59). */
size_t policy_warnings_of(const struct policy_verdict *v, const struct route_resolution *r,
                          size_t candidate, const struct policy_violation **ret, size_t max);

/* The content rules of an organisation; NULL = it has none. */
const struct content *policy_org_content(const struct policy_org *o);
/* Those that hold for this request at this candidate (rules whose match names models or
 * providers, overrides): a bit per rule of policy_org_content(), in the arena. NULL = none
 * applies. ERR_MEMORY must be treated as a refusal. */
MUST_USE enum err policy_content_of(struct arena *a, const struct policy_facts *facts,
                                    const struct policy_verdict *v, size_t candidate,
                                    const uint64_t **ret);
/* A hit as a violation of its rule; texts are the hit's. provider is -1. */
struct policy_violation policy_violation_of_hit(const struct policy_org *o,
                                                const struct content_hit *hit);

/* Which providers would this set of rules allow? (S0-60 validate, S3 preview.)
 * One entry per catalogue provider, in order. Uses the same rule evaluation. */
struct policy_provider_answer {
    bool is_allowed;
    struct str reason;           /* the first by S0-64's precedence */
    const struct str *reasons;   /* all */
    size_t reasons_count;
    const struct str *messages;  /* all sentences */
};
MUST_USE enum err policy_providers_of(struct arena *a, const struct route_catalog *catalog,
                                      const struct route_evidence *evidence,
                                      const struct policy *policy,
                                      struct policy_provider_answer **ret);

#endif
