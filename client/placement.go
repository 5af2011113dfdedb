package client

import (
	"context"
	"net/http"
	"time"
)

// TenantPlacement says what serves a tenant, and where each of its collections lies.
type TenantPlacement struct {
	Database    string                `json:"database"`
	Vectors     string                `json:"vectors"` // pgvector or pinecone
	Move        VectorMove            `json:"move"`
	Collections []CollectionPlacement `json:"collections"`
}

// VectorMove is what has to happen until the tenant's namespaces in Pinecone are as its record and its operator want
// them. Searches are complete all the while. With pgvector as the target, Namespaces are still to be deleted.
type VectorMove struct {
	Settled     bool  `json:"settled"`     // nothing is left
	Collections int64 `json:"collections"` // whose searches have not changed over
	Unsent      int64 `json:"unsent"`      // vectors that Pinecone has not been told of
	Unseen      int64 `json:"unseen"`      // vectors that it has taken and does not show yet
	Namespaces  int64 `json:"namespaces"`  // that the tenant has, one a dimension
}

// CollectionPlacement is where a collection's vectors lie.
type CollectionPlacement struct {
	Collection string     `json:"collection"`
	Kind       string     `json:"kind"`   // exact or hnsw: what searches use now
	Forced     string     `json:"forced"` // auto, exact or hnsw: what an operator asked for
	Slot       int        `json:"slot"`   // from 1000 on the collection's own
	Chunks     int64      `json:"chunks"`
	Dimensions int        `json:"dimensions"`
	EfSearch   int        `json:"ef_search"` // how wide the index is searched, by its measured recall; 0: not measured yet
	State      string     `json:"state"`     // settled, or the step of the move under way
	Detail     string     `json:"detail,omitempty"`
	DueSince   *time.Time `json:"due_since,omitempty"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	MovedAt    *time.Time `json:"moved_at,omitempty"`
	StepAt     *time.Time `json:"step_at,omitempty"`
}

// Placement says where a tenant's collections lie.
func (p Platform) Placement(ctx context.Context, ref string) (TenantPlacement, error) {
	var out TenantPlacement
	return out, p.client.do(ctx, call{method: http.MethodGet, path: tenantPath(ref) + "/placement"}, &out)
}

// PlaceCollection asks for a kind of index for a collection: hnsw, exact, or auto to leave it to the size. The move is
// made in the background.
func (p Platform) PlaceCollection(ctx context.Context, ref, collection, kind string) (TenantPlacement, error) {
	var out TenantPlacement
	request, err := jsonCall(http.MethodPost, tenantPath(ref)+"/placement", map[string]string{"collection": collection, "kind": kind})
	if err != nil {
		return out, err
	}
	return out, p.client.do(ctx, request, &out)
}

// PlaceVectors has a tenant's vector searches served by pgvector or pinecone. The move is made in the background;
// Placement tells how far it is.
func (p Platform) PlaceVectors(ctx context.Context, ref, backend string) (TenantPlacement, error) {
	var out TenantPlacement
	request, err := jsonCall(http.MethodPost, tenantPath(ref)+"/placement", PlacementChoice{Vectors: backend})
	if err != nil {
		return out, err
	}
	return out, p.client.do(ctx, request, &out)
}
