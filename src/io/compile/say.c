/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a list was refused, as a sentence for whoever wrote it: the reason, the cost, the
 * bound, and the term where one is to blame. The only term that is ever quoted is the
 * tenant's own. Nothing that a child printed is in it.
 */
#include "compile_private.h"

#define QUOTE_BYTES_MAX 60U

static enum err say_matches(const struct compile_outcome *outcome, struct str source,
                            struct issue *issue);

enum err compile_say(const struct compile_outcome *outcome, const struct compile_limits *limits,
                     struct str source, struct issue *ret_issue)
{
    unsigned long long detail = outcome->detail;
    size_t terms = scan_terms_count(source);
    switch (outcome->why) {
    case COMPILE_OK:
        return ERR_OK;
    case COMPILE_MATCHES:
    case COMPILE_GIVEN_UP:
        return say_matches(outcome, source, ret_issue);
    case COMPILE_INVALID:
        issue_set(ret_issue, "", "the list of %zu terms cannot be compiled", terms);
        return ERR_INVALID;
    case COMPILE_DATABASE:
        issue_set(ret_issue, "",
                  "the list of %zu terms takes %llu MiB when it is compiled; at most %u MiB", terms,
                  (detail + (1U << 20) - 1) >> 20, limits->database_mib);
        return ERR_LIMIT;
    case COMPILE_MEMORY:
        issue_set(ret_issue, "",
                  "the list of %zu terms takes more than %u MiB of memory to compile", terms,
                  limits->memory_mib);
        return ERR_LIMIT;
    case COMPILE_CPU:
        issue_set(ret_issue, "",
                  "the list of %zu terms takes more than %u s of CPU to compile; long terms that "
                  "end alike are the most expensive",
                  terms, limits->cpu_s);
        return ERR_LIMIT;
    case COMPILE_WALL:
        issue_set(ret_issue, "", "the list of %zu terms was not compiled within %u s", terms,
                  limits->wall_s);
        return ERR_LIMIT;
    case COMPILE_CRASH:
        issue_set(ret_issue, "",
                  "the list of %zu terms cannot be compiled: the compiler ended by signal %llu",
                  terms, detail);
        return ERR_INVALID;
    case COMPILE_GARBAGE:
        issue_set(ret_issue, "",
                  "the list of %zu terms cannot be compiled: the compiler gave no usable answer",
                  terms);
        return ERR_INVALID;
    case COMPILE_SPAWN:
    case COMPILE_STOPPED:
        issue_set(ret_issue, "", "the term lists cannot be compiled now; try again");
        return ERR_IO;
    }
    return ERR_INTERNAL;
}

static enum err say_matches(const struct compile_outcome *outcome, struct str source,
                            struct issue *issue)
{
    unsigned long long detail = outcome->detail, bound = outcome->bound;
    struct str term = scan_terms_at(source, (size_t)outcome->place);
    if (term.ptr == NULL) {
        issue_set(issue, "",
                  "the terms are too common: ordinary text would match %llu times in 1 KiB; at "
                  "most %llu",
                  detail, bound);
        return ERR_LIMIT;
    }
    struct str quote = str_sub(term, 0, QUOTE_BYTES_MAX);
    while (quote.len < term.len && quote.len > 0 && !str_is_utf8(quote)) {
        quote.len--;
    }
    if (outcome->why == COMPILE_GIVEN_UP) {
        issue_set(issue, "",
                  "too many of the terms end in the same long run of bytes: a text of '%.*s%s' "
                  "cannot be scanned",
                  STR_ARG(quote), quote.len < term.len ? "..." : "");
        return ERR_LIMIT;
    }
    issue_set(issue, "",
              "the terms contain one another too often: a text of '%.*s%s' alone would match "
              "%llu times in 1 KiB; at most %llu",
              STR_ARG(quote), quote.len < term.len ? "..." : "", detail, bound);
    return ERR_LIMIT;
}
