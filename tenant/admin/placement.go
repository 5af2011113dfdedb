package admin

import (
	"context"
	"slices"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant"
)

// placementKinds are what an operator may ask for.
var placementKinds = []string{store.PlaceBySize, store.PlaceExact, store.PlaceHNSW}

// Placement says where a tenant's collections lie.
func (s *Service) Placement(ctx context.Context, ref string) (tenant.Tenant, []store.VectorPlacement, error) {
	t, err := s.cfg.Platform.Tenant(ctx, ref)
	if err != nil {
		return t, nil, err
	}
	placements, err := s.cfg.Platform.Placements(ctx, t.ID)
	return t, placements, err
}

// Place asks for a kind of index for a collection of the tenant, or leaves it to the size again. The move is made in
// the background.
func (s *Service) Place(ctx context.Context, ref, collection, kind string) error {
	if err := store.ValidateCollectionName("body.collection", collection); err != nil {
		return err
	}
	if !slices.Contains(placementKinds, kind) {
		return fault.InvalidField("body.kind", kind, "must be auto, exact or hnsw")
	}
	t, err := s.cfg.Platform.Tenant(ctx, ref)
	if err != nil {
		return err
	}
	return s.cfg.Platform.ForcePlacement(ctx, t.ID, collection, kind)
}
