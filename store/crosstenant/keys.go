package crosstenant

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
	"lindero/store/postgres"
	"lindero/tenant"
	"lindero/tenant/credential"
)

// CreateKey makes a key of the tenant and returns it with its secret, which is stored nowhere.
func (p *Platform) CreateKey(ctx context.Context, id tenant.ID, spec tenant.KeySpec) (key tenant.Key, secret string, err error) {
	err = p.write(ctx, func(tx pgx.Tx) error {
		var databaseSecret []byte
		if err := tx.QueryRow(ctx, `SELECT secret FROM server_secret`).Scan(&databaseSecret); err != nil {
			return err
		}
		var keyID string
		keyID, secret = credential.Generate()
		hash := credential.Hash(credential.DeriveKey(databaseSecret, p.operatorSecret, credential.PurposeAPIKeys), secret)
		rows, err := tx.Query(ctx, `INSERT INTO api_keys (tenant_id, id, name, role, hash, expires_at)
			SELECT t.id, $2, $3, $4, $5, $6 FROM tenants t WHERE t.id = $1 AND t.state <> 'deleting' RETURNING `+postgres.KeyColumns,
			id.UUID(), keyID, spec.Name, spec.Role, hash, spec.ExpiresAt)
		if err != nil {
			return err
		}
		key, err = one(rows, id.String(), postgres.ScanKey)
		return err
	})
	return key, secret, err
}

// Keys lists the tenant's keys by id, revoked ones included.
func (p *Platform) Keys(ctx context.Context, id tenant.ID, page store.Page) (store.Listing[tenant.Key], error) {
	rows, err := p.pool.Query(ctx, `SELECT `+postgres.KeyColumns+` FROM api_keys WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
		id.UUID(), page.After, page.Limit+1)
	if err != nil {
		return store.Listing[tenant.Key]{}, postgres.Translate(err)
	}
	keys, err := pgx.CollectRows(rows, postgres.ScanKey)
	return postgres.Listing(keys, page.Limit, func(k tenant.Key) string { return k.ID }), postgres.Translate(err)
}

// RevokeKey ends a key of the tenant at once, in every process. Revoking a revoked key changes nothing.
func (p *Platform) RevokeKey(ctx context.Context, id tenant.ID, keyID string) error {
	return p.write(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE tenant_id = $1 AND id = $2`, id.UUID(), keyID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "key %s does not exist", keyID)
		}
		_, err = tx.Exec(ctx, `SELECT pg_notify('lindero_keys', $1)`, keyID)
		return err
	})
}
