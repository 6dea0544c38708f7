-- SPDX-License-Identifier: Apache-2.0
-- A key that ends before it begins, or is pinned to a slot that it may not select, says two
-- things at once. NOT VALID: such rows from before stay as they are, because which of the two
-- was meant is their administrator's to say, but no change of one is taken that does not mend
-- it. A revoked key is free of it: revoking must never fail.
ALTER TABLE portcullis.api_keys
    ADD CONSTRAINT api_keys_period
        CHECK (revoked_at IS NOT NULL OR expires_at > not_before) NOT VALID,
    ADD CONSTRAINT api_keys_pinned
        CHECK (revoked_at IS NOT NULL OR slots::jsonb @> to_jsonb(pinned_slot)) NOT VALID;
