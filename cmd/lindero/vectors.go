package main

import (
	"context"
	"errors"
	"log/slog"

	"lindero/api"
	"lindero/search"
	"lindero/store"
	"lindero/store/pinecone"
	"lindero/store/postgres"
	"lindero/tenant"
)

// vectorSettings say what serves vector searches.
type vectorSettings struct {
	Vectors       string `env:"LINDERO_VECTORS" default:"pgvector" enum:"pgvector,pinecone" help:"What serves the vector searches of new tenants: pgvector or pinecone (${env}). Tenants on both live side by side wherever Pinecone is configured."`
	PineconeKey   string `name:"pinecone-key" env:"PINECONE_API_KEY" help:"Pinecone's API key (${env}); without it there is no Pinecone."`
	PineconeHost  string `name:"pinecone-host" env:"LINDERO_PINECONE_HOST" help:"URL of Pinecone's control plane (${env}); Pinecone's own when left out. http:// means an emulator."`
	PineconeIndex string `name:"pinecone-index" env:"LINDERO_PINECONE_INDEX" default:"lindero" help:"Begins the names of the indexes, which end in their dimension (${env})."`
	Cloud         string `name:"pinecone-cloud" env:"LINDERO_PINECONE_CLOUD" default:"aws" enum:"aws,gcp,azure" help:"Where new indexes are made (${env})."`
	Region        string `name:"pinecone-region" env:"LINDERO_PINECONE_REGION" default:"us-east-1" help:"Where new indexes are made (${env})."`
}

// check refuses settings that would fail at the first document.
func (v vectorSettings) check() error {
	if v.Vectors == store.Pinecone && v.PineconeKey == "" {
		return errors.New("LINDERO_VECTORS is pinecone, but PINECONE_API_KEY is not set; to try it without an account: lindero dev --vectors pinecone")
	}
	return nil
}

// backends are what tenants can be put on, the first what new ones get.
func (v vectorSettings) backends() []string {
	switch {
	case v.PineconeKey == "":
		return []string{store.Pgvector}
	case v.Vectors == store.Pinecone:
		return []string{store.Pinecone, store.Pgvector}
	}
	return []string{store.Pgvector, store.Pinecone}
}

// open prepares the connection to Pinecone; nil without a key.
func (v vectorSettings) open(log *slog.Logger) (*pinecone.Backend, error) {
	if v.PineconeKey == "" {
		return nil, nil
	}
	return pinecone.New(pinecone.Config{
		APIKey: v.PineconeKey, Host: v.PineconeHost, Index: v.PineconeIndex, Cloud: v.Cloud, Region: v.Region, Log: log,
	})
}

// indexedStorage is a tenant's storage whose vector searches may be proposed by Pinecone.
type indexedStorage struct {
	*postgres.Handle
	index search.Index
}

// Retrieve implements search.Index.
func (s indexedStorage) Retrieve(ctx context.Context, plan search.Plan) (search.Snapshot, error) {
	return s.index.Retrieve(ctx, plan)
}

// storage binds storage to a tenant.
func (s *server) storage(id tenant.ID) api.Storage {
	h := s.store.ForTenant(id)
	if s.pinecone == nil {
		return h
	}
	return indexedStorage{Handle: h, index: s.pinecone.ForTenant(id, h)}
}

// purgeTenant removes everything of a tenant: its namespaces first, because the record is the list of them.
func (s *server) purgeTenant(ctx context.Context, id tenant.ID, h *postgres.Handle) error {
	if s.pinecone != nil {
		if err := s.pinecone.Leave(ctx, id, h); err != nil {
			return err
		}
	}
	return h.PurgeTenant(ctx)
}
