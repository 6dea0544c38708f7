/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the date off the end of a model name: "claude-3-haiku-20240307",
 * "claude-opus-4@20250514", "gpt-4o-2024-08-06", "command-r-08-2024",
 * "mistral-large-2411", "gpt-4-0613". What is left is the family, the name that
 * people write in policies (S4-36).
 *
 * Only plausible dates count, so that "llama-7000" keeps its number. Pure.
 */
#include "catalog.h"

static bool read_digits(struct str s, size_t at, size_t digits, uint32_t *ret);
static bool is_date(uint32_t year, uint32_t month, uint32_t day);
static size_t date_suffix(struct str name, uint32_t *ret_date);

struct str family_of(struct str name, uint32_t *ret_date)
{
    *ret_date = 0;
    size_t cut = date_suffix(name, ret_date);
    if (cut == 0 || cut >= name.len) {
        return STR_NONE;
    }
    return str_sub(name, 0, name.len - cut);
}

/* Length of the suffix with its separator, 0 when there is none. */
static size_t date_suffix(struct str name, uint32_t *ret_date)
{
    uint32_t y, m, d;
    size_t n = name.len;

    /* -YYYYMMDD, @YYYYMMDD */
    if (n > 9 && (name.ptr[n - 9] == '-' || name.ptr[n - 9] == '@') &&
        read_digits(name, n - 8, 4, &y) && read_digits(name, n - 4, 2, &m) &&
        read_digits(name, n - 2, 2, &d) && is_date(y, m, d)) {
        *ret_date = y * 10000 + m * 100 + d;
        return 9;
    }
    /* -YYYY-MM-DD */
    if (n > 11 && name.ptr[n - 11] == '-' && name.ptr[n - 6] == '-' && name.ptr[n - 3] == '-' &&
        read_digits(name, n - 10, 4, &y) && read_digits(name, n - 5, 2, &m) &&
        read_digits(name, n - 2, 2, &d) && is_date(y, m, d)) {
        *ret_date = y * 10000 + m * 100 + d;
        return 11;
    }
    /* -MM-YYYY */
    if (n > 8 && name.ptr[n - 8] == '-' && name.ptr[n - 5] == '-' &&
        read_digits(name, n - 7, 2, &m) && read_digits(name, n - 4, 4, &y) && is_date(y, m, 1)) {
        *ret_date = y * 10000 + m * 100;
        return 8;
    }
    /* -YYMM, then -MMDD, whose year is not known */
    if (n > 5 && name.ptr[n - 5] == '-' && read_digits(name, n - 4, 2, &y) &&
        read_digits(name, n - 2, 2, &m)) {
        if (y >= 23 && y <= 39 && is_date(2000 + y, m, 1)) {
            *ret_date = (2000 + y) * 10000 + m * 100;
            return 5;
        }
        if (is_date(2024, y, m)) {
            return 5;
        }
    }
    return 0;
}

static bool read_digits(struct str s, size_t at, size_t digits, uint32_t *ret)
{
    uint32_t value = 0;
    for (size_t i = at; i < at + digits; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (uint32_t)(s.ptr[i] - '0');
    }
    *ret = value;
    return true;
}

static bool is_date(uint32_t year, uint32_t month, uint32_t day)
{
    return year >= 2020 && year <= 2039 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}
