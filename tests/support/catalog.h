/* SPDX-License-Identifier: Apache-2.0
 *
 * The catalogue's files for unit tests: they run in the build tree, the files lie in the
 * source tree. Include it behind cmocka.h; the caller frees the buffer.
 */
#ifndef PORTCULLIS_TEST_CATALOG_H
#define PORTCULLIS_TEST_CATALOG_H

#include <stdio.h>
#include <stdlib.h>

#include "portcullis/base.h"

/* "providers.json" or "models.json". */
static inline void catalog_file_read(const char *name, struct buf *out)
{
    char path[1024];
    const char *root = getenv("PORTCULLIS_SOURCE_ROOT");
    snprintf(path, sizeof(path), "%s/src/core/route/catalog/%s", root != NULL ? root : ".", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    buf_init(out, (size_t)64 << 20);
    char *at;
    size_t n;
    while ((at = buf_reserve(out, 65536)) != NULL && (n = fread(at, 1, 65536, f)) > 0) {
        buf_commit(out, n);
    }
    fclose(f);
}

#endif
