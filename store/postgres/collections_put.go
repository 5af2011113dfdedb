package postgres

import (
	"context"
	"errors"
	"hash/fnv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lindero/embed/builtin"
	"lindero/fault"
	"lindero/ingest/chunk"
	"lindero/store"
)

// sharedSlots are the slots that small collections share, 0 to sharedSlots-1.
const sharedSlots = 32

// PutCollection creates the collection or brings it to the spec; created says which. What the spec leaves out
// takes its default, but for the embedding: a new collection gets the deployment's, an existing one keeps its
// own. Another embedding than the collection's is a fault.Conflict once it has documents. A spec that changes
// nothing leaves the version as it is.
func (h *Handle) PutCollection(ctx context.Context, spec store.CollectionSpec) (c store.Collection, created bool, err error) {
	spec = spec.WithDefaults()
	if err := spec.Validate(); err != nil {
		return c, false, err
	}
	chunking := chunk.Options{Strategy: spec.Chunking.Strategy, MaxTokens: spec.Chunking.MaxTokens, OverlapTokens: spec.Chunking.OverlapTokens}
	if err := chunking.Validate(); err != nil {
		return c, false, err
	}
	if chunking.Strategy == "" {
		spec.Chunking.Strategy = chunk.Structure
	}
	err = h.write(ctx, func(tx pgx.Tx) error {
		c, err = h.lockCollection(ctx, tx, spec.Name)
		if fault.Is(err, fault.NotFound) {
			if created, err = h.insertCollection(ctx, tx, spec); err != nil {
				return err
			}
			c, err = h.lockCollection(ctx, tx, spec.Name)
		}
		if err != nil || created {
			return err
		}
		return h.updateCollection(ctx, tx, &c, spec)
	})
	return c, created, err
}

// insertCollection makes the collection unless one of that name appeared meanwhile: of two transactions at
// once, one waits for the other and inserts nothing.
func (h *Handle) insertCollection(ctx context.Context, tx pgx.Tx, spec store.CollectionSpec) (created bool, err error) {
	profile, err := completeProfile(spec.Embedding, h.store.defaultEmbedding)
	if err != nil {
		return false, err
	}
	id := uuid.New()
	tag, err := tx.Exec(ctx, `INSERT INTO collections (tenant_id, id, name, description, language, provider, model, dimensions, chunking, metadata, slot, backend)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, t.vectors FROM tenants t WHERE t.id = $1
		ON CONFLICT (tenant_id, name) WHERE deleted_at IS NULL DO NOTHING`,
		h.id.UUID(), id, spec.Name, spec.Description, spec.Language, profile.Provider, profile.Model, profile.Dimensions,
		spec.Chunking, spec.Metadata, sharedSlot(id))
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO collection_counters (tenant_id, collection_id) VALUES ($1, $2)`, h.id.UUID(), id)
	return true, err
}

// sharedSlot spreads collections over the shared slots.
func sharedSlot(id uuid.UUID) int {
	sum := fnv.New32a()
	sum.Write(id[:])
	return int(sum.Sum32() % sharedSlots)
}

func (h *Handle) lockCollection(ctx context.Context, tx pgx.Tx, name string) (store.Collection, error) {
	rows, err := tx.Query(ctx, `SELECT `+collectionColumns+` FROM collections c
		WHERE c.tenant_id = $1 AND c.name = $2 AND c.deleted_at IS NULL FOR UPDATE OF c`, h.id.UUID(), name)
	if err != nil {
		return store.Collection{}, err
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanCollection)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, noCollection(name)
	}
	return c, err
}

// updateCollection brings the locked collection c to the spec.
func (h *Handle) updateCollection(ctx context.Context, tx pgx.Tx, c *store.Collection, spec store.CollectionSpec) error {
	profile, err := completeProfile(spec.Embedding, c.Embedding)
	if err != nil {
		return err
	}
	if profile != c.Embedding {
		if err := h.refuseWithDocuments(ctx, tx, c); err != nil {
			return err
		}
	}
	rows, err := tx.Query(ctx, `UPDATE collections c SET description = $3, language = $4, provider = $5, model = $6,
			dimensions = $7, chunking = $8, metadata = $9, version = version + 1, updated_at = now()
		WHERE c.tenant_id = $1 AND c.id = $2 AND (c.description, c.language, c.provider, c.model, c.dimensions, c.chunking, c.metadata)
			IS DISTINCT FROM ($3::text, $4::text, $5::text, $6::text, $7::int, $8::jsonb, $9::jsonb)
		RETURNING `+collectionColumns, h.id.UUID(), c.ID, spec.Description, spec.Language, profile.Provider, profile.Model,
		profile.Dimensions, spec.Chunking, spec.Metadata)
	if err != nil {
		return err
	}
	changed, err := pgx.CollectRows(rows, scanCollection)
	if len(changed) == 1 {
		*c = changed[0]
	}
	return err
}

func (h *Handle) refuseWithDocuments(ctx context.Context, tx pgx.Tx, c *store.Collection) error {
	var used bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM documents WHERE tenant_id = $1 AND collection_id = $2)`, h.id.UUID(), c.ID).Scan(&used)
	if err == nil && used {
		return fault.New(fault.Conflict, "collection %q has documents, so its embedding (%s) is fixed; use another collection", c.Name, c.Embedding)
	}
	return err
}

// completeProfile fills in what the caller left out: everything from known when nothing was said, model and
// dimensions where the provider is the same, and the builtin embedder's own.
func completeProfile(asked, known store.Profile) (store.Profile, error) {
	if asked == (store.Profile{}) {
		asked.Provider = known.Provider
	}
	if asked.Provider == store.ProviderBuiltin && known.Provider != store.ProviderBuiltin {
		known = store.Profile{Provider: store.ProviderBuiltin, Model: builtin.Model, Dimensions: builtin.DefaultDimensions}
	}
	if asked.Provider == known.Provider && (asked.Model == "" || asked.Model == known.Model) {
		asked.Model = known.Model
		if asked.Dimensions == 0 {
			asked.Dimensions = known.Dimensions
		}
	}
	if asked.Provider == "" {
		return asked, fault.InvalidField("body.embedding", nil, "is required: this deployment has no default")
	}
	if asked.Provider == store.ProviderBuiltin && asked.Model != builtin.Model {
		return asked, fault.InvalidField("body.embedding.model", nil, "the builtin embedder has one model, %s", builtin.Model)
	}
	if asked.Provider == store.ProviderOpenAI && asked.Model == "" {
		return asked, fault.InvalidField("body.embedding.model", nil, "is required: this deployment has no default model")
	}
	if asked.Dimensions == 0 {
		return asked, fault.InvalidField("body.embedding.dimensions", nil, "is required for this model")
	}
	return asked, nil
}
