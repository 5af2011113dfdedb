package tenant

import (
	"bytes"
	"encoding/json"
	"fmt"

	"lindero/fault"
)

// Limits bound what one tenant may ask of the deployment. A plan has defaults; an operator can set each for a
// tenant.
type Limits struct {
	// IngestConcurrency is how many turns at the tenant's documents may run at once, in all processes together.
	// With two or more, one is kept for single documents.
	IngestConcurrency int `json:"ingest_concurrency"`
	// QueueDocuments and QueueBytes bound what may wait to be indexed; more is refused until there is room.
	QueueDocuments int64 `json:"queue_documents"`
	QueueBytes     int64 `json:"queue_bytes"`
}

// Plans are the plans there are, the smallest first.
func Plans() []Plan { return []Plan{PlanTrial, PlanBusiness, PlanEnterprise} }

// planLimits are the defaults of plans.
var planLimits = map[Plan]Limits{
	PlanTrial:      {IngestConcurrency: 1, QueueDocuments: 50_000, QueueBytes: 1 << 30},
	PlanBusiness:   {IngestConcurrency: 2, QueueDocuments: 200_000, QueueBytes: 4 << 30},
	PlanEnterprise: {IngestConcurrency: 4, QueueDocuments: 1_000_000, QueueBytes: 16 << 30},
}

// Bounds of what an operator can set.
const (
	maxConcurrency    = 64
	maxQueueDocuments = 100_000_000
	maxQueueBytes     = 1 << 50
)

// LimitsOf are a tenant's limits: the plan's where set, a JSON object, names no other.
func LimitsOf(plan Plan, set json.RawMessage) (Limits, error) {
	limits, known := planLimits[plan]
	if !known {
		return limits, fault.New(fault.Internal, "the plan %q has no limits", plan)
	}
	if len(bytes.TrimSpace(set)) == 0 {
		return limits, nil
	}
	if err := json.Unmarshal(set, &limits); err != nil {
		return limits, fault.Wrap(err, fault.Internal, "the tenant's limits cannot be read")
	}
	return limits, nil
}

// ValidateLimits refuses an object of limits with an unknown name or a value out of bounds, as a fault.Invalid
// with the field's location below the given one.
func ValidateLimits(location string, set json.RawMessage) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(set, &fields); err != nil || fields == nil {
		return fault.InvalidField(location, nil, "must be a JSON object")
	}
	for name, raw := range fields {
		most, known := map[string]int64{
			"ingest_concurrency": maxConcurrency, "queue_documents": maxQueueDocuments, "queue_bytes": maxQueueBytes,
		}[name]
		if !known {
			return fault.InvalidField(location+"."+name, nil, "is not a limit; there are ingest_concurrency, queue_documents and queue_bytes")
		}
		var value int64
		if err := json.Unmarshal(raw, &value); err != nil || string(raw) == "null" || value < 1 || value > most {
			return fault.InvalidField(location+"."+name, nil, "must be a whole number from 1 to %d", most)
		}
	}
	return nil
}

// featureDedicated is the name, among a tenant's features, of the operator's word that workers of its own serve
// the tenant.
const featureDedicated = "dedicated_workers"

// DedicatedWorkers reports whether features, a JSON object, say that the shared pool leaves the tenant's
// documents to workers started for it.
func DedicatedWorkers(features json.RawMessage) (bool, error) {
	if len(bytes.TrimSpace(features)) == 0 {
		return false, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(features, &fields); err != nil {
		return false, fmt.Errorf("the tenant's features cannot be read: %w", err)
	}
	raw, set := fields[featureDedicated]
	if !set {
		return false, nil
	}
	var dedicated bool
	if err := json.Unmarshal(raw, &dedicated); err != nil || string(raw) == "null" {
		return false, fault.InvalidField("body.features."+featureDedicated, nil, "must be true or false")
	}
	return dedicated, nil
}
