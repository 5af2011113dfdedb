// Package queue names the jobs that River runs for Lindero. The queue's tables hold all tenants and have no
// row-level security, so arguments carry ids and nothing else.
package queue

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Queues of the shared pool. Each has workers of its own: single documents never wait behind bulk, of whichever
// tenant, maintenance never behind ingestion, merges never behind the
// removal of a large collection, and nothing behind a slow receiver of webhooks or the placement of
// collections, whose index builds take long.
const (
	Single      = "single"
	Ingest      = "ingest"
	Maintenance = "maintenance"
	Merges      = "merges"
	Vectors     = "vectors" // talks to the vector index outside the database, which may be slow or away
	Webhooks    = "webhooks"
	Placement   = "placement"
	Recall      = "recall"
)

// dedicatedPrefix begins the names of the queues that tenants with dedicated workers have to themselves.
const dedicatedPrefix = "tenant_"

// Dedicated is the queue of a tenant whose work the shared pool leaves alone.
func Dedicated(tenant uuid.UUID) string { return dedicatedPrefix + hex.EncodeToString(tenant[:]) }

// ClassDedicated is what Class calls every dedicated queue.
const ClassDedicated = "dedicated"

// Class is a queue's name without the tenant in it, for metrics.
func Class(name string) string {
	if strings.HasPrefix(name, dedicatedPrefix) {
		return ClassDedicated
	}
	return name
}

// TenantOf is whose dedicated queue it is; false for every other queue.
func TenantOf(name string) (uuid.UUID, bool) {
	raw, dedicated := strings.CutPrefix(name, dedicatedPrefix)
	id, err := uuid.Parse(raw)
	return id, dedicated && err == nil
}

// SingleLane is the lane that a tenant keeps for single documents; bulk has the lanes 0, 1, 2 …
const SingleLane = -1

// Drain is one turn at a tenant's work items, a slice at a time. There is at most one per tenant and lane, so
// the number of lanes bounds how many turns of a tenant run at once, in all processes together.
type Drain struct {
	TenantID uuid.UUID `json:"tenant_id" river:"unique"`
	Lane     int       `json:"lane" river:"unique"`
}

// Kind names the job in the queue.
func (Drain) Kind() string { return "drain" }

// InsertOpts makes the job unique per lane and lets it go on as long as there is work. Where several jobs wait,
// single documents come first, then every tenant's first lane, and only then second ones.
func (d Drain) InsertOpts() river.InsertOpts {
	opts := unique(Ingest)
	switch {
	case d.Lane == SingleLane:
		opts.Queue, opts.Priority = Single, 1
	case d.Lane == 0:
		opts.Priority = 2
	default:
		opts.Priority = 3
	}
	return opts
}

// MergeSegments merges small lexical segments of one collection.
type MergeSegments struct {
	TenantID     uuid.UUID `json:"tenant_id" river:"unique"`
	CollectionID uuid.UUID `json:"collection_id" river:"unique"`
}

// Kind names the job in the queue.
func (MergeSegments) Kind() string { return "merge_segments" }

// InsertOpts makes the job unique per collection.
func (MergeSegments) InsertOpts() river.InsertOpts { return unique(Merges) }

// SweepMerges looks for collections, of all tenants, with segments that should be merged and that no write has brought up.
type SweepMerges struct{}

// Kind names the job in the queue.
func (SweepMerges) Kind() string { return "sweep_merges" }

// InsertOpts lets one wait or run at a time.
func (SweepMerges) InsertOpts() river.InsertOpts { return unique(Merges) }

// PurgeCollection removes the rows of a deleted collection.
type PurgeCollection struct {
	TenantID     uuid.UUID `json:"tenant_id" river:"unique"`
	CollectionID uuid.UUID `json:"collection_id" river:"unique"`
}

// Kind names the job in the queue.
func (PurgeCollection) Kind() string { return "purge_collection" }

// InsertOpts makes the job unique per collection.
func (PurgeCollection) InsertOpts() river.InsertOpts { return unique(Maintenance) }

// PlaceCollection moves a collection's vectors to a slot of their own, with an index, or back among the small
// ones, as its size or an operator asks.
type PlaceCollection struct {
	TenantID     uuid.UUID `json:"tenant_id" river:"unique"`
	CollectionID uuid.UUID `json:"collection_id" river:"unique"`
}

// Kind names the job in the queue.
func (PlaceCollection) Kind() string { return "place_collection" }

// InsertOpts makes the job unique per collection.
func (PlaceCollection) InsertOpts() river.InsertOpts { return unique(Placement) }

// SweepPlacements looks for collections, of all tenants, that should be placed and that no write has brought up.
type SweepPlacements struct{}

// Kind names the job in the queue.
func (SweepPlacements) Kind() string { return "sweep_placements" }

// InsertOpts lets one wait or run at a time.
func (SweepPlacements) InsertOpts() river.InsertOpts { return unique(Placement) }

// MeasureRecall measures what a collection's approximate index finds, again and again as long as it has one.
type MeasureRecall struct {
	TenantID     uuid.UUID `json:"tenant_id" river:"unique"`
	CollectionID uuid.UUID `json:"collection_id" river:"unique"`
}

// Kind names the job in the queue.
func (MeasureRecall) Kind() string { return "measure_recall" }

// InsertOpts makes the job unique per collection.
func (MeasureRecall) InsertOpts() river.InsertOpts { return unique(Recall) }

// PurgeTenant removes everything of a tenant that is being deleted, verifies it and leaves a receipt.
type PurgeTenant struct {
	TenantID uuid.UUID `json:"tenant_id" river:"unique"`
}

// Kind names the job in the queue.
func (PurgeTenant) Kind() string { return "purge_tenant" }

// InsertOpts makes the job unique per tenant.
func (PurgeTenant) InsertOpts() river.InsertOpts { return unique(Maintenance) }

// SyncVectors brings a tenant's vectors outside the database up to date with the record.
type SyncVectors struct {
	TenantID uuid.UUID `json:"tenant_id" river:"unique"`
}

// Kind names the job in the queue.
func (SyncVectors) Kind() string { return "sync_vectors" }

// InsertOpts makes the job unique per tenant.
func (SyncVectors) InsertOpts() river.InsertOpts { return unique(Vectors) }

// ForgetVectors removes the entries of a tenant's vector outbox that were settled a while ago.
type ForgetVectors struct {
	TenantID uuid.UUID `json:"tenant_id" river:"unique"`
}

// Kind names the job in the queue.
func (ForgetVectors) Kind() string { return "forget_vectors" }

// InsertOpts makes the job unique per tenant.
func (ForgetVectors) InsertOpts() river.InsertOpts { return unique(Vectors) }

// CloseOperation ends an operation whose request died while it was still sending documents.
type CloseOperation struct {
	TenantID    uuid.UUID `json:"tenant_id" river:"unique"`
	OperationID uuid.UUID `json:"operation_id" river:"unique"`
}

// Kind names the job in the queue.
func (CloseOperation) Kind() string { return "close_operation" }

// InsertOpts makes the job unique per operation.
func (CloseOperation) InsertOpts() river.InsertOpts { return unique(Maintenance) }

// Deliver attempts one tenant's webhook deliveries that are due. There is at most one per tenant.
type Deliver struct {
	TenantID uuid.UUID `json:"tenant_id" river:"unique"`
}

// Kind names the job in the queue.
func (Deliver) Kind() string { return "deliver_webhooks" }

// InsertOpts makes the job unique per tenant.
func (Deliver) InsertOpts() river.InsertOpts { return unique(Webhooks) }

// AbandonedAfter is how long a streamed operation may be silent before it is taken for abandoned.
const AbandonedAfter = 10 * time.Minute

// unique dedups by the arguments over all states but the final ones: a finished job must not stop the next.
// The work itself bounds its retries (a document is set aside after some), so the job hardly ever gives up.
func unique(name string) river.InsertOpts {
	return river.InsertOpts{
		Queue:       name,
		MaxAttempts: 1000,
		UniqueOpts: river.UniqueOpts{
			ByArgs: true,
			ByState: []rivertype.JobState{
				rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
				rivertype.JobStateRunning, rivertype.JobStateScheduled,
			},
		},
	}
}

// MaxBackoff bounds the wait between two tries of a job.
const MaxBackoff = time.Minute
