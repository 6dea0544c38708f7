/* SPDX-License-Identifier: Apache-2.0
 *
 * The linear model of injection.c as data: a weight for each hashed feature, made by
 * train_injection.py. Immutable.
 */
#ifndef PORTCULLIS_SCAN_MODEL_H
#define PORTCULLIS_SCAN_MODEL_H

#include <stdint.h>

#define MODEL_ROW 64U
#define MODEL_ROWS 1024U
#define MODEL_FEATURES (MODEL_ROW * MODEL_ROWS)

extern const int32_t model_bias;  /* 1/1024 */
extern const int32_t model_scale; /* of a weight, 1/1024 times 16 */
extern const char model_weights_a[MODEL_ROWS / 2][MODEL_ROW + 1];
extern const char model_weights_b[MODEL_ROWS / 2][MODEL_ROW + 1];

/* at < MODEL_FEATURES. */
static inline int model_weight(uint32_t at)
{
    uint32_t row = at / MODEL_ROW;
    const char *text =
        row < MODEL_ROWS / 2 ? model_weights_a[row] : model_weights_b[row - MODEL_ROWS / 2];
    return text[at % MODEL_ROW] - 'O';
}

#endif
