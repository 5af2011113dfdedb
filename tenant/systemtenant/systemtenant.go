// Package systemtenant makes tenant IDs for work that no caller's credential stands behind: jobs from the queue
// and maintenance. The name is meant to be searched for: every import needs a reason, written at the call.
package systemtenant

import (
	"github.com/google/uuid"

	"lindero/tenant"
	"lindero/tenant/internal/identity"
)

// FromQueue is the tenant of a queue entry that Lindero itself enqueued for that tenant.
func FromQueue(id uuid.UUID) tenant.ID { return identity.Mint(id) }

// FromOperator is a tenant that the platform role's own query has returned to an operator's command.
func FromOperator(id uuid.UUID) tenant.ID { return identity.Mint(id) }
