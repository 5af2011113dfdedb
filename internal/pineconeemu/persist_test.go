package pineconeemu

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc/codes"
)

// restart closes an emulator and starts another on its directory.
func restart(t *testing.T, e *Emulator) (*Emulator, *pinecone.IndexConnection) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return reopen(t, e.cfg.Dir)
}

func reopen(t *testing.T, dir string) (*Emulator, *pinecone.IndexConnection) {
	t.Helper()
	e := start(t, Config{Dir: dir})
	client := connect(t, e)
	index, err := client.DescribeIndex(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return e, open(t, client, index.Host, "own")
}

func TestContentsSurviveRestarts(t *testing.T) {
	t.Parallel()
	e, conn := setUp(t, Config{Dir: t.TempDir()}, 2)
	upsert(t, conn, many(t, 20, 2, map[string]any{"kind": "many", "list": []any{"a", "b"}})...)
	set, err := pinecone.NewMetadata(map[string]any{"kind": "one"})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, conn.UpdateVector(t.Context(), &pinecone.UpdateVectorRequest{Id: "id-00003", Values: []float32{3, 4}, Metadata: set}), codes.OK)
	wantCode(t, conn.DeleteVectorsById(t.Context(), []string{"id-00000"}), codes.OK)
	for _, namespace := range []string{"dropped", "emptied", "again"} {
		upsert(t, conn.WithNamespace(namespace), many(t, 3, 2, nil)...)
	}
	wantCode(t, conn.DeleteNamespace(t.Context(), "dropped"), codes.OK)
	wantCode(t, conn.WithNamespace("emptied").DeleteAllVectorsInNamespace(t.Context()), codes.OK)
	wantCode(t, conn.DeleteNamespace(t.Context(), "again"), codes.OK)
	upsert(t, conn.WithNamespace("again"), record(t, "new", []float32{1, 0}, nil))
	if _, err := conn.CreateNamespace(t.Context(), &pinecone.CreateNamespaceParams{Name: "made"}); err != nil {
		t.Fatal(err)
	}
	e.SetVisibility(Visibility{Hold: true})
	upsert(t, conn, record(t, "held", []float32{1, 0}, nil))
	for range 2 { // the second reads what the first has read and perhaps rewritten
		namespaces, vectors := e.Namespaces("test"), e.Vectors("test", "own")
		e, conn = restart(t, e)
		if got := e.Namespaces("test"); !slices.Equal(got, namespaces) || !slices.Equal(got, []string{"again", "made", "own"}) {
			t.Errorf("namespaces %v, before %v", got, namespaces)
		}
		if diff := cmp.Diff(vectors, e.Vectors("test", "own")); diff != "" || len(vectors) != 20 {
			t.Errorf("%d records before, now:\n%s", len(vectors), diff)
		}
		if got := query(t, conn, []float32{3, 4}, 1); got[0].Vector.Id != "id-00003" || got[0].Score < 0.9999 {
			t.Errorf("found %v", got[0])
		}
	}
}

func TestKilledInTheMiddleOfAWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, conn := setUp(t, Config{Dir: dir}, 2)
	upsert(t, conn, record(t, "first", []float32{1, 0}, nil))
	journalPath := filepath.Join(dir, "test", journalFile)
	whole := fileSize(t, journalPath)
	upsert(t, conn, record(t, "second", []float32{1, 0}, nil))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(journalPath)
	if err != nil {
		t.Fatal(err)
	}
	for length := whole; length < len(content); length++ {
		killed := t.TempDir()
		if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(killed, "test", journalFile), content[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		e, conn := reopen(t, killed)
		if got := e.Vectors("test", "own"); len(got) != 1 || got[0].ID != "first" {
			t.Fatalf("cut to %d of %d bytes: %v", length, len(content), got)
		}
		upsert(t, conn, record(t, "third", []float32{1, 0}, nil))
		if e, _ = restart(t, e); len(e.Vectors("test", "own")) != 2 {
			t.Fatalf("cut to %d of %d bytes: writes after it are lost", length, len(content))
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func fileSize(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Size())
}

func TestJournalsDoNotGrowForEver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, conn := setUp(t, Config{Dir: dir}, 2)
	fields := map[string]any{"text": strings.Repeat("a", 10_000)}
	for range 4 {
		upsert(t, conn, many(t, 100, 2, fields)...)
	}
	upsert(t, conn.WithNamespace("gone"), many(t, 1, 2, nil)...)
	wantCode(t, conn.DeleteNamespace(t.Context(), "gone"), codes.OK)
	before := e.Vectors("test", "own")
	path := filepath.Join(dir, "test", journalFile)
	long := fileSize(t, path)
	e, conn = restart(t, e)
	if short := fileSize(t, path); short > long/3 {
		t.Errorf("%d bytes of %d are left for a quarter of the writes", short, long)
	}
	if got := numberOf(t, e, "gone"); got != 2 {
		t.Errorf("the dropped namespace's last number is %d, was 2", got)
	}
	upsert(t, conn, record(t, "after", []float32{1, 0}, nil))
	if got := numberOf(t, e, "own"); got != 5 {
		t.Errorf("the fifth write has the number %d", got)
	}
	e, _ = restart(t, e)
	after := e.Vectors("test", "own")
	if after[0].ID != "after" || len(after) != 101 {
		t.Fatalf("%d records, the first is %s", len(after), after[0].ID)
	}
	if diff := cmp.Diff(before, after[1:]); diff != "" {
		t.Error(diff)
	}
}

// numberOf is the log sequence number of a namespace's last write.
func numberOf(t *testing.T, e *Emulator, namespace string) uint64 {
	t.Helper()
	x, ok := e.index("test")
	if !ok {
		t.Fatal("no index")
	}
	return x.namespace(namespace).read(func(*table) {})
}

func TestDeletedIndexesStayDeleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, conn := setUp(t, Config{Dir: dir}, 2)
	upsert(t, conn, many(t, 3, 2, nil)...)
	client := connect(t, e)
	if err := client.DeleteIndex(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	// What a deletion that was interrupted after its first step leaves behind.
	if err := os.MkdirAll(filepath.Join(dir, "half"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "half", journalFile), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = start(t, Config{Dir: dir})
	if got := e.Indexes(); len(got) != 0 {
		t.Fatalf("indexes %v", got)
	}
	createIndex(t, connect(t, e), "half", 2)
	index := createIndex(t, connect(t, e), "test", 3)
	if got := e.Namespaces("test"); len(got) != 0 || *index.Dimension != 3 {
		t.Errorf("the new index has the old one's namespaces: %v", got)
	}
}

func TestDefinitionsSurviveRestarts(t *testing.T) {
	t.Parallel()
	e, _ := setUp(t, Config{Dir: t.TempDir()}, 5)
	if _, err := connect(t, e).ConfigureIndex(t.Context(), "test", pinecone.ConfigureIndexParams{
		DeletionProtection: pinecone.DeletionProtectionEnabled, Tags: pinecone.IndexTags{"a": "b"},
	}); err != nil {
		t.Fatal(err)
	}
	e, _ = restart(t, e)
	index, err := connect(t, e).DescribeIndex(t.Context(), "test")
	if err != nil || *index.Dimension != 5 || index.DeletionProtection != pinecone.DeletionProtectionEnabled || fmt.Sprint(*index.Tags) != "map[a:b]" {
		t.Errorf("%+v: %v", index, err)
	}
}

func TestIndexesKeepTheirPortsWhereTheyCan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, _ := setUp(t, Config{Dir: dir}, 2)
	host := hostOf(t, e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", strings.TrimPrefix(host, "http://"))
	if err != nil {
		t.Skipf("the port was taken by another test at once: %v", err)
	}
	e, _ = reopen(t, dir)
	if hostOf(t, e) == host {
		t.Error("the index serves on a port that is taken")
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	for range 20 { // ports are handed out at random, so another test may get it while the index is down
		before := hostOf(t, e)
		if e, _ = restart(t, e); hostOf(t, e) == before {
			return
		}
	}
	t.Error("the index came back on another port each time")
}

func hostOf(t *testing.T, e *Emulator) string {
	t.Helper()
	index, err := connect(t, e).DescribeIndex(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return index.Host
}
