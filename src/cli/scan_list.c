/* SPDX-License-Identifier: Apache-2.0
 *
 * `portcullis scan --list`: what there is to be found, from the table that finds it: every
 * detector as JSON, or every type as a row of the table in src/docs/detection.md. Writes
 * to standard output.
 */
#include "portcullis/scan.h"

#include "cli.h"

#include <stdio.h>
#include <string.h>

static const char *const tiers[] = {[SCAN_TIER_A] = "alone",
                                    [SCAN_TIER_B] = "alone, surer with a word near",
                                    [SCAN_TIER_C] = "with a word near"};

static void list_json(void);
static void list_markdown(void);
static void write_type(size_t first);
static bool is_first_of_type(size_t index);

int cli_scan_list(bool is_markdown)
{
    if (is_markdown) {
        list_markdown();
    } else {
        list_json();
    }
    return ferror(stdout) != 0;
}

static void list_json(void)
{
    for (size_t i = 0; i < scan_detectors_count(); i++) {
        struct scan_detector_info d = scan_detector_info(i);
        printf("%s{\"name\":\"%s\",\"type\":\"%s\",\"class\":\"%s\",\"fires\":\"%s\","
               "\"default\":%s,\"checked\":%s,\"context\":\"%s\"}",
               i == 0 ? "[" : ",\n ", d.name, d.type, d.class_name, tiers[d.tier],
               d.is_default ? "true" : "false", d.has_check ? "true" : "false",
               d.context != NULL ? d.context : "");
    }
    puts("]");
}

static bool is_first_of_type(size_t index)
{
    struct scan_detector_info d = scan_detector_info(index);
    for (size_t k = 0; k < index; k++) {
        if (strcmp(scan_detector_info(k).type, d.type) == 0) {
            return false;
        }
    }
    return d.class != SCAN_INJECTION;
}

static void list_markdown(void)
{
    puts("| type | class | detectors | checked | fires | unasked |");
    puts("|---|---|---|---|---|---|");
    for (size_t i = 0; i < scan_detectors_count(); i++) {
        if (is_first_of_type(i)) {
            write_type(i);
        }
    }
}

/* The surest of its detectors speaks for a type. */
static void write_type(size_t first)
{
    struct scan_detector_info best = scan_detector_info(first);
    unsigned count = 0;
    bool is_default = false;
    bool has_check = false;
    for (size_t i = first; i < scan_detectors_count(); i++) {
        struct scan_detector_info d = scan_detector_info(i);
        if (strcmp(d.type, best.type) == 0) {
            count++;
            best.tier = d.tier < best.tier ? d.tier : best.tier;
            is_default = is_default || d.is_default;
            has_check = has_check || d.has_check;
        }
    }
    printf("| `%s` | %s | %u | %s | %s | %s |\n", best.type, best.class_name, count,
           has_check ? "yes" : "", tiers[best.tier], is_default ? "yes" : "");
}
