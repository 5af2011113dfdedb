-- +goose Up

-- Addresses that tenants want to be told of events at.
CREATE TABLE webhooks (
    tenant_id     uuid NOT NULL REFERENCES tenants (id),
    id            uuid NOT NULL, -- version 7: their order is that of creation
    url           text NOT NULL,
    events        text[] NOT NULL,
    secret        bytea NOT NULL, -- sealed: signing needs it back, so a hash would not do (tenant/credential/seal.go)
    failing_since timestamptz,    -- of the first failure after which nothing got through; null: the last attempt did
    rest_until    timestamptz,    -- no attempt before: a receiver in trouble is spared, whatever waits for it
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);

-- One event for one webhook. Rows are made in the transaction that ends the operation, so none is lost, and the
-- unique constraint keeps a second look at the same end from making another. operation is a copy: what is told
-- must not depend on how long the telling takes.
CREATE TABLE webhook_deliveries (
    tenant_id       uuid NOT NULL,
    id              uuid NOT NULL DEFAULT gen_random_uuid(), -- receivers know repetitions by it
    webhook_id      uuid NOT NULL,
    event           text NOT NULL,
    operation_id    uuid NOT NULL, -- no foreign key: an operation may be forgotten before its delivery
    ended_at        timestamptz NOT NULL, -- the operation's end: one that is taken up again ends twice
    operation       jsonb NOT NULL,
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts        int NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL DEFAULT now(),
    response_status int,         -- of the last attempt; null: no answer
    error_code      text,
    error_detail    text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    outcome_at      timestamptz, -- of the last attempt, or of giving up; null: not tried yet
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_deliveries_once UNIQUE (tenant_id, webhook_id, operation_id, event, ended_at),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id) ON DELETE CASCADE
);
-- What to try next; and what became of the last ones, to show them and to forget older ones.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, webhook_id, due_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_outcome ON webhook_deliveries (tenant_id, webhook_id, outcome_at) WHERE outcome_at IS NOT NULL;

ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhooks FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON webhooks
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid));
CREATE POLICY tenant_isolation ON webhook_deliveries
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
    WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks, webhook_deliveries TO lindero_app;
