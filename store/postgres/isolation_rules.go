package postgres

import (
	"maps"
	"slices"
)

// tablesWithoutTenant are all tables that need no policy, each with the reason. A table that is neither here
// nor protected stops the server.
var tablesWithoutTenant = map[string]string{
	"public.goose_db_version":  "number of the schema",
	"public.server_secret":     "one row for the deployment",
	"public.vector_slots":      "which slots are taken; nobody but definer functions may read it",
	"river.river_client":       "which workers live",
	"river.river_client_queue": "which workers live",
	"river.river_job":          "jobs of all tenants; arguments carry ids only",
	"river.river_leader":       "which worker leads",
	"river.river_migration":    "number of the queue's schema",
	"river.river_notification": "wake-ups of workers",
	"river.river_queue":        "names of queues",
}

// keyColumns are the columns that say whose a row is, where it is not tenant_id.
var keyColumns = map[string]string{"public.tenants": "id"}

// otherPolicies are all policies but tenant_isolation, as table.policy → the one role that it is for.
var otherPolicies = map[string]string{
	"public.tenants.platform":                      "lindero_platform", // operators see tenants, keys and receipts
	"public.api_keys.platform":                     "lindero_platform",
	"public.tenant_receipts.platform":              "lindero_platform",
	"public.collection_recall.recall_report":       "lindero_lookup", // figures of all tenants, by recall_report()
	"public.collections.placement_sweep":           "lindero_lookup", // ids and sizes of all tenants, by due_placements()
	"public.collection_placements.placement_sweep": "lindero_lookup",
	"public.lexical_segments.placement_sweep":      "lindero_lookup",
	"public.lexical_deleted.merge_sweep":           "lindero_lookup", // how many of each collection, by due_merges()
	"public.tenants.key_lookup":                    "lindero_lookup", // before a tenant is known
	"public.api_keys.key_lookup":                   "lindero_lookup",
}

// definerFunctions are all functions that run with their owner's rights and that the role may call.
var definerFunctions = map[string]string{
	"lookup_key(text)":                               "finds a key before a tenant is known; the caller proves the secret",
	"finish_tenant_deletion(jsonb)":                  "acts on the bound tenant only, and only while it is being deleted",
	"claim_slot(uuid,integer)":                       "makes an empty slot and gives it to a collection of the bound tenant",
	"build_slot_index(integer,uuid,integer)":         "builds the index of a slot that a collection of the bound tenant holds",
	"release_slot(integer,uuid)":                     "empties a slot that a collection of the bound tenant holds and does not use",
	"slots_held(uuid)":                               "numbers of the slots that a collection of the bound tenant holds",
	"due_placements(bigint,double precision,bigint)": "ids of collections, of all tenants, whose placement somebody should look at",
	"due_merges(bigint,bigint)":                      "ids of collections, of all tenants, whose lexical segments somebody should look at",
	"nearly_empty(text,bigint)":                      "tells how full a table is, all tenants' rows together",
	"rewrite_table(text,bigint)":                     "writes a nearly empty table anew, whose contents stay what they are",
	"lookup_tenant(text)":                            "gives the id of a slug, for workers that an operator dedicates to a tenant",
}

func tableNames(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func mapValues(m map[string]string) []string {
	values := make([]string, 0, len(m))
	for _, key := range tableNames(m) {
		values = append(values, m[key])
	}
	return values
}

// isolationRule is a query that returns one line of text for everything that breaks it.
type isolationRule struct {
	name, holds, sql string
	args             []any
}

// mine are the roles that the connection is or can become.
const mine = `mine AS (SELECT oid, rolname FROM pg_roles
	WHERE pg_has_role(session_user, oid, 'MEMBER') OR pg_has_role(current_user, oid, 'MEMBER'))`

// relations are those that are not PostgreSQL's own, an extension's or temporary.
const relations = `relations AS (
	SELECT c.oid, c.relkind, c.relowner, c.relispartition, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
		n.nspname || '.' || c.relname AS name
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))`

// protected are the tables that must be behind a policy: all with a tenant_id and all not on the list ($1).
const protected = `protected AS (
	SELECT r.* FROM relations r WHERE r.relkind IN ('r', 'p', 'f')
		AND (r.name <> ALL ($1::text[]) OR EXISTS (SELECT FROM pg_attribute a
			WHERE a.attrelid = r.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)))`

// policyText is how PostgreSQL prints the one permitted condition, without brackets, blanks and casts to text,
// which differ between versions. Anything else, such as "… OR true", differs.
const policyText = `=SELECTNULLIFcurrent_setting'app.tenant_id',true,''::uuid`

func normalised(expression string) string {
	return `regexp_replace(regexp_replace(coalesce(pg_get_expr(` + expression + `, p.polrelid), ''), ' AS "?nullif"?', '', 'gi'), '[()\s]|::text', '', 'g')`
}

var probedTables = `WITH ` + relations + `, ` + protected + `
	SELECT oid::regclass::text FROM protected WHERE has_table_privilege(current_user, oid, 'SELECT') ORDER BY 1`

var isolationRules = []isolationRule{
	{
		name: "role", holds: "neither superuser nor BYPASSRLS nor CREATEROLE, and cannot become such a role",
		sql: `WITH ` + mine + `
			SELECT m.rolname || ' is ' || concat_ws(', ', CASE WHEN r.rolsuper THEN 'superuser' END,
				CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END)
			FROM mine m JOIN pg_roles r ON r.oid = m.oid WHERE r.rolsuper OR r.rolbypassrls OR r.rolcreaterole
			UNION ALL
			SELECT 'can act as ' || rolname FROM mine
			WHERE rolname IN ('lindero_owner', 'lindero_platform', 'lindero_lookup', 'lindero_backup',
				'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
			ORDER BY 1`,
	},
	{
		name: "ownership", holds: "owns no table and may create none beside them",
		sql: `WITH ` + mine + `, ` + relations + `
			SELECT 'owns ' || name FROM relations WHERE relowner IN (SELECT oid FROM mine)
			UNION ALL
			SELECT 'may create in schema ' || nspname FROM pg_namespace
			WHERE nspname IN ('public', 'river') AND has_schema_privilege(current_user, oid, 'CREATE')
			ORDER BY 1`,
	},
	{
		name: "row_level_security", holds: "enabled and forced on every table that holds tenants' rows",
		sql: `WITH ` + relations + `, ` + protected + `
			SELECT name || CASE WHEN relkind = 'f' THEN ' is a foreign table, which cannot have it'
				WHEN relrowsecurity THEN ' does not force it' ELSE ' has not enabled it' END
			FROM protected WHERE NOT (relrowsecurity AND relforcerowsecurity) ORDER BY 1`,
		args: []any{tableNames(tablesWithoutTenant)},
	},
	{
		name: "tenant_policy", holds: "every such table has the tenant's policy for reads and writes",
		sql: `WITH ` + relations + `, ` + protected + `
			SELECT t.name || ' has no policy that binds reads and writes to the tenant' FROM protected t
			WHERE NOT EXISTS (SELECT FROM pg_policy p
				LEFT JOIN unnest($2::text[], $3::text[]) k (name, key_column) ON k.name = t.name
				WHERE p.polrelid = t.oid AND p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}'
					AND ` + normalised("p.polqual") + ` = coalesce(k.key_column, 'tenant_id') || $4
					AND ` + normalised("p.polwithcheck") + ` = coalesce(k.key_column, 'tenant_id') || $4)
			ORDER BY 1`,
		args: []any{tableNames(tablesWithoutTenant), tableNames(keyColumns), mapValues(keyColumns), policyText},
	},
	{
		// Permissive policies are joined by OR: a second one opens what the first one closes.
		name: "other_policies", holds: "no other policy widens the tenant's",
		sql: `WITH ` + relations + `, ` + protected + `
			SELECT t.name || ' has the policy ' || p.polname FROM protected t JOIN pg_policy p ON p.polrelid = t.oid
			WHERE p.polpermissive AND NOT EXISTS (SELECT FROM unnest($2::text[], $3::text[]) e (policy, role)
					WHERE e.policy = t.name || '.' || p.polname
						AND p.polroles = ARRAY(SELECT r.oid FROM pg_roles r WHERE r.rolname = e.role))
				AND NOT (p.polname = 'tenant_isolation' AND EXISTS (
					SELECT FROM unnest(ARRAY['tenant_id', 'id']) key_column
					WHERE ` + normalised("p.polqual") + ` = key_column || $4 AND ` + normalised("p.polwithcheck") + ` = key_column || $4))
			ORDER BY 1`,
		args: []any{tableNames(tablesWithoutTenant), tableNames(otherPolicies), mapValues(otherPolicies), policyText},
	},
	{
		// Searches read the leaves of the vectors by name, each behind its own policy; whatever else is done with a
		// partition goes through its parent. TRUNCATE passes by every policy; foreign keys and triggers of the role's
		// own would look behind them.
		name: "grants", holds: "no partition is written directly, none but vectors' read, and no table can be truncated",
		sql: `WITH ` + relations + `, ` + protected + `
			SELECT name || ' is a partition with grants of its own' FROM protected
			WHERE relispartition AND (has_table_privilege(current_user, oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
				OR has_any_column_privilege(current_user, oid, 'INSERT, UPDATE, REFERENCES')
				OR name !~ '^public[.]chunk_vectors_[0-9]+$' AND has_any_column_privilege(current_user, oid, 'SELECT'))
			UNION ALL
			SELECT name || ' grants TRUNCATE, REFERENCES or TRIGGER' FROM protected
			WHERE NOT relispartition AND has_table_privilege(current_user, oid, 'TRUNCATE, REFERENCES, TRIGGER')
			ORDER BY 1`,
		args: []any{tableNames(tablesWithoutTenant)},
	},
	{
		name: "views", holds: "no view reads with its owner's rights",
		sql: `WITH ` + relations + `
			SELECT name || CASE relkind WHEN 'm' THEN ' is a materialised view, which no policy binds' ELSE ' is a view without security_invoker' END
			FROM relations
			WHERE (relkind = 'm' OR relkind = 'v' AND NOT coalesce(reloptions && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1'], false))
				AND (has_table_privilege(current_user, oid, 'SELECT, INSERT, UPDATE, DELETE') OR has_any_column_privilege(current_user, oid, 'SELECT'))
			ORDER BY 1`,
	},
	{
		name: "functions", holds: "only the known functions run with their owner's rights, with a pinned search_path",
		sql: `SELECT f.oid::regprocedure::text || CASE
				WHEN f.oid::regprocedure::text <> ALL ($1::text[]) THEN ' runs with its owner''s rights'
				WHEN o.rolsuper OR o.rolbypassrls THEN ' belongs to ' || o.rolname || ', whom no policy binds'
				ELSE ' has no pinned search_path' END
			FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace JOIN pg_roles o ON o.oid = f.proowner
			WHERE f.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
				AND has_function_privilege(current_user, f.oid, 'EXECUTE')
				AND NOT (f.oid::regprocedure::text = ANY ($1::text[]) AND NOT o.rolsuper AND NOT o.rolbypassrls
					AND 'search_path=pg_catalog, public, pg_temp' = ANY (coalesce(f.proconfig, '{}')))
			ORDER BY 1`,
		args: []any{tableNames(definerFunctions)},
	},
}
