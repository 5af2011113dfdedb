package api

import (
	"context"
	"net/http"
	"time"

	"lindero/fault"
	"lindero/store"
)

// tenantPlacementView says what serves a tenant, and where each of its collections lies.
type tenantPlacementView struct {
	Database    string                    `json:"database"`
	Vectors     string                    `json:"vectors" enum:"pgvector,pinecone"`
	Move        vectorMoveView            `json:"move"`
	Collections []collectionPlacementView `json:"collections"`
}

// vectorMoveView says what has to happen until the tenant is served as its operator wants.
type vectorMoveView struct {
	Settled     bool  `json:"settled" doc:"Nothing is left to do"`
	Collections int64 `json:"collections" doc:"Whose searches have not changed over yet"`
	Unsent      int64 `json:"unsent" doc:"Vectors that Pinecone has not been told of"`
	Unseen      int64 `json:"unseen" doc:"Vectors that it has taken and does not show yet"`
	Namespaces  int64 `json:"namespaces" doc:"The tenant's in Pinecone, one a dimension; deleted when it leaves"`
}

type collectionPlacementView struct {
	Collection string     `json:"collection"`
	Kind       string     `json:"kind" enum:"exact,hnsw" doc:"What searches in the database use now"`
	Forced     string     `json:"forced" enum:"auto,exact,hnsw" doc:"What an operator asked for; auto: by size"`
	Slot       int        `json:"slot" doc:"Partition of the vectors; from 1000 on it is the collection's own"`
	Chunks     int64      `json:"chunks"`
	Dimensions int        `json:"dimensions"`
	EfSearch   int        `json:"ef_search" doc:"How wide the index is searched, by its measured recall; 0: not measured yet, and by size"`
	State      string     `json:"state" enum:"settled,copying,indexing,catching_up,clearing,purging" doc:"settled, or the step of the move under way"`
	Detail     string     `json:"detail,omitempty" doc:"Why it is not where it should be, or what the move waits for"`
	DueSince   *time.Time `json:"due_since,omitempty"`
	StartedAt  *time.Time `json:"started_at,omitempty" doc:"Of the last move"`
	MovedAt    *time.Time `json:"moved_at,omitempty" doc:"When searches last changed over"`
	StepAt     *time.Time `json:"step_at,omitempty" doc:"When it was last looked at"`
}

// placementBody asks for one of two things.
type placementBody struct {
	Vectors    string `json:"vectors,omitempty" enum:"pgvector,pinecone" doc:"What is to serve the tenant's vector searches"`
	Collection string `json:"collection,omitempty" doc:"Name of a collection whose index is asked for; with kind, and without vectors"`
	Kind       string `json:"kind,omitempty" enum:"auto,exact,hnsw" doc:"auto: by size"`
}

func (s *server) adminPlacementRoutes() {
	handle(s, route{method: http.MethodGet, path: tenantsPath + "/{ref}/placement", id: "get-tenant-placement",
		summary: "Where a tenant's collections lie"}, s.getPlacement)
	handleJSON(s, route{method: http.MethodPost, path: tenantsPath + "/{ref}/placement", id: "place-tenant", status: http.StatusAccepted,
		summary: "Ask for what serves a tenant's vector searches, or for a kind of index for a collection",
		doc:     "The move is made in the background, while searches go on and stay complete; GET shows how far it is."}, s.placeTenant)
}

func (s *server) getPlacement(ctx context.Context, in *tenantRef) (*answer[tenantPlacementView], error) {
	found, err := s.cfg.Admin.Placement(ctx, in.Ref)
	if err != nil {
		return nil, err
	}
	whole, move := viewTenant(found.Tenant).Placement, found.Move
	view := tenantPlacementView{
		Database: whole.Database, Vectors: whole.Vectors, Collections: make([]collectionPlacementView, len(found.Collections)),
		Move: vectorMoveView{
			Settled: move.Settled(whole.Vectors), Collections: move.Collections, Unsent: move.Unsent, Unseen: move.Unseen, Namespaces: move.Namespaces,
		},
	}
	for i, p := range found.Collections {
		view.Collections[i] = viewPlacement(p)
	}
	return &answer[tenantPlacementView]{Body: view}, nil
}

func viewPlacement(p store.VectorPlacement) collectionPlacementView {
	return collectionPlacementView{
		Collection: p.Collection, Kind: p.Kind(), Forced: p.Forced, Slot: p.Slot, Chunks: p.Chunks, Dimensions: p.Dimensions,
		EfSearch: p.EfSearch, State: p.State, Detail: p.Detail, DueSince: p.DueSince, StartedAt: p.StartedAt, MovedAt: p.MovedAt, StepAt: p.StepAt,
	}
}

func (s *server) placeTenant(ctx context.Context, in *tenantRef, body *placementBody) (*answer[tenantPlacementView], error) {
	var err error
	switch {
	case body.Vectors == "":
		err = s.cfg.Admin.Place(ctx, in.Ref, body.Collection, body.Kind)
	case body.Collection != "" || body.Kind != "":
		err = fault.InvalidField("body.vectors", body.Vectors, "cannot be asked for together with collection and kind; send two requests")
	default:
		_, err = s.cfg.Admin.SetVectors(ctx, in.Ref, body.Vectors)
	}
	if err != nil {
		return nil, err
	}
	return s.getPlacement(ctx, in)
}
