package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"lindero/client"
)

// TestMovesWhileSearching moves a tenant from Pinecone to PostgreSQL and back, again and again, while others search in
// it: every search answers all that it should.
func TestMovesWhileSearching(t *testing.T) {
	const documents, topK, searchers, moves = 600, 20, 2, 6
	s := servePinecone(t)
	c := s.filled("acme", documents)
	wants := make([][]string, 40)
	for i := range wants {
		exact, err := c.Search(t.Context(), client.SearchRequest{Vector: testVector(i), Collections: []string{"vectors"}, Mode: "semantic", TopK: topK, Exact: true})
		if err != nil || len(exact.Results) != topK {
			t.Fatalf("the exact search finds %d, %v", len(exact.Results), err)
		}
		for _, hit := range exact.Results {
			wants[i] = append(wants[i], hit.DocumentID)
		}
	}
	over := make(chan struct{})
	var all sync.WaitGroup
	searched := make([]int, searchers)
	for n := range searchers {
		all.Go(func() {
			for i := n; ; i = (i + 1) % len(wants) {
				select {
				case <-over:
					return
				default:
				}
				if got, err := c.nearest(i, topK); err != nil || !slices.Equal(got, wants[i]) {
					t.Errorf("search %d finds %v, %v; want %v", i, got, err, wants[i])
					return
				}
				searched[n]++
			}
		})
	}
	namespace := s.namespaceOf("acme")
	for range moves {
		for _, backend := range []string{"pgvector", "pinecone"} {
			placed, err := s.platform.PlaceVectors(t.Context(), "acme", backend)
			if err != nil || placed.Vectors != backend {
				t.Fatalf("%+v, %v", placed, err)
			}
			s.settle("acme")
			if holds := s.contents(namespace) != ""; holds != (backend == "pinecone") {
				t.Errorf("on %s the namespace holds something: %v", backend, holds)
			}
		}
	}
	close(over)
	all.Wait()
	if slices.Min(searched) < 20 {
		t.Errorf("only %v searches went on meanwhile", searched)
	}
	t.Logf("%d moves, %v searches", 2*moves, searched)
}

func TestBackendChosenAtCreation(t *testing.T) {
	s := servePinecone(t)
	spec := client.TenantSpec{Slug: "chosen", Name: "Chosen", Placement: &client.PlacementChoice{Vectors: "pgvector"}}
	if made, err := s.platform.CreateTenant(t.Context(), spec); err != nil || made.Placement.Vectors != "pgvector" {
		t.Errorf("%+v, %v", made, err)
	}
	if made, err := s.platform.CreateTenant(t.Context(), client.TenantSpec{Slug: "default", Name: "Default"}); err != nil || made.Placement.Vectors != "pinecone" {
		t.Errorf("%+v, %v", made, err)
	}
	c := &console{ctx: t.Context(), in: strings.NewReader(""), out: newScreen(), err: newScreen()}
	if code := run(c, []string{"tenant", "create", "commanded", "--vectors", "pgvector", "--url", s.url, "--admin-key", adminKey, "--json"}); code != exitOK {
		t.Fatalf("%d: %s", code, c.err)
	}
	var made client.Tenant
	if err := json.Unmarshal([]byte(c.out.(*screen).String()), &made); err != nil || made.Placement.Vectors != "pgvector" {
		t.Errorf("%+v, %v", made, err)
	}
	c.out = newScreen()
	if code := run(c, []string{"tenant", "placement", "commanded", "--vectors", "pinecone", "--url", s.url, "--admin-key", adminKey}); code != exitOK {
		t.Fatalf("%d: %s", code, c.err)
	}
	s.settle("commanded")
	placement, err := s.platform.Placement(t.Context(), "commanded")
	if err != nil || placement.Vectors != "pinecone" {
		t.Errorf("%+v, %v", placement, err)
	}
}

// Wrong wishes are told what is wrong with them and change nothing.
func TestPlacementRefused(t *testing.T) {
	none := serve(t)
	operator, err := client.New(client.Config{URL: none.url, Key: adminKey})
	if err != nil {
		t.Fatal(err)
	}
	platform := operator.Platform()
	if _, err := platform.CreateTenant(t.Context(), client.TenantSpec{Slug: "acme", Name: "Acme"}); err != nil {
		t.Fatal(err)
	}
	choose := func(backend string) error {
		spec := client.TenantSpec{Slug: "other", Name: "Other", Placement: &client.PlacementChoice{Vectors: backend}}
		_, err := platform.CreateTenant(t.Context(), spec)
		return err
	}
	place := func(backend string) error {
		_, err := platform.PlaceVectors(t.Context(), "acme", backend)
		return err
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"unknown at creation":         {choose("weaviate"), "must be pgvector or pinecone"},
		"not configured, at creation": {choose("pinecone"), "no Pinecone"},
		"unknown":                     {place("weaviate"), "must be pgvector or pinecone"},
		"not configured":              {place("pinecone"), "no Pinecone"},
		"a collection with a stranger": {func() error {
			_, err := platform.PlaceCollection(t.Context(), "acme", "default", "pinecone")
			return err
		}(), "must be auto, exact or hnsw"},
	} {
		var refused *client.Error
		if !errors.As(c.err, &refused) || refused.Status != 422 || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, want 422 with %q", name, c.err, c.want)
		}
	}
	for _, body := range []string{`{"vectors":"pgvector","collection":"default","kind":"hnsw"}`, `{}`, `{"vectors":""}`, `{"vectors":7}`, `{"vector":"pgvector"}`} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, none.url+"/admin/v1/tenants/acme/placement", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+adminKey)
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s is answered %d, want 422", body, answer.StatusCode)
		}
	}
	if _, err := platform.Tenant(t.Context(), "other"); !client.IsNotFound(err) {
		t.Errorf("a refused tenant was made: %v", err)
	}
	placement, err := platform.Placement(t.Context(), "acme")
	if err != nil || placement.Vectors != "pgvector" || !placement.Move.Settled {
		t.Errorf("%+v, %v", placement, err)
	}
	c := &console{ctx: t.Context(), in: strings.NewReader(""), out: newScreen(), err: newScreen()}
	if code := run(c, []string{"tenant", "placement", "acme", "--vectors", "pgvector", "--collection", "default", "--kind", "hnsw", "--url", none.url, "--admin-key", adminKey}); code != exitUsage {
		t.Errorf("two wishes at once ended with %d", code)
	}
}
