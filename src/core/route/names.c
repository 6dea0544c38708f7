/* SPDX-License-Identifier: Apache-2.0
 *
 * The words of the compliance vocabulary and of the trust tiers, in one table
 * each, so that a codec, a console and a message never disagree on a spelling.
 *
 * Parsing takes exact bytes only. Static strings; no memory, any thread.
 */
#include "portcullis/route.h"

static const char *const attribute_names[ROUTE_ATTRIBUTES_COUNT] = {
    [ROUTE_SOC2] = "soc2",
    [ROUTE_SOC2_ANY] = "soc2_any",
    [ROUTE_ISO27001] = "iso27001",
    [ROUTE_SOC2_OR_ISO27001] = "soc2_or_iso27001",
    [ROUTE_GDPR] = "gdpr",
    [ROUTE_HIPAA] = "hipaa",
    [ROUTE_BAA] = "baa",
    [ROUTE_ZDR] = "zdr",
    [ROUTE_PCI] = "pci",
    [ROUTE_NO_TRAINING] = "no_training",
    [ROUTE_NO_LOGGING] = "no_logging",
    [ROUTE_EU_REGION] = "eu_region",
};

static const char *const tier_names[] = {
    [ROUTE_TIER_UNRATED] = "unrated",
    [ROUTE_TIER_SKETCHY] = "sketchy",
    [ROUTE_TIER_TRUSTED] = "trusted",
    [ROUTE_TIER_MOST_TRUSTED] = "most_trusted",
};

const char *route_attribute_name(enum route_attribute a)
{
    ASSERT(a < ROUTE_ATTRIBUTES_COUNT);
    return attribute_names[a];
}

enum err route_attribute_parse(struct str name, enum route_attribute *ret)
{
    for (unsigned i = 0; i < ROUTE_ATTRIBUTES_COUNT; i++) {
        if (str_eq(name, str_from(attribute_names[i]))) {
            *ret = (enum route_attribute)i;
            return ERR_OK;
        }
    }
    return ERR_INVALID;
}

const char *route_tier_name(enum route_tier t)
{
    ASSERT(t <= ROUTE_TIER_MOST_TRUSTED);
    return tier_names[t];
}

/* "unrated" is no tier anyone may ask for: it is the absence of one. */
enum err route_tier_parse(struct str name, enum route_tier *ret)
{
    for (unsigned i = ROUTE_TIER_SKETCHY; i <= ROUTE_TIER_MOST_TRUSTED; i++) {
        if (str_eq(name, str_from(tier_names[i]))) {
            *ret = (enum route_tier)i;
            return ERR_OK;
        }
    }
    return ERR_INVALID;
}
