package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant"
	"lindero/tenant/credential"
)

// KeyColumns are what ScanKey reads, in its order, from api_keys.
const KeyColumns = `id, name, role, expires_at, revoked_at, last_used_at, created_at`

// ScanKey reads a row of KeyColumns.
func ScanKey(row pgx.CollectableRow) (tenant.Key, error) {
	var k tenant.Key
	return k, row.Scan(&k.ID, &k.Name, &k.Role, &k.ExpiresAt, &k.RevokedAt, &k.LastUsedAt, &k.CreatedAt)
}

// CreateKey makes a key and returns it with its secret, which is stored nowhere.
func (h *Handle) CreateKey(ctx context.Context, spec tenant.KeySpec) (tenant.Key, string, error) {
	if err := spec.Validate(time.Now()); err != nil {
		return tenant.Key{}, "", err
	}
	var key tenant.Key
	var secret string
	err := h.write(ctx, func(tx pgx.Tx) (err error) {
		key, secret, err = h.insertKey(ctx, tx, spec)
		return err
	})
	return key, secret, err
}

func (h *Handle) insertKey(ctx context.Context, tx pgx.Tx, spec tenant.KeySpec) (tenant.Key, string, error) {
	hashKey, err := h.store.DerivedKey(ctx, credential.PurposeAPIKeys)
	if err != nil {
		return tenant.Key{}, "", err
	}
	id, secret := credential.Generate()
	rows, err := tx.Query(ctx, `INSERT INTO api_keys (tenant_id, id, name, role, hash, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6) RETURNING `+KeyColumns,
		h.id.UUID(), id, spec.Name, spec.Role, credential.Hash(hashKey, secret), spec.ExpiresAt)
	if err != nil {
		return tenant.Key{}, "", err
	}
	key, err := pgx.CollectExactlyOneRow(rows, ScanKey)
	return key, secret, err
}

// Keys lists the tenant's keys by id, revoked ones included.
func (h *Handle) Keys(ctx context.Context, page store.Page) (store.Listing[tenant.Key], error) {
	var keys []tenant.Key
	err := h.read(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT `+KeyColumns+` FROM api_keys WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
			h.id.UUID(), page.After, page.Limit+1).Query(func(rows pgx.Rows) (err error) {
			keys, err = pgx.CollectRows(rows, ScanKey)
			return err
		})
	})
	return listing(keys, page.Limit, func(k tenant.Key) string { return k.ID }), err
}

// RevokeKey ends a key at once, in every process. Revoking a revoked key changes nothing.
func (h *Handle) RevokeKey(ctx context.Context, id string) error {
	return h.write(ctx, func(tx pgx.Tx) error {
		_, err := h.revoke(ctx, tx, id)
		return err
	})
}

// revoke ends the key, tells all processes with the commit, and returns what the key was before.
func (h *Handle) revoke(ctx context.Context, tx pgx.Tx, id string) (tenant.Key, error) {
	rows, err := tx.Query(ctx, `SELECT `+KeyColumns+` FROM api_keys WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, h.id.UUID(), id)
	if err != nil {
		return tenant.Key{}, err
	}
	before, err := pgx.CollectExactlyOneRow(rows, ScanKey)
	if err != nil {
		return before, missing(err, "key %s does not exist", id)
	}
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL`, h.id.UUID(), id)
	batch.Queue(`SELECT pg_notify('lindero_keys', $1)`, id)
	return before, tx.SendBatch(ctx, batch).Close()
}

// RotateKey replaces a key by a new one of the same name, role and expiry and revokes it, in one transaction.
// A key that is revoked already is a fault.Conflict.
func (h *Handle) RotateKey(ctx context.Context, id string) (tenant.Key, string, error) {
	var key tenant.Key
	var secret string
	err := h.write(ctx, func(tx pgx.Tx) error {
		before, err := h.revoke(ctx, tx, id)
		if err != nil {
			return err
		}
		if before.RevokedAt != nil {
			return fault.New(fault.Conflict, "key %s is revoked; create a new one", id)
		}
		if before.ExpiresAt != nil && !before.ExpiresAt.After(time.Now()) {
			return fault.New(fault.Conflict, "key %s has expired; create a new one", id)
		}
		key, secret, err = h.insertKey(ctx, tx, tenant.KeySpec{Name: before.Name, Role: before.Role, ExpiresAt: before.ExpiresAt})
		return err
	})
	return key, secret, err
}

// KeysUsed writes when keys of the tenant were last used, by id. A later time that is known already stays, and a key
// that somebody is writing is left to them: it is never waited for.
func (h *Handle) KeysUsed(ctx context.Context, uses map[string]time.Time) error {
	ids, times := make([]string, 0, len(uses)), make([]time.Time, 0, len(uses))
	for id, at := range uses {
		ids, times = append(ids, id), append(times, at)
	}
	return h.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `WITH free AS (
				SELECT k.id, u.at FROM unnest($2::text[], $3::timestamptz[]) u (id, at) JOIN api_keys k ON k.id = u.id
				WHERE k.tenant_id = $1 AND (k.last_used_at IS NULL OR k.last_used_at < u.at)
				FOR NO KEY UPDATE OF k SKIP LOCKED)
			UPDATE api_keys k SET last_used_at = free.at FROM free WHERE k.tenant_id = $1 AND k.id = free.id`,
			h.id.UUID(), ids, times)
		return err
	})
}

// LookupKey finds a key by its public id, whoever it belongs to, for package auth. Nothing of the record is
// proven. An unknown id is fault.NotFound.
func (s *Store) LookupKey(ctx context.Context, id string) (credential.Record, error) {
	var r credential.Record
	err := s.pool.QueryRow(ctx, `SELECT tenant_id, slug, state, role, hash, expires_at, revoked_at FROM lookup_key($1)`, id).
		Scan(&r.TenantID, &r.Slug, &r.State, &r.Role, &r.Hash, &r.ExpiresAt, &r.RevokedAt)
	return r, translate(err)
}

// DerivedKey is the deployment's secret key for one purpose (credential.Purpose…), the same in every process.
func (s *Store) DerivedKey(ctx context.Context, purpose string) ([]byte, error) {
	if kept := s.secret.Load(); kept != nil {
		return credential.DeriveKey(*kept, s.operatorSecret, purpose), nil
	}
	var secret []byte
	if err := s.pool.QueryRow(ctx, `SELECT secret FROM server_secret`).Scan(&secret); err != nil {
		return nil, translate(err)
	}
	s.secret.Store(&secret)
	return credential.DeriveKey(secret, s.operatorSecret, purpose), nil
}
