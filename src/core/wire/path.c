/* SPDX-License-Identifier: Apache-2.0
 *
 * The one judgement about request paths (and path prefixes of base URLs): is
 * this spelling the only one? Nothing is ever normalised here, because what is
 * rewritten is read differently by somebody; a path is canonical or refused.
 *
 * Two kinds of failure: spellings that another reader would resolve to a
 * different path (dot segments, empty segments, escaped delimiters) and bytes
 * that no resource of ours has in its name (escaped controls, odd bytes). Both
 * are refused, with 400 and 404. Pure, no memory, any thread. Bad input 35.
 */
#include "wire_parts.h"

static enum path_verdict judge_segment(struct str segment, bool is_last);
static enum path_verdict judge_escape(struct str rest);

enum path_verdict path_judge(struct str path)
{
    if (path.len == 0 || path.ptr[0] != '/') {
        return PATH_AMBIGUOUS;
    }
    enum path_verdict worst = PATH_CANONICAL;
    size_t at = 1;
    for (;;) {
        const char *slash = at < path.len ? memchr(path.ptr + at, '/', path.len - at) : NULL;
        size_t end = slash == NULL ? path.len : (size_t)(slash - path.ptr);
        enum path_verdict verdict = judge_segment(str_sub(path, at, end), slash == NULL);
        if (verdict == PATH_AMBIGUOUS) {
            return PATH_AMBIGUOUS;
        }
        if (verdict == PATH_UNKNOWN_BYTE) {
            worst = PATH_UNKNOWN_BYTE;
        }
        if (slash == NULL) {
            return worst;
        }
        at = end + 1;
    }
}

static enum path_verdict judge_segment(struct str segment, bool is_last)
{
    if (segment.len == 0) {
        return is_last ? PATH_CANONICAL : PATH_AMBIGUOUS;
    }
    if (segment.ptr[0] == '.' &&
        (segment.len == 1 || (segment.len == 2 && segment.ptr[1] == '.'))) {
        return PATH_AMBIGUOUS;
    }
    enum path_verdict worst = PATH_CANONICAL;
    for (size_t i = 0; i < segment.len; i++) {
        char c = segment.ptr[i];
        if (char_is(c, CHAR_PATH)) {
            continue;
        }
        enum path_verdict verdict = PATH_UNKNOWN_BYTE;
        if (c == '%') {
            verdict = judge_escape(str_sub(segment, i + 1, segment.len));
        } else if (c == ';' || c == '\\') {
            verdict = PATH_AMBIGUOUS;
        }
        if (verdict == PATH_AMBIGUOUS) {
            return PATH_AMBIGUOUS;
        }
        if (verdict == PATH_UNKNOWN_BYTE) {
            worst = PATH_UNKNOWN_BYTE;
        }
    }
    return worst;
}

/* `rest` is what follows a '%'. */
static enum path_verdict judge_escape(struct str rest)
{
    if (rest.len < 2 || !char_is(rest.ptr[0], CHAR_HEX) || !char_is(rest.ptr[1], CHAR_HEX)) {
        return PATH_UNKNOWN_BYTE;
    }
    unsigned byte = char_hex(rest.ptr[0]) * 16 + char_hex(rest.ptr[1]);
    /* Unreserved and reserved bytes have a raw spelling, which means something else
     * or the same: either way there would be two. */
    if (char_is((char)byte, CHAR_PATH) ||
        (byte < 128 && strchr(";/?#[]\\", (int)byte) != NULL && byte != 0)) {
        return PATH_AMBIGUOUS;
    }
    if (byte == '%' && rest.len >= 4 && char_is(rest.ptr[2], CHAR_HEX) &&
        char_is(rest.ptr[3], CHAR_HEX)) {
        return PATH_AMBIGUOUS; /* an escape again for whoever decodes twice */
    }
    bool is_lower = rest.ptr[0] >= 'a' || rest.ptr[1] >= 'a';
    return byte < 0x20 || byte == 0x7f || is_lower ? PATH_UNKNOWN_BYTE : PATH_CANONICAL;
}

bool wire_path_is_canonical(struct str path)
{
    return path_judge(path) == PATH_CANONICAL;
}
