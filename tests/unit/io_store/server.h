/* SPDX-License-Identifier: Apache-2.0
 *
 * A private PostgreSQL for one test program: made in a fresh folder under /tmp, heard
 * on a Unix socket only, stopped and removed at the end. Without server binaries the
 * program says so and is counted as skipped.
 */
#ifndef PORTCULLIS_TEST_SERVER_H
#define PORTCULLIS_TEST_SERVER_H

#include <stdbool.h>

struct server {
    char dir[64];
    char bin[128];
    char owner_dsn[160]; /* a role that may create roles, no superuser */
    char super_dsn[160];
    int pid;
};
/* False: no server binaries on this machine. Exits with a message on other failures. */
bool server_start(struct server *s);
void server_stop(struct server *s);
/* Postmaster and its children; sig as for kill. */
void server_signal(const struct server *s, int sig);

#endif
