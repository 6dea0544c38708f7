/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of telephone numbers: country codes of E.164, the North American plan, and how
 * numbers are written at home in some forty countries. A national number that is grouped as
 * people there group it, and begins as numbers there begin, is one without more ado; any
 * other row of digits is weak and needs a word that speaks for it. Pure.
 */
#include "check.h"

#define GROUPS_MAX 8U

/* The digits of a number and how they are grouped. */
struct number {
    uint8_t digits[32];
    size_t count;
    uint8_t groups[GROUPS_MAX];
    size_t ends[GROUPS_MAX]; /* bytes of the text up to the group's end */
    size_t groups_count;
    bool is_hyphened; /* between the first group and the second stands - or / */
};

/* How numbers are written in a country. */
struct plan {
    char country[3];
    const char *prefixes; /* one of these it begins with */
    const char *groups;   /* one of these; '-': with a hyphen or slash behind the first group */
};

static bool is_country_code(const uint8_t *d);
static void read_number(struct str s, struct number *ret);
static size_t planned_groups(const struct number *n);
static bool fits_groups(const struct number *n, size_t count, const char *groups);
static bool fits_prefix(const struct number *n, const char *prefixes);
static bool is_date(struct str s, size_t digits);
static bool is_other_number(const struct number *n);
static struct str without_extension(struct str s);
static bool is_of_a_thing(struct str left);
static struct str last_word(struct str *left);

static const struct plan plans[] = {
    {"AR", "011,0221,0223,0261,0341,0351,0381", "344,444,434"},
    {"AT", "0650,0660,0664,0676,0680,0681,0688,0699", "47-,433,4322,48-"},
    {"AU", "04,1300,1800", "433"},
    {"AU", "02,03,07,08", "244"},
    {"BE", "045,046,047,048,049", "4222,4-222"},
    {"BE", "02,03,04,09", "2322"},
    {"BE", "01,05,06,07,08", "3222"},
    {"BR",
     "11,12,13,14,15,16,17,18,19,21,22,24,27,28,31,32,33,34,35,37,38,41,42,43,44,45,46,47,48,"
     "49,51,53,54,55,61,62,63,64,65,66,67,68,69,71,73,74,75,77,79,81,82,83,84,85,86,87,88,89,"
     "91,92,93,94,95,96,97,98,99",
     "254"},
    {"CH", "02,03,04,05,06,07,08", "3322"},
    {"CL", "9", "144"},
    {"CN", "13,14,15,16,17,18,19", "344"},
    {"CN", "010,02", "38-,344"},
    {"CN", "03,04,05,07,08,09", "47-,48-"},
    {"DE", "015,016,017", "47,48,434,443,437,433,3333,4322"},
    {"DE", "030,040,069,089", "35-,36-,37-,38-,3222,3322,323,333"},
    {"DE", "02,03,04,05,06,07,08,09", "44-,45-,46-,47-,48-,54-,55-,56-,4222,4322"},
    {"EG", "010,011,012,015", "434"},
    {"ES", "91,93,81,83,94,95,96,97,98,92,82,84,85,86,87,88", "2322"},
    {"ES", "6,7,9", "3222"},
    {"FI", "040,041,042,043,044,045,046,050", "334,343,3322,37-"},
    {"FI", "09", "234"},
    {"FR", "01,02,03,04,05,06,07,08,09", "22222"},
    {"GB", "07", "56,533,434"},
    {"GB", "01,03,08", "434,56,533,47-"},
    {"GB", "011,014,015,016,017,018,019", "56,533"},
    {"GB", "02", "344"},
    {"HU", "0620,0630,0631,0650,0670,061", "2234,234,2333"},
    {"ID", "08", "444,443,434,445"},
    {"IE", "083,085,086,087,089", "334,37-"},
    {"IE", "01,02,04,05,06,07,09", "234,3222"},
    {"IL", "050,051,052,053,054,055,058", "334,37-,3322"},
    {"IL", "02,03,04,08,09", "234,27-"},
    {"IN", "011,020,022,033,040,044,079,080", "344,38-"},
    {"IN", "06,07,08,09", "65"},
    {"IT", "02,06,010,011,041,045,049,050,051,055,070,080,081,091,095", "27-,28-,36-,37-,244,234"},
    {"JP", "070,080,090,050,020", "344"},
    {"JP", "03,06", "244"},
    {"JP", "0", "334,424"},
    {"KE", "07,010,011", "433,46"},
    {"KR", "010,011,016,017,018,019,070", "344,334"},
    {"KR", "02,03,04,05,06", "234,244,334,344"},
    {"MY", "010,011,012,013,014,016,017,018,019", "334,344"},
    {"NG", "070,080,081,090,091", "434"},
    {"NL", "06", "28-,22222,2332"},
    {"NL",
     "010,013,015,020,023,024,026,030,033,035,036,038,040,043,045,046,050,053,055,058,070,071,"
     "072,073,074,075,076,077,078,079,085,088",
     "37-,334,3322"},
    {"NL", "01,02,03,04,05", "46-,4222"},
    {"NO", "4,9", "323"},
    {"NZ", "020,021,022,027,028,029", "334,343,333"},
    {"NZ", "03,04,06,07,09", "234"},
    {"PH", "09", "434"},
    {"PL",
     "12,13,14,15,16,17,18,22,23,24,25,29,32,33,34,41,42,43,44,46,48,52,54,55,56,58,59,61,62,"
     "63,65,67,68,71,74,75,76,77,81,82,83,84,85,86,87,89,91,94,95",
     "2322"},
    {"RO", "02,03,07", "433"},
    {"RU", "8", "13322"},
    {"SE", "070,072,073,076,079", "3322,37-,3232"},
    {"SE", "08", "2332,23222,2322,23-23"},
    {"SE", "01,02,03,04,05,06,09", "3222,3322,4222"},
    {"SK", "09", "433"},
    {"TH", "06,08,09", "334"},
    {"TR", "05,02,03,04", "4322"},
    {"TW", "09", "433"},
    {"TW", "02,03,04,07", "244"},
    {"UA", "03,04,05,06,09", "3322"},
    {"VN", "03,05,07,08,09", "433,334"},
    {"ZA", "01,02,03,04,05,06,07,08", "334"},
};

/* E.164: at most 15 digits, a country code that is assigned. */
enum check_verdict check_phone_international(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[32];
    size_t n = check_digits(without_extension(s), d, sizeof(d));
    size_t from = s.ptr[0] == '+' ? 0 : 2;
    if (n < from + 7 || n > from + 15 || !is_country_code(d + from) ||
        check_is_all_equal(d + from, n - from)) {
        return CHECK_NO;
    }
    bool is_bare = from == 2 && str_find(s, ' ') < 0 && str_find(s, '-') < 0;
    return is_bare ? CHECK_WEAK : CHECK_OK;
}

/* Zones 1 and 7 are whole; of the others two digits, or ten times two and a third. */
static bool is_country_code(const uint8_t *d)
{
    static const uint8_t two[] = {20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46,
                                  47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63,
                                  64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98};
    /* Third digits that are given out, as bits. */
    static const struct {
        uint8_t two;
        uint16_t third;
    } three[] = {{21, 0x14e}, {22, 0x3ff}, {23, 0x3ff}, {24, 0x3ff}, {25, 0x1ff}, {26, 0x3ff},
                 {29, 0x383}, {35, 0x3ff}, {37, 0x3ff}, {38, 0x2ef}, {42, 0x00b}, {50, 0x3ff},
                 {59, 0x3ff}, {67, 0x3fd}, {68, 0x3ef}, {69, 0x007}, {80, 0x101}, {85, 0x06d},
                 {87, 0x101}, {88, 0x14f}, {96, 0x1ff}, {97, 0x2ff}, {99, 0x17c}};
    if (d[0] == 1 || d[0] == 7) {
        return true;
    }
    unsigned first = d[0] * 10U + d[1];
    for (size_t i = 0; i < sizeof(three) / sizeof(three[0]); i++) {
        if (three[i].two == first) {
            return (three[i].third >> d[2] & 1) != 0;
        }
    }
    return memchr(two, (int)first, sizeof(two)) != NULL;
}

/* NANP: neither part may be N11; ten bare digits need more to go by. */
enum check_verdict check_phone_us(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[20];
    size_t n = check_digits(s, d, sizeof(d));
    size_t from = d[0] == 1 ? 1 : 0;
    if (n < from + 10 || (d[from + 1] == 1 && d[from + 2] == 1) ||
        (d[from + 4] == 1 && d[from + 5] == 1) || check_is_all_equal(d + from, 10)) {
        return CHECK_NO;
    }
    if (s.len == n + 1 && str_find(s, '.') > 0) {
        return CHECK_NO; /* a number with decimals */
    }
    return s.len == n ? CHECK_WEAK : CHECK_OK;
}

/* Any row of digits that is as long as a number and is no date. */
enum check_verdict check_phone(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[32];
    size_t n = check_digits(without_extension(s), d, sizeof(d));
    return check_as(n >= 6 && n <= 15 && !check_is_all_equal(d, n) && !is_date(s, n));
}

/* Written as somewhere at home: certain, and what follows is not part of it. Else weak. */
enum check_verdict check_phone_national(struct str s, size_t *len)
{
    struct number n;
    read_number(without_extension(s), &n);
    bool is_short = n.count < 7 && (n.count < 6 || n.groups_count < 3);
    if (is_short || check_is_all_equal(n.digits, n.count) || is_date(s, n.count)) {
        return CHECK_NO;
    }
    size_t groups = planned_groups(&n);
    if (groups > 0) {
        *len = groups == n.groups_count ? s.len : n.ends[groups - 1];
        return CHECK_OK;
    }
    return n.count <= 15 && !is_other_number(&n) ? CHECK_WEAK : CHECK_NO;
}

/* "070-073-058-Office": the label says what it is and is not part of it. */
enum check_verdict check_phone_labelled(struct str s, size_t *len)
{
    while (s.len > 0 && (s.ptr[s.len - 1] < '0' || s.ptr[s.len - 1] > '9')) {
        s.len--;
    }
    *len = s.len;
    return check_phone(s, len);
}

static struct str without_extension(struct str s)
{
    ptrdiff_t x = str_find(s, 'x');
    return x > 0 ? str_sub(s, 0, (size_t)x) : s;
}

static void read_number(struct str s, struct number *ret)
{
    memset(ret, 0, sizeof(*ret));
    bool is_in_group = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c < '0' || c > '9') {
            is_in_group = false;
            ret->is_hyphened =
                ret->is_hyphened || (ret->groups_count == 1 && (c == '-' || c == '/'));
            continue;
        }
        if (!is_in_group) {
            if (ret->groups_count == GROUPS_MAX) {
                return;
            }
            ret->groups_count++;
            is_in_group = true;
        }
        if (ret->count < sizeof(ret->digits)) {
            ret->digits[ret->count++] = (uint8_t)(c - '0');
        }
        ret->groups[ret->groups_count - 1]++;
        ret->ends[ret->groups_count - 1] = i + 1;
    }
}

/* The most groups, from the first on, that are a number of some country; 0 = none are. */
static size_t planned_groups(const struct number *n)
{
    size_t best = 0;
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        if (!fits_prefix(n, plans[i].prefixes)) {
            continue;
        }
        for (size_t count = n->groups_count; count > best && count > 1; count--) {
            if (fits_groups(n, count, plans[i].groups)) {
                best = count;
            }
        }
    }
    return best;
}

static bool fits_prefix(const struct number *n, const char *prefixes)
{
    struct str rest = str_from(prefixes);
    while (rest.len > 0) {
        struct str prefix = str_cut(&rest, ',');
        size_t same = 0;
        while (same < prefix.len && same < n->count &&
               prefix.ptr[same] == '0' + (char)n->digits[same]) {
            same++;
        }
        if (same == prefix.len) {
            return true;
        }
    }
    return false;
}

static bool fits_groups(const struct number *n, size_t count, const char *groups)
{
    struct str rest = str_from(groups);
    while (rest.len > 0) {
        struct str one = str_cut(&rest, ',');
        bool wants_hyphen = str_find(one, '-') >= 0;
        size_t at = 0;
        for (size_t i = 0; i < one.len && at <= count; i++) {
            if (one.ptr[i] == '-') {
                continue;
            }
            if (at == count || one.ptr[i] != '0' + (char)n->groups[at]) {
                at = SIZE_MAX;
                break;
            }
            at++;
        }
        if (at == count && (!wants_hyphen || n->is_hyphened)) {
            return true;
        }
    }
    return false;
}

/* 2024-01-15, 15.01.2024 and their like. */
static bool is_date(struct str s, size_t digits)
{
    bool is_year_first = s.len >= 10 && (s.ptr[4] == '-' || s.ptr[4] == '/' || s.ptr[4] == '.') &&
                         s.ptr[7] == s.ptr[4];
    return is_year_first ||
           (s.len == 10 && digits == 8 && (s.ptr[2] == '/' || s.ptr[2] == '.' || s.ptr[2] == '-') &&
            s.ptr[5] == s.ptr[2]);
}

/* 123-45-6789 is a social security number, 2045-2047 a range. */
static bool is_other_number(const struct number *n)
{
    const uint8_t *g = n->groups;
    bool is_ssn = n->groups_count == 3 && g[0] == 3 && g[1] == 2 && g[2] == 4;
    unsigned values[2] = {0, 0};
    for (size_t i = 0; i < n->count && i < 8; i++) {
        values[i / 4] = values[i / 4] * 10 + n->digits[i];
    }
    bool is_range = n->groups_count == 2 && g[0] == 4 && g[1] == 4 && n->is_hyphened &&
                    values[1] > values[0] && values[1] - values[0] < 300;
    return is_ssn || is_range;
}

/* Not the middle of an account number: DE89 3704 0044 0532 0130 00, and not the number of a
 * thing. */
bool before_phone(struct str left)
{
    if (is_of_a_thing(left)) {
        return false;
    }
    while (left.len > 0 && left.ptr[left.len - 1] == ' ') {
        size_t from = left.len - 1;
        while (from > 0 && is_word_byte((unsigned char)left.ptr[from - 1])) {
            from--;
        }
        struct str word = str_sub(left, from, left.len - 1);
        bool is_start = word.len == 4 && word.ptr[0] >= 'A' && word.ptr[0] <= 'Z' &&
                        word.ptr[1] >= 'A' && word.ptr[1] <= 'Z' && word.ptr[2] <= '9';
        if (word.len != 4 || is_start) {
            return !is_start;
        }
        left = str_sub(left, 0, from);
    }
    return true;
}

/* "part number ", "SKU ", "lottery numbers 4 ": what it is the number of has no telephone. */
static bool is_of_a_thing(struct str left)
{
    static const char *const numbers[] = {"number", "numbers", "no", "nr", "num", "id", "code"};
    static const char *const things[] = {
        "part",    "lottery", "order",   "serial",  "model", "item", "ticket", "invoice",
        "case",    "ref",     "product", "catalog", "lot",   "sku",  "isbn",   "reference",
        "article", "batch",   "ean",     "gtin",    "upc",   "bug",  "issue",  "tracking"};
    while (left.len > 0 && strchr("0123456789 ,.:#", left.ptr[left.len - 1]) != NULL) {
        left.len--;
    }
    struct str word = last_word(&left);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (str_eq_nocase(word, str_from(numbers[i]))) {
            word = last_word(&left);
            break;
        }
    }
    for (size_t i = 0; i < sizeof(things) / sizeof(things[0]); i++) {
        if (str_eq_nocase(word, str_from(things[i]))) {
            return true;
        }
    }
    return false;
}

static struct str last_word(struct str *left)
{
    size_t end = left->len;
    while (left->len > 0 && is_word_byte((unsigned char)left->ptr[left->len - 1])) {
        left->len--;
    }
    struct str word = {left->ptr + left->len, end - left->len};
    while (left->len > 0 && (left->ptr[left->len - 1] == ' ' || left->ptr[left->len - 1] == '.')) {
        left->len--;
    }
    return word;
}
