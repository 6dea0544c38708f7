/* SPDX-License-Identifier: Apache-2.0
 *
 * See server.h. initdb refuses to run as root, so everything is done as the user
 * postgres then.
 */
#include "server.h"

#include <dirent.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void run(const struct server *s, const char *what, const char *command)
{
    char line[1024];
    const char *as = geteuid() == 0 ? "runuser -u postgres -- " : "";
    snprintf(line, sizeof(line), "cd %s && %ssh -c '%s' >>%s/setup.log 2>&1", s->dir, as, command,
             s->dir);
    if (system(line) != 0) {
        fprintf(stderr, "%s failed; its log:\n", what);
        snprintf(line, sizeof(line), "tail -20 %s/setup.log >&2", s->dir);
        (void)!system(line);
        exit(1);
    }
}

static bool find_binaries(struct server *s)
{
    glob_t g;
    bool is_found = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &g) == 0 && g.gl_pathc > 0;
    if (is_found) {
        snprintf(s->bin, sizeof(s->bin), "%.*s", (int)(strlen(g.gl_pathv[0]) - strlen("/initdb")),
                 g.gl_pathv[0]);
    }
    globfree(&g);
    return is_found;
}

bool server_start(struct server *s)
{
    char command[700], path[128];
    memset(s, 0, sizeof(*s));
    if (!find_binaries(s)) {
        return false;
    }
    snprintf(s->dir, sizeof(s->dir), "/tmp/portcullis-store-XXXXXX");
    if (mkdtemp(s->dir) == NULL) {
        exit(1);
    }
    snprintf(command, sizeof(command), "touch %s/setup.log && chmod 666 %s/setup.log && %s%s",
             s->dir, s->dir, geteuid() == 0 ? "chown postgres " : "true ", s->dir);
    if (system(command) != 0) {
        exit(1);
    }
    snprintf(command, sizeof(command),
             "%s/initdb -D %s/data -A trust -U postgres --no-sync -E UTF8", s->bin, s->dir);
    run(s, "initdb", command);
    snprintf(
        command, sizeof(command),
        "%s/pg_ctl -D %s/data -l %s/log -w start -o \"-k %s -c listen_addresses= -c fsync=off\"",
        s->bin, s->dir, s->dir, s->dir);
    run(s, "pg_ctl start", command);
    snprintf(command, sizeof(command),
             "psql -h %s -U postgres -c \"CREATE ROLE own LOGIN CREATEROLE\" "
             "-c \"CREATE DATABASE pc OWNER own\"",
             s->dir);
    run(s, "psql", command);
    snprintf(s->owner_dsn, sizeof(s->owner_dsn), "host=%s user=own dbname=pc", s->dir);
    snprintf(s->super_dsn, sizeof(s->super_dsn), "host=%s user=postgres dbname=pc", s->dir);
    snprintf(path, sizeof(path), "%s/data/postmaster.pid", s->dir);
    FILE *f = fopen(path, "r");
    if (f == NULL || fscanf(f, "%d", &s->pid) != 1) {
        exit(1);
    }
    fclose(f);
    return true;
}

/* The postmaster and its children, without a program a bare machine may lack. */
void server_signal(const struct server *s, int sig)
{
    DIR *proc = opendir("/proc");
    for (struct dirent *d; proc != NULL && (d = readdir(proc)) != NULL;) {
        char path[300], stat[512];
        int pid = (int)strtol(d->d_name, NULL, 10), parent = 0;
        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        FILE *f = pid > 0 ? fopen(path, "re") : NULL;
        if (f == NULL) {
            continue;
        }
        const char *rest = fgets(stat, sizeof(stat), f) != NULL ? strrchr(stat, ')') : NULL;
        fclose(f);
        if (rest != NULL && sscanf(rest, ") %*c %d", &parent) == 1 && parent == s->pid) {
            (void)kill(pid, sig);
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
    (void)kill(s->pid, sig);
}

void server_stop(struct server *s)
{
    char command[256];
    snprintf(command, sizeof(command), "%s/pg_ctl -D %s/data -m immediate -w stop", s->bin, s->dir);
    run(s, "pg_ctl stop", command);
    snprintf(command, sizeof(command), "rm -rf %s", s->dir);
    (void)!system(command);
}
