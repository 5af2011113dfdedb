package systemtest

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lindero/internal/evaldata"
	"lindero/internal/pineconeemu"
	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/search/eval"
	"lindero/store"
	"lindero/store/pinecone"
)

// pineconeBeside is an emulator beside the system, and the tenants moved to it.
type pineconeBeside struct {
	*System
	backend *pinecone.Backend
}

func besidePinecone(t testing.TB, s *System) *pineconeBeside {
	t.Helper()
	emulator, err := pineconeemu.Start(pineconeemu.Config{APIKey: "test", RateLimit: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = emulator.Close() })
	backend, err := pinecone.New(pinecone.Config{APIKey: "test", Host: emulator.ControlURL(), RequestsPerSecond: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = backend.Close() })
	return &pineconeBeside{System: s, backend: backend}
}

// move puts a tenant on Pinecone and waits until the namespace holds all of it.
func (p *pineconeBeside) move(t testing.TB, tenant storefixture.Tenant) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, `UPDATE tenants SET vectors = 'pinecone' WHERE id = $1`, tenant.ID.UUID()); err != nil {
		t.Fatal(err)
	}
	settled, err := p.backend.Sync(ctx, tenant.ID, tenant.Handle, time.Now().Add(time.Minute))
	if err != nil || !settled {
		t.Fatalf("the namespace is not up to date: %v, %v", settled, err)
	}
	// A search scans what has only just become visible: the comparison is to be about Pinecone's answer alone.
	if _, err := conn.Exec(ctx, `UPDATE vector_outbox SET visible_at = visible_at - interval '1 minute' WHERE tenant_id = $1`, tenant.ID.UUID()); err != nil {
		t.Fatal(err)
	}
}

// both answers a request from the record alone and through Pinecone.
func (p *pineconeBeside) both(t *testing.T, tenant storefixture.Tenant, request search.Request) (exact, proposed []search.Result) {
	t.Helper()
	for _, c := range []struct {
		index search.Index
		exact bool
		into  *[]search.Result
	}{{tenant.Handle, true, &exact}, {p.backend.ForTenant(tenant.ID, tenant.Handle), false, &proposed}} {
		request.Exact = c.exact
		response, err := p.Search.Search(t.Context(), c.index, tenant.ID, request)
		if err != nil || len(response.Warnings) > 0 {
			t.Fatalf("%v, %+v", err, response.Warnings)
		}
		*c.into = response.Results
	}
	return exact, proposed
}

// sameHits counts the hits that both have, and reports whether scores agree.
func sameHits(a, b []search.Result) (same int, scores bool) {
	byChunk := map[string]float64{}
	for _, hit := range a {
		byChunk[hit.ChunkID] = hit.Score
	}
	scores = true
	for _, hit := range b {
		if score, ok := byChunk[hit.ChunkID]; ok {
			same++
			scores = scores && math.Abs(score-hit.Score) < 1e-9
		}
	}
	return same, scores
}

// TestPineconeAgreesOnQuality: a hybrid search finds the same through Pinecone as through pgvector's exact scan.
func TestPineconeAgreesOnQuality(t *testing.T) {
	c := evaldata.Collection(t, "scifact")
	p := besidePinecone(t, New(t))
	tenant := p.Tenant(t, Builtin)
	p.Load(t, tenant, c.Documents)
	p.move(t, tenant)
	var ndcg [2][]float64
	same, all := 0, 0
	for _, q := range c.Queries {
		exact, proposed := p.both(t, tenant, search.Request{Query: q.Text, Include: []string{}})
		n, scores := sameHits(exact, proposed)
		if !scores {
			t.Errorf("query %q: the scores differ", q.Text)
		}
		same, all = same+n, all+len(exact)
		for i, results := range [][]search.Result{exact, proposed} {
			var ids []string
			for _, r := range results {
				ids = append(ids, r.DocumentID)
			}
			ndcg[i] = append(ndcg[i], eval.NDCG(ids, q.Judged, 10))
		}
	}
	t.Logf("scifact, hybrid, %d queries: nDCG@10 %.4f exact, %.4f through Pinecone; %d of %d hits the same",
		len(c.Queries), eval.Mean(ndcg[0]), eval.Mean(ndcg[1]), same, all)
	if same != all {
		t.Errorf("%d of %d hits differ", all-same, all)
	}
}

// TestPineconeAgreesOnVectors: real embeddings of twenty tenants, each found through its own namespace as by the exact
// scan, and as the float32 truth has it.
func TestPineconeAgreesOnVectors(t *testing.T) {
	const set = "vec_bge768"
	base, owner := evaldata.Vectors(t, set, "base.fvecs"), evaldata.Numbers(t, set, "base_tenant.i32")
	queries, asker := evaldata.Vectors(t, set, "query.fvecs"), evaldata.Numbers(t, set, "query_tenant.i32")
	truth := evaldata.Neighbours(t, set, "groundtruth_same_tenant.ivecs")
	p := besidePinecone(t, New(t))
	tenants := map[int32]storefixture.Tenant{}
	documents := map[int32][]store.NewDocument{}
	for row, tenant := range owner {
		documents[tenant] = append(documents[tenant], store.NewDocument{ID: fmt.Sprint(row), Payload: store.Payload{
			ContentType: "application/json", Metadata: []byte(`{}`), Parts: []store.Part{{Text: fmt.Sprint("row ", row), Vector: base[row]}},
		}})
	}
	for tenant, docs := range documents {
		tenants[tenant] = p.Tenant(t, store.Profile{Provider: store.ProviderExternal, Dimensions: len(base[0])})
		p.accept(t, tenants[tenant], docs)
		p.move(t, tenants[tenant])
	}
	same, all, right := 0, 0, 0
	for i, query := range queries {
		exact, proposed := p.both(t, tenants[asker[i]], search.Request{Vector: query, Mode: search.Semantic, Include: []string{}})
		n, scores := sameHits(exact, proposed)
		if !scores {
			t.Errorf("query %d: the scores differ", i)
		}
		same, all = same+n, all+len(exact)
		right += amongTruth(proposed, truth[i])
	}
	t.Logf("%d tenants, %d queries: %d of %d hits as the exact scan, %d of %d as the float32 truth (%.4f)",
		len(tenants), len(queries), same, all, right, all, float64(right)/float64(all))
	if same != all || float64(right) < .999*float64(all) {
		t.Errorf("%d of %d hits are the exact scan's, %d the truth's", same, all, right)
	}
}

func amongTruth(found []search.Result, truth []int32) (right int) {
	rows := map[string]bool{}
	for _, row := range truth {
		rows[fmt.Sprint(row)] = true
	}
	for _, r := range found {
		if rows[r.DocumentID] {
			right++
		}
	}
	return right
}

// accept indexes documents and returns when all can be found.
func (s *System) accept(t testing.TB, tenant storefixture.Tenant, docs []store.NewDocument) {
	t.Helper()
	accepted, err := tenant.Handle.AcceptDocuments(t.Context(), tenant.Collection, docs, store.AcceptOptions{Bulk: true})
	if err != nil {
		t.Fatal(err)
	}
	operation, err := tenant.Handle.WaitOperation(t.Context(), accepted[0].Operation.ID)
	if err != nil || operation.Status != store.Succeeded {
		t.Fatalf("indexing ended as %+v, %v", operation, err)
	}
}
