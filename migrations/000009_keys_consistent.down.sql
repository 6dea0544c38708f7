-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE portcullis.api_keys
    DROP CONSTRAINT api_keys_pinned, DROP CONSTRAINT api_keys_period;
