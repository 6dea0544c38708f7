/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of secrets: is this value random enough to be one, or is it a placeholder, a
 * word, a path, a reference to a variable? Tokens with a checksum of their own are
 * checked; a wrong one is weak, because test files and revoked tokens have those.
 */
#include "check.h"
#include <math.h>

static unsigned entropy_hundredths(struct str s);
static bool is_placeholder(struct str s);
static bool has_digit(struct str s);
static bool is_run_of_one(struct str s);
static size_t base64_decode(struct str s, uint8_t *ret, size_t max);

/* Shannon entropy per byte in hundredths of a bit. */
static unsigned entropy_hundredths(struct str s)
{
    unsigned counts[256] = {0};
    for (size_t i = 0; i < s.len; i++) {
        counts[(unsigned char)s.ptr[i]]++;
    }
    double sum = 0;
    for (unsigned c = 0; c < 256; c++) {
        if (counts[c] > 0) {
            double p = (double)counts[c] / (double)s.len;
            sum -= p * log2(p);
        }
    }
    return (unsigned)(sum * 100);
}

static bool has_digit(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            return true;
        }
    }
    return false;
}

static bool is_run_of_one(struct str s)
{
    size_t same = 1;
    size_t most = 1;
    for (size_t i = 1; i < s.len; i++) {
        same = s.ptr[i] == s.ptr[i - 1] ? same + 1 : 1;
        most = same > most ? same : most;
    }
    return most >= 6 || most * 2 > s.len;
}

/* What people write where a secret would stand. */
static bool is_placeholder(struct str s)
{
    static const char *const words[] = {
        "example", "placeholder", "changeme",    "your_",  "your-",      "yourpass",
        "xxxx",    "****",        "redacted",    "dummy",  "sample",     "<",
        "${",      "{{",          "process.env", "getenv", "os.environ", "password",
        "secret",  "null",        "undefined",   "none",   "true",       "false",
        "insert",  "todo",        "(",           "=>",     "$(",         "%s",
        "...",     "config.",     "settings.",   "self."};
    char lower[64];
    size_t n = s.len < sizeof(lower) ? s.len : sizeof(lower);
    for (size_t i = 0; i < n; i++) {
        char c = s.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_find_str((struct str){lower, n}, str_from(words[i])) >= 0) {
            return true;
        }
    }
    return is_run_of_one(s);
}

/* What stands behind "password = ": a digit or a mark among letters, and not a word. */
enum check_verdict check_secret_value(struct str s, size_t *len)
{
    while (s.len > 0 && strchr(".,;:)]}'\"`", s.ptr[s.len - 1]) != NULL) {
        s.len--;
    }
    *len = s.len;
    if (s.len < 6 || is_placeholder(s) || s.ptr[0] == '$' || s.ptr[0] == '/' || s.ptr[0] == '@') {
        return CHECK_NO;
    }
    unsigned kinds[4] = {0};
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        kinds[c >= '0' && c <= '9' ? 0 : !is_letter ? 1 : (c & 0x20) != 0 ? 2 : 3]++;
    }
    bool has_mark = kinds[1] > 0 && kinds[1] < s.len && s.len >= 8;
    bool is_mixed = kinds[0] > 0 && kinds[2] + kinds[3] > 0;
    unsigned wanted = s.len >= 16 ? 300 : 220;
    return check_as((is_mixed || (has_mark && kinds[3] > 0 && kinds[2] > 0)) &&
                    entropy_hundredths(s) >= wanted);
}

/* Behind "api_key = ": keys are long and look like nothing. */
enum check_verdict check_secret_key_value(struct str s, size_t *len)
{
    if (check_secret_value(s, len) != CHECK_OK || *len < 10) {
        return CHECK_NO;
    }
    s.len = *len;
    bool is_path = str_find(s, '/') >= 0 && str_find(s, '.') >= 0;
    bool is_call = str_find(s, '(') >= 0 || str_find(s, '[') >= 0 || str_find(s, '{') >= 0;
    return check_as(has_digit(s) && !is_path && !is_call && entropy_hundredths(s) >= 280);
}

/* A long token that has no checksum: random enough, and digits in it. */
enum check_verdict check_entropy(struct str s, size_t *len)
{
    (void)len;
    return check_as(entropy_hundredths(s) >= 300 && has_digit(s) && !is_placeholder(s));
}

/* A token whose form says what it is; but not one written with x's. */
enum check_verdict check_not_placeholder(struct str s, size_t *len)
{
    (void)len;
    bool is_marked = str_find_str(s, STR("EXAMPLE")) >= 0 || str_find_str(s, STR("xxxxx")) >= 0 ||
                     str_find_str(s, STR("XXXXX")) >= 0;
    return check_as(!is_marked && entropy_hundredths(s) >= 280);
}

/* user:password as a command line has it. */
enum check_verdict check_user_password(struct str s, size_t *len)
{
    (void)len;
    str_cut(&s, ':');
    return check_as(s.len >= 4 && !is_placeholder(s) && entropy_hundredths(s) >= 180);
}

enum check_verdict check_entropy_hex(struct str s, size_t *len)
{
    (void)len;
    return check_as(entropy_hundredths(s) >= 260 && has_digit(s) && !is_run_of_one(s));
}

enum check_verdict check_not_example(struct str s, size_t *len)
{
    (void)len;
    if (str_ends(s, STR("EXAMPLE")) || is_run_of_one(s)) {
        return CHECK_NO;
    }
    return entropy_hundredths(s) < 200 ? CHECK_NO : CHECK_OK;
}

/* The last six characters are the CRC-32 of the thirty before, in base 62. */
enum check_verdict check_github(struct str s, size_t *len)
{
    (void)len;
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t from = s.len - 36;
    uint32_t crc = 0xffffffffU;
    for (size_t i = from; i < from + 30; i++) {
        crc ^= (unsigned char)s.ptr[i];
        for (unsigned k = 0; k < 8; k++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320U : 0);
        }
    }
    crc = ~crc;
    for (size_t i = 6; i-- > 0; crc /= 62) {
        if (s.ptr[from + 30 + i] != digits[crc % 62]) {
            if (is_run_of_one(s) || entropy_hundredths(s) < 300) {
                return CHECK_NO;
            }
            return CHECK_OK; /* revoked, or from a test: the prefix still says what it is */
        }
    }
    return CHECK_OK;
}

static size_t base64_decode(struct str s, uint8_t *ret, size_t max)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.len && n < max; i++) {
        char c = s.ptr[i];
        unsigned v = c >= 'A' && c <= 'Z'   ? (unsigned)(c - 'A')
                     : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 26
                     : c >= '0' && c <= '9' ? (unsigned)(c - '0') + 52
                     : c == '+' || c == '-' ? 62
                     : c == '/' || c == '_' ? 63
                                            : 64;
        if (v == 64) {
            break;
        }
        bits = bits << 6 | v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            ret[n++] = (uint8_t)(bits >> have);
        }
    }
    return n;
}

/* The first part is a JSON object in base64url (RFC 7515). */
enum check_verdict check_jwt(struct str s, size_t *len)
{
    (void)len;
    uint8_t head[12];
    size_t n = base64_decode(s, head, sizeof(head));
    return check_as(n >= 4 && head[0] == '{' && memchr(head, '"', n) != NULL);
}

/* RFC 7617: user:password. */
enum check_verdict check_basic_auth(struct str s, size_t *len)
{
    (void)len;
    uint8_t plain[128];
    size_t n = base64_decode(s, plain, sizeof(plain));
    return check_as(n > 2 && memchr(plain, ':', n) != NULL);
}
