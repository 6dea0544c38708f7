/* SPDX-License-Identifier: Apache-2.0
 *
 * What the subcommands share: the operator's context (settings, catalogue, an open
 * store), and the management API called without HTTP: a command line is a request
 * to the same route table, so it can do nothing the API does not define.
 * One thread, one process, one subcommand.
 */
#ifndef PORTCULLIS_CLI_H
#define PORTCULLIS_CLI_H

#include "config.h"
#include "portcullis/compile.h"
#include "portcullis/manage.h"
#include "portcullis/store.h"

/* Exit codes: 0 done, 1 failed, 2 usage. argv[0] is the subcommand. */
int cli_serve(int argc, char **argv);
int cli_migrate(int argc, char **argv);
int cli_demo(int argc, char **argv);
int cli_api(int argc, char **argv);
int cli_audit(int argc, char **argv);
int cli_key(int argc, char **argv);
int cli_org(int argc, char **argv);
int cli_policy(int argc, char **argv);
int cli_scan(int argc, char **argv);
int cli_scan_list(bool is_markdown); /* `scan --list`, on standard output */
int cli_config(int argc, char **argv);
int cli_coverage(int argc, char **argv);
int cli_healthcheck(int argc, char **argv);
int cli_version(int argc, char **argv);
/* Prints the API reference (src/docs/api.md) from the route table. */
int cli_reference(void);

/* main.c: the command's own line of usage, on standard error; returns 2. */
int cli_usage(const char *command);
/* Is argv[1] one of these? If not, says so with the usage. */
#define CLI_VERBS(...) ((const char *const[]){__VA_ARGS__, NULL})
bool cli_verb(int argc, char **argv, const char *const *verbs);

struct cli_context {
    struct config config;
    struct store_secrets secrets;
    struct buf catalog_texts[2];
    struct route_catalog *catalog;
    struct scan_engine *engine;
    struct compile *compile; /* as a gateway would, but nothing is kept on disk */
    struct compile_client client;
    struct content_compiler compiler;
    struct store *store;
    struct arena arena; /* of one command */
    const char *command;
    const char *org;  /* --org, or the only organisation */
    const char *file; /* -c, or NULL */
};
/* Takes --org ORG, --database URL and -c FILE out of argv (compacting it) and looks at the
 * verb. False: the command line is wrong, and that was said; nothing is open, but cli_close
 * is still to be called. */
bool cli_begin(struct cli_context *c, int *argc, char **argv, const char *const *verbs);
/* Then, when the rest of the command line is good: settings, catalogue, store. Prints why on
 * stderr when it fails. needs_secrets: the master key is required. */
bool cli_open(struct cli_context *c, bool needs_secrets);
void cli_close(struct cli_context *c);
/* The organisation the command is for; prints and returns false when it is not clear. */
bool cli_need_org(struct cli_context *c);
/* One management request as the operator. Prints a refusal on stderr. NULL result
 * wanted: pass NULL. The answer's body lives in c->arena. */
bool cli_request(struct cli_context *c, enum wire_method method, const char *path, struct str body,
                 struct manage_answer *ret, struct manage_result *ret_result);
/* Prints what each rule costs. False (and why, on stderr): one cannot be compiled. */
bool cli_lint_policy(const struct cli_context *c, const char *file, const struct policy *p,
                     bool is_json);
/* Settings -> what serve and the commands need. */
MUST_USE enum err cli_load_secrets(const struct config *config, struct store_secrets *ret,
                                   struct issue *ret_issue);
MUST_USE enum err cli_load_catalog(const struct config *config, struct buf texts[2],
                                   struct route_catalog **ret, struct issue *ret_issue);
/* The limits of the settings; no cache, nobody is told. */
void cli_compile_options(const struct config *config, struct compile_options *ret);
/* A whole file, or standard input for "-". errno says why it failed. */
MUST_USE enum err cli_read_file(const char *path, struct buf *out);
void cli_print_issue(const char *what, enum err e, const struct issue *issue);

#endif
