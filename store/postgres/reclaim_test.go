package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/internal/pgtest"
	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/postgres"
)

// bulky are documents whose rows fill a table soon.
func bulky(from, to int) []store.NewDocument {
	docs := make([]store.NewDocument, 0, to-from)
	for i := from; i < to; i++ {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		words := make([]string, 150)
		for j := range words {
			words[j] = fmt.Sprintf("word%04d", random.IntN(5000))
		}
		docs = append(docs, storefixture.Split(fmt.Sprint("d", i), strings.Join(words, " "), storefixture.Dimensions))
	}
	return docs
}

// contentSize is what the tables with tenants' rows take, in bytes, and in words the large ones. The queue is left out: it
// was emptied by the work, not by the deletion, and its space is vacuum's.
func contentSize(tb testing.TB, ownerURL string) (size int64, tables string) {
	tb.Helper()
	queryRow(tb, ownerURL, `SELECT sum(size)::bigint, string_agg(format('%s %s', relname, pg_size_pretty(size)), ', ' ORDER BY size DESC) FILTER (WHERE size > 40960)
		FROM (SELECT c.relname, pg_total_relation_size(c.oid) AS size FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
			WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'work_items') tables`, &size, &tables)
	return size, tables
}

// TestDeletionsGiveSpaceBack has a collection and a tenant deleted beside a neighbour in the same tables.
func TestDeletionsGiveSpaceBack(t *testing.T) {
	t.Parallel()
	for name, purge := range map[string]func(e *env) error{
		"collection": func(e *env) error {
			e.Exec(e, e.Tenant.ID, `UPDATE collections SET deleted_at = now()`)
			return e.Handle.PurgeCollection(e.ctx, e.Collection.ID)
		},
		"tenant": func(e *env) error {
			asOwner(e, e.OwnerURL, `UPDATE tenants SET state = 'deleting' WHERE id = '`+e.ID.String()+`'`)
			return e.Handle.PurgeTenant(e.ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			neighbour := &env{TB: t, Fixture: e.Fixture, Tenant: e.Fixture.Tenant(t, storefixture.External), ctx: e.ctx}
			neighbour.accept(bulky(0, 20)...)
			neighbour.index()
			question := search.Request{Query: "word0001 word0002 word0003", Vector: storefixture.Vector("q", storefixture.Dimensions)}
			before := idsOf(neighbour.search(newService(neighbour), question))
			empty, _ := contentSize(t, e.OwnerURL)
			for from := 0; from < 2000; from += 1000 {
				e.accept(bulky(from, from+1000)...)
				e.index()
			}
			loaded, _ := contentSize(t, e.OwnerURL)
			if err := purge(e); err != nil {
				t.Fatal(err)
			}
			if left, tables := contentSize(t, e.OwnerURL); (left-empty)*20 > loaded-empty {
				t.Errorf("of %d kB the deletion left %d: %s", (loaded-empty)/1024, (left-empty)/1024, tables)
			}
			neighbour.checkConsistent()
			if after := idsOf(neighbour.search(newService(neighbour), question)); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("the neighbour finds %v, before %v", after, before)
			}
		})
	}
}

// TestRewritingGivesWay rewrites a table that somebody is reading, and afterwards.
func TestRewritingGivesWay(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.accept(bulky(0, 1000)...)
	e.index()
	asOwner(t, e.OwnerURL, `DELETE FROM chunks; ANALYZE chunks`)
	reader, err := e.Fixture.Store.Pool().Begin(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Rollback(e.ctx) }()
	if _, err := reader.Exec(e.ctx, `SELECT count(*) FROM chunks`); err != nil {
		t.Fatal(err)
	}
	removed, before := postgres.Removals{"chunks": 1000}, fileOf(e)
	busy, err := postgres.Rewrite(e.Handle, e.ctx, []string{"chunks"}, removed)
	if err != nil || len(busy) != 1 {
		t.Fatalf("while it is read: %v, %v", busy, err)
	}
	if err := reader.Rollback(e.ctx); err != nil {
		t.Fatal(err)
	}
	// Vacuum may have come to the table, and a slow machine may not be done in time: a purge tries again too.
	for deadline := time.Now().Add(time.Minute); len(busy) > 0; {
		if busy, err = postgres.Rewrite(e.Handle, e.ctx, busy, removed); err != nil || time.Now().After(deadline) {
			t.Fatalf("when nobody reads it: %v, %v", busy, err)
		}
	}
	if fileOf(e) == before {
		t.Error("the table was not written anew")
	}
}

// checkGivenBack looks at the size of the table of deleted chunks, which was emptied.
func (e *env) checkGivenBack() {
	e.Helper()
	var size int64
	if queryRow(e, e.OwnerURL, `SELECT pg_total_relation_size('lexical_deleted')`, &size); size > 64<<10 {
		e.Errorf("%d bytes are left of the emptied table", size)
	}
}

// fileOf is the file of the table of chunks.
func fileOf(e *env) (file uint32) {
	e.Helper()
	queryRow(e, e.OwnerURL, `SELECT pg_relation_filenode('chunks')`, &file)
	return file
}

// TestCountsThatLagAreWaitedFor empties a table in a session that tells of it ten seconds later: it told of the rows added
// right before, less than a second ago. Where that took longer, it is done again.
func TestCountsThatLagAreWaitedFor(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	session, err := pgx.Connect(e.ctx, e.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close(e.ctx) }()
	few := true
	for tries := 1; few; tries++ {
		for _, statement := range []string{
			`INSERT INTO lexical_deleted (tenant_id, collection_id, ordinal, tokens) SELECT '` + e.ID.String() + `', gen_random_uuid(), n, 1 FROM generate_series(1, 25000) n`,
			`SELECT pg_stat_force_next_flush()`,
			`DELETE FROM lexical_deleted`,
		} {
			if _, err := session.Exec(e.ctx, statement); err != nil {
				t.Fatal(err)
			}
		}
		if e.Query(t, e.ID, `SELECT nearly_empty('lexical_deleted', 2500)`, &few); few && tries == 30 {
			t.Fatal("the counts do not lag: the test shows nothing")
		}
	}
	removed := postgres.Removals{"lexical_deleted": 10_000}
	if err := postgres.Reclaim(e.Handle, e.ctx, removed); err != nil {
		t.Fatal(err)
	}
	e.checkGivenBack()
}

// TestReclaimingWaitsForWriters has somebody write for twelve seconds in another database of the same server, which keeps
// removed rows alive in all of them.
func TestReclaimingWaitsForWriters(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	asOwner(t, e.OwnerURL, `INSERT INTO lexical_deleted (tenant_id, collection_id, ordinal, tokens) SELECT '`+e.ID.String()+`', gen_random_uuid(), n, 1 FROM generate_series(1, 10000) n`)
	writer, err := pgx.Connect(e.ctx, pgtest.NewEmpty(t).OwnerURL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Exec(e.ctx, `BEGIN; SELECT pg_current_xact_id()`); err != nil {
		t.Fatal(err)
	}
	asOwner(t, e.OwnerURL, `DELETE FROM lexical_deleted`)
	gone := make(chan error, 1)
	time.AfterFunc(12*time.Second, func() { gone <- writer.Close(e.ctx) })
	if err := postgres.Reclaim(e.Handle, e.ctx, postgres.Removals{"lexical_deleted": 10_000}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-gone:
		if err != nil {
			t.Error(err)
		}
	default:
		t.Error("nobody waited")
	}
	e.checkGivenBack()
}

// TestOnlyEmptiedTablesAreRewritten calls the owner's functions for tables with rows in them, and for others.
func TestOnlyEmptiedTablesAreRewritten(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.accept(bulky(0, 1000)...)
	e.index()
	before := fileOf(e)
	var few bool
	e.Query(t, e.ID, `SELECT nearly_empty('chunks', 900)`, &few)
	if err := e.TryExec(e.ID, `SELECT rewrite_table('chunks', 900)`); few || err != nil || fileOf(e) != before {
		t.Errorf("a table with 1000 rows: nearly empty %t, error %v, rewritten %t", few, err, fileOf(e) != before)
	}
	for _, table := range []string{"api_keys", "tenants", "chunk_vectors", "pg_class", "chunks; DROP TABLE chunks", "nothing"} {
		for _, call := range []string{`SELECT nearly_empty($$` + table + `$$, 1000000)`, `SELECT rewrite_table($$` + table + `$$, 1000000)`} {
			if err := e.TryExec(e.ID, call); err == nil {
				t.Errorf("%s was allowed", call)
			}
		}
	}
	if err := e.TryExec(e.ID, `SELECT content_table('chunks')`); err == nil {
		t.Error("the role may call what is for the functions alone")
	}
}
