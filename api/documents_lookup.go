package api

import (
	"context"
	"encoding/hex"

	"lindero/fault"
	"lindero/store"
)

// maxLookup is how many ids one look-up takes: as many as a page of a list has documents.
const maxLookup = 1000

type lookupBody struct {
	IDs []string `json:"ids" minItems:"1" maxItems:"1000"`
}

type lookupView struct {
	Data []stateView `json:"data" nullable:"false" doc:"By id; ids of no document are left out"`
}

type stateView struct {
	ID          string               `json:"id"`
	ContentHash string               `json:"content_hash" doc:"As of the document"`
	Version     int64                `json:"version"`
	Status      store.Status         `json:"status" enum:"pending,processing,indexed,failed"`
	Error       *store.DocumentError `json:"error,omitempty"`
}

func (s *server) lookupDocuments(ctx context.Context, in *CollectionPath, body *lookupBody) (*answer[lookupView], error) {
	if n := len(body.IDs); n < 1 || n > maxLookup {
		return nil, fault.InvalidField("body.ids", n, "must be 1 to %d ids", maxLookup)
	}
	states, err := s.storage(ctx).DocumentStates(ctx, in.Name, body.IDs)
	if err != nil {
		return nil, err
	}
	view := lookupView{Data: make([]stateView, 0, len(states))}
	for _, d := range states {
		view.Data = append(view.Data, stateView{
			ID: d.ID, ContentHash: hex.EncodeToString(d.ContentHash), Version: d.Version, Status: d.Status, Error: d.Error,
		})
	}
	return &answer[lookupView]{Body: view}, nil
}
