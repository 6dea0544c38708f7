/* SPDX-License-Identifier: Apache-2.0
 *
 * A resolver of the test's choice, loaded before libc's (LD_PRELOAD): a line of the file that
 * FAKE_DNS names says what a name is, `NAME MILLISECONDS ADDRESS...`; without an address it
 * does not exist. The file is read for each lookup, so that a test may change its mind.
 * Every other name is libc's. Test only; any thread.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Leaves what follows the name, "" when the file does not have it. */
static void find(const char *node, char *ret_rest, size_t size)
{
    const char *path = getenv("FAKE_DNS");
    FILE *f = path != NULL && node != NULL ? fopen(path, "re") : NULL;
    char line[512];
    ret_rest[0] = '\0';
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        size_t len = strlen(node);
        if (strncmp(line, node, len) == 0 && line[len] == ' ') {
            snprintf(ret_rest, size, "%s", line + len);
            break;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **res)
{
    struct addrinfo numeric = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL, **tail = &list;
    char rest[512], word[64];
    unsigned wait_ms;
    int used;
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof(real));
    find(node, rest, sizeof(rest));
    if (sscanf(rest, "%u%n", &wait_ms, &used) != 1) {
        return real(node, service, hints, res);
    }
    usleep(wait_ms * 1000);
    for (const char *at = rest + used; sscanf(at, "%63s%n", word, &used) == 1; at += used) {
        if (real(word, service, &numeric, tail) == 0) {
            tail = &(*tail)->ai_next;
        }
    }
    *res = list;
    return list != NULL ? 0 : EAI_NONAME;
}
