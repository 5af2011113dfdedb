-- +goose Up

-- Every document's row is updated when it is published, and soon after it was written. With room for the new version
-- on the same page neither of the table's indexes is touched, and the room is used again by the next update.
ALTER TABLE documents SET (fillfactor = 50);
