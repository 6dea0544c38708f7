/* SPDX-License-Identifier: Apache-2.0
 *
 * Other regular expression engines beside our scanner, for bench/scan: each is given the
 * shapes of the 14 documented types and a list of terms, as far as it can take them, and
 * counts what it finds. They do less: no checksum, calendar or issued range, no context
 * words, no views, no streams. Single-threaded.
 */
#ifndef PORTCULLIS_BENCH_PEERS_H
#define PORTCULLIS_BENCH_PEERS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct peer_list {
    const char *const *items;
    size_t count;
};
struct peer;
struct peer_kind {
    const char *name;
    /* `is_words`: the items are literals, to be found as whole words in any case; else they
     * are expressions. NULL: it cannot, and *ret_why says so. */
    struct peer *(*make)(const struct peer_list *list, int is_words, const char **ret_why);
    size_t (*count)(struct peer *p, const char *text, size_t len);
    void (*drop)(struct peer *p);
};

/* NULL where the library was not there when this was built. */
extern const struct peer_kind *const peer_pcre2;
extern const struct peer_kind *const peer_re2;

#ifdef __cplusplus
}
#endif

#endif
