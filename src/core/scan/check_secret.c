/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of secrets: is this value random enough to be one, or is it a placeholder, a
 * word, a path, a reference to a variable, a key that a vendor prints in its manual?
 * Wrong checksums of tokens are let through, because test files and revoked tokens have
 * those and the prefix says what it is. Pure functions of the matched bytes.
 */
#include "check.h"

#include <math.h>

#define PLAIN_STOPS "\"'`<>&;,|(){}[]\\"

/* What a value looks like, measured once. */
struct look {
    unsigned digits, lower, upper, marks;
    unsigned entropy;   /* hundredths of a bit per byte */
    unsigned same_run;  /* longest run of one byte */
    unsigned climb_run; /* longest run of bytes that count up: 12345, abcde */
    unsigned words;     /* hundredths of the bytes that are in words of a language */
};

static struct look look_at(struct str s);
static unsigned entropy_hundredths(struct str s);
static unsigned wordy_bytes(struct str s);
static bool is_common_pair(char a, char b);
static bool has_placeholder(struct str s);
static bool is_placeholder(struct str s);
static bool is_index(struct str s);
static bool has_gap(struct str s);
static bool is_value(struct str s);
static bool is_call(struct str s);
static bool is_inside(struct str s, size_t open, char closer);
static bool is_unlike_name(struct str s);
static bool is_filled_up(struct str s, const struct look *look);
static bool is_published(struct str s);
static struct str trim_end(struct str s);
static size_t base64_decode(struct str s, uint8_t *ret, size_t max);

static struct look look_at(struct str s)
{
    struct look look = {.entropy = entropy_hundredths(s), .same_run = 1, .climb_run = 1};
    unsigned same = 1;
    unsigned climb = 1;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        look.digits += c >= '0' && c <= '9';
        look.lower += c >= 'a' && c <= 'z';
        look.upper += c >= 'A' && c <= 'Z';
        same = i > 0 && c == s.ptr[i - 1] ? same + 1 : 1;
        climb = i > 0 && c == s.ptr[i - 1] + 1 ? climb + 1 : 1;
        look.same_run = same > look.same_run ? same : look.same_run;
        look.climb_run = climb > look.climb_run ? climb : look.climb_run;
    }
    look.marks = (unsigned)s.len - look.digits - look.lower - look.upper;
    look.words = s.len > 0 ? 100 * wordy_bytes(s) / (unsigned)s.len : 0;
    return look;
}

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

/* Bytes in pieces of four letters or more, three quarters of whose pairs of neighbours are
 * usual in English. Random letters have a tenth of that; "SlackBotTokenHere" is all words. */
static unsigned wordy_bytes(struct str s)
{
    unsigned total = 0;
    for (size_t i = 0; i < s.len;) {
        size_t from = i;
        unsigned usual = 0;
        for (i++; i < s.len && (s.ptr[i] | 0x20) >= 'a' && (s.ptr[i] | 0x20) <= 'z' &&
                  (s.ptr[from] | 0x20) >= 'a' && (s.ptr[from] | 0x20) <= 'z';
             i++) {
            bool is_upper = (s.ptr[i] & 0x20) == 0;
            bool was_upper = (s.ptr[i - 1] & 0x20) == 0;
            bool is_next_lower = i + 1 < s.len && s.ptr[i + 1] >= 'a' && s.ptr[i + 1] <= 'z';
            if (is_upper && (!was_upper || is_next_lower)) {
                break; /* camelCase */
            }
            usual += is_common_pair((char)(s.ptr[i - 1] | 0x20), (char)(s.ptr[i] | 0x20));
        }
        size_t n = i - from;
        total += n >= 4 && usual * 4 >= 3 * (n - 1) ? (unsigned)n : 0;
    }
    return total;
}

/* The 230 pairs that are 95 of 100 in English prose; bit b of row a. */
static bool is_common_pair(char a, char b)
{
    static const uint32_t rows[26] = {
        0x13ebd4e, 0x0164911, 0x01a4d95, 0x0164919, 0x1efb87d, 0x0124131, 0x0162190,
        0x00a4111, 0x2aef87f, 0x0000000, 0x0040110, 0x11c4919, 0x014d113, 0x03c657d,
        0x07efd4f, 0x01ac911, 0x0100000, 0x11e755d, 0x11cc195, 0x11e4995, 0x00eb917,
        0x0000111, 0x0024191, 0x0088110, 0x0048000, 0x0000010};
    return (rows[a - 'a'] >> (b - 'a') & 1) != 0;
}

/* What people write where a secret would stand. */
static bool has_placeholder(struct str s)
{
    return is_placeholder(s) || is_call(s);
}

static bool is_placeholder(struct str s)
{
    static const char *const words[] = {
        "example",  "placeholder", "changeme",    "change_me", "change-me",  "your_", "your-",
        "yourpass", "yourtoken",   "yourkey",     "redacted",  "removed",    "dummy", "sample",
        "insert",   "replace",     "process.env", "getenv",    "os.environ", "env.",  "secrets.",
        "config.",  "settings.",   "self.",       "this.",     "undefined",  "todo",  "fixme",
        "arn:aws",  "***",         "...",         "****",      "${",         "{{",    "$(",
        "#{",       "%(",          "=>",          "::",        "->"};
    char lower[80];
    size_t n = s.len < sizeof(lower) ? s.len : sizeof(lower);
    for (size_t i = 0; i < n; i++) {
        char c = s.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    struct str head = {lower, n};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_find_str(head, str_from(words[i])) >= 0) {
            return true;
        }
    }
    return is_index(head) || has_gap(head) || strchr("$%@/{", s.ptr[0]) != NULL;
}

/* a[i], [text]; but not a[b]c, and not one that is open for long. */
static bool is_index(struct str s)
{
    ptrdiff_t open = str_find(s, '[');
    if (open < 0 || is_inside(s, (size_t)open, ']')) {
        return false;
    }
    struct str rest = str_sub(s, (size_t)open + 1, s.len);
    return open == 0 || rest.len < 4 || str_find(rest, ']') >= 0;
}

/* <your key>: words, to the end or the other bracket. */
static bool has_gap(struct str s)
{
    ptrdiff_t open = str_find(s, '<');
    size_t from = (size_t)open + 1;
    size_t at = from;
    while (open >= 0 && at < s.len && ((s.ptr[at] >= 'a' && s.ptr[at] <= 'z') ||
                                       strchr(" _-./", s.ptr[at]) != NULL)) {
        at++;
    }
    return open == 0 || (open > 0 && at >= from + 3 && (at == s.len || s.ptr[at] == '>'));
}

/* f(x), (text), a regular expression; but not a bracket in the middle of a value that goes on
 * behind it, or holds before it what no name has. */
static bool is_call(struct str s)
{
    ptrdiff_t open = str_find(s, '(');
    if (open < 0 || is_inside(s, (size_t)open, ')')) {
        return false;
    }
    struct str rest = str_sub(s, (size_t)open + 1, s.len);
    return str_find(rest, ')') >= 0 || rest.len == 0 || !is_word_byte((unsigned char)rest.ptr[0]) ||
           !is_unlike_name(str_sub(s, 0, (size_t)open));
}

/* a(b)c: no code has a letter there. */
static bool is_inside(struct str s, size_t open, char closer)
{
    ptrdiff_t close = str_find(str_sub(s, open, s.len), closer);
    size_t behind = open + (size_t)close + 1;
    return open > 0 && close > 1 && behind < s.len &&
           is_word_byte((unsigned char)s.ptr[open + 1]) &&
           is_word_byte((unsigned char)s.ptr[behind]);
}

/* A sign, but for the last place; or a number among small and capital letters and no word. */
static bool is_unlike_name(struct str s)
{
    struct look look = look_at(s);
    bool has_sign = false;
    bool has_number_inside = false;
    for (size_t i = 0; i + 1 < s.len; i++) {
        char c = s.ptr[i];
        has_sign = has_sign || (c != '\0' && strchr("!#^&*~?+'\"", c) != NULL);
        has_number_inside = has_number_inside || (c >= '0' && c <= '9' && s.ptr[i + 1] > '9');
    }
    return has_sign ||
           (has_number_inside && look.lower > 0 && look.upper > 0 && look.words < 50);
}

/* xxxxxxxx, 00000000, XXXXX-XXXXX: of a kind, at least in its greater part. */
static bool is_filled_up(struct str s, const struct look *look)
{
    unsigned counts[256] = {0};
    unsigned most = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned n = ++counts[(unsigned char)s.ptr[i]];
        most = n > most ? n : most;
    }
    return look->same_run >= 8 || look->same_run * 2 > s.len || most * 2 > s.len ||
           (look->same_run >= 5 && most * 3 > s.len);
}

/* Keys that vendors print in their documentation and sample code: the first eight bytes of
 * SHA-256. Whoever quotes a manual gives nothing away. */
static bool is_published(struct str s)
{
    static const uint64_t known[] = {
        UINT64_C(0x0011cc25eb432071), UINT64_C(0x0b476bdf9acf2123), UINT64_C(0x2037abcaffb2b777),
        UINT64_C(0x27a9a42931dff7eb), UINT64_C(0x2cafc0970149a84f), UINT64_C(0x2f21fd9c81678e39),
        UINT64_C(0x37f8f09bdf12c2f2), UINT64_C(0x3a8b61d0f636b007), UINT64_C(0x3f370c9dd8225c63),
        UINT64_C(0x49f777db995e8260), UINT64_C(0x4c98242dcadc8b29), UINT64_C(0x78314b11be2e5815),
        UINT64_C(0x8731261cb72d8626), UINT64_C(0xa19f89ab3555eac1), UINT64_C(0xa6c814bc555ae62c),
        UINT64_C(0xdc0fcf046c61640c), UINT64_C(0xe21b597ba6b9cafa), UINT64_C(0xe4a5542bb7fd7b67),
        UINT64_C(0xea9bb1082cf95663), UINT64_C(0xeb540d2b6ee2a0a4), UINT64_C(0xf2d6ca16515033e5),
    };
    struct sha256 hash = sha256_of(s);
    uint64_t head = 0;
    for (unsigned i = 0; i < 8; i++) {
        head = head << 8 | hash.bytes[i];
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i] == head) {
            return true;
        }
    }
    return false;
}

/* A token whose form says what it is; but not one that was written to be looked at. */
enum check_verdict check_token(struct str s, size_t *len)
{
    (void)len;
    struct look look = look_at(s);
    bool is_example = str_ends(s, STR("EXAMPLE")) || str_find_str(s, STR("...")) >= 0 ||
                      str_find_str(s, STR("YOUR")) >= 0 || str_find_str(s, STR("xxxxx")) >= 0;
    is_example = is_example || str_find_str(s, STR("1234567890abcdef")) >= 0;
    bool is_flat = look.entropy < (s.len >= 24 ? 280U : s.len >= 16 ? 250U : 200U);
    return check_as(!is_example && !is_flat && !is_filled_up(s, &look) && !is_published(s));
}

/* The same for forms that words can have as well: digits among letters, or small and capital
 * letters in no order that a word has. */
enum check_verdict check_random(struct str s, size_t *len)
{
    struct look look = look_at(s);
    bool is_mixed = look.digits > 0 && look.lower + look.upper > 0;
    is_mixed = is_mixed || (look.lower >= 4 && look.upper >= 4 && look.words < 25);
    if (!is_mixed || look.entropy < 300 || look.words >= 50 || look.climb_run >= 8 ||
        has_placeholder(s)) {
        return CHECK_NO;
    }
    return check_token(s, len);
}

/* Both cases and digits, as in most of what is written with 62 characters. */
enum check_verdict check_mixed(struct str s, size_t *len)
{
    struct look look = look_at(s);
    return look.lower > 0 && look.upper > 0 ? check_random(s, len) : CHECK_NO;
}

/* Only letters, or letters and marks: without words in them. */
enum check_verdict check_letters(struct str s, size_t *len)
{
    struct look look = look_at(s);
    bool is_mixed = look.lower > 0 && look.upper > 0;
    if (!is_mixed || look.words >= 30 || look.climb_run >= 6) {
        return CHECK_NO;
    }
    return check_token(s, len);
}

enum check_verdict check_hex(struct str s, size_t *len)
{
    (void)len;
    struct look look = look_at(s);
    bool is_mixed = look.digits >= 3 && look.lower + look.upper >= 3;
    return check_as(is_mixed && look.entropy >= 260 && look.climb_run < 8 && look.same_run < 6 &&
                    !is_filled_up(s, &look) && !is_published(s));
}

/* Numbers and letters of one case; upper and lower in one hex value is a hash of something. */
enum check_verdict check_hex_lower(struct str s, size_t *len)
{
    struct look look = look_at(s);
    return look.upper == 0 ? check_hex(s, len) : CHECK_NO;
}

/* Behind "password = ": letters with a digit, or a mark and both cases among them. */
enum check_verdict check_secret_value(struct str s, size_t *len)
{
    while (s.len > 0 && strchr(".,;:)]}'\"`\\", s.ptr[s.len - 1]) != NULL) {
        s.len--;
    }
    *len = s.len;
    return check_as(is_value(s) && !is_call(s));
}

/* The same where nothing is called, as in a query. */
enum check_verdict check_parameter(struct str s, size_t *len)
{
    *len = s.len;
    return check_as(is_value(s));
}

static bool is_value(struct str s)
{
    bool is_prefix = s.len < 20 && str_ends(s, STR("-")); /* sk-<your key> */
    if (s.len < 6 || s.len > 300 || is_prefix || is_placeholder(s)) {
        return false;
    }
    static const char *const names[] = {"password", "passwort", "passwd",   "secret",
                                        "token",    "username", "required", "12345"};
    struct look look = look_at(s);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bool is_short = s.len < strlen(names[i]) + 4;
        if (is_short && str_eq_nocase(str_sub(s, 0, strlen(names[i])), str_from(names[i]))) {
            return false; /* password1 is a word for a password more often than one */
        }
    }
    unsigned letters = look.lower + look.upper;
    bool is_mixed = look.digits > 0 && letters > 0;
    bool is_marked = look.marks > 0 && look.lower > 0 && look.upper > 0 && look.words < 50;
    bool is_long_name = s.len >= 16 && look.words >= 60;
    bool is_62 = s.len >= 20 && look.lower >= 4 && look.upper >= 4 && look.words < 25;
    return (is_mixed || is_marked || is_62) &&
           s.len >= (look.marks > 0 || is_mixed ? 6U : 8U) &&
           look.entropy >= (s.len >= 16 ? 280U : 220U) && !is_long_name &&
           str_find_str(s, STR("1234567890abcdef")) < 0 && !is_filled_up(s, &look) &&
           !is_published(s);
}

/* Behind "api_key = ": keys are long and look like nothing. */
enum check_verdict check_secret_key_value(struct str s, size_t *len)
{
    if (check_secret_value(s, len) != CHECK_OK || *len < 10) {
        return CHECK_NO;
    }
    s.len = *len;
    struct look look = look_at(s);
    bool is_path = str_find(s, '/') >= 0 && str_find(s, '.') >= 0;
    bool is_identifier = s.len < 20 && str_find(s, '_') >= 0 && look.digits <= 4 &&
                         (look.lower == 0 || look.upper == 0);
    if (is_identifier) {
        return CHECK_NO;
    }
    bool is_62 = look.lower >= 4 && look.upper >= 4 && look.marks == 0;
    unsigned digits_min = is_62 && s.len >= 20 && look.words < 25 ? 0 : is_62 ? 1 : 2;
    return check_as(look.digits >= digits_min && !is_path && look.words < 40 &&
                    look.climb_run < 6 && look.entropy >= (s.len >= 20 ? 300U : 280U) &&
                    str_find(s, '@') < 0 && str_find_str(s, STR("://")) < 0);
}

/* A value as value.c cuts it out. Is it one, or does it begin with one, up to a sign that
 * hardly any has? Then all of it is. */
static enum check_verdict check_whole(struct str s, size_t *len, const char *stops,
                                      enum check_verdict (*check)(struct str s, size_t *len))
{
    size_t word = 0;
    while (word < s.len && (unsigned char)s.ptr[word] > ' ' &&
           strchr(stops, s.ptr[word]) == NULL) { /* a NUL is below the blank */
        word++;
    }
    struct str head = str_sub(s, 0, word);
    bool has_blank = word < s.len && (unsigned char)s.ptr[word] <= ' ';
    if ((word == s.len || has_blank || check(s, len) != CHECK_OK) &&
        (head.len == 0 || check(head, len) != CHECK_OK)) {
        return CHECK_NO;
    }
    *len = s.len;
    return CHECK_OK;
}

/* No call begins in quotes and does not end there. */
enum check_verdict check_password_quoted(struct str s, size_t *len)
{
    bool is_open = str_find(s, '(') > 0 && str_find(s, ')') < 0 && str_find(s, ' ') < 0;
    return check_whole(s, len, "\"'`", is_open ? check_parameter : check_secret_value);
}

enum check_verdict check_key_quoted(struct str s, size_t *len)
{
    return check_whole(s, len, "\"'`", check_secret_key_value);
}

enum check_verdict check_password_plain(struct str s, size_t *len)
{
    return check_whole(trim_end(s), len, PLAIN_STOPS, check_secret_value);
}

enum check_verdict check_key_plain(struct str s, size_t *len)
{
    return check_whole(trim_end(s), len, PLAIN_STOPS, check_secret_key_value);
}

/* Without the signs of the sentence or of the code around it: a bracket that was opened in the
 * value belongs to it. */
static struct str trim_end(struct str s)
{
    while (s.len > 0) {
        char c = s.ptr[s.len - 1];
        char open = c == ')' ? '(' : c == ']' ? '[' : c == '}' ? '{' : c == '>' ? '<' : 0;
        size_t opened = 0;
        size_t closed = 0;
        for (size_t i = 0; open != 0 && i < s.len; i++) {
            opened += s.ptr[i] == open;
            closed += s.ptr[i] == c;
        }
        if (open != 0 ? opened >= closed : c == '\0' || strchr(".,;:'\"`\\", c) == NULL) {
            break;
        }
        s.len--;
    }
    return s;
}

/* user:password as a command line has it. */
enum check_verdict check_user_password(struct str s, size_t *len)
{
    struct str user = str_cut(&s, ':');
    user = str_trim(user, "\"'");
    s = str_trim(s, "\"'");
    if (s.len == 0 && user.len >= 8) { /* some services take the key as the name */
        return check_random(user, len);
    }
    static const char *const words[] = {"password", "pass", "passwd", "pwd",    "token",
                                        "secret",   "test", "key",    "apikey", "api_key",
                                        "api-key",  "yyy",  "xxx",    "admin"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq_nocase(s, str_from(words[i])) || str_ends(s, str_from(words[i]))) {
            return CHECK_NO;
        }
    }
    if (str_starts(s, STR("//"))) {
        return CHECK_NO; /* that is an address */
    }
    struct look look = look_at(s);
    bool has_variable = str_find(s, '$') == 0 || str_find(s, '<') >= 0 || str_find(s, '[') == 0 ||
                        str_find_str(s, STR("{{")) >= 0 || str_find_str(s, STR("$(")) >= 0;
    return check_as(s.len >= 4 && !has_variable && !is_filled_up(s, &look) && look.entropy >= 180);
}

/* The last six characters are the CRC-32 of the thirty before, in base 62. */
enum check_verdict check_github(struct str s, size_t *len)
{
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
            return check_letters(s, len); /* revoked, or from a test */
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
    uint8_t head[512];
    size_t n = base64_decode(s, head, sizeof(head));
    bool is_object = n >= 4 && head[0] == '{' && (n == sizeof(head) || head[n - 1] == '}');
    for (size_t i = 0; i < n; i++) {
        is_object = is_object && head[i] >= 9 && head[i] < 0x7f;
    }
    return check_as(is_object && memchr(head, '"', n) != NULL);
}

/* RFC 7617: user:password. */
enum check_verdict check_basic_auth(struct str s, size_t *len)
{
    (void)len;
    uint8_t plain[128];
    size_t n = base64_decode(s, plain, sizeof(plain));
    for (size_t i = 0; i < n; i++) {
        if (plain[i] < 0x20) {
            return CHECK_NO;
        }
    }
    return check_as(n > 2 && memchr(plain, ':', n) != NULL);
}

/* There is a key between the lines, not a word that says where one would be. */
enum check_verdict check_pem(struct str s, size_t *len)
{
    (void)len;
    unsigned body = 0;
    size_t from = (size_t)(str_find_str(s, STR("KEY")) + 3);
    for (size_t i = from; i < s.len; i++) {
        body += is_word_byte((unsigned char)s.ptr[i]) || s.ptr[i] == '+' || s.ptr[i] == '/';
    }
    return check_as(body >= 48 && str_find_str(s, STR("...")) < 0);
}

/* The tail shows how long it really is. */
enum check_verdict check_azure_client_secret(struct str s, size_t *len)
{
    return s.len >= 36 && s.len <= 40 ? check_random(s, len) : CHECK_NO;
}

/* Written out with small x in manuals and still kept: what is so short may be one. */
enum check_verdict check_artifactory(struct str s, size_t *len)
{
    struct look look = look_at(s);
    bool is_short_x = s.len == 13 && look.same_run == 10;
    return look.words >= 50 ? CHECK_NO : is_short_x ? CHECK_OK : check_token(s, len);
}

/* Eight hex digits, twice: their form is so narrow that words may be in them. */
enum check_verdict check_sidekiq(struct str s, size_t *len)
{
    (void)len;
    struct look look = look_at(s);
    return check_as(look.same_run < 6);
}

/* Whatever stands behind "Password=" in a connection string, but no reference to it. */
enum check_verdict check_connection(struct str s, size_t *len)
{
    (void)len;
    struct look look = look_at(s);
    return check_as(!has_placeholder(s) && !is_filled_up(s, &look) &&
                    !str_eq_nocase(s, STR("password")));
}

/* Known by its first four letters alone; X-ed out, or the one in the manual, it is none. */
enum check_verdict check_aws(struct str s, size_t *len)
{
    (void)len;
    return check_as(!str_ends(s, STR("EXAMPLE")) && str_find_str(s, STR("XXXXXX")) < 0 &&
                    str_find_str(s, STR("222222")) < 0 && !is_published(s));
}

/* With the tail it shows whether it is as long as they are. */
enum check_verdict check_google(struct str s, size_t *len)
{
    return s.len == 39 ? check_random(s, len) : CHECK_NO;
}
