// Package admin is what operators do with tenants: create, change, suspend and delete them and manage their
// keys. It holds the rules; storage implements Platform.
package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"lindero/fault"
	"lindero/store"
	"lindero/tenant"
)

// trialLength is how long a new trial lasts.
const trialLength = 30 * 24 * time.Hour

// Platform stores tenants and keys for operators. ref is a tenant's id or the slug of one that is not being
// deleted. What does not exist is a fault.NotFound; a slug that is taken a fault.Conflict. Keys are returned
// with their secret once. DeleteTenant and RevokeKey may be repeated.
type Platform interface {
	CreateTenant(ctx context.Context, t NewTenant) (tenant.Tenant, error)
	Tenant(ctx context.Context, ref string) (tenant.Tenant, error)
	Tenants(ctx context.Context, f Filter, page store.Page) (store.Listing[tenant.Tenant], error)
	UpdateTenant(ctx context.Context, ref string, p Patch) (tenant.Tenant, error)
	SetState(ctx context.Context, ref string, s tenant.State) (tenant.Tenant, error)
	SetVectors(ctx context.Context, ref, backend string) (tenant.Tenant, error)
	DeleteTenant(ctx context.Context, ref string) (tenant.Tenant, error)
	Receipt(ctx context.Context, ref string) (tenant.Receipt, error)
	Recalls(ctx context.Context) ([]store.RecallReading, error)
	CreateKey(ctx context.Context, id tenant.ID, spec tenant.KeySpec) (tenant.Key, string, error)
	Keys(ctx context.Context, id tenant.ID, page store.Page) (store.Listing[tenant.Key], error)
	RevokeKey(ctx context.Context, id tenant.ID, keyID string) error
	Placements(ctx context.Context, id tenant.ID) ([]store.VectorPlacement, error)
	VectorMove(ctx context.Context, id tenant.ID) (store.VectorMove, error)
	ForcePlacement(ctx context.Context, id tenant.ID, collection, kind string) error
}

// NewTenant is a tenant to be stored, complete and valid.
type NewTenant struct {
	Spec
	State       tenant.State
	TrialEndsAt *time.Time
	Embedding   store.Profile // of its default collection
	Chunking    store.Chunking
	Vectors     string // backend of its vector searches; hides the Spec's, which may be empty
}

// Filter narrows a list; empty means all.
type Filter struct {
	State tenant.State
	Plan  tenant.Plan
}

// Deletion is how far a deletion has come: exactly one of the two is set.
type Deletion struct {
	Tenant  *tenant.Tenant  // it is running
	Receipt *tenant.Receipt // it is done
}

// Config is what a Service needs; all of it is required.
type Config struct {
	Platform Platform
	// DefaultEmbedding and DefaultChunking are those of a new tenant's collection "default".
	DefaultEmbedding store.Profile
	DefaultChunking  store.Chunking
	// Vectors are the backends this deployment has, the first the default of a new tenant; empty means pgvector.
	Vectors []string
}

// Service carries out operators' commands. It is safe for concurrent use.
type Service struct{ cfg Config }

// New makes a Service.
func New(cfg Config) *Service {
	if cfg.DefaultChunking.Strategy == "" {
		cfg.DefaultChunking.Strategy = "structure"
	}
	if len(cfg.Vectors) == 0 {
		cfg.Vectors = []string{store.Pgvector}
	}
	return &Service{cfg: cfg}
}

// Create makes a tenant with its collection "default".
func (s *Service) Create(ctx context.Context, spec Spec) (tenant.Tenant, error) {
	spec = spec.withDefaults()
	if err := spec.Validate(); err != nil {
		return tenant.Tenant{}, err
	}
	backend := s.cfg.Vectors[0]
	if spec.Vectors != "" {
		if err := s.validateBackend("body.placement.vectors", spec.Vectors); err != nil {
			return tenant.Tenant{}, err
		}
		backend = spec.Vectors
	}
	n := NewTenant{Spec: spec, State: tenant.Active, Embedding: s.cfg.DefaultEmbedding, Chunking: s.cfg.DefaultChunking, Vectors: backend}
	if spec.Plan == tenant.PlanTrial {
		ends := time.Now().Add(trialLength).UTC().Truncate(time.Second)
		n.State, n.TrialEndsAt = tenant.Trial, &ends
	}
	return s.cfg.Platform.CreateTenant(ctx, n)
}

// Get returns a tenant, also while it is being deleted (by id).
func (s *Service) Get(ctx context.Context, ref string) (tenant.Tenant, error) {
	return s.cfg.Platform.Tenant(ctx, ref)
}

// List lists tenants in the order of their creation.
func (s *Service) List(ctx context.Context, f Filter, page store.Page) (store.Listing[tenant.Tenant], error) {
	if err := f.validate(); err != nil {
		return store.Listing[tenant.Tenant]{}, err
	}
	return s.cfg.Platform.Tenants(ctx, f, page)
}

// Update changes what the patch names.
func (s *Service) Update(ctx context.Context, ref string, p Patch) (tenant.Tenant, error) {
	if err := p.Validate(); err != nil {
		return tenant.Tenant{}, err
	}
	return s.cfg.Platform.UpdateTenant(ctx, ref, p)
}

// SetLimits replaces the limits that are set for the tenant; the others are its plan's.
func (s *Service) SetLimits(ctx context.Context, ref string, limits json.RawMessage) (tenant.Tenant, error) {
	return s.Update(ctx, ref, Patch{Limits: object(limits)})
}

// Suspend refuses the tenant's every call from now on, in every process. Its data stays.
func (s *Service) Suspend(ctx context.Context, ref string) (tenant.Tenant, error) {
	return s.cfg.Platform.SetState(ctx, ref, tenant.Suspended)
}

// Activate ends a suspension.
func (s *Service) Activate(ctx context.Context, ref string) (tenant.Tenant, error) {
	return s.cfg.Platform.SetState(ctx, ref, tenant.Active)
}

// Delete begins a tenant's deletion, or reports how far it has come. By slug it also finds the receipt of the
// tenant that was last deleted under it, as long as no other has it.
func (s *Service) Delete(ctx context.Context, ref string) (Deletion, error) {
	t, err := s.cfg.Platform.DeleteTenant(ctx, ref)
	if err == nil {
		return Deletion{Tenant: &t}, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return Deletion{}, err
	}
	receipt, err := s.cfg.Platform.Receipt(ctx, ref)
	if err != nil {
		return Deletion{}, err
	}
	return Deletion{Receipt: &receipt}, nil
}

// CreateKey makes a key of the tenant; its secret is returned this once.
func (s *Service) CreateKey(ctx context.Context, ref string, spec tenant.KeySpec) (tenant.Key, string, error) {
	if err := spec.Validate(time.Now()); err != nil {
		return tenant.Key{}, "", err
	}
	t, err := s.cfg.Platform.Tenant(ctx, ref)
	if err != nil {
		return tenant.Key{}, "", err
	}
	return s.cfg.Platform.CreateKey(ctx, t.ID, spec)
}

// Keys lists the tenant's keys.
func (s *Service) Keys(ctx context.Context, ref string, page store.Page) (store.Listing[tenant.Key], error) {
	t, err := s.cfg.Platform.Tenant(ctx, ref)
	if err != nil {
		return store.Listing[tenant.Key]{}, err
	}
	return s.cfg.Platform.Keys(ctx, t.ID, page)
}

// RevokeKey ends a key at once, in every process.
func (s *Service) RevokeKey(ctx context.Context, ref, keyID string) error {
	t, err := s.cfg.Platform.Tenant(ctx, ref)
	if err != nil {
		return err
	}
	return s.cfg.Platform.RevokeKey(ctx, t.ID, keyID)
}

// object fills in an empty JSON object for what was left out.
func object(raw json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(raw)) == 0 {
		return json.RawMessage(`{}`)
	}
	return raw
}
