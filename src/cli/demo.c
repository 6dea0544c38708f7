/* SPDX-License-Identifier: Apache-2.0
 *
 * portcullis demo load: the organisation acme with teams, environments, people,
 * keys, the documented slot table (S0-39) and providers that all point at one fake
 * one. Made through the management API, so the demo shows nothing that an
 * administrator could not do. Prints the keys, one JSON object per line.
 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

static bool load(struct cli_context *c, const char *provider);
static bool post(struct cli_context *c, const char *path, const char *body,
                 struct manage_result *ret);
static bool load_endpoints(struct cli_context *c, const char *provider);
static bool load_keys(struct cli_context *c);
static bool make_key(struct cli_context *c, size_t i, struct str user_id);

/* lint: table */
static const struct {
    const char *path, *body;
} items[] = {
    {"/v1/teams", "{\"name\":\"platform\"}"},
    {"/v1/teams", "{\"name\":\"research\"}"},
    {"/v1/environments", "{\"name\":\"production\",\"is_production\":true}"},
    {"/v1/environments", "{\"name\":\"staging\"}"},
    {"/v1/environments", "{\"name\":\"development\"}"},
    {"/v1/projects", "{\"name\":\"assistant\",\"team\":\"platform\"}"},
    {"/governance",
     "{\"name\":\"Production - HIPAA\",\"description\":\"PHI handling\",\"tagSlot\":1,"
     "\"isDefault\":true,\"rules\":{\"minimumTrustTier\":\"most_trusted\",\"blockChinaProviders\":"
     "true,\"requireHipaa\":true,\"requireBaa\":true,\"enforcement\":\"hard_block\"}}"},
    {"/governance",
     "{\"name\":\"Development\",\"description\":\"Testing & dev\",\"tagSlot\":2,\"rules\":{"
     "\"minimumTrustTier\":\"trusted\",\"blockChinaProviders\":true,\"requireBaa\":true,"
     "\"enforcement\":\"warn\"}}"},
    {"/governance",
     "{\"name\":\"EU Data Residency\",\"description\":\"European customers\",\"tagSlot\":3,"
     "\"rules\":{\"blockChinaProviders\":true,\"providerAllowlist\":[\"anthropic\",\"mistral\","
     "\"deepinfra\",\"azure\"],\"enforcement\":\"hard_block\"}}"},
    {"/governance",
     "{\"name\":\"Financial Services\",\"description\":\"SOX compliance\",\"tagSlot\":4,\"rules\":"
     "{\"minimumTrustTier\":\"trusted\",\"blockChinaProviders\":true,\"requireSoc2\":true,"
     "\"requireZdr\":true,\"enforcement\":\"hard_block\"}}"},
};

static const struct {
    const char *name, *role, *email, *scopes, *environment;
} people[] = {
    {"owner", "owner", "owner@acme.com", "[\"call\",\"manage\"]", "production"},
    {"admin", "admin", "admin@acme.com", "[\"call\",\"manage\"]", "production"},
    {"auditor", "auditor", "auditor@acme.com", "[\"manage\"]", "production"},
    {"developer", "member", "dev@acme.com", "[\"call\"]", "development"},
    {"production", "member", "app@acme.com", "[\"call\"]", "production"},
};

/* The base URL behind the fake provider's root, per dialect. */
static const struct {
    const char *provider, *suffix, *dialect;
} endpoints[] = {
    {"openai", "/v1", "openai"},     {"anthropic", "", "anthropic"}, {"groq", "/v1", "openai"},
    {"deepseek", "/v1", "openai"},   {"mistral", "/v1", "openai"},   {"together", "/v1", "openai"},
    {"deepinfra", "/v1", "openai"},
};

int cli_demo(int argc, char **argv)
{
    struct cli_context c;
    int status = 2;
    if (cli_begin(&c, &argc, argv, CLI_VERBS("load"))) {
        if (argc != 4 || strcmp(argv[2], "--provider") != 0) {
            (void)cli_usage(argv[0]);
        } else if (!str_starts(str_from(argv[3]), STR("http"))) {
            fprintf(stderr, "portcullis: demo load: --provider: must be a URL such as "
                            "https://localhost:8443\n");
        } else {
            status = cli_open(&c, true) && load(&c, argv[3]) ? 0 : 1;
        }
    }
    cli_close(&c);
    return status;
}

static bool load(struct cli_context *c, const char *provider)
{
    struct str id;
    enum err e = store_org_create(c->store, &c->arena, STR("org_acme"), STR("Acme"), &id);
    if (e == ERR_CONFLICT) {
        fprintf(stderr, "portcullis: demo load: the organisation org_acme exists already; nothing "
                        "was changed\n");
        return false;
    }
    if (e != ERR_OK) {
        fprintf(stderr, "portcullis: demo load: the organisation org_acme: %s: %s\n", err_name(e),
                store_error(c->store));
        return false;
    }
    c->org = "org_acme";
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        if (!post(c, items[i].path, items[i].body, NULL)) {
            return false;
        }
    }
    return load_endpoints(c, provider) && load_keys(c);
}

static bool post(struct cli_context *c, const char *path, const char *body,
                 struct manage_result *ret)
{
    return cli_request(c, WIRE_POST, path, str_from(body), NULL, ret);
}

static bool load_endpoints(struct cli_context *c, const char *provider)
{
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        char body[1024];
        snprintf(body, sizeof(body),
                 "{\"provider\":\"%s\",\"base_url\":\"%s%s\",\"dialect\":\"%s\",\"credential\":"
                 "\"fake-credential-of-%s\"}",
                 endpoints[i].provider, provider, endpoints[i].suffix, endpoints[i].dialect,
                 endpoints[i].provider);
        if (!post(c, "/v1/provider-endpoints", body, NULL)) {
            return false;
        }
    }
    return true;
}

static bool load_keys(struct cli_context *c)
{
    for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
        char body[512];
        struct manage_result user;
        snprintf(body, sizeof(body), "{\"email\":\"%s\",\"role\":\"%s\"}", people[i].email,
                 people[i].role);
        if (!post(c, "/v1/users", body, &user) || user.rows_count != 1 ||
            !make_key(c, i, user.rows[0].id)) {
            return false;
        }
    }
    return true;
}

static bool make_key(struct cli_context *c, size_t i, struct str user_id)
{
    char body[512];
    struct manage_result key;
    snprintf(body, sizeof(body),
             "{\"name\":\"%s\",\"scopes\":%s,\"environment\":\"%s\",\"user_id\":\"%.*s\"}",
             people[i].name, people[i].scopes, people[i].environment, STR_ARG(user_id));
    if (!post(c, "/v1/keys", body, &key)) {
        return false;
    }
    printf("{\"name\":\"%s\",\"role\":\"%s\",\"environment\":\"%s\",\"key\":\"%.*s\"}\n",
           people[i].name, people[i].role, people[i].environment, STR_ARG(key.key_text));
    return true;
}
