/* SPDX-License-Identifier: Apache-2.0
 *
 * The linear model of injection.c as data: a weight for each hashed feature, made by
 * train_injection.py. Immutable.
 */
#ifndef PORTCULLIS_SCAN_MODEL_H
#define PORTCULLIS_SCAN_MODEL_H

#include <stdint.h>

#define MODEL_FEATURES 32768U

extern const double model_bias;
extern const double model_scale;
/* -32..31, to be multiplied by model_scale. at < MODEL_FEATURES. */
int model_weight(uint32_t at);

#endif
