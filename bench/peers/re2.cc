// SPDX-License-Identifier: Apache-2.0
//
// RE2: one alternation for everything, with as much memory as it asks for, so that its
// automaton is not thrown away. In C++ because RE2 is; nothing else of the project is,
// and nothing but bench/scan builds it.

#include "peers.h"

#include <string>

#include <re2/re2.h>

struct peer {
    re2::RE2 regex;
    peer(const std::string &pattern, const re2::RE2::Options &options) : regex(pattern, options)
    {
    }
};

namespace
{

peer *make(const peer_list *list, int is_words, const char **ret_why)
{
    std::string pattern = is_words ? "\\b(?:" : "(?:";
    for (size_t i = 0; i < list->count; i++) {
        pattern += i > 0 ? "|" : "";
        pattern += is_words ? list->items[i] : "(?:" + std::string(list->items[i]) + ")";
    }
    pattern += is_words ? ")\\b" : ")";
    re2::RE2::Options options;
    options.set_max_mem(INT64_C(2) << 30);
    options.set_case_sensitive(!is_words);
    options.set_log_errors(false);
    options.set_never_capture(true);
    peer *p = new peer(pattern, options);
    if (!p->regex.ok()) {
        *ret_why = "pattern too large";
        delete p;
        return nullptr;
    }
    *ret_why = "";
    return p;
}

size_t count(peer *p, const char *text, size_t len)
{
    re2::StringPiece all(text, len);
    re2::StringPiece match;
    size_t found = 0;
    size_t at = 0;
    while (at <= len && p->regex.Match(all, at, len, re2::RE2::UNANCHORED, &match, 1)) {
        size_t end = static_cast<size_t>(match.data() - text) + match.size();
        at = end > at ? end : at + 1;
        found++;
    }
    return found;
}

void drop(peer *p)
{
    delete p;
}

const peer_kind kind = {"RE2", make, count, drop};

} // namespace

extern "C" {
extern const struct peer_kind *const peer_re2;
const struct peer_kind *const peer_re2 = &kind;
}
