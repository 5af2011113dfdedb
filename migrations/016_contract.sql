-- +goose Up

-- A tenant's own admins may replace its settings (PUT /v1/tenant/settings), and nothing else of its row: plan, state,
-- limits and features are the operator's. The table's policy bounds it to the tenant's own row.
GRANT UPDATE (settings, updated_at) ON tenants TO lindero_app;

-- The caller's own split of a document that came with its text too, as JSON like the body of a split; null otherwise.
ALTER TABLE document_payloads ADD COLUMN parts bytea;
