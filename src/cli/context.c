/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's context and requests to the management API without HTTP. Errors go
 * to stderr, results to stdout, so that output can be piped.
 */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CATALOG_BYTES_MAX (64u << 20)
#define SECRET_HEX 64
#define ARENA_BYTES_MAX (256u << 20)

static bool take_option(int *argc, char **argv, const char *name, const char **ret);
static enum err check_options(int argc, char **argv, struct issue *issue);
static enum err open_all(struct cli_context *c, bool needs_secrets, struct issue *issue);
static bool is_org(struct cli_context *c, const struct store_org_summary *list, size_t count);
static const char *catalog_dir(const struct config *config);

bool cli_begin(struct cli_context *c, int *argc, char **argv, const char *const *verbs)
{
    struct issue issue = {.offset = UINT64_MAX};
    const char *database = NULL;
    memset(c, 0, sizeof(*c));
    arena_init(&c->arena, ARENA_BYTES_MAX);
    c->command = argv[0];
    (void)take_option(argc, argv, "--org", &c->org);
    (void)take_option(argc, argv, "--database", &database);
    (void)take_option(argc, argv, "-c", &c->file);
    if (database != NULL) {
        setenv("DATABASE_URL", database, 1);
    }
    enum err e = check_options(*argc, argv, &issue);
    if (e != ERR_OK) {
        cli_print_issue(c->command, e, &issue);
        return false;
    }
    return cli_verb(*argc, argv, verbs);
}

bool cli_open(struct cli_context *c, bool needs_secrets)
{
    struct issue issue = {.offset = UINT64_MAX};
    enum err e = config_load(&c->config, c->file, 0, NULL, 0, &issue);
    if (e == ERR_OK) {
        e = open_all(c, needs_secrets, &issue);
    }
    if (e != ERR_OK) {
        cli_print_issue(c->command, e, &issue);
    }
    return e == ERR_OK;
}

static bool take_option(int *argc, char **argv, const char *name, const char **ret)
{
    for (int i = 1; i + 1 < *argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            *ret = argv[i + 1];
            memmove(&argv[i], &argv[i + 2], (size_t)(*argc - i - 2) * sizeof(*argv));
            *argc -= 2;
            return true;
        }
    }
    return false;
}

/* What is left may be an option of the command itself; anything else is a mistake, and
 * a mistyped --org must not mean the only organisation. */
static enum err check_options(int argc, char **argv, struct issue *issue)
{
    static const char *const own[] = {"--to", "--dry-run", "--provider", "--json", NULL};
    static const char *const shared[] = {"--org", "--database", "-c"};
    for (int i = 1; i < argc; i++) {
        bool is_own = argv[i][0] != '-' || argv[i][1] == '\0';
        for (size_t k = 0; own[k] != NULL; k++) {
            is_own = is_own || strcmp(argv[i], own[k]) == 0;
        }
        for (size_t k = 0; k < sizeof(shared) / sizeof(shared[0]); k++) {
            if (strcmp(argv[i], shared[k]) == 0) {
                issue_set(issue, "", "%s needs a value", argv[i]);
                return ERR_INVALID;
            }
        }
        if (!is_own) {
            issue_set(issue, "", "unknown option '%.80s'; every command takes --org ID, "
                      "--database URL and -c FILE", argv[i]);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

static enum err open_all(struct cli_context *c, bool needs_secrets, struct issue *issue)
{
    if (c->config.database_url[0] == 0) {
        issue_set(issue, "database.url", "set DATABASE_URL or give --database URL");
        return ERR_INVALID;
    }
    if (needs_secrets) {
        TRY(cli_load_secrets(&c->config, &c->secrets, issue));
    }
    TRY(cli_load_catalog(&c->config, c->catalog_texts, &c->catalog, issue));
    TRY(scan_engine_new(&c->engine));
    struct compile_options compile;
    cli_compile_options(&c->config, &compile);
    TRY(compile_open(&compile, &c->compile, issue));
    c->client = (struct compile_client){.compile = c->compile, .is_waiting = true};
    c->compiler = (struct content_compiler){compile_terms, &c->client};
    struct store_options options = {.dsn = c->config.database_url,
                                    .secrets = c->secrets,
                                    .catalog = c->catalog,
                                    .engine = c->engine,
                                    .compiler = &c->compiler,
                                    .services = &c->config.recognisers,
                                    .query_ms = 10000,
                                    .load_ms = 30000,
                                    .connect_ms = 3000,
                                    .is_operator = true};
    return store_open(&options, &c->store, issue);
}

void cli_compile_options(const struct config *config, struct compile_options *ret)
{
    compile_options_default(ret);
    ret->limits.cpu_s = (unsigned)config->policy_compile_cpu_s;
    ret->limits.wall_s = ret->limits.cpu_s * 3;
    ret->limits.memory_mib = (unsigned)config->policy_compile_memory_mib;
}

void cli_close(struct cli_context *c)
{
    store_close(c->store);
    compile_close(c->compile);
    scan_engine_free(c->engine);
    route_catalog_free(c->catalog);
    buf_fini(&c->catalog_texts[0]);
    buf_fini(&c->catalog_texts[1]);
    bytes_wipe(&c->secrets, sizeof(c->secrets));
    arena_fini(&c->arena);
    config_free(&c->config);
}

bool cli_need_org(struct cli_context *c)
{
    struct store_org_summary *list;
    size_t count;
    if (store_org_list(c->store, &c->arena, &list, &count) != ERR_OK) {
        fprintf(stderr, "portcullis: the database cannot be read: %s\n", store_error(c->store));
        return false;
    }
    if (c->org != NULL) {
        return is_org(c, list, count);
    }
    if (count != 1) {
        fprintf(stderr, "portcullis: there are %zu organisations; say which with --org ID\n",
                count);
        return false;
    }
    c->org = list[0].id.ptr;
    return true;
}

static bool is_org(struct cli_context *c, const struct store_org_summary *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(list[i].id, str_from(c->org))) {
            return true;
        }
    }
    fprintf(stderr, "portcullis: --org: there is no organisation '%.80s'; portcullis org list "
            "shows them\n", c->org);
    return false;
}

bool cli_request(struct cli_context *c, enum wire_method method, const char *path, struct str body,
                 struct manage_answer *ret, struct manage_result *ret_result)
{
    struct manage_caller caller = {.org = str_from(c->org),
                                   .email = STR("operator"),
                                   .role = MANAGE_OWNER,
                                   .may_manage = true,
                                   .is_operator = true};
    struct str query = arena_str(&c->arena, str_from(path));
    struct manage_request request = {.method = method,
                                     .path = str_cut(&query, '?'),
                                     .query = query,
                                     .body = body,
                                     .content_type = STR("application/json"),
                                     .caller = &caller,
                                     .services = &c->config.recognisers};
    struct manage_command command;
    struct manage_refusal refusal = {0};
    struct manage_result result = {.epoch = 0};
    struct manage_answer answer;
    enum err e = manage_parse(&c->arena, &request, c->catalog, &command, &refusal);
    if (e == ERR_OK && command.needs_store) {
        e = store_execute(c->store, &c->arena, &command, &result);
    }
    if (e == ERR_NOT_FOUND && refusal.status == 0) {
        manage_refuse(&refusal, 404, "endpoint_not_supported", "", "no operation has this path");
    }
    if (refusal.status != 0) {
        result.refusal = refusal;
    }
    manage_render(&c->arena, &command, e, &result, c->catalog, &answer);
    if (ret != NULL) {
        *ret = answer;
    }
    if (ret_result != NULL) {
        *ret_result = result;
    }
    if (answer.status >= 300) {
        fprintf(stderr, "portcullis: %s %s: %u %.*s\n", wire_method_name(method), path,
                answer.status, STR_ARG(answer.body));
        if (e == ERR_IO || e == ERR_TIMEOUT) {
            fprintf(stderr, "portcullis: %s\n", store_error(c->store));
        }
        return false;
    }
    return true;
}

enum err cli_load_secrets(const struct config *config, struct store_secrets *ret,
                          struct issue *ret_issue)
{
    struct buf b;
    uint8_t master[32];
    buf_init(&b, 4096);
    const char *path = config->master_key_file;
    if (path[0] == '\0') {
        issue_set(ret_issue, "master_key_file", "set PORTCULLIS_MASTER_KEY_FILE to a file with 64 "
                  "hex digits (openssl rand -hex 32)");
        return ERR_INVALID;
    }
    enum err e = cli_read_file(path, &b);
    struct str hex = str_trim(buf_str(&b), " \r\n\t");
    if (e != ERR_OK) {
        issue_set(ret_issue, "master_key_file", "%s cannot be read: %s", path, strerror(errno));
        buf_wipe(&b);
        return e;
    }
    if (hex.len != SECRET_HEX || hex_to(hex, master, sizeof(master)) != ERR_OK) {
        issue_set(ret_issue, "master_key_file",
                  "%s must hold 64 hex digits and nothing else (openssl rand -hex 32)", path);
        buf_wipe(&b);
        return ERR_INVALID;
    }
    store_secrets_derive(master, ret);
    bytes_wipe(master, sizeof(master));
    buf_wipe(&b);
    return ERR_OK;
}

enum err cli_load_catalog(const struct config *config, struct buf texts[2],
                          struct route_catalog **ret, struct issue *ret_issue)
{
    static const char *const names[] = {"providers.json", "models.json"};
    const char *dir = catalog_dir(config);
    for (size_t i = 0; i < 2; i++) {
        char path[1024];
        buf_init(&texts[i], CATALOG_BYTES_MAX);
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        if (cli_read_file(path, &texts[i]) != ERR_OK) {
            issue_set(ret_issue, "catalog_dir", "%s cannot be read: %s", path, strerror(errno));
            return ERR_NOT_FOUND;
        }
    }
    return route_catalog_new(buf_str(&texts[0]), buf_str(&texts[1]), ret, ret_issue);
}

/* As set; else where it was installed; else where it was built from. */
static const char *catalog_dir(const struct config *config)
{
    if (config->catalog_dir[0] != 0) {
        return config->catalog_dir;
    }
    FILE *f = fopen(PORTCULLIS_DATADIR "/catalog/providers.json", "re");
    if (f != NULL) {
        fclose(f);
        return PORTCULLIS_DATADIR "/catalog";
    }
    return PORTCULLIS_SOURCE_CATALOG;
}

enum err cli_read_file(const char *path, struct buf *out)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *f = is_stdin ? stdin : fopen(path, "rbe");
    if (f == NULL) {
        return ERR_NOT_FOUND;
    }
    char part[16384];
    for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;) {
        buf_add(out, (struct str){part, n});
    }
    bytes_wipe(part, sizeof(part)); /* it may have been a key */
    bool is_bad = ferror(f) != 0;
    int why = is_bad ? errno : EFBIG;
    if (!is_stdin) {
        fclose(f);
    }
    errno = why;
    return is_bad ? ERR_IO : out->err;
}

void cli_print_issue(const char *what, enum err e, const struct issue *issue)
{
    fprintf(stderr, "portcullis: %s: %s%s%s\n", what, issue->pointer,
            issue->pointer[0] != 0 ? ": " : "",
            issue->message[0] != 0 ? issue->message : err_name(e));
}
