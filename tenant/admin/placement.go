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

// Placement is what serves a tenant's vector searches and where its collections lie.
type Placement struct {
	Tenant      tenant.Tenant
	Move        store.VectorMove
	Collections []store.VectorPlacement
}

// Placement says where a tenant's collections lie.
func (s *Service) Placement(ctx context.Context, ref string) (p Placement, err error) {
	if p.Tenant, err = s.cfg.Platform.Tenant(ctx, ref); err != nil {
		return p, err
	}
	if p.Move, err = s.cfg.Platform.VectorMove(ctx, p.Tenant.ID); err != nil {
		return p, err
	}
	p.Collections, err = s.cfg.Platform.Placements(ctx, p.Tenant.ID)
	return p, err
}

// SetVectors moves the tenant's vector searches to another backend. Its workers carry it out; searches answer
// completely all the while.
func (s *Service) SetVectors(ctx context.Context, ref, backend string) (tenant.Tenant, error) {
	if err := s.validateBackend("body.vectors", backend); err != nil {
		return tenant.Tenant{}, err
	}
	return s.cfg.Platform.SetVectors(ctx, ref, backend)
}

// validateBackend refuses what is no backend, and one that this deployment does not have.
func (s *Service) validateBackend(location, backend string) error {
	switch {
	case backend != store.Pgvector && backend != store.Pinecone:
		return fault.InvalidField(location, backend, "must be pgvector or pinecone")
	case !slices.Contains(s.cfg.Vectors, backend):
		return fault.InvalidField(location, backend, "this deployment has no Pinecone; set PINECONE_API_KEY and start it again")
	}
	return nil
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
