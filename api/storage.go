package api

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"lindero/search"
	"lindero/store"
	"lindero/store/filter"
	"lindero/tenant"
	"lindero/tenant/admin"
	"lindero/tenant/auth"
)

// Storage is one tenant's storage. It is bound to the tenant: no method takes one. Errors are *fault.Error;
// what is another tenant's is fault.NotFound.
type Storage interface {
	search.SampledIndex
	collections
	documents
	operations
	idempotency
	own
	webhooks
}

type collections interface {
	PutCollection(context.Context, store.CollectionSpec) (c store.Collection, created bool, err error)
	Collection(ctx context.Context, name string) (store.Collection, error)
	Collections(context.Context, store.Page) (store.Listing[store.Collection], error)
	CollectionStats(context.Context, []uuid.UUID) (map[uuid.UUID]store.CollectionStats, error)
	DeleteCollection(ctx context.Context, name string) error
}

type documents interface {
	AcceptDocuments(context.Context, store.Collection, []store.NewDocument, store.AcceptOptions) ([]store.Accepted, error)
	// Queue is how full the tenant's queue is, as of a moment ago.
	Queue(context.Context) (store.Queue, error)
	RetryDocument(ctx context.Context, collection, id string) (store.Accepted, error)
	Document(ctx context.Context, collection, id string) (store.Document, error)
	Documents(ctx context.Context, collection string, q store.DocumentQuery) (store.Listing[store.Document], error)
	DocumentStates(ctx context.Context, collection string, ids []string) ([]store.DocumentState, error)
	PatchDocument(ctx context.Context, collection, id string, patch store.Patch) (store.Document, error)
	DeleteDocument(ctx context.Context, collection, id string) error
	DeleteDocuments(ctx context.Context, collection string, ids []string) (int64, error)
	DeleteDocumentsWhere(ctx context.Context, collection string, f filter.Expr) (int64, error)
	Chunks(ctx context.Context, collection, id string, page store.Page) (store.Listing[store.Chunk], error)
	Content(ctx context.Context, collection, id string) (contentType string, body []byte, err error)
}

type operations interface {
	StartOperation(ctx context.Context, kind string) (store.Operation, error)
	FinishAccepting(context.Context, uuid.UUID) error
	Operation(context.Context, uuid.UUID) (store.Operation, error)
	Operations(context.Context, store.OperationStatus, store.Page) (store.Listing[store.Operation], error)
	CancelOperation(context.Context, uuid.UUID) (store.Operation, error)
	RetryOperation(context.Context, uuid.UUID) (store.Operation, error)
	// WaitOperation returns when the operation is final, or its state when ctx is done.
	WaitOperation(context.Context, uuid.UUID) (store.Operation, error)
}

type idempotency interface {
	BeginIdempotent(ctx context.Context, key string, requestHash []byte) (*store.StoredAnswer, error)
	FinishIdempotent(ctx context.Context, key string, status int, response []byte) error
	AbandonIdempotent(ctx context.Context, key string) error
}

// own is what a tenant sees of itself.
type own interface {
	Tenant(context.Context) (tenant.Tenant, error)
	PutSettings(context.Context, json.RawMessage) (tenant.Tenant, error)
	CreateKey(context.Context, tenant.KeySpec) (k tenant.Key, secret string, err error)
	Keys(context.Context, store.Page) (store.Listing[tenant.Key], error)
	RevokeKey(ctx context.Context, id string) error
	RotateKey(ctx context.Context, id string) (k tenant.Key, secret string, err error)
}

type webhooks interface {
	// CreateWebhook returns the secret besides, which no other method does.
	CreateWebhook(context.Context, store.WebhookSpec) (w store.Webhook, secret string, err error)
	Webhooks(context.Context, store.Page) (store.Listing[store.Webhook], error)
	DeleteWebhook(context.Context, uuid.UUID) error
}

// Searcher answers searches on one tenant's index.
type Searcher interface {
	Search(context.Context, search.Index, tenant.ID, search.Request) (search.Response, error)
	// SearchBatch answers each request by itself, in their order.
	SearchBatch(context.Context, search.Index, tenant.ID, []search.Request) ([]search.Outcome, error)
	// Recall measures the index of a collection against the exact scan.
	Recall(ctx context.Context, index search.SampledIndex, id tenant.ID, collection string, r search.RecallRequest) (search.Recall, error)
}

// Authenticator turns an API key into whom it belongs to. Errors: fault.Unauthenticated, fault.TenantSuspended.
type Authenticator interface {
	Authenticate(ctx context.Context, credential string) (auth.Principal, error)
}

// Admin is what operators may do. ref is a tenant's id or slug.
type Admin interface {
	Create(context.Context, admin.Spec) (tenant.Tenant, error)
	Get(ctx context.Context, ref string) (tenant.Tenant, error)
	List(context.Context, admin.Filter, store.Page) (store.Listing[tenant.Tenant], error)
	Update(ctx context.Context, ref string, patch admin.Patch) (tenant.Tenant, error)
	SetLimits(ctx context.Context, ref string, limits json.RawMessage) (tenant.Tenant, error)
	Suspend(ctx context.Context, ref string) (tenant.Tenant, error)
	Activate(ctx context.Context, ref string) (tenant.Tenant, error)
	Delete(ctx context.Context, ref string) (admin.Deletion, error)
	Alerts(ctx context.Context) ([]admin.Alert, error)
	CreateKey(ctx context.Context, ref string, spec tenant.KeySpec) (k tenant.Key, secret string, err error)
	Keys(ctx context.Context, ref string, page store.Page) (store.Listing[tenant.Key], error)
	RevokeKey(ctx context.Context, ref, id string) error
	Placement(ctx context.Context, ref string) (admin.Placement, error)
	SetVectors(ctx context.Context, ref, backend string) (tenant.Tenant, error)
	Place(ctx context.Context, ref, collection, kind string) error
}
