/* SPDX-License-Identifier: Apache-2.0
 *
 * The subcommand table, nothing else: what each is called, what runs it, what it
 * is for. `--help` prints from it, so that no command can be missing there. Every
 * command parses its own arguments; exit codes are 0 done, 1 failed, 2 usage.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "portcullis/compile.h"

/* lint: table */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage, *summary;
} commands[] = {
    {"serve", cli_serve, "[-c FILE] [--set name=value]...", "run the gateway"},
    {"migrate", cli_migrate, "up|down|status [--to N] [--dry-run]", "the database's schema"},
    {"org", cli_org, "create NAME [ID] | list", "organisations"},
    {"key", cli_key, "create NAME [member=value]... | list | rotate ID [SECONDS] | revoke ID",
     "API keys"},
    {"policy", cli_policy,
     "validate FILE... | lint [--json] FILE... | apply FILE... | export | list",
     "policies as files"},
    {"api", cli_api, "METHOD PATH [FILE|-] | reference",
     "any management request, as the operator; or its reference"},
    {"audit", cli_audit, "list [name=value]...", "decisions, newest first"},
    {"scan", cli_scan,
     "[--types LIST] [--redact] [--injection] < TEXT | --list [json|markdown]",
     "find personal data and secrets in a text"},
    {"coverage", cli_coverage, "[--json]", "which rules read which texts, by operation and stream"},
    {"demo", cli_demo, "load --provider URL", "a demo organisation"},
    {"config", cli_config, "check|show [-c FILE] [--json]", "settings and where they come from"},
    {"healthcheck", cli_healthcheck, "[HOST:PORT]", "exit 0 when the gateway is ready"},
    {"version", cli_version, "[--json]", "the version"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *out, int status);
static void print_shared(const char *name);

int main(int argc, char **argv)
{
    if (argc < 2) {
        return usage(stderr, 2);
    }
    if (strcmp(argv[1], "compile-terms") == 0) {
        return compile_child_main(argc - 1, argv + 1); /* not for people: see compile.h */
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        return usage(stdout, 0);
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) {
            continue;
        }
        if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
            printf("usage: portcullis %s %s\n%s\n", commands[i].name, commands[i].usage,
                   commands[i].summary);
            print_shared(commands[i].name);
            return 0;
        }
        return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "portcullis: there is no command '%s'\n", argv[1]);
    return usage(stderr, 2);
}

static int usage(FILE *out, int status)
{
    fprintf(out, "usage: portcullis COMMAND ...\n\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(out, "\nportcullis COMMAND --help says more. DATABASE_URL names the database,\n"
                 "PORTCULLIS_MASTER_KEY_FILE the file with the master key.\n");
    return status;
}

/* The options every command on the database takes. */
static void print_shared(const char *name)
{
    static const char *const others[] = {"serve", "scan", "coverage", "config", "healthcheck",
                                         "version"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(name, others[i]) == 0) {
            return;
        }
    }
    printf("\n  --org ID         the organisation; needed when there are several\n"
           "  --database URL   instead of DATABASE_URL\n"
           "  -c FILE          settings, as for serve\n");
}
