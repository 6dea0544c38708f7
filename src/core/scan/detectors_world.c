/* SPDX-License-Identifier: Apache-2.0
 *
 * More national and business numbers. Data only.
 */
#include "check.h"
#include "detector.h"

const struct detector detectors_world[] = {
    {.name = "placeholder_row", .class = SCAN_GOV, .tier = SCAN_TIER_C, .context = "zzzz", .pattern = "zzzzzzzz"},
};
const size_t detectors_world_count = sizeof(detectors_world) / sizeof(detectors_world[0]);
