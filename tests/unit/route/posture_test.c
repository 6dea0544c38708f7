/* SPDX-License-Identifier: Apache-2.0
 *
 * Posture: attestations overlay the catalogue for exactly their time, derived
 * attributes follow, a doubt never opens a door.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "route/support.h"

static struct route_provider provider = {.index = 3};

static struct route_posture at(const struct route_attestation *list, size_t count, int64_t now_s)
{
    struct route_posture p;
    route_posture_of(&provider, list, count, now_s, &p);
    return p;
}

static void without_attestations_the_catalogue_speaks(void **state)
{
    (void)state;
    const struct route_attestation other = {4, ROUTE_BAA, true, 0, 0};

    provider.posture = (struct route_posture){.facts = {[ROUTE_SOC2] = ROUTE_YES}};
    assert_int_equal(at(&other, 1, 50).facts[ROUTE_SOC2], ROUTE_YES);
    assert_int_equal(at(&other, 1, 50).facts[ROUTE_BAA], ROUTE_UNKNOWN); /* another provider's */
    assert_int_equal(at(NULL, 0, 50).facts[ROUTE_BAA], ROUTE_UNKNOWN);
}

static void valid_from_inclusive_until_exclusive(void **state)
{
    (void)state;
    const struct route_attestation a = {3, ROUTE_BAA, true, 100, 200};

    provider.posture = (struct route_posture){0};
    assert_int_equal(at(&a, 1, 99).facts[ROUTE_BAA], ROUTE_UNKNOWN);
    assert_int_equal(at(&a, 1, 100).facts[ROUTE_BAA], ROUTE_YES);
    assert_int_equal(at(&a, 1, 199).facts[ROUTE_BAA], ROUTE_YES);
    assert_int_equal(at(&a, 1, 200).facts[ROUTE_BAA], ROUTE_UNKNOWN);
    assert_int_equal(route_posture_next_change(&a, 1, 0), 100);
    assert_int_equal(route_posture_next_change(&a, 1, 100), 200);
    assert_int_equal(route_posture_next_change(&a, 1, 200), INT64_MAX);
}

static void latest_wins_and_a_tie_denies(void **state)
{
    (void)state;
    const struct route_attestation later[] = {{3, ROUTE_ZDR, false, 100, 0},
                                              {3, ROUTE_ZDR, true, 150, 0}};
    const struct route_attestation tie[] = {{3, ROUTE_ZDR, true, 100, 0},
                                            {3, ROUTE_ZDR, false, 100, 0}};
    const struct route_attestation tie_turned[] = {tie[1], tie[0]};

    provider.posture = (struct route_posture){0};
    assert_int_equal(at(later, 2, 120).facts[ROUTE_ZDR], ROUTE_NO);
    assert_int_equal(at(later, 2, 150).facts[ROUTE_ZDR], ROUTE_YES);
    assert_int_equal(at(tie, 2, 120).facts[ROUTE_ZDR], ROUTE_NO);
    assert_int_equal(at(tie_turned, 2, 120).facts[ROUTE_ZDR], ROUTE_NO);
    assert_int_equal(route_posture_next_change(later, 2, 120), 150);
}

static void derived_attributes_follow(void **state)
{
    (void)state;
    const struct route_attestation soc2 = {3, ROUTE_SOC2, true, 0, 0};
    const struct route_attestation no_soc2 = {3, ROUTE_SOC2, false, 0, 0};
    const struct route_attestation iso = {3, ROUTE_ISO27001, true, 0, 0};
    const struct route_attestation either[] = {no_soc2, {3, ROUTE_SOC2_OR_ISO27001, true, 0, 0}};

    provider.posture = (struct route_posture){0};
    assert_int_equal(at(&soc2, 1, 1).facts[ROUTE_SOC2_ANY], ROUTE_YES);
    assert_int_equal(at(&soc2, 1, 1).facts[ROUTE_SOC2_OR_ISO27001], ROUTE_YES);
    assert_int_equal(at(&iso, 1, 1).facts[ROUTE_SOC2_OR_ISO27001], ROUTE_YES);
    assert_int_equal(at(&iso, 1, 1).facts[ROUTE_SOC2_ANY], ROUTE_UNKNOWN);
    assert_int_equal(at(either, 2, 1).facts[ROUTE_SOC2_OR_ISO27001], ROUTE_YES);

    provider.posture.facts[ROUTE_SOC2] = ROUTE_YES;
    provider.posture.facts[ROUTE_SOC2_ANY] = ROUTE_YES;
    provider.posture.facts[ROUTE_SOC2_OR_ISO27001] = ROUTE_YES;
    assert_int_equal(at(&no_soc2, 1, 1).facts[ROUTE_SOC2_ANY], ROUTE_UNKNOWN);
    assert_int_equal(at(&no_soc2, 1, 1).facts[ROUTE_SOC2_OR_ISO27001], ROUTE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_attestations_the_catalogue_speaks),
        cmocka_unit_test(valid_from_inclusive_until_exclusive),
        cmocka_unit_test(latest_wins_and_a_tie_denies),
        cmocka_unit_test(derived_attributes_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
