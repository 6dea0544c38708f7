/* SPDX-License-Identifier: Apache-2.0
 *
 * manage: the management API as data. One route table gives the matching, the
 * OpenAPI document, llms.txt and the role matrix; a request becomes a typed
 * command, the store performs it, and the result becomes an answer here.
 *
 * Pure: no SQL, no clock, no dice. Everything lives in the caller's arena; nothing
 * is kept between calls, so any thread may use it.
 *
 * GLOSSARY  operation: one row of the route table. caller: who asks, taken from the
 * API key and never from the request. collection: a plain kind of thing (team, user,
 * provider endpoint ...) described by a field list and served by one mechanism.
 * view: the dialect a policy is read and shown in. epoch: number of the last change
 * in the whole database; a node that enforces epoch E enforces every change <= E.
 *
 * EXAMPLE (io/http)
 *     err = manage_parse(&a, &request, catalog, &command, &refusal);
 *     if (err == ERR_OK && command.needs_store) {
 *         err = store_execute(store, &a, &command, &result);       on the control thread
 *     }
 *     result.refusal = refusal;                                  when parsing refused
 *     manage_render(&a, &command, err, &result, catalog, &answer);
 */
#ifndef PORTCULLIS_MANAGE_H
#define PORTCULLIS_MANAGE_H

#include "portcullis/audit.h"
#include "portcullis/base.h"
#include "portcullis/codec.h"
#include "portcullis/policy.h"
#include "portcullis/route.h"
#include "portcullis/wire.h"

#define MANAGE_FIELDS_MAX 20
#define MANAGE_LIMIT_MAX 1000
#define MANAGE_WAIT_MAX_S 30

/* ---- who asks ----------------------------------------------------------------- */

enum manage_role { /* bits */
    MANAGE_MEMBER = 1 << 0,
    MANAGE_AUDITOR = 1 << 1,
    MANAGE_ADMIN = 1 << 2,
    MANAGE_OWNER = 1 << 3
};
const char *manage_role_name(enum manage_role r);

struct manage_caller {
    struct str org, user, email, key_id;
    struct str environment; /* of the key; empty = bound to none */
    unsigned role;   /* one bit, 0 = none */
    bool may_manage; /* the key's scope; without it only evaluate is open */
    bool is_operator; /* the command line on the database itself: no role check */
};
/* Views into the principal (snapshot). */
struct manage_caller manage_caller_of(const struct policy_principal *p);

/* ---- collections ---------------------------------------------------------------- */

enum manage_field_type {
    MANAGE_TEXT,      /* a line of text, 1-200 bytes, no control characters */
    MANAGE_LONG_TEXT, /* up to 4096 bytes */
    MANAGE_NAME,      /* [a-z0-9][a-z0-9_.-]{0,63}: what policies and keys refer to */
    MANAGE_EMAIL,
    MANAGE_WORD,      /* one of `words` */
    MANAGE_INT,       /* min..max */
    MANAGE_BOOL,
    MANAGE_TIME,      /* RFC 3339; stored as timestamptz */
    MANAGE_PROVIDER,  /* slug or alias of the catalogue, stored as the slug */
    MANAGE_URL,       /* strict https base URL (wire_url_parse) */
    MANAGE_SECRET,    /* written only, sealed by the store; shown as has_... and never read */
    MANAGE_TEXT_LIST, /* array of strings, stored as a JSON text */
    MANAGE_SLOT_LIST, /* array of 1-12, stored as a JSON text */
    MANAGE_STRINGS    /* object of string members, stored as a JSON text */
};
enum manage_field_flag {
    MANAGE_REQUIRED = 1 << 0,  /* on create */
    MANAGE_READ_ONLY = 1 << 1, /* set by the store */
    MANAGE_FIXED = 1 << 2,     /* may be given on create, never patched */
    MANAGE_NULLABLE = 1 << 3,
    MANAGE_OPERATOR = 1 << 4,  /* only the command line may set it; not shown */
    MANAGE_VISIBLE = 1 << 5    /* with MANAGE_OPERATOR: shown all the same */
};
struct manage_field {
    const char *member; /* JSON member; the column has the same name */
    enum manage_field_type type;
    unsigned flags;
    int64_t min, max;
    const char *const *words;
    const char *refers; /* collection whose `name` this is, or NULL (for the document) */
};
/* Every collection has id (text, primary key with org_id), created_at. */
struct manage_collection {
    const char *name;   /* "keys" */
    const char *table;  /* "api_keys" */
    const char *noun;   /* "team" */
    const char *prefix; /* of ids: "team_" */
    const char *order;  /* "id", or "-id" for the newest first; makes the cursor */
    const struct manage_field *fields;
    size_t fields_count;
};
const struct manage_collection *manage_collection_find(const char *name);
const char *manage_field_json_type(enum manage_field_type t);
/* One value given by a client: text form, ready to be a statement's parameter. */
struct manage_value {
    bool is_set;
    struct str text; /* STR_NONE = null */
};
struct manage_row { /* id, created_at, then fields in order; STR_NONE = null */
    struct str id, created_at;
    struct str values[MANAGE_FIELDS_MAX];
};

/* ---- operations -------------------------------------------------------------------- */

enum manage_kind {
    /* answered without the database */
    MANAGE_DOCUMENT,      /* /openapi.json, /llms.txt: public */
    MANAGE_TEMPLATE_LIST,
    MANAGE_TEMPLATE_GET,
    MANAGE_EVALUATE,      /* io/http decides with policy_decide and codec_write_evaluation */
    /* answered with the database */
    MANAGE_POLICY_LIST,
    MANAGE_POLICY_GET,
    MANAGE_POLICY_CREATE,
    MANAGE_POLICY_PATCH,
    MANAGE_POLICY_ARCHIVE,
    MANAGE_POLICY_ASK,      /* validate, preview: which providers would this allow? */
    MANAGE_POLICY_TRY,      /* S1-11: what would this one policy do to these texts? */
    MANAGE_VERSION_LIST,
    MANAGE_VERSION_GET,
    MANAGE_VERSION_ROLLBACK, /* also activate: a new version with the old content */
    MANAGE_ITEM_LIST,
    MANAGE_ITEM_GET,
    MANAGE_ITEM_CREATE,
    MANAGE_ITEM_PATCH,
    MANAGE_ITEM_DELETE,
    MANAGE_KEY_CREATE, /* an ITEM_CREATE whose answer shows the key, once */
    MANAGE_KEY_ROTATE,
    MANAGE_KEY_REVOKE,
    MANAGE_PROVIDER_LIST, /* catalogue with the organisation's posture */
    MANAGE_AUDIT_LIST
};
enum manage_view {
    MANAGE_NATIVE,
    MANAGE_GOVERNANCE,  /* S0 */
    MANAGE_RULES,       /* S1 */
    MANAGE_CONFIG,      /* S2 */
    MANAGE_COMPLIANCE,  /* S3 */
    MANAGE_ENFORCEMENT, /* S4 */
    MANAGE_OWN,         /* each policy in the shape it was written in */
    MANAGE_TEMPLATE     /* S2's templates; what is made of them is CONFIG */
};

struct manage_example {
    const char *name, *body; /* name NULL ends a list */
};
struct manage_route {
    enum wire_method method;
    const char *pattern;   /* "/governance/{id}" */
    const char *operation; /* OpenAPI operationId */
    enum manage_kind kind;
    enum manage_view view;
    const char *collection; /* name, or NULL */
    unsigned roles;         /* bits of enum manage_role; 0 = public */
    unsigned status;        /* of success */
    const char *request, *response; /* schema names of the document, or NULL */
    const char *summary;
    const char *example;         /* request body, or NULL */
    const struct manage_example *more_examples; /* other bodies it takes, or NULL */
    const char *items;           /* documented items, such as "S0-23 S0-25" */
};
const struct manage_route *manage_routes(size_t *ret_count);

struct manage_request {
    enum wire_method method;
    struct str path, query, body;
    /* Header values or none; of several lines one list. */
    struct str content_type, if_match, if_none_match, prefer;
    const struct manage_caller *caller;        /* NULL = not authenticated */
    const struct recognise_services *services; /* as in codec_reader */
};

/* RFC 9110 13.1: of a change, what must hold (If-Match) or must not (If-None-Match) of the
 * version that is stored. */
struct manage_condition {
    bool is_set;
    bool is_any;            /* "*": of any version */
    const struct str *tags; /* without quotes; weak ones only where they can match */
    size_t tags_count;
};

struct manage_filter { /* GET /v1/audit and lists; absent texts are none */
    struct str decision, policy, user, environment, request_id, status, view;
    struct str client_request_id, trace_id;
    bool has_since, has_until;
    int64_t since_ms, until_ms;
    unsigned limit; /* 1..MANAGE_LIMIT_MAX, default 100; 0 = all, the default of policies */
    struct str cursor;
    unsigned page, page_size; /* S1's lists; 0 = not asked for */
};

/* Views into the request, the route table and the arena. */
struct manage_command {
    const struct manage_route *route; /* NULL: built by the command line */
    enum manage_kind kind;
    enum manage_view view;
    const struct manage_collection *collection;
    struct manage_caller caller;
    bool needs_store;
    struct str id;      /* of the path; policy ids without prefix */
    uint32_t version;   /* of the path, the body (rollback), 0 = none */
    struct manage_condition if_match, if_none_match;
    unsigned wait_s;    /* Prefer: wait=N, 0 = do not wait */
    yyjson_val *body;   /* root of the body, NULL = none */
    struct policy policy; /* POLICY_CREATE; POLICY_ASK when has_policy */
    bool has_policy;
    struct str note;      /* of a new version */
    struct manage_value values[MANAGE_FIELDS_MAX]; /* ITEM_CREATE, ITEM_PATCH, KEY_CREATE */
    uint32_t grace_s;     /* KEY_ROTATE */
    struct manage_filter filter;
    /* EVALUATE: only validated here */
    struct manage_evaluate {
        struct str model, endpoint, environment;
        bool has_slot;
        int64_t slot;
        struct policy_pair *tags;
        size_t tags_count;
        yyjson_val *request;  /* a whole body of `endpoint`; NULL = not given */
        yyjson_val *messages; /* of a body that is otherwise given here; NULL = not given */
        struct str prompt, response; /* texts; none = not given */
        bool is_edited_wanted;
    } evaluate;
    struct {
        struct str prompt, response, model; /* POLICY_TRY; none = not given */
    } texts;
};

/* A refusal for the client. status 0 = none. */
struct manage_refusal {
    unsigned status;
    const char *type; /* "invalid_request_error" */
    const char *code; /* "slot_taken" */
    char message[512];
    char param[256]; /* JSON pointer or name, "" = none */
    char allow[48];  /* with 405: the methods that the path takes */
};
void manage_refuse(struct manage_refusal *r, unsigned status, const char *code, const char *param,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Matches, checks the role, reads strictly. ERR_NOT_FOUND with refusal.status 0: no
 * operation has this path (the caller may know it); every other error comes with a
 * refusal (401, 403, 404, 405, 400, 413, 415). Unknown members are 400 with pointer
 * and did-you-mean. Catalogue K and C-18. */
MUST_USE enum err manage_parse(struct arena *a, const struct manage_request *r,
                               const struct route_catalog *catalog, struct manage_command *ret,
                               struct manage_refusal *ret_refusal);
/* A policy's id without its prefix: every endpoint takes every prefix, or none (C-17). */
struct str manage_policy_id(struct str id);
/* Does the table know this path (with any method)? */
bool manage_path_is_known(struct str path);

/* ---- what the store asks in the middle of a transaction --------------------------------- */

/* The name of the header whose condition is not met by the stored version, 0 = nothing is
 * stored; NULL = the change may be made. */
const char *manage_condition_failed(const struct manage_command *c, uint32_t version);
/* The new content of a policy from the stored one and the command (PATCH): S0 merges
 * rules (S0-47), native merges members (RFC 7396). Store members are kept. */
MUST_USE enum err manage_policy_patch(struct arena *a, const struct manage_command *c,
                                      const struct policy *stored,
                                      const struct policy_build *with, struct policy *ret,
                                      struct manage_refusal *ret_refusal);
/* Would a gateway enforce this policy as it stands? Compiles it alone; a policy that is
 * active but cannot run is refused before it is stored, not found out at load (F12). */
MUST_USE enum err manage_policy_check(const struct policy *p, const struct policy_build *with,
                                      struct manage_refusal *ret_refusal);
/* May this caller do this to a user or key of role `target` (owner outranks admin)? */
bool manage_role_outranks(const struct manage_caller *c, struct str target);

/* ---- results ------------------------------------------------------------------------------ */

struct manage_version {
    uint32_t version, parent, rolled_back_from; /* 0 = none */
    bool is_active;
    struct str sha256, author, note, created_at, activated_at, deactivated_at;
    struct str body; /* canonical JSON; VERSION_GET only */
};
struct manage_audit {
    struct audit_decision decision;
    struct audit_outcome outcome;
    bool has_outcome;
};
struct manage_result {
    struct manage_refusal refusal; /* status != 0: nothing was changed */
    uint64_t epoch;                /* after a write; else the current one */
    int64_t now_s;                 /* the database's clock */
    const struct policy *policies;
    size_t policies_count;
    const struct manage_version *versions;
    size_t versions_count;
    const struct manage_row *rows;
    size_t rows_count;
    const struct manage_audit *audit;
    size_t audit_count;
    const struct route_attestation *attestations; /* POLICY_ASK, PROVIDER_LIST */
    size_t attestations_count;
    bool is_production; /* POLICY_ASK of the caller; S0-36: a `warn` policy is worth a warning */
    struct str next_cursor; /* none = that was all */
    struct str key_text;    /* KEY_CREATE, KEY_ROTATE: secret, shown once */
    /* filled by io/http for POLICY_TRY: what content rules are compiled with */
    const struct content_build *build;
    struct str hash_key;
    /* filled by io/http when command.wait_s != 0 */
    bool was_waited, is_everywhere;
    struct str laggard; /* a node that does not enforce `epoch` yet */
};

struct manage_answer {
    unsigned status;
    struct str content_type; /* none with an empty body */
    struct wire_header headers[6]; /* Portcullis-Epoch, ETag, Location, Preference-Applied ... */
    size_t headers_count;
    struct str body;
};
/* Never fails: without memory the answer is a static 503. err: of parse or execute.
 * result->refusal (of either) is rendered when it is set; else ERR_OK renders the
 * result, anything else the error (ERR_TIMEOUT and ERR_IO: 503 database_unavailable). */
void manage_render(struct arena *a, const struct manage_command *c, enum err err,
                   const struct manage_result *result, const struct route_catalog *catalog,
                   struct manage_answer *ret);
/* The S0 error body for a refusal, for others who must answer in the same shape. */
void manage_write_error(struct buf *out, const struct manage_refusal *r);

/* ---- documents ------------------------------------------------------------------------------ */

void manage_openapi_write(struct buf *out); /* OpenAPI 3.1, JSON */
void manage_llms_write(struct buf *out);    /* llms.txt, S2-70 */

#endif
