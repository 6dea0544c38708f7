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

static bool is_ambiguous(struct str segment, bool is_last);
static enum path_verdict judge_byte(struct str rest);
static enum path_verdict judge_escape(struct str rest);

enum path_verdict path_judge(struct str path, size_t name_at)
{
    if (path.len == 0 || path.ptr[0] != '/') {
        return PATH_AMBIGUOUS;
    }
    enum path_verdict worst = PATH_CANONICAL;
    size_t segment_at = 1;
    for (size_t at = 1; at <= path.len; at++) {
        while (at < path.len && char_is(path.ptr[at], CHAR_PATH)) {
            at++;
        }
        bool is_last = at == path.len;
        bool is_escaped = at >= name_at && str_starts(str_sub(path, at, path.len), STR("%2F"));
        enum path_verdict verdict = PATH_CANONICAL;
        if (!is_last && !is_escaped && path.ptr[at] != '/') {
            verdict = judge_byte(str_sub(path, at, path.len));
        } else if (is_ambiguous(str_sub(path, segment_at, at), is_last)) {
            verdict = PATH_AMBIGUOUS;
        } else {
            at += is_escaped ? 2 : 0;
            segment_at = at + 1;
        }
        if (verdict == PATH_AMBIGUOUS) {
            return PATH_AMBIGUOUS;
        }
        worst = verdict == PATH_CANONICAL ? worst : verdict;
    }
    return worst;
}

static bool is_ambiguous(struct str segment, bool is_last)
{
    if (segment.len == 0) {
        return !is_last;
    }
    return segment.ptr[0] == '.' &&
           (segment.len == 1 || (segment.len == 2 && segment.ptr[1] == '.'));
}

/* Of a byte that no segment has raw; `rest` begins with it. */
static enum path_verdict judge_byte(struct str rest)
{
    if (rest.ptr[0] == '%') {
        return judge_escape(str_sub(rest, 1, rest.len));
    }
    return rest.ptr[0] == ';' || rest.ptr[0] == '\\' ? PATH_AMBIGUOUS : PATH_UNKNOWN_BYTE;
}

/* `rest` is what follows a '%'. */
static enum path_verdict judge_escape(struct str rest)
{
    if (rest.len < 2 || !char_is(rest.ptr[0], CHAR_HEX) || !char_is(rest.ptr[1], CHAR_HEX)) {
        return PATH_UNKNOWN_BYTE;
    }
    unsigned byte = (unsigned)(hex_value(rest.ptr[0]) * 16 + hex_value(rest.ptr[1]));
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
    return path_judge(path, SIZE_MAX) == PATH_CANONICAL;
}
