/* SPDX-License-Identifier: Apache-2.0
 *
 * Posture: what is known of a provider for one organisation at one instant. The
 * catalogue's facts are overlaid by the organisation's own dated attestations;
 * the derived attributes are worked out afterwards, so that attesting SOC 2
 * also answers "SOC 2 or ISO 27001".
 *
 * Time comes in as an argument; the caller rebuilds when route_posture_next_change
 * says so. Pure, no memory of its own, any thread.
 */
#include "portcullis/route.h"

static bool is_valid_at(const struct route_attestation *a, int64_t now_s);
static void overlay(const struct route_provider *p, const struct route_attestation *list,
                    size_t count, int64_t now_s,
                    const struct route_attestation *ret_newest[ROUTE_ATTRIBUTES_COUNT]);
static void derive(const struct route_posture *base, bool is_any_attested,
                   bool is_either_attested, struct route_posture *p);

void route_posture_of(const struct route_provider *p, const struct route_attestation *attestations,
                      size_t count, int64_t now_s, struct route_posture *ret)
{
    const struct route_attestation *newest[ROUTE_ATTRIBUTES_COUNT] = {NULL};

    *ret = p->posture;
    overlay(p, attestations, count, now_s, newest);
    bool is_touched = false;
    for (unsigned i = 0; i < ROUTE_ATTRIBUTES_COUNT; i++) {
        if (newest[i] != NULL) {
            ret->facts[i] = newest[i]->value ? ROUTE_YES : ROUTE_NO;
            is_touched = true;
        }
    }
    if (is_touched) {
        derive(&p->posture, newest[ROUTE_SOC2_ANY] != NULL,
               newest[ROUTE_SOC2_OR_ISO27001] != NULL, ret);
    }
}

int64_t route_posture_next_change(const struct route_attestation *attestations, size_t count,
                                  int64_t now_s)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct route_attestation *a = &attestations[i];
        if (a->valid_from_s > now_s && a->valid_from_s < next) {
            next = a->valid_from_s;
        }
        if (a->valid_until_s != 0 && a->valid_until_s > now_s && a->valid_until_s < next) {
            next = a->valid_until_s;
        }
    }
    return next;
}

/* From inclusive, until exclusive: at the instant of expiry it is worth nothing. */
static bool is_valid_at(const struct route_attestation *a, int64_t now_s)
{
    return a->valid_from_s <= now_s && (a->valid_until_s == 0 || now_s < a->valid_until_s);
}

/* Of several valid statements the latest begun counts; of two begun together
 * the denial, because a doubt never opens a door. */
static void overlay(const struct route_provider *p, const struct route_attestation *list,
                    size_t count, int64_t now_s,
                    const struct route_attestation *ret_newest[ROUTE_ATTRIBUTES_COUNT])
{
    for (size_t i = 0; i < count; i++) {
        const struct route_attestation *a = &list[i];
        if (a->provider != p->index || (unsigned)a->attribute >= ROUTE_ATTRIBUTES_COUNT ||
            !is_valid_at(a, now_s)) {
            continue;
        }
        const struct route_attestation **slot = &ret_newest[a->attribute];
        if (*slot == NULL || a->valid_from_s > (*slot)->valid_from_s ||
            (a->valid_from_s == (*slot)->valid_from_s && !a->value)) {
            *slot = a;
        }
    }
}

/* A withdrawn Type II says nothing of a Type I, so SOC2_ANY falls to unknown
 * unless the catalogue knows of the Type I on its own. */
static void derive(const struct route_posture *base, bool is_any_attested,
                   bool is_either_attested, struct route_posture *p)
{
    if (!is_any_attested) {
        if (p->facts[ROUTE_SOC2] == ROUTE_YES) {
            p->facts[ROUTE_SOC2_ANY] = ROUTE_YES;
        } else if (base->facts[ROUTE_SOC2] == ROUTE_YES) {
            p->facts[ROUTE_SOC2_ANY] = ROUTE_UNKNOWN;
        }
    }
    if (!is_either_attested) {
        enum route_fact soc2 = p->facts[ROUTE_SOC2];
        enum route_fact iso = p->facts[ROUTE_ISO27001];
        if (soc2 == ROUTE_YES || iso == ROUTE_YES) {
            p->facts[ROUTE_SOC2_OR_ISO27001] = ROUTE_YES;
        } else if (soc2 == ROUTE_NO && iso == ROUTE_NO) {
            p->facts[ROUTE_SOC2_OR_ISO27001] = ROUTE_NO;
        } else {
            p->facts[ROUTE_SOC2_OR_ISO27001] = ROUTE_UNKNOWN;
        }
    }
}
