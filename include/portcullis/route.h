/* SPDX-License-Identifier: Apache-2.0
 *
 * route: which provider could serve a model, what is known of that provider,
 * and which candidate is taken. Holds the catalogue (providers with their
 * compliance facts, models with prices), the posture of a provider for one
 * organisation (catalogue facts overlaid by dated attestations), and the model
 * resolver.
 *
 * Pure and immutable once built: shared by all workers. Unknown facts never
 * satisfy a requirement (S3-4). It does not decide what policy allows; it takes
 * the mask policy gives.
 *
 * GLOSSARY  provider: one catalogue entry, numbered in catalogue order (S0-62).
 * attribute: one compliance fact, yes, no or unknown. attestation: an
 * organisation's dated statement about one attribute. endpoint: an
 * organisation's way to reach a provider (base URL and credential). candidate:
 * one (provider, model) that could serve the request.
 */
#ifndef PORTCULLIS_ROUTE_H
#define PORTCULLIS_ROUTE_H

#include "portcullis/base.h"
#include "portcullis/llm.h"
#include "portcullis/wire.h"

#define ROUTE_PROVIDERS_MAX 64 /* a provider set is one 64-bit mask */
#define ROUTE_CANDIDATES_MAX 32

enum route_fact { ROUTE_UNKNOWN = 0, ROUTE_NO, ROUTE_YES };

/* The vocabulary of provider_requirement.require (product.md 1.1). */
enum route_attribute {
    ROUTE_SOC2,             /* Type II (C-10) */
    ROUTE_SOC2_ANY,         /* Type I or II */
    ROUTE_ISO27001,
    ROUTE_SOC2_OR_ISO27001,
    ROUTE_GDPR,
    ROUTE_HIPAA,
    ROUTE_BAA,
    ROUTE_ZDR,
    ROUTE_PCI,
    ROUTE_NO_TRAINING,
    ROUTE_NO_LOGGING,
    ROUTE_EU_REGION,
    ROUTE_ATTRIBUTES_COUNT
};
const char *route_attribute_name(enum route_attribute a); /* "soc2", "no_training" ... */
MUST_USE enum err route_attribute_parse(struct str name, enum route_attribute *ret);

enum route_tier { ROUTE_TIER_UNRATED = 0, ROUTE_TIER_SKETCHY, ROUTE_TIER_TRUSTED,
                  ROUTE_TIER_MOST_TRUSTED };
const char *route_tier_name(enum route_tier t); /* "most_trusted"; "unrated" */
MUST_USE enum err route_tier_parse(struct str name, enum route_tier *ret);

struct route_posture {
    enum route_tier tier;
    char country[3]; /* headquarters, ISO 3166-1 alpha-2; "" = unknown */
    enum route_fact facts[ROUTE_ATTRIBUTES_COUNT]; /* derived ones (SOC2_ANY ...) filled */
};

struct route_provider {
    unsigned index;
    struct str slug, name;
    struct str base_url;
    struct str zdr_basis;
    const struct str *aliases;
    size_t aliases_count;
    enum llm_dialect dialect;   /* what its native API speaks to us */
    bool is_dialect_supported;  /* false: bedrock-converse and the like; not callable yet */
    bool also_speaks_openai;    /* extra_api of the catalogue, anthropic for one */
    struct route_posture posture;
    yyjson_val *source;         /* the whole entry, for /v1/providers */
};

struct route_model {
    unsigned index;
    unsigned provider; /* index */
    struct str id;     /* "openai/gpt-4o" */
    struct str name;   /* "gpt-4o": what the provider calls it */
    struct str upstream_name; /* sent upstream; = name unless the catalogue differs */
    struct str kind;   /* chat, embedding, audio, image */
    uint64_t context_tokens, output_tokens_max; /* 0 = unknown */
    /* pico-USD per token (USD per million x 10^6); -1 = unknown */
    int64_t input_price, output_price, cache_read_price, cache_write_price;
    yyjson_val *source;
};

struct route_catalog; /* immutable, in its own arena */
/* Parses the two catalogue files (their texts must outlive the catalogue).
 * Strict: unknown members, wrong types, doubled ids, providers out of sort_order
 * are ERR_INVALID; more than ROUTE_PROVIDERS_MAX providers is ERR_LIMIT. */
MUST_USE enum err route_catalog_new(struct str providers_json, struct str models_json,
                                    struct route_catalog **ret, struct issue *ret_issue);
void route_catalog_free(struct route_catalog *c);
size_t route_catalog_providers_count(const struct route_catalog *c);
const struct route_provider *route_catalog_provider(const struct route_catalog *c, unsigned index);
const struct route_provider *route_catalog_find_provider(const struct route_catalog *c,
                                                         struct str slug_or_alias);
size_t route_catalog_models_count(const struct route_catalog *c);
const struct route_model *route_catalog_model(const struct route_catalog *c, unsigned index);

/* One organisation's dated statement (who, when, evidence live in the database). */
struct route_attestation {
    unsigned provider;
    enum route_attribute attribute;
    bool value;
    int64_t valid_from_s, valid_until_s; /* unix seconds; until 0 = open */
};
struct route_evidence { /* an organisation's statements, looked at at one instant */
    const struct route_attestation *attestations;
    size_t count;
    int64_t now_s;
};
/* Catalogue facts overlaid by the attestations valid at `now_s`. */
void route_posture_of(const struct route_provider *p, const struct route_attestation *attestations,
                      size_t count, int64_t now_s, struct route_posture *ret);
/* Next instant after now_s at which the result could change; INT64_MAX = never. */
int64_t route_posture_next_change(const struct route_attestation *attestations, size_t count,
                                  int64_t now_s);

/* Model string -> candidates (product.md 2.5): provider/model (split at the first
 * '/' only when the left part is a known slug or alias), exact name, alias,
 * family without date. Exact bytes: no trimming, no case folding. */
/* Candidate order: the maker's own row first (claude-* at anthropic, gpt-* at openai,
 * deepseek-* at deepseek ...), then catalogue order of providers; one row per
 * provider, of a family the newest. A string with a slash whose left part is a
 * provider that has no such model may still be somebody's exact model name
 * ("openai/gpt-oss-120b" at groq); then it is not pinned. */
struct route_resolution {
    struct str requested;
    bool is_pinned;       /* provider/model was asked for */
    unsigned pinned_provider;
    size_t count;
    unsigned models[ROUTE_CANDIDATES_MAX]; /* model indexes, catalogue order of provider */
    uint64_t providers; /* mask of their providers */
};
/* ERR_NOT_FOUND when nothing matches (404 model_not_found). */
MUST_USE enum err route_resolve(const struct route_catalog *c, struct str model,
                                struct route_resolution *ret);
/* Does a policy's model entry (id, name, alias, family, `provider/` + `*`) name this model?
 * An entry means every model that answers to it by any of these names. */
bool route_model_matches(const struct route_catalog *c, unsigned model, struct str entry);
/* The same by hashing: all models an entry names, at most `max`, possibly one twice. */
size_t route_entry_models(const struct route_catalog *c, struct str entry, unsigned *ret,
                          size_t max);
/* For "did you mean": does any model or provider answer to this entry at all? */
bool route_entry_is_known(const struct route_catalog *c, struct str entry);

/* How one organisation reaches one provider. Lives in the organisation's part of
 * the snapshot. The credential is a secret: never printed. */
struct route_endpoint {
    struct str id;
    unsigned provider;
    struct wire_url url;
    struct str base_url;
    enum llm_dialect dialect;
    struct str credential;   /* secret bytes, sent in the auth header */
    struct str credential_id; /* names the pool and the TLS cache; not secret */
    struct str ca_file;      /* none = the configured default */
    unsigned priority;       /* lower first among the same provider */
};

/* Chooses among the candidates whose bit is set in `allowed` (bit i = candidate
 * i) one that `endpoints` can reach and whose dialect can serve the request:
 * same dialect before translated, then candidate order, then priority.
 * ERR_NOT_FOUND: none has an endpoint. */
struct route_choice {
    size_t candidate;
    const struct route_model *model;
    const struct route_provider *provider;
    const struct route_endpoint *endpoint;
};
struct route_reach { /* the endpoints of one organisation */
    const struct route_endpoint *endpoints;
    size_t count;
};
/* Only candidates that some endpoint can serve are left; where there is none, all. What
 * is then decided is about providers that the organisation has: when policies take away
 * the last of them, they refuse, and not the lack of another one (S3-2, S3-14). */
void route_narrow(const struct route_catalog *c, enum llm_endpoint operation,
                  const struct route_reach *reach, struct route_resolution *r);
MUST_USE enum err route_choose(const struct route_catalog *c, const struct route_resolution *r,
                               uint32_t allowed, enum llm_endpoint operation,
                               const struct route_reach *reach, struct route_choice *ret);

#endif
