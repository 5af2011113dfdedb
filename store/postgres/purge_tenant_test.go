package postgres_test

import (
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/internal/pgtest"
	"lindero/internal/storefixture"
	"lindero/store/postgres"
	"lindero/tenant"
)

// exempt from the purge's list: finish_tenant_deletion removes the keys, and a receipt outlives its tenant.
var notPurged = []string{"api_keys", "tenant_receipts"}

func TestTenantTablesAreAllOfTheCatalogue(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var tables []string
	queryRow(t, db.OwnerURL(), `SELECT array_agg(c.relname::text ORDER BY c.relname) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace`, &tables)
	want := slices.Sorted(slices.Values(slices.Concat(postgres.TenantTables, notPurged)))
	if !slices.Equal(tables, want) {
		t.Errorf("the database has %v\nthe purge knows %v", tables, want)
	}
}

// keysNotLeadingWithTenant are the unique indexes that do not lead with tenant_id, which would let one tenant
// infer another's rows from a conflict, each with its reason.
var keysNotLeadingWithTenant = map[string]string{
	"tenants_pkey":          "the tenant itself",
	"tenants_slug":          "operators see all slugs",
	"api_keys_id":           "random, looked up before a tenant is known",
	"goose_db_version_pkey": "no tenant's",
	"server_secret_pkey":    "no tenant's",
	"vector_slots_pkey":     "no tenant's: a free slot has none",
	"chunk_vectors_pkey":    "the slot is the partition key; tenant_id is next",
}

func TestUniqueKeysLeadWithTheTenant(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var indexes []string
	queryRow(t, db.OwnerURL(), `SELECT array_agg(i.indexrelid::regclass::text) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
		LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND a.attname IS DISTINCT FROM 'tenant_id'`, &indexes)
	for _, index := range indexes {
		if keysNotLeadingWithTenant[index] == "" {
			t.Errorf("%s does not lead with tenant_id", index)
		}
	}
	var foreign []string
	queryRow(t, db.OwnerURL(), `SELECT coalesce(array_agg(k.conname::text), '{}') FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
		WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND a.attname <> 'tenant_id'`, &foreign)
	if len(foreign) > 0 {
		t.Errorf("foreign keys that do not lead with tenant_id: %v", foreign)
	}
}

func queryRow(tb testing.TB, ownerURL, sql string, into ...any) {
	tb.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := conn.QueryRow(ctx, sql).Scan(into...); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

func TestPurgeTenant(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	other := &env{TB: t, Fixture: e.Fixture, Tenant: e.Fixture.Tenant(t, storefixture.External), ctx: e.ctx}
	for _, one := range []*env{e, other} {
		one.hook("https://example.com")
		one.put("a", "one text")
		one.put("b", "another text")
		one.index()
		one.put("c", "still waiting")
		if _, _, err := one.Handle.CreateKey(e.ctx, tenant.KeySpec{Name: "k", Role: tenant.Reader}); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Handle.PurgeTenant(e.ctx); !fault.Is(err, fault.Conflict) {
		t.Fatalf("purged a tenant that nobody deletes: %v", err)
	}
	asOwner(t, e.OwnerURL, `UPDATE tenants SET state = 'deleting' WHERE id = '`+e.ID.String()+`'`)
	for range 2 { // again, after it is gone
		if err := e.Handle.PurgeTenant(e.ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range slices.Concat(postgres.TenantTables, []string{"api_keys"}) {
		var mine, others int
		queryRow(t, e.OwnerURL, `SELECT count(*) FILTER (WHERE tenant_id = '`+e.ID.String()+`'), count(*) FILTER (WHERE tenant_id <> '`+e.ID.String()+`') FROM `+table, &mine, &others)
		if mine > 0 {
			t.Errorf("%d rows are left in %s", mine, table)
		}
		if table == "documents" && others != 3 {
			t.Errorf("the other tenant has %d documents", others)
		}
	}
	var removed map[string]int64
	var verified bool
	queryRow(t, e.OwnerURL, `SELECT removed, verified FROM tenant_receipts WHERE tenant_id = '`+e.ID.String()+`'`, &removed, &verified)
	if !verified || removed["documents"] != 3 || removed["chunk_vectors"] != 2 || removed["collections"] != 1 || removed["api_keys"] != 1 || removed["work_items"] != 1 ||
		removed["webhooks"] != 1 || removed["webhook_deliveries"] != 2 {
		t.Errorf("receipt %v, verified %v", removed, verified)
	}
	var jobs int
	queryRow(t, e.OwnerURL, `SELECT count(*) FROM river.river_job WHERE args->>'tenant_id' = '`+e.ID.String()+`'`, &jobs)
	if jobs > 0 {
		t.Errorf("%d jobs are left", jobs)
	}
}
