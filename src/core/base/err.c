/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of errors, and the end of the program when we made a mistake. The one
 * place in core that writes to stderr: after a broken invariant nothing may be
 * trusted to carry the message. Prints the expression as written in the source
 * and never a value, so no secret can leave this way. Any thread.
 */
#include "portcullis/base.h"

#include <stdio.h>
#include <stdlib.h>

const char *err_name(enum err e)
{
    switch (e) {
    case ERR_OK:
        return "ok";
    case ERR_MEMORY:
        return "memory";
    case ERR_LIMIT:
        return "limit";
    case ERR_SYNTAX:
        return "syntax";
    case ERR_INVALID:
        return "invalid";
    case ERR_NOT_FOUND:
        return "not_found";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_STALE:
        return "stale";
    case ERR_DENIED:
        return "denied";
    case ERR_UNSUPPORTED:
        return "unsupported";
    case ERR_AGAIN:
        return "again";
    case ERR_IO:
        return "io";
    case ERR_TIMEOUT:
        return "timeout";
    case ERR_CORRUPT:
        return "corrupt";
    case ERR_INTERNAL:
        return "internal";
    }
    return "unknown";
}

_Noreturn void base_assert_fail(const char *expr, const char *file, int line)
{
    fprintf(stderr, "portcullis: invariant broken: %s at %s:%d\n", expr, file, line);
    abort();
}
