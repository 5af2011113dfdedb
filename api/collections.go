package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"lindero/store"
	"lindero/tenant"
)

type CollectionPath struct {
	Name string `path:"name" doc:"Name of the collection"`
}

// collectionBody is what PUT takes. What is left out gets its default; only the embedding of an existing collection
// stays as it is.
type collectionBody struct {
	Description string          `json:"description,omitempty"`
	Language    string          `json:"language,omitempty" doc:"auto (default), or ISO 639-1"`
	Embedding   embeddingBody   `json:"embedding,omitempty" doc:"Fixed once documents exist"`
	Chunking    store.Chunking  `json:"chunking,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty" doc:"JSON object"`
}

type embeddingBody struct {
	Provider   string `json:"provider" enum:"builtin,openai,external"`
	Model      string `json:"model,omitempty"`
	Dimensions int    `json:"dimensions,omitempty" minimum:"1" maximum:"4000" doc:"Required for external"`
}

type collectionView struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Language    string          `json:"language"`
	Embedding   store.Profile   `json:"embedding"`
	Chunking    store.Chunking  `json:"chunking"`
	Metadata    json.RawMessage `json:"metadata"`
	Stats       statsView       `json:"stats"`
	Index       indexView       `json:"index"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
}

type statsView struct {
	Documents int64 `json:"documents"`
	Chunks    int64 `json:"chunks"`
	Bytes     int64 `json:"bytes"`
}

type indexView struct {
	Kind string `json:"kind" enum:"exact,hnsw,pinecone"`
}

func viewCollection(c store.Collection, stats store.CollectionStats) collectionView {
	kind := "exact"
	switch {
	case c.Backend == store.Pinecone:
		kind = store.Pinecone
	case c.Indexed():
		kind = "hnsw"
	}
	return collectionView{
		Name: c.Name, Description: c.Description, Language: c.Language, Embedding: c.Embedding, Chunking: c.Chunking,
		Metadata: object(c.Metadata), Stats: statsView(stats), Index: indexView{Kind: kind}, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

// object is raw, or an empty object where there is none.
func object(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}

func (s *server) collectionRoutes() {
	handleJSON(s, route{method: http.MethodPut, path: "/v1/collections/{name}", id: "put-collection", role: tenant.Admin,
		summary: "Create or change a collection", also: []int{http.StatusCreated}}, s.putCollection)
	handle(s, route{method: http.MethodGet, path: "/v1/collections", id: "list-collections", role: tenant.Reader,
		summary: "List collections"}, s.listCollections)
	handle(s, route{method: http.MethodGet, path: "/v1/collections/{name}", id: "get-collection", role: tenant.Reader,
		summary: "Get a collection"}, s.getCollection)
	handle(s, route{method: http.MethodDelete, path: "/v1/collections/{name}", id: "delete-collection", role: tenant.Admin,
		summary: "Delete a collection", doc: "It is out of every search at once; its rows are removed in the background."}, s.deleteCollection)
}

func (s *server) putCollection(ctx context.Context, in *CollectionPath, body *collectionBody) (*answer[collectionView], error) {
	if err := store.ValidateCollectionName("path.name", in.Name); err != nil {
		return nil, err
	}
	st := s.storage(ctx)
	spec := store.CollectionSpec{
		Name: in.Name, Description: body.Description, Language: body.Language, Embedding: store.Profile(body.Embedding),
		Chunking: body.Chunking, Metadata: body.Metadata,
	}
	c, created, err := st.PutCollection(ctx, spec)
	if err != nil {
		return nil, err
	}
	out, err := s.oneCollection(ctx, st, c)
	if created && err == nil {
		out.Status = http.StatusCreated
	}
	return out, err
}

func (s *server) oneCollection(ctx context.Context, st Storage, c store.Collection) (*answer[collectionView], error) {
	stats, err := st.CollectionStats(ctx, []uuid.UUID{c.ID})
	if err != nil {
		return nil, err
	}
	return &answer[collectionView]{Body: viewCollection(c, stats[c.ID])}, nil
}

func (s *server) getCollection(ctx context.Context, in *CollectionPath) (*answer[collectionView], error) {
	st := s.storage(ctx)
	c, err := st.Collection(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return s.oneCollection(ctx, st, c)
}

func (s *server) listCollections(ctx context.Context, in *PageParams) (*answer[page[collectionView]], error) {
	st := s.storage(ctx)
	var stats map[uuid.UUID]store.CollectionStats
	fetch := func(p store.Page) (store.Listing[store.Collection], error) {
		listing, err := st.Collections(ctx, p)
		if err != nil {
			return listing, err
		}
		ids := make([]uuid.UUID, 0, len(listing.Items))
		for _, c := range listing.Items {
			ids = append(ids, c.ID)
		}
		stats, err = st.CollectionStats(ctx, ids)
		return listing, err
	}
	return list(s, listName(ctx, "collections"), *in, fetch, func(c store.Collection) collectionView { return viewCollection(c, stats[c.ID]) })
}

func (s *server) deleteCollection(ctx context.Context, in *CollectionPath) (*none, error) {
	return &none{}, s.storage(ctx).DeleteCollection(ctx, in.Name)
}
