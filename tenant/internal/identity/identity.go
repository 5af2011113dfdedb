// Package identity holds the one constructor of a tenant's ID. Go's internal rule keeps it out of reach of
// everything outside lindero/tenant: storage, search and the API can carry an ID, but never make one.
package identity

import "github.com/google/uuid"

// ID names one tenant. The zero value names none, and every store refuses it.
type ID struct{ value uuid.UUID }

// Mint makes an ID of a tenant's UUID. Call it only where the tenant was proven: by a credential, by an
// operator's command, or by a queue entry that Lindero wrote itself.
func Mint(value uuid.UUID) ID { return ID{value: value} }

// UUID is the tenant's UUID, to be bound as a query parameter or compared.
func (id ID) UUID() uuid.UUID { return id.value }

// IsZero reports whether the ID names no tenant.
func (id ID) IsZero() bool { return id.value == uuid.Nil }

// String is the UUID in its usual form, for logs.
func (id ID) String() string { return id.value.String() }
