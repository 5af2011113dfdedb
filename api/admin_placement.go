package api

import (
	"context"
	"net/http"
	"time"

	"lindero/store"
)

// tenantPlacementView says what serves a tenant, and where each of its collections lies.
type tenantPlacementView struct {
	Database    string                    `json:"database"`
	Vectors     string                    `json:"vectors" enum:"pgvector,pinecone"`
	Collections []collectionPlacementView `json:"collections"`
}

type collectionPlacementView struct {
	Collection string     `json:"collection"`
	Kind       string     `json:"kind" enum:"exact,hnsw" doc:"What searches in the database use now"`
	Forced     string     `json:"forced" enum:"auto,exact,hnsw" doc:"What an operator asked for; auto: by size"`
	Slot       int        `json:"slot" doc:"Partition of the vectors; from 1000 on it is the collection's own"`
	Chunks     int64      `json:"chunks"`
	Dimensions int        `json:"dimensions"`
	EfSearch   int        `json:"ef_search" doc:"How wide the index is searched; 0: by size"`
	State      string     `json:"state" enum:"settled,copying,indexing,catching_up,clearing,purging" doc:"settled, or the step of the move under way"`
	Detail     string     `json:"detail,omitempty" doc:"Why it is not where it should be, or what the move waits for"`
	DueSince   *time.Time `json:"due_since,omitempty"`
	StartedAt  *time.Time `json:"started_at,omitempty" doc:"Of the last move"`
	MovedAt    *time.Time `json:"moved_at,omitempty" doc:"When searches last changed over"`
	StepAt     *time.Time `json:"step_at,omitempty" doc:"When it was last looked at"`
}

type placementBody struct {
	Collection string `json:"collection" doc:"Name of the collection"`
	Kind       string `json:"kind" enum:"auto,exact,hnsw" doc:"auto: by size"`
}

func (s *server) adminPlacementRoutes() {
	handle(s, route{method: http.MethodGet, path: tenantsPath + "/{ref}/placement", id: "get-tenant-placement",
		summary: "Where a tenant's collections lie"}, s.getPlacement)
	handleJSON(s, route{method: http.MethodPost, path: tenantsPath + "/{ref}/placement", id: "place-collection", status: http.StatusAccepted,
		summary: "Ask for a kind of index for a collection", doc: "The move is made in the background, while searches go on; GET shows how far it is."}, s.placeCollection)
}

func (s *server) getPlacement(ctx context.Context, in *tenantRef) (*answer[tenantPlacementView], error) {
	t, placements, err := s.cfg.Admin.Placement(ctx, in.Ref)
	if err != nil {
		return nil, err
	}
	whole := viewTenant(t).Placement
	view := tenantPlacementView{Database: whole.Database, Vectors: whole.Vectors, Collections: make([]collectionPlacementView, len(placements))}
	for i, p := range placements {
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

func (s *server) placeCollection(ctx context.Context, in *tenantRef, body *placementBody) (*answer[tenantPlacementView], error) {
	if err := s.cfg.Admin.Place(ctx, in.Ref, body.Collection, body.Kind); err != nil {
		return nil, err
	}
	return s.getPlacement(ctx, in)
}
