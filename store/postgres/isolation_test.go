package postgres_test

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/fault"
	"lindero/internal/pgtest"
	"lindero/store/postgres"
)

func openStore(tb testing.TB, url string) *postgres.Store {
	tb.Helper()
	s, err := postgres.Open(context.Background(), postgres.Config{URL: url, MaxConns: 2})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

func asOwner(tb testing.TB, ownerURL, sql string) {
	tb.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

func brokenChecks(tb testing.TB, s *postgres.Store) (names []string, details string) {
	tb.Helper()
	report, err := s.CheckIsolation(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	for _, c := range report.Checks {
		if !c.OK {
			names = append(names, c.Name)
			details += c.Name + ": " + c.Detail + "\n"
		}
	}
	if (report.Err() != nil) != (len(names) > 0) {
		tb.Errorf("the verdict is %v with these broken: %v", report.Err(), names)
	}
	return names, details
}

func TestIsolationHolds(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := openStore(t, db.AppURL())
	if _, details := brokenChecks(t, s); details != "" {
		t.Errorf("a fresh database: %s", details)
	}
	report, err := s.CheckIsolation(t.Context())
	if err != nil || report.Role != "lindero_app" || report.PgVector == "" || len(report.Checks) < 9 {
		t.Errorf("report %+v, %v", report, err)
	}
}

// TestIsolationCheckNotices breaks wall 2 in every way that the check knows, on a real database.
func TestIsolationCheckNotices(t *testing.T) {
	t.Parallel()
	const tenantRow = `INSERT INTO tenants (slug, name, plan, state) VALUES ('acme', 'Acme', 'business', 'active'); `
	for name, c := range map[string]struct{ sql, check, detail string }{
		"policy dropped":              {`DROP POLICY tenant_isolation ON documents`, "tenant_policy", "public.documents"},
		"policy without check":        {`DROP POLICY tenant_isolation ON chunks; CREATE POLICY tenant_isolation ON chunks USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (true)`, "tenant_policy", "public.chunks"},
		"policy for reads only":       {`DROP POLICY tenant_isolation ON chunks; CREATE POLICY tenant_isolation ON chunks FOR SELECT USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))`, "tenant_policy", "public.chunks"},
		"policy that mentions only":   {`DROP POLICY tenant_isolation ON chunks; CREATE POLICY tenant_isolation ON chunks USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid) OR true) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))`, "other_policies", "public.chunks"},
		"policy on the wrong column":  {`DROP POLICY tenant_isolation ON chunks; CREATE POLICY tenant_isolation ON chunks USING (document_key = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (document_key = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))`, "tenant_policy", "public.chunks"},
		"security disabled":           {`ALTER TABLE documents DISABLE ROW LEVEL SECURITY`, "row_level_security", "public.documents has not enabled"},
		"not forced":                  {`ALTER TABLE chunks NO FORCE ROW LEVEL SECURITY`, "row_level_security", "public.chunks does not force"},
		"leaf without security":       {`ALTER TABLE chunk_vectors_7 DISABLE ROW LEVEL SECURITY`, "row_level_security", "public.chunk_vectors_7"},
		"new table with tenant_id":    {`CREATE TABLE notes (tenant_id uuid, text text); GRANT SELECT ON notes TO lindero_app`, "row_level_security", "public.notes"},
		"new table without tenant_id": {`CREATE TABLE notes (text text)`, "row_level_security", "public.notes"},
		"tenant_id in another schema": {`CREATE SCHEMA extra; CREATE TABLE extra.notes (tenant_id uuid)`, "row_level_security", "extra.notes"},
		"tenant_id in the queue":      {`ALTER TABLE river.river_queue ADD tenant_id uuid`, "row_level_security", "river.river_queue"},
		"second policy for all":       {`CREATE POLICY anyone ON documents USING (true)`, "other_policies", "policy anyone"},
		"second policy for the role":  {`CREATE POLICY anyone ON chunks FOR SELECT TO lindero_app USING (true)`, "other_policies", "policy anyone"},
		"platform reads documents":    {`CREATE POLICY platform ON documents TO lindero_platform USING (true)`, "other_policies", "public.documents has the policy platform"},
		"platform policy for all":     {`ALTER POLICY platform ON api_keys TO PUBLIC`, "other_policies", "public.api_keys"},
		"leaf without policy":         {`DROP POLICY tenant_isolation ON chunk_vectors_7`, "tenant_policy", "public.chunk_vectors_7"},
		"writes to a leaf":            {`GRANT DELETE ON chunk_vectors_3 TO lindero_app`, "grants", "public.chunk_vectors_3"},
		"writes to a leaf's column":   {`GRANT UPDATE (embedding) ON chunk_vectors_3 TO PUBLIC`, "grants", "public.chunk_vectors_3"},
		"reads of another leaf":       {`CREATE TABLE notes (tenant_id uuid) PARTITION BY HASH (tenant_id); CREATE TABLE notes_0 PARTITION OF notes FOR VALUES WITH (MODULUS 1, REMAINDER 0); GRANT SELECT (tenant_id) ON notes_0 TO lindero_app`, "grants", "public.notes_0"},
		"truncate":                    {`GRANT TRUNCATE ON documents TO lindero_app`, "grants", "public.documents"},
		"view of the owner's":         {`CREATE VIEW all_documents AS SELECT * FROM documents; GRANT SELECT ON all_documents TO lindero_app`, "views", "public.all_documents"},
		"materialised view":           {`CREATE MATERIALIZED VIEW all_documents AS SELECT * FROM documents; GRANT SELECT ON all_documents TO lindero_app`, "views", "public.all_documents"},
		"definer function":            {`CREATE FUNCTION everything() RETURNS SETOF documents LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM documents'; GRANT USAGE ON SCHEMA public TO PUBLIC`, "functions", "everything()"},
		"search_path not pinned":      {`ALTER FUNCTION lookup_key(text) RESET search_path`, "functions", "lookup_key(text) has no pinned"},
		"function of a superuser":     {`ALTER FUNCTION lookup_key(text) OWNER TO postgres`, "functions", "belongs to postgres"},
		"may create beside":           {`GRANT CREATE ON SCHEMA public TO lindero_app`, "ownership", "schema public"},
		"rows without a tenant":       {tenantRow + `ALTER TABLE tenants DISABLE ROW LEVEL SECURITY`, "probe", "tenants returns rows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			s := openStore(t, db.AppURL())
			asOwner(t, db.OwnerURL(), c.sql)
			names, details := brokenChecks(t, s)
			if !slices.Contains(names, c.check) || !strings.Contains(details, c.detail) {
				t.Errorf("want %s to name %q, got %s", c.check, c.detail, details)
			}
		})
	}
}

// TestIsolationCheckNoticesRoles uses roles of its own, since roles belong to the whole cluster.
func TestIsolationCheckNoticesRoles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ setup, check, detail string }{
		"plain member": {``, "", ""},
		"superuser":    {`ALTER ROLE %login SUPERUSER`, "role", "superuser"},
		"bypass":       {`ALTER ROLE %login BYPASSRLS`, "role", "BYPASSRLS"},
		"create role":  {`ALTER ROLE %login CREATEROLE`, "role", "CREATEROLE"},
		"can become one that bypasses": {
			`CREATE ROLE %other BYPASSRLS; GRANT %other TO %login`, "role", "_other is BYPASSRLS",
		},
		"can become the platform": {`GRANT lindero_platform TO %login`, "role", "can act as lindero_platform"},
		"can become the owner":    {`GRANT lindero_owner TO %login`, "ownership", "owns public.documents"},
		"bound by default":        {`ALTER ROLE %login SET app.tenant_id = '00000000-0000-0000-0000-000000000001'`, "probe", "start bound"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			role := "t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
			names := strings.NewReplacer("%login", role+"_login", "%other", role+"_other")
			t.Cleanup(func() { asOwner(t, db.OwnerURL(), names.Replace(`DROP ROLE IF EXISTS %login, %other`)) })
			asOwner(t, db.OwnerURL(), names.Replace(`CREATE ROLE %login LOGIN IN ROLE lindero_app; `+c.setup))
			got, details := brokenChecks(t, openStore(t, withUser(t, db.AppURL(), role+"_login")))
			if c.check == "" && len(got) > 0 || c.check != "" && (!slices.Contains(got, c.check) || !strings.Contains(details, c.detail)) {
				t.Errorf("want %q to name %q, got %s", c.check, c.detail, details)
			}
		})
	}
}

func withUser(tb testing.TB, base, user string) string {
	tb.Helper()
	u, err := url.Parse(base)
	if err != nil {
		tb.Fatal(err)
	}
	u.User = url.User(user)
	return u.String()
}

func TestIsolationGuard(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	guard := postgres.NewIsolationGuard(openStore(t, db.AppURL()), slog.New(slog.DiscardHandler))
	if !fault.Is(guard.Verified(), fault.Unavailable) {
		t.Errorf("before the first check: %v", guard.Verified())
	}
	if err := guard.Check(t.Context()); err != nil || guard.Verified() != nil {
		t.Errorf("a sound database: %v, %v", err, guard.Verified())
	}
	asOwner(t, db.OwnerURL(), `ALTER TABLE documents NO FORCE ROW LEVEL SECURITY`)
	if err := guard.Check(t.Context()); err == nil || !fault.Is(guard.Verified(), fault.Unavailable) {
		t.Errorf("after FORCE was removed: %v, %v", err, guard.Verified())
	}
	asOwner(t, db.OwnerURL(), `ALTER TABLE documents FORCE ROW LEVEL SECURITY`)
	if err := guard.Check(t.Context()); err != nil || guard.Verified() != nil {
		t.Errorf("after the repair: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := guard.Check(cancelled); err == nil || guard.Verified() != nil {
		t.Errorf("a check that could not look: %v, verdict %v", err, guard.Verified())
	}
}
