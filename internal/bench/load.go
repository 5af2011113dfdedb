package bench

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lindero/client"
)

// collection is where each tenant's chunks go.
const collection = "bench"

// bodyDocuments is how many documents one request brings. Each becomes one chunk.
const bodyDocuments = 2000

// How many tenants are made or loaded at once: few where each brings much, many where each mostly waits for its turn.
const (
	setUp      = 4
	setUpSmall = 16
)

// parallel runs do for 0 to n-1, width at a time.
func (b *Bench) parallel(ctx context.Context, n, width int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(width)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// recallObjective is what the tenants ask of their indexes, more than the default of 0.98.
const recallObjective = 0.99

// createTenants makes n tenants, without keys yet, or finds those that an earlier run of the same name has kept.
func (b *Bench) createTenants(ctx context.Context, n, chunks int) ([]*subject, error) {
	first := len(b.created)
	settings := fmt.Appendf(nil, `{"recall_objective":%g}`, recallObjective)
	made := make([]*subject, n)
	var mu sync.Mutex
	err := b.parallel(ctx, n, setUp, func(ctx context.Context, i int) error {
		slug := fmt.Sprintf("%s-%d", b.name, first+i)
		t, err := b.platform.CreateTenant(ctx, client.TenantSpec{Slug: slug, Name: slug, Plan: "enterprise", Settings: settings})
		if b.cfg.Name != "" && client.Code(err) == "conflict" {
			b.found.Add(1)
			t, err = b.platform.Tenant(ctx, slug)
		}
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		b.created = append(b.created, t.ID)
		made[i] = &subject{number: first + i, chunks: chunks, id: t.ID}
		return nil
	})
	return made, err
}

// open gives a tenant a key and a collection.
func (b *Bench) open(ctx context.Context, s *subject) error {
	key, err := b.platform.CreateKey(ctx, s.id, client.KeySpec{Name: "bench", Role: "admin"})
	if err != nil {
		return err
	}
	s.key = key.Secret
	if s.client, err = client.New(client.Config{URL: b.cfg.Deployment.URL, Key: s.key, HTTP: b.shared, UserAgent: "lindero-bench"}); err != nil {
		return err
	}
	_, err = s.client.PutCollection(ctx, collection, client.CollectionSpec{
		Language:  "en",
		Embedding: &client.Embedding{Provider: "external", Dimensions: b.cfg.Dimensions},
		Chunking:  &client.Chunking{Strategy: "none"},
	})
	return err
}

// load fills a tenant's collection and returns when all of it can be searched. truths see each chunk. What an earlier
// run has loaded is not sent again.
func (b *Bench) load(ctx context.Context, s *subject, truths []*truth) error {
	if b.cfg.Name != "" {
		c, err := s.client.Collection(ctx, collection)
		if err != nil {
			return err
		}
		if c.Stats.Chunks >= int64(s.chunks) {
			b.offer(s, truths)
			return nil
		}
	}
	var operations []string
	for from := 0; from < s.chunks; from += bodyDocuments {
		to := min(from+bodyDocuments, s.chunks)
		operation, err := b.put(ctx, s, from, to, func(i, share int, vector []float32) {
			for _, t := range truths {
				t.offer(i, share, vector)
			}
		})
		if err != nil {
			return err
		}
		operations = append(operations, operation)
	}
	for _, id := range operations {
		operation, err := s.client.WaitOperation(ctx, id, nil)
		if err != nil {
			return err
		}
		if operation.Counts.Failed > 0 || operation.Status != "succeeded" {
			return fmt.Errorf("loading ended as %s with %d documents failed: %+v", operation.Status, operation.Counts.Failed, operation.Errors)
		}
	}
	return nil
}

// offer shows the truths each chunk of a tenant that is loaded already.
func (b *Bench) offer(s *subject, truths []*truth) {
	for i := 0; i < s.chunks && len(truths) > 0; i++ {
		vector := b.vectors.chunk(s.number, i)
		for _, t := range truths {
			t.offer(i, shareOf(i, s.chunks), vector)
		}
	}
}

// put sends the chunks from … to-1 in one request and returns its operation.
func (b *Bench) put(ctx context.Context, s *subject, from, to int, seen func(i, share int, vector []float32)) (string, error) {
	var lines bytes.Buffer
	for i := from; i < to; i++ {
		vector := b.vectors.chunk(s.number, i)
		share := shareOf(i%s.chunks, s.chunks)
		seen(i, share, vector)
		lines.Write(documentLine(i, share, words(b.cfg.Seed, s.number, i, b.cfg.Words), vector))
	}
	return b.send(ctx, s, lines.Bytes())
}

// send is one request with documents, of which none may be rejected; it returns their operation.
func (b *Bench) send(ctx context.Context, s *subject, lines []byte) (string, error) {
	accepted, err := s.client.PutLines(ctx, collection, lines)
	if err != nil {
		return "", err
	}
	if len(accepted.Rejected) > 0 {
		return "", fmt.Errorf("%d documents were rejected, the first: %+v", len(accepted.Rejected), accepted.Rejected[0])
	}
	return accepted.Operation.ID, nil
}

// documentLine is one document of NDJSON. It is written by hand, for encoding/json would take a good part of the
// machine from what is being measured.
func documentLine(i, share int, words []string, vector []float32) []byte {
	line := make([]byte, 0, 12*len(vector)+8*len(words)+128)
	line = fmt.Appendf(line, `{"id":"%s","metadata":{"share":%d},"chunks":[{"text":"%s","vector":`, documentID(i), share, strings.Join(words, " "))
	line = appendVector(line, vector)
	return append(line, "}]}\n"...)
}

func documentID(i int) string { return "c" + strconv.Itoa(i) }

// chunkOf is the chunk of a document's id.
func chunkOf(id string) (int, error) { return strconv.Atoi(strings.TrimPrefix(id, "c")) }

func appendVector(to []byte, vector []float32) []byte {
	to = append(to, '[')
	for i, x := range vector {
		if i > 0 {
			to = append(to, ',')
		}
		to = strconv.AppendFloat(to, float64(x), 'g', -1, 32)
	}
	return append(to, ']')
}

// settle waits until the server's background work on the loaded collections is over, as far as operators can see: no
// collection is being moved or waits for it, each index has been measured, and none has changed its place for a while.
func (b *Bench) settle(ctx context.Context, subjects []*subject) error {
	const quiet = 3
	deadline := time.Now().Add(b.cfg.Settle)
	last, same := "", 0
	for same < quiet && time.Now().Before(deadline) {
		places, moving, err := b.places(ctx, subjects)
		if err != nil {
			return err
		}
		if same++; moving || places != last {
			last, same = places, 0
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(b.cfg.Settle/quiet, time.Second)):
		}
	}
	return nil
}

// places is the state of all collections as one text, and whether one is on the move.
func (b *Bench) places(ctx context.Context, subjects []*subject) (all string, moving bool, err error) {
	for _, s := range subjects {
		placement, err := b.platform.Placement(ctx, s.id)
		if err != nil {
			return "", false, err
		}
		for _, c := range placement.Collections {
			all += fmt.Sprintln(s.id, c.Collection, c.Slot, c.State)
			measured := c.Kind != "hnsw" || c.EfSearch > 0
			moving = moving || c.State != "settled" || c.DueSince != nil || !measured
		}
	}
	return all, moving, nil
}
