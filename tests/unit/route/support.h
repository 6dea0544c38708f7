/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests that need the shipped catalogue: reads the two files of the tree
 * (found through PORTCULLIS_SOURCE_ROOT) and parses them. The texts live until
 * the process ends. Header only, so that each test stays one file.
 */
#ifndef TESTS_ROUTE_SUPPORT_H
#define TESTS_ROUTE_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>

#include "portcullis/route.h"

static inline struct str support_read(const char *name)
{
    char path[1024];
    const char *root = getenv("PORTCULLIS_SOURCE_ROOT");

    (void)snprintf(path, sizeof(path), "%s/src/core/route/catalog/%s", root != NULL ? root : ".",
                   name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        (void)fprintf(stderr, "cannot open %s\n", path);
        exit(2);
    }
    size_t room = 2 * 1024 * 1024;
    char *text = malloc(room);
    size_t len = text != NULL ? fread(text, 1, room, f) : 0;
    (void)fclose(f);
    return (struct str){text, len};
}

static inline struct route_catalog *support_catalog(void)
{
    static struct str providers, models;
    struct route_catalog *c = NULL;
    struct issue issue;

    if (providers.ptr == NULL) {
        providers = support_read("providers.json");
        models = support_read("models.json");
    }
    if (route_catalog_new(providers, models, &c, &issue) != ERR_OK) {
        (void)fprintf(stderr, "catalogue: %s %s\n", issue.pointer, issue.message);
        exit(2);
    }
    return c;
}

static inline unsigned support_provider(const struct route_catalog *c, const char *slug)
{
    const struct route_provider *p = route_catalog_find_provider(c, str_from(slug));
    if (p == NULL) {
        (void)fprintf(stderr, "no provider %s\n", slug);
        exit(2);
    }
    return p->index;
}

#endif
