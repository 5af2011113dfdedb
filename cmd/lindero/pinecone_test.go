package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lindero/client"
	"lindero/internal/pgtest"
	"lindero/internal/pineconeemu"
)

// pineconeKey is what the tests' emulators want to hear.
const pineconeKey = "key-of-the-tests"

// onPinecone is a `lindero serve` whose new tenants are on an emulator.
type onPinecone struct {
	*serving
	t        *testing.T
	emulator *pineconeemu.Emulator
	platform client.Platform
}

// servePinecone starts both. Writes to the emulator become visible late, as they do in Pinecone.
func servePinecone(t *testing.T, flags ...string) *onPinecone {
	t.Helper()
	emulator, err := pineconeemu.Start(pineconeemu.Config{
		APIKey: pineconeKey, RateLimit: -1, Visibility: pineconeemu.Visibility{Delay: 30 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = emulator.Close() })
	db := pgtest.New(t)
	s := &onPinecone{t: t, emulator: emulator}
	s.serving = serveOn(t, db, append([]string{"--vectors", "pinecone", "--pinecone-key", pineconeKey, "--pinecone-host", emulator.ControlURL(), "--log-level", "info"}, flags...)...)
	operator, err := client.New(client.Config{URL: s.url, Key: adminKey})
	if err != nil {
		t.Fatal(err)
	}
	s.platform = operator.Platform()
	return s
}

// dimensions of the vectors that tests bring.
const dimensions = 8

// filled is a tenant with a collection "vectors" of so many documents with vectors of their own.
func (s *onPinecone) filled(slug string, documents int) *customer {
	s.t.Helper()
	c := s.customer(s.t, slug)
	c.fill("vectors", documents)
	s.settle(slug)
	return c
}

func (c *customer) fill(collection string, documents int) {
	c.t.Helper()
	spec := client.CollectionSpec{Embedding: &client.Embedding{Provider: "external", Dimensions: dimensions}}
	if _, err := c.PutCollection(c.t.Context(), collection, spec); err != nil {
		c.t.Fatal(err)
	}
	all := make([]client.NewDocument, documents)
	for i := range all {
		all[i] = client.NewDocument{ID: fmt.Sprintf("d%04d", i), Title: "A document", Chunks: []client.NewChunk{{
			Text: fmt.Sprintf("Text of %d", i), Vector: testVector(i),
		}}}
	}
	bulk, err := c.PutDocuments(c.t.Context(), collection, all)
	if err != nil || len(bulk.Rejected) > 0 {
		c.t.Fatalf("%+v, %v", bulk, err)
	}
	if done, err := c.WaitOperation(c.t.Context(), bulk.Operation.ID, nil); err != nil || done.Counts.Done != int64(documents) {
		c.t.Fatalf("%+v, %v", done, err)
	}
}

// testVector differs for each i, and is nearest to itself.
func testVector(i int) []float32 {
	v := make([]float32, dimensions)
	for d := range v {
		v[d] = float32((i*(2*d+3)+7*d)%101) - 50.5
	}
	return v
}

// settle waits until the tenant's namespaces are as they should be.
func (s *onPinecone) settle(ref string) client.TenantPlacement {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		placement, err := s.platform.Placement(s.t.Context(), ref)
		if err != nil {
			s.t.Fatal(err)
		}
		if placement.Move.Settled {
			return placement
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s is not settled: %+v", ref, placement.Move)
		}
	}
}

// contents are a namespace's records in every index, byte for byte.
func (s *onPinecone) contents(namespace string) string {
	s.t.Helper()
	var all strings.Builder
	for _, index := range s.emulator.Indexes() {
		if slices.Contains(s.emulator.Namespaces(index), namespace) {
			text, err := json.Marshal(s.emulator.Vectors(index, namespace))
			if err != nil {
				s.t.Fatal(err)
			}
			fmt.Fprintf(&all, "%s %s\n", index, text)
		}
	}
	return all.String()
}

func (s *onPinecone) namespaceOf(slug string) string {
	s.t.Helper()
	found, err := s.platform.Tenant(s.t.Context(), slug)
	if err != nil {
		s.t.Fatal(err)
	}
	return "t-" + found.ID
}

// nearest are the documents nearest to testVector(i).
func (c *customer) nearest(i, topK int) ([]string, error) {
	found, err := c.Search(c.t.Context(), client.SearchRequest{Vector: testVector(i), Collections: []string{"vectors"}, Mode: "semantic", TopK: topK})
	if err != nil {
		return nil, err
	}
	if len(found.Warnings) > 0 {
		return nil, fmt.Errorf("the search warns of %+v", found.Warnings)
	}
	ids := make([]string, len(found.Results))
	for i, hit := range found.Results {
		ids[i] = hit.DocumentID
	}
	return ids, nil
}

// deleted deletes a tenant and waits for the receipt.
func (s *onPinecone) deleted(slug string) (receipt struct {
	TenantID string           `json:"tenant_id"`
	Removed  map[string]int64 `json:"removed"`
	Verified bool             `json:"verified"`
}) {
	s.t.Helper()
	begun, err := s.platform.DeleteTenant(s.t.Context(), slug)
	if err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		told, err := s.platform.DeleteTenant(s.t.Context(), begun.ID)
		if err != nil || time.Now().After(deadline) {
			s.t.Fatalf("no receipt: %+v, %v", told, err)
		}
		if len(told.Receipt) > 0 {
			if err := json.Unmarshal(told.Receipt, &receipt); err != nil {
				s.t.Fatal(err)
			}
			return receipt
		}
	}
}
