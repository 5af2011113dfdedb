package systemtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"lindero/embed"
	"lindero/internal/pineconeemu"
	"lindero/internal/storefixture"
	"lindero/search"
	"lindero/store"
	"lindero/store/pinecone"
	"lindero/store/postgres"
)

const (
	benchVectors    = 4000 // to search among
	benchUpserts    = 24_000
	benchDimensions = 768
	benchBatch      = 550        // records of a request within Pinecone's two megabytes
	benchRecord     = 3280       // bytes of a record on the wire
	benchBytes      = 50_000_000 // a second, Pinecone's limit
	benchAtOnce     = 4
)

// BenchmarkPineconeUpserts compares how fast Sync tells Pinecone of a tenant's vectors, outbox and all, with the
// emulator's ceiling: the same vectors sent by the SDK alone, made ready before, in requests of the same size. The
// emulator has no limits, or the service's own, of which 50 MB a second are the narrowest; it keeps its contents in
// memory, or in a directory as in lindero dev. Under limits both clients keep to them, and both begin a round rested. The
// two take turns, for the machine's speed changes from one second to the next.
func BenchmarkPineconeUpserts(b *testing.B) {
	vectors := benchmarkVectors(b, benchUpserts)
	for _, c := range []struct {
		name      string
		limit     int
		directory string
	}{{"unlimited", -1, ""}, {"unlimited kept", -1, b.TempDir()}, {"limits", serviceLimit, ""}, {"limits kept", serviceLimit, b.TempDir()}} {
		b.Run(c.name, func(b *testing.B) {
			emulator, err := pineconeemu.Start(pineconeemu.Config{APIKey: "test", RateLimit: c.limit, Dir: c.directory})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = emulator.Close() }()
			bySDK, bySync := sdkUpserts(b, emulator.ControlURL(), c.limit, vectors), syncUpserts(b, emulator.ControlURL(), c.limit, vectors)
			var ceiling, reached time.Duration
			for b.Loop() {
				ceiling += bySDK()
				reached += bySync()
			}
			perSecond := func(took time.Duration) float64 { return float64(b.N) * benchUpserts / took.Seconds() }
			b.ReportMetric(perSecond(ceiling), "ceiling/s")
			b.ReportMetric(perSecond(reached), "sync/s")
			b.ReportMetric(100*ceiling.Seconds()/reached.Seconds(), "percent")
		})
	}
}

// serviceLimit is Pinecone's, in requests a second to a namespace.
const serviceLimit = 100

// pace is how many requests a second a client sends under a limit of the emulator's.
func pace(limit int) int {
	if limit < 0 {
		return 1 << 20
	}
	return limit
}

// rest lets a limit's allowance of a second fill, so that all rounds begin alike.
func rest(limit int) {
	if limit > 0 {
		time.Sleep(time.Second)
	}
}

func benchmarkVectors(b *testing.B, n int) [][]float32 {
	random := rand.New(rand.NewPCG(1, 1))
	vectors := make([][]float32, n)
	for i := range vectors {
		vectors[i] = make([]float32, benchDimensions)
		for j := range vectors[i] {
			vectors[i][j] = float32(random.NormFloat64())
		}
		if err := embed.Normalize(vectors[i]); err != nil {
			b.Fatal(err)
		}
	}
	return vectors
}

// sdkUpserts returns what sends the vectors by the SDK alone, and tells how long it took.
func sdkUpserts(b *testing.B, host string, limit int, vectors [][]float32) func() time.Duration {
	client, err := sdk.NewClient(sdk.NewClientParams{ApiKey: "test", Host: host})
	if err != nil {
		b.Fatal(err)
	}
	metric, size := sdk.Cosine, int32(benchDimensions)
	made, err := client.CreateServerlessIndex(b.Context(), &sdk.CreateServerlessIndexRequest{
		Name: "ceiling", Cloud: sdk.Aws, Region: "us-east-1", Metric: &metric, Dimension: &size,
	})
	if err != nil {
		if made, err = client.DescribeIndex(b.Context(), "ceiling"); err != nil {
			b.Fatal(err)
		}
	}
	conn, err := client.Index(sdk.NewIndexConnParams{Host: made.Host, Namespace: "t-ceiling"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	records := make([]*sdk.Vector, len(vectors))
	for i := range vectors {
		metadata, err := sdk.NewMetadata(map[string]any{"collection": "00000000-0000-0000-0000-000000000000", "document": fmt.Sprint(i), "revision": 1})
		if err != nil {
			b.Fatal(err)
		}
		records[i] = &sdk.Vector{Id: fmt.Sprintf("00000000-0000-0000-0000-000000000000:00000000-0000-0000-0000-000000000000:%d", i), Values: &vectors[i], Metadata: metadata}
	}
	// A quarter of a second's worth at once, as the backend does: a client that sends all it may is refused some.
	perSecond := benchBytes * pace(limit) / serviceLimit
	limiter := rate.NewLimiter(rate.Limit(perSecond), perSecond/4)
	return func() time.Duration {
		rest(limit)
		began := time.Now()
		group, ctx := errgroup.WithContext(b.Context())
		group.SetLimit(benchAtOnce)
		for batch := range slices.Chunk(records, benchBatch) {
			group.Go(func() error {
				if err := limiter.WaitN(ctx, len(batch)*benchRecord); err != nil {
					return err
				}
				_, err := conn.UpsertVectors(ctx, batch)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
}

// BenchmarkPineconeSearch compares a semantic search through Pinecone, without HTTP, with the emulator's own answer
// to the same question, in turns.
func BenchmarkPineconeSearch(b *testing.B) {
	emulator, err := pineconeemu.Start(pineconeemu.Config{APIKey: "test", RateLimit: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = emulator.Close() }()
	vectors := benchmarkVectors(b, benchVectors)
	p, tenant := loadedBeside(b, emulator.ControlURL(), -1, vectors)
	index := p.backend.ForTenant(tenant.ID, tenant.Handle)
	ask := sdkQueries(b, emulator.ControlURL(), "t-"+tenant.ID.String(), tenant.Collection.ID.String())
	through := func(vector []float32) {
		if _, err := p.Search.Search(b.Context(), index, tenant.ID, search.Request{Vector: vector, Mode: search.Semantic}); err != nil {
			b.Fatal(err)
		}
	}
	var took [2]durations
	var more durations
	for i := 0; b.Loop(); i++ {
		vector := vectors[i%len(vectors)]
		var both [2]time.Duration
		for turn := range both {
			which := (i + turn) % 2 // they take turns at going first
			began := time.Now()
			[]func([]float32){ask, through}[which](vector)
			both[which] = time.Since(began)
			took[which] = append(took[which], both[which])
		}
		more = append(more, both[1]-both[0])
	}
	b.ReportMetric(took[0].median(), "emulator-p50-ms")
	b.ReportMetric(took[1].median(), "search-p50-ms")
	b.ReportMetric(more.median(), "more-p50-ms")
}

// sdkQueries returns what asks the emulator the question of a search by the SDK alone.
func sdkQueries(b *testing.B, host, namespace, collection string) func(vector []float32) {
	client, err := sdk.NewClient(sdk.NewClientParams{ApiKey: "test", Host: host})
	if err != nil {
		b.Fatal(err)
	}
	described, err := client.DescribeIndex(b.Context(), fmt.Sprint("lindero-", benchDimensions))
	if err != nil {
		b.Fatal(err)
	}
	conn, err := client.Index(sdk.NewIndexConnParams{Host: described.Host, Namespace: namespace})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	narrow, err := sdk.NewMetadataFilter(map[string]any{"collection": map[string]any{"$eq": collection}})
	if err != nil {
		b.Fatal(err)
	}
	return func(vector []float32) {
		answer, err := conn.QueryByVectorValues(b.Context(), &sdk.QueryByVectorValuesRequest{Vector: vector, TopK: 24, MetadataFilter: narrow})
		if err != nil || len(answer.Matches) != 24 {
			b.Fatal(err)
		}
	}
}

// durations are of single calls, whose mean the outliers move.
type durations []time.Duration

// median is in milliseconds.
func (d durations) median() float64 {
	slices.Sort(d)
	return d[len(d)/2].Seconds() * 1e3
}

// loadedBeside is a tenant on Pinecone that has the vectors.
func loadedBeside(b *testing.B, host string, limit int, vectors [][]float32) (*pineconeBeside, storefixture.Tenant) {
	s := NewPlaced(b, postgres.PlacementPolicy{PromoteAt: 1 << 40}) // an index built meanwhile would take the processor
	backend, err := pinecone.New(pinecone.Config{APIKey: "test", Host: host, RequestsPerSecond: pace(limit)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = backend.Close() })
	p := &pineconeBeside{System: s, backend: backend}
	tenant := s.Tenant(b, store.Profile{Provider: store.ProviderExternal, Dimensions: benchDimensions})
	var docs []store.NewDocument
	for i, v := range vectors {
		docs = append(docs, store.NewDocument{ID: fmt.Sprint(i), Payload: store.Payload{
			ContentType: "application/json", Metadata: []byte(`{}`), Parts: []store.Part{{Text: fmt.Sprint("text ", i), Vector: v}},
		}})
	}
	for batch := range slices.Chunk(docs, 1000) {
		s.accept(b, tenant, batch)
	}
	p.move(b, tenant)
	return p, tenant
}

// syncUpserts returns what has a tenant's outbox tell all the vectors, and tells how long it took.
func syncUpserts(b *testing.B, host string, limit int, vectors [][]float32) func() time.Duration {
	p, tenant := loadedBeside(b, host, limit, vectors)
	return func() time.Duration {
		p.forget(b, tenant)
		rest(limit)
		began := time.Now()
		settled, err := p.backend.Sync(b.Context(), tenant.ID, tenant.Handle, time.Now().Add(time.Minute))
		if err != nil || !settled {
			b.Fatal(settled, err)
		}
		return time.Since(began)
	}
}

// forget has everything told anew. What earlier rounds left in the outbox's table goes, as a vacuum in between would
// have it.
func (p *pineconeBeside) forget(tb testing.TB, tenant storefixture.Tenant) {
	tb.Helper()
	sets, err := tenant.Handle.IndexedVectors(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	for _, set := range sets {
		if err := tenant.Handle.RepairVectors(tb.Context(), set); err != nil {
			tb.Fatal(err)
		}
	}
	conn, err := pgx.Connect(tb.Context(), p.OwnerURL)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(tb.Context()) }()
	if _, err := conn.Exec(tb.Context(), `VACUUM vector_outbox`); err != nil {
		tb.Fatal(err)
	}
}
